"""When jobs start and end: a first-come, first-served queue with a number of slots."""

import heapq
import math
from collections import deque

from pennylane_qstore.emulator.job import Job
from pennylane_qstore.emulator.options import EmulatorOptions
from pennylane_qstore.emulator.outcome import Outcome
from pennylane_qstore.emulator.refusal import Failure


class Queue:
    """The jobs that have not ended.

    Args:
        options: Durations and number of slots.
    """

    def __init__(self, options: EmulatorOptions) -> None:
        self._options = options
        self._checking: list[Job] = []
        self._waiting: deque[Job] = deque()
        self._running: dict[Job, float] = {}
        self._busy: list[float] = []

    def add(self, job: Job) -> None:
        """Take a new job."""
        if job.fault and job.fault.status in ("submitted", "ready"):
            return
        if job.source.dry_run or job.failure or all(part.failure for part in job.parts):
            self._checking.append(job)
        else:
            self._waiting.append(job)

    def advance(self, now: float) -> None:
        """Start and end what is due at a clock time."""
        for job in [job for job in self._checking if job.checked <= now]:
            self._checking.remove(job)
            finish(job, job.checked)
        self._start_due(now)
        for job, end in list(self._running.items()):
            if end <= now and job.is_simulated:
                del self._running[job]
                finish(job, end)

    def is_due(self, job: Job, now: float) -> bool:
        """Whether a job has been running for as long as it should."""
        return self._running.get(job, math.inf) <= now

    def _start_due(self, now: float) -> None:
        while self._waiting:
            job = self._waiting[0]
            due = job.checked + self._options.queue_s
            if self._is_full() and self._busy[0] > due:
                due = self._busy[0]
            if due > now:
                return
            self._waiting.popleft()
            if self._is_full():
                heapq.heappop(self._busy)
            job.started = due
            end = due + self._duration(job)
            self._running[job] = end
            heapq.heappush(self._busy, end)

    def _is_full(self) -> bool:
        limit = self._options.concurrency
        return limit is not None and len(self._busy) >= limit

    def _duration(self, job: Job) -> float:
        if job.fault and job.fault.status == "started":
            return math.inf
        options = self._options
        return options.execution_s + options.execution_per_circuit_s * len(job.parts)

    def cancel(self, job: Job, now: float) -> None:
        """End a job early; one that has ended stays as it is."""
        self.advance(now)
        if job.verdict is not None:
            return
        for part in (job, *job.children):
            if part.verdict is None:
                part.verdict, part.ended = "canceled", now
        job.is_unwanted = True
        if job in self._checking:
            self._checking.remove(job)
        if job in self._waiting:
            self._waiting.remove(job)
        end = self._running.pop(job, None)
        if end is not None and end in self._busy:
            self._busy.remove(end)
            heapq.heapify(self._busy)


def finish(job: Job, now: float) -> None:
    """Give a job and its children their final status."""
    outcomes = _collect(job)
    for index, part in enumerate(job.parts):
        part.outcome = outcomes.get(index)
        part.started = job.started
        if part.verdict is None:
            part.failure = part.failure or job.failure
            part.verdict = "failed" if part.failure else "completed"
            part.ended = now
    _spoil(job)
    if job.verdict is None:
        first = next((part for part in job.parts if part.verdict == "failed"), None)
        job.verdict = "failed" if first else "completed"
        job.failure = first.failure if first else None
    job.ended = now


def _collect(job: Job) -> dict[int, Outcome]:
    """Outcomes by circuit; an exception of the simulation becomes the job's failure."""
    future, job.future = job.future, None
    if future is None:
        return {}
    error = future.exception()
    if error is None:
        return future.result()
    job.failure = Failure("SimulationError", f"{type(error).__name__}: {error}")
    return {}


def _spoil(job: Job) -> None:
    """Apply the option that spoils the end of this job."""
    fault = job.fault
    if fault is None:
        return
    if fault.child is None or not job.children:
        spoiled = job
    elif fault.child < len(job.children):
        spoiled = job.children[fault.child]
    else:
        return
    spoiled.verdict = fault.status
    spoiled.outcome = None
    if fault.status == "failed":
        spoiled.failure = Failure(fault.code, fault.message)
