"""Into how many jobs a batch is packed, decided from what was measured.

One job of :math:`n` circuits is modelled to take :math:`f + c n` seconds, of which the service runs
a number of jobs (slots) at the same time. Both are learned: the times by a regression over recent
jobs, the slots from refusals and from jobs that had to wait for each other.
"""

import math
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution.choice import Knowledge, PackingChoice, choose
from pennylane_qstore.execution.job_model import JobModel as JobModel
from pennylane_qstore.execution.job_model import Observation, fit
from pennylane_qstore.execution.pack import Item, Limits, pack, pack_evenly
from pennylane_qstore.execution.slots import Slots

BatchMode = Literal["auto", "multicircuit", "concurrent"]

_EARLIER = 0.97
"""A job that had ended when it was first asked for took this part of the time, or less."""
_MODES = ("auto", "multicircuit", "concurrent")

_TILT = 0.1
"""Difference of the job sizes from their mean while fixed and per-circuit time look alike."""

_TILT_FROM = 8
"""Smallest mean size of jobs at which that is tried."""

_ONE_EVENT_S = 1.0
"""Refusals within this time are one event."""

_KEPT_PER_SIZE = 64
"""Number of observations kept per power of two of the job size."""


class Controller:
    """Decides into how many parallel jobs a batch is packed. Safe to use from several threads.

    Args:
        mode: ``"multicircuit"`` fills jobs to the service's limits, ``"concurrent"`` sends one
            circuit per job, ``"auto"`` takes what is predicted to finish soonest.
        max_in_flight: Largest number of requests open at once, and of slots assumed.
        max_circuits_per_job: Largest number of circuits in a job, or None for the service's limit.
        limits: The largest job that the service takes.
        parallel: Whether the service runs several jobs at once.
        prior: What jobs take where nothing was measured yet.
        request_s: Time of one request.

    Raises:
        InvalidOptionError: If an option cannot work.
    """

    def __init__(
        self,
        *,
        mode: BatchMode = "auto",
        max_in_flight: int = 8,
        max_circuits_per_job: int | None = None,
        limits: Limits = Limits(),  # noqa: B008
        parallel: bool = True,
        prior: JobModel = JobModel(0.2, 0.01),  # noqa: B008
        request_s: float = 0.03,
    ) -> None:
        _check(mode, max_in_flight, max_circuits_per_job, request_s)
        self._mode = mode
        self._max_in_flight, self._request_s = max_in_flight, request_s
        self._limits = limits
        if max_circuits_per_job is not None:
            self._limits = replace(limits, circuits=min(limits.circuits, max_circuits_per_job))
        self._prior = self._model = prior
        self._lock = threading.Lock()
        self._recent: dict[int, deque[Observation]] = {}
        self._is_stale = False
        self._n_observed, self._limited_until = 0, -math.inf
        self._slots = Slots(max_in_flight if parallel else 1)
        self._queue_s = 0.0
        self._last_choice: PackingChoice | None = None

    @property
    def model(self) -> JobModel:
        """What a job is expected to take once it runs."""
        with self._lock:
            self._refit()
            return self._model

    @property
    def slots(self) -> int:
        """Number of jobs that the service is assumed to run at once."""
        return self._slots.count

    @property
    def last_choice(self) -> PackingChoice | None:
        """How the last batch was packed; None before the first."""
        return self._last_choice

    def predict(self, n_circuits: int, *, n_ahead: int = 0) -> float:
        """Seconds from a job's submission to its end.

        Args:
            n_circuits: Number of its circuits.
            n_ahead: Number of our own jobs that were submitted before and have not ended.
        """
        with self._lock:
            self._refit()
            waves = n_ahead // self._slots.count + 1
            return self._queue_s + waves * self._model.predict(n_circuits)

    def due_s(self, n_circuits: int, *, n_ahead: int = 0) -> float | None:
        """Like :meth:`predict`, but for waiting: rather too short than too long.

        Returns:
            None before two jobs have been measured. A job much larger than all of them is expected
            to take no longer than one of twice the largest size: more would be a guess.
        """
        with self._lock:
            sizes = [entry.n_circuits for kept in self._recent.values() for entry in kept]
        if len(sizes) < 2:
            return None
        return self.predict(min(n_circuits, 2 * max(sizes)), n_ahead=n_ahead)

    def plan(self, items: Sequence[Item]) -> list[tuple[int, ...]]:
        """Distribute circuits over jobs, keeping their order within each.

        Returns:
            The indices of the circuits of each job.

        Raises:
            InvalidCircuitError: If one circuit alone is larger than a request body may be.
        """
        with self._lock:
            self._refit()
            now = Knowledge(
                self._model,
                self._slots.count,
                self._max_in_flight,
                self._request_s,
                self._is_one_sized(),
            )
        n, jobs, reason = len(items), pack(items, self._limits), "as few jobs as the limits allow"
        priced: tuple[tuple[int, float], ...] = ()
        if self._mode == "concurrent":
            jobs, reason = pack(items, replace(self._limits, circuits=1)), "one circuit per job"
        elif self._mode == "auto" and len(jobs) < n:
            priced = now.price(n, len(jobs))
            n_jobs, reason = choose(priced)
            if n_jobs > len(jobs):
                tilt = _TILT if now.is_one_sized and n >= _TILT_FROM * n_jobs else 0.0
                jobs = pack_evenly(items, self._limits, n_jobs, tilt=tilt)
        seconds = now.finish_s(n, len(jobs))
        self._last_choice = PackingChoice(
            n, len(jobs), seconds, now.slots, priced or ((len(jobs), seconds),), reason
        )
        return jobs

    def observe(
        self, n_circuits: int, seconds: float, *, n_parallel: int, running_s: float | None = None
    ) -> None:
        """Learn from a finished job.

        Args:
            n_circuits: Number of its circuits.
            seconds: Time from its submission until it was seen to have ended.
            n_parallel: Number of our own jobs, with this one, that the service had at once.
            running_s: The last time before that at which it was seen not to have ended, if that was
                noted; the end lies in between.
        """
        if not (0 < seconds < math.inf and n_circuits > 0):
            return
        if running_s is not None:
            seconds = (seconds + running_s) / 2 if running_s > 0 else _EARLIER * seconds
        with self._lock:
            self._n_observed += 1
            run_s = max(seconds - self._queue_s, 0.1 * seconds)
            entry = Observation(n_circuits, run_s, max(n_parallel, 1), self._n_observed)
            kept = deque[Observation](maxlen=_KEPT_PER_SIZE)
            self._recent.setdefault(n_circuits.bit_length(), kept).append(entry)
            self._is_stale = True
            self._slots.observe(entry)

    def observe_limit(self, now: float, *, retry_after_s: float = 0.0) -> None:
        """Learn from a refusal for too many requests (429): assume half as many slots.

        Args:
            now: The time, in seconds since some fixed moment.
            retry_after_s: For how long the service asks to be left alone. Refusals within this
                time, or within a second, are one event: a burst is refused as a whole.
        """
        with self._lock:
            if now >= self._limited_until:
                self._limited_until = now + max(_ONE_EVENT_S, retry_after_s)
                self._slots.halve()
                self._is_stale = True

    def observe_queue(self, wait_s: float) -> None:
        """Learn how long jobs wait before they run; this moves predictions, not the packing."""
        if 0 <= wait_s < math.inf:
            with self._lock:
                self._queue_s = wait_s

    def _is_one_sized(self) -> bool:
        """Whether recent jobs are too alike in size to tell what a circuit costs."""
        sizes = [entry.n_circuits for kept in self._recent.values() for entry in kept]
        return not sizes or max(sizes) < 1.15 * min(sizes)

    def _refit(self) -> None:
        """The model from the jobs that did not have to wait for each other, if there are new."""
        if not self._is_stale:
            return
        self._is_stale = False
        entries = [entry for kept in self._recent.values() for entry in kept]
        self._model = fit([e for e in entries if e.n_parallel <= self._slots.count], self._prior)


def _check(
    mode: str, max_in_flight: int, max_circuits_per_job: int | None, request_s: float
) -> None:
    """Refuse options that cannot work."""
    if mode not in _MODES:
        raise InvalidOptionError(f"batch_mode={mode!r} is none of {', '.join(_MODES)}")
    if max_in_flight < 1:
        raise InvalidOptionError(f"max_in_flight={max_in_flight} sends nothing; give 1 or more")
    if max_circuits_per_job is not None and max_circuits_per_job < 1:
        raise InvalidOptionError(
            f"max_circuits_per_job={max_circuits_per_job} leaves jobs empty; give 1 or more"
        )
    if not 0 <= request_s < math.inf:
        raise InvalidOptionError(f"a request cannot take {request_s} s")
