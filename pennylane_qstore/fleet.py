"""Several backends behind one device: which tape runs where, and what happens if it cannot."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from pennylane.tape import QuantumScript

from pennylane_qstore.errors import (
    AuthenticationError,
    ConnectionFailedError,
    InvalidOptionError,
    QStoreError,
    QueueTimeoutError,
    UnknownBackendError,
)

if TYPE_CHECKING:
    from pennylane_qstore.device import IonQDevice

Rule = Literal["first", "fastest"]
Route = Callable[[QuantumScript], str]

PASSING = (ConnectionFailedError, AuthenticationError, QueueTimeoutError, UnknownBackendError)
"""Errors after which nothing is under way for a tape, so that another backend may run it."""

_FRESH_S = 30.0

logger = logging.getLogger("pennylane_qstore")


@dataclass(frozen=True)
class Placement:
    """Where a tape ran.

    Attributes:
        backend: Name of the backend.
        reason: Why there.
        passed: What kept it from each backend before, by name.
    """

    backend: str
    reason: str
    passed: tuple[tuple[str, str], ...] = ()


class Fleet:
    """Routes tapes to backends.

    Args:
        members: A device for each backend, by the backend's name.
        route: ``"first"`` takes the first that is available and not too busy, ``"fastest"`` the one
            that is expected to finish soonest; or a function from a tape to a backend's name.
        max_queue_wait: Longest time in a queue in seconds, or None.
        simulator_fallback: Whether what was meant for a machine may run on a simulator.
        clock: Seconds since some fixed moment.

    Raises:
        InvalidOptionError: If the route is none.
    """

    def __init__(
        self,
        members: "Mapping[str, IonQDevice]",
        *,
        route: Rule | Route = "first",
        max_queue_wait: float | None = None,
        simulator_fallback: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not callable(route) and route not in get_args(Rule):
            raise InvalidOptionError(
                f"route={route!r}; use 'first', 'fastest' or a function from a tape to the name of "
                "a backend"
            )
        self.members = members
        self.placements: tuple[Placement, ...] = ()
        self._route = route
        self._max_queue_wait = max_queue_wait
        self._simulator_fallback = simulator_fallback
        self._clock = clock
        self._queues: dict[str, tuple[float, float | None]] = {}

    def execute(self, tapes: Sequence[QuantumScript]) -> tuple[Any, ...]:
        """Results of tapes, in their order, each from the backend it was routed to.

        Raises:
            QStoreError: The last backend's error, for a tape that no backend would run.
        """
        results: list[Any] = [None] * len(tapes)
        placements = [self._place(tape) for tape in tapes]
        waiting = list(range(len(tapes)))
        while waiting:
            handles = {}
            moved: list[int] = []
            for name in dict.fromkeys(placements[place].backend for place in waiting):
                places = [place for place in waiting if placements[place].backend == name]
                try:
                    handles[name] = places, self.members[name].submit([tapes[p] for p in places])
                except PASSING as error:
                    moved += self._move(places, placements, error)
            for name, (places, handle) in handles.items():
                try:
                    found = handle.result()
                except PASSING as error:
                    self._withdraw(name, error)
                    moved += self._move(places, placements, error)
                    continue
                for place, result in zip(places, found, strict=True):
                    results[place] = result
            waiting = sorted(moved)
        self.placements = tuple(placements)
        return tuple(results)

    def _place(self, tape: QuantumScript) -> Placement:
        """Where a tape should run."""
        if callable(self._route):
            name = self._route(tape)
            if name not in self.members:
                raise InvalidOptionError(
                    f"route gave {name!r} for a tape; the backends are {', '.join(self.members)}"
                )
            return Placement(name, "the route's choice")
        passed: list[tuple[str, str]] = []
        free = []
        for name in self.members:
            problem = self._problem(name)
            if problem is None:
                free.append(name)
            else:
                passed.append((name, problem))
        machines = [name for name in self.members if self._is_machine(name)]
        if machines and not self._simulator_fallback:
            # A simulator named beside machines is for routes and fallbacks, not for chance.
            free = [name for name in free if name in machines]
        if not free:
            raise UnknownBackendError(
                f"no backend can take the circuit: {'; '.join(': '.join(p) for p in passed)}"
            )
        if self._route == "first":
            return Placement(free[0], "the first that is available", tuple(passed))
        soonest = min(free, key=self._expected_s)
        reason = f"expected to finish soonest, in {self._expected_s(soonest):.1f} s"
        return Placement(soonest, reason, tuple(passed))

    def _move(
        self, places: Sequence[int], placements: list[Placement], error: QStoreError
    ) -> list[int]:
        """Send tapes on to the next backend that may take them, or raise the error."""
        before = placements[places[0]]
        tried = {name for name, _ in before.passed} | {before.backend}
        machine = self._is_machine(before.backend)
        following = [
            name
            for name in self.members
            if name not in tried
            and self._problem(name) is None
            and (self._is_machine(name) or not machine or self._simulator_fallback)
        ]
        if not following:
            raise error
        logger.warning("%s: %s; going on with %s", before.backend, error, following[0])
        passed = (*before.passed, (before.backend, f"{type(error).__name__}: {error}"))
        for place in places:
            placements[place] = Placement(following[0], "the next that is available", passed)
        return list(places)

    def _withdraw(self, name: str, error: QStoreError) -> None:
        """Cancel jobs that wait in a queue for too long, so that nothing is paid twice.

        Raises:
            QueueTimeoutError: If one could not be canceled; it may still run.
        """
        if isinstance(error, QueueTimeoutError) and not self.members[name].cancel(error.job_ids):
            error.add_note("it could not be canceled, so the circuit was not sent elsewhere")
            raise error

    def _problem(self, name: str) -> str | None:
        """Why a backend cannot take a circuit now, if it cannot."""
        try:
            queue_s = self._queue_s(name)
        except QStoreError as error:
            return f"{type(error).__name__}: {error}"
        if queue_s is None:
            return "not available"
        if self._max_queue_wait is not None and queue_s > self._max_queue_wait:
            return f"a queue of {queue_s:.0f} s, longer than {self._max_queue_wait:g} s"
        return None

    def _queue_s(self, name: str) -> float | None:
        """Time in the queue of a backend, asked for now and then; None if it is not available."""
        now = self._clock()
        asked, queue_s = self._queues.get(name, (-_FRESH_S, None))
        if now - asked >= _FRESH_S:
            queue_s = self.members[name].queue_s()
            self._queues[name] = now, queue_s
        return queue_s

    def _expected_s(self, name: str) -> float:
        queue_s = self._queue_s(name)
        assert queue_s is not None
        return queue_s + self.members[name].controller.predict(1)

    def _is_machine(self, name: str) -> bool:
        return name.startswith("qpu.")
