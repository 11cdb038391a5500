"""Waiting: the clock, and how often to ask."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import anyio

from pennylane_qstore.errors import InvalidOptionError


class Clock(Protocol):
    """Time, passed in so that tests need none."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def limit(self, seconds: float | None) -> anyio.CancelScope:
        """A scope that is canceled after that time; None never."""


class EventLoopClock:
    """The time of the event loop."""

    def now(self) -> float:
        """Seconds since some fixed moment."""
        return float(anyio.current_time())

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)

    def limit(self, seconds: float | None) -> anyio.CancelScope:
        """A scope that is canceled after that time."""
        return anyio.move_on_after(seconds)


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """When to ask for a job's status: at once, then after delays that grow to a maximum.

    Attributes:
        first_s: Delay after the first question.
        factor: Ratio of a delay to the one before.
        maximum_s: Longest delay.
    """

    first_s: float = 0.002
    factor: float = 1.6
    maximum_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.first_s <= self.maximum_s or not self.factor >= 1:
            raise InvalidOptionError(
                f"{self} cannot work: it needs 0 < first_s <= maximum_s and factor >= 1"
            )

    def delays(self) -> Iterator[float]:
        """The delays between questions, in seconds, for ever."""
        delay = self.first_s
        while True:
            yield delay
            delay = min(delay * self.factor, self.maximum_s)
