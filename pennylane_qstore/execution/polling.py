"""Waiting: the clock, and how often to ask."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import anyio

from pennylane_qstore.errors import InvalidOptionError

_EARLY = 0.9
"""Part of the predicted time after which the questions start."""

_PRECISION = 0.1
"""Delay between questions near the predicted time, as a part of the time waited."""

_TRUSTED = 1.25
"""Multiple of the predicted time after which the prediction is dropped."""

_PROBE = 0.57
"""Part of the predicted time at which one question is asked in case it is far too long."""

_PROBE_FROM_S = 0.25
"""Shortest prediction that is worth that question."""

_AT_ONCE_S = 0.01
"""An eager schedule does not wait for a job that is predicted to be shorter."""

_SHORTEST_S = 0.002
"""Shortest delay after the first question, where the prediction gives it."""

_JITTER = 0.1
"""Largest part by which a random delay is shorter."""


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
    """When to ask for a job's status.

    Without a prediction, first after ``first_s``, then after ``factor - 1`` times the time waited
    so far, at least ``gap_s`` and at most ``maximum_s``: the answer comes late by the same part of
    a short job and of a long one. With a prediction, first just before the predicted end, then
    every tenth of the time; a job that takes much longer is asked for as if nothing were known.

    Attributes:
        first_s: First delay where nothing is predicted.
        gap_s: Shortest delay after it.
        factor: Ratio of the time waited at a question to that at the one before.
        maximum_s: Longest delay, whatever is predicted.
        eager: Whether the first question is asked at once, unless a job is known to take longer.
    """

    first_s: float = 0.07
    gap_s: float = 0.07
    factor: float = 1.3
    maximum_s: float = 30.0
    eager: bool = False

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (self.first_s, self.gap_s, self.factor, self.maximum_s)))
        if (
            not finite
            or min(self.first_s, self.gap_s) <= 0
            or self.maximum_s <= 0
            or self.factor < 1
        ):
            raise InvalidOptionError(
                f"{self} cannot work: it needs first_s, gap_s and maximum_s > 0, and factor >= 1"
            )

    @classmethod
    def local(cls) -> "PollSchedule":
        """The schedule for a service in this process, where a question costs next to nothing."""
        return cls(first_s=0.002, gap_s=0.002, factor=1.6, maximum_s=5.0, eager=True)

    def delays(
        self,
        predicted_s: float | None = None,
        rng: random.Random | None = None,
        *,
        request_s: float = 0.0,
    ) -> Iterator[float]:
        """The delay before each question, in seconds, for ever.

        Args:
            predicted_s: Expected time from now to the job's end, or None if nothing is known.
            rng: Shortens the delays at random by up to a tenth, so that jobs that started together
                are not asked for together; None keeps them as they are.
            request_s: Time that each question takes. It passes between two questions, too.

        Raises:
            InvalidOptionError: If the prediction is negative or not finite.
        """
        if predicted_s is not None and not 0 <= predicted_s < math.inf:
            raise InvalidOptionError(
                f"a job cannot be predicted to end in {predicted_s} s; give 0 or more, or None"
            )
        return self._ask(predicted_s, rng, request_s)

    def _ask(
        self, predicted_s: float | None, rng: random.Random | None, request_s: float
    ) -> Iterator[float]:
        """The delays, with jitter."""
        waited, asking = 0.0, 0.0
        if self.eager and (predicted_s is None or predicted_s <= _AT_ONCE_S):
            predicted_s = None
            yield 0.0
        while True:
            gap = min(self._next(waited, predicted_s), self.maximum_s)
            if rng is not None:
                gap *= 1 - _JITTER * rng.random()
            delay = gap if not asking else max(gap - asking, min(gap, _SHORTEST_S))
            waited += asking + delay
            asking = request_s
            yield delay

    def _next(self, waited: float, predicted_s: float | None) -> float:
        """The delay after some time without an answer."""
        if predicted_s is None or waited >= _TRUSTED * predicted_s > 0:
            if predicted_s is None and not waited:
                return self.first_s
            shortest = self.gap_s if predicted_s is None else _SHORTEST_S
            return max(shortest, (self.factor - 1) * waited)
        start = _EARLY * predicted_s
        if waited < (1 - _JITTER) * start:
            probe = _PROBE * predicted_s
            early = predicted_s >= _PROBE_FROM_S and waited < (1 - _JITTER) * probe
            return (probe if early else start) - waited
        return max(_SHORTEST_S, _PRECISION * waited)
