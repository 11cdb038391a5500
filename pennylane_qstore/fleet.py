"""Several backends behind one device: which tape runs where, and what happens if it cannot."""

import logging
import time
from collections import Counter
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
from pennylane_qstore.execution import OnError, OnInterrupt
from pennylane_qstore.handle import Handle

if TYPE_CHECKING:
    from pennylane_qstore.device import IonQDevice

Rule = Literal["first", "fastest", "balanced"]
Route = Callable[[QuantumScript], str]

PASSING = (ConnectionFailedError, AuthenticationError, QueueTimeoutError, UnknownBackendError)
"""Errors after which another backend may run a tape, if no job of the first is under way."""

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
            that is expected to finish soonest, ``"balanced"`` divides a batch so that all finish at
            about the same time; or a function from a tape to a backend's name.
        max_queue_wait: Longest time in a queue in seconds, or None.
        simulator_fallback: Whether what was meant for a machine may run on a simulator.
        timeout: Longest time for a batch in seconds, or None.
        on_error: Whether an error is raised, or stands in the place of what it concerns.
        on_interrupt: Whether Ctrl-C leaves jobs running.
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
        timeout: float | None = None,
        on_error: OnError = "raise",
        on_interrupt: OnInterrupt = "keep",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not callable(route) and route not in get_args(Rule):
            raise InvalidOptionError(
                f"route={route!r}; use 'first', 'fastest', 'balanced' or a function from a tape to "
                "the name of a backend"
            )
        self.members = members
        self.placements: tuple[Placement, ...] = ()
        self._route = route
        self._max_queue_wait = max_queue_wait
        self._simulator_fallback = simulator_fallback
        self._timeout = timeout
        self._on_error = on_error
        self._on_interrupt = on_interrupt
        self._clock = clock
        self._queues: dict[str, tuple[float, float | None]] = {}

    def execute(self, tapes: Sequence[QuantumScript]) -> tuple[Any, ...]:
        """Results of tapes, in their order, each from the backend it was routed to.

        Raises:
            BatchTimeoutError: If jobs have not ended in time; they go on.
            QStoreError: The last backend's error, for a tape that no backend would run.
        """
        ends = None if self._timeout is None else self._clock() + self._timeout
        results: list[Any] = [None] * len(tapes)
        loads: Counter[str] = Counter()
        placements = [self._place(tape, loads) for tape in tapes]
        waiting = list(range(len(tapes)))
        while waiting:
            found = self._run_once(tapes, waiting, placements, ends)
            results_now = zip(waiting, found, strict=True)
            waiting = []
            for place, result in results_now:
                if isinstance(result, PASSING) and self._move(place, placements, result):
                    waiting.append(place)
                else:
                    results[place] = result
        self.placements = tuple(placements)
        errors = [result for result in results if isinstance(result, Exception)]
        if errors and self._on_error == "raise":
            raise errors[0]
        return tuple(results)

    def _run_once(
        self,
        tapes: Sequence[QuantumScript],
        waiting: Sequence[int],
        placements: Sequence[Placement],
        ends: float | None,
    ) -> list[Any]:
        """A result or an error for each waiting tape, from where it is placed now."""
        handles: dict[str, tuple[list[int], Handle]] = {}
        results: dict[int, Any] = {}
        try:
            for name in dict.fromkeys(placements[place].backend for place in waiting):
                places = [place for place in waiting if placements[place].backend == name]
                member = self.members[name]
                try:
                    handle = member.submit([tapes[p] for p in places], on_error="partial")
                    handles[name] = places, handle
                except PASSING as error:
                    results.update(dict.fromkeys(places, error))
            for places, handle in handles.values():
                left = None if ends is None else max(ends - self._clock(), 0.0)
                results.update(zip(places, handle.result(left), strict=True))
        except KeyboardInterrupt:
            if self._on_interrupt == "cancel":
                for _, handle in handles.values():
                    handle.cancel()
            raise
        return [results[place] for place in waiting]

    def _place(self, tape: QuantumScript, loads: Counter[str]) -> Placement:
        """Where a tape should run; ``loads`` counts the tapes of the batch at each backend."""
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
        seconds = {name: self._expected_s(name, loads[name] + 1) for name in free}
        soonest = min(seconds, key=seconds.__getitem__)
        if self._route == "balanced":
            loads[soonest] += 1
        reason = f"expected to finish soonest, in {seconds[soonest]:.1f} s"
        return Placement(soonest, reason, tuple(passed))

    def _move(self, place: int, placements: list[Placement], error: QStoreError) -> bool:
        """Send a tape on to the next backend that may take it, if nothing is under way for it."""
        before = placements[place]
        if not self._is_over(before.backend, error):
            return False
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
            return False
        logger.warning("%s: %s; going on with %s", before.backend, error, following[0])
        passed = (*before.passed, (before.backend, f"{type(error).__name__}: {error}"))
        placements[place] = Placement(following[0], "the next that is available", passed)
        return True

    def _is_over(self, name: str, error: QStoreError) -> bool:
        """Whether nothing is under way for what failed: a job in a queue is canceled first."""
        if isinstance(error, QueueTimeoutError):
            if not self.members[name].cancel(error.job_ids):
                error.add_note("it could not be canceled, so the circuit was not sent elsewhere")
                return False
            return True
        return not error.under_way

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

    def _expected_s(self, name: str, n_circuits: int) -> float:
        """Seconds until a backend has run that many circuits, its queue included."""
        controller = self.members[name].controller
        return controller.predict(-(-n_circuits // controller.slots))

    def _is_machine(self, name: str) -> bool:
        return name.startswith("qpu.")
