"""Jobs: what was accepted, how far it is, what came out.

Nothing runs in the background but the simulation itself. The state of every job follows from the
clock, and is brought up to date whenever somebody looks.
"""

import math
import os
import random
import threading
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

from pennylane_qstore.emulator import execute
from pennylane_qstore.emulator.engine import StoppedError
from pennylane_qstore.emulator.job import Job, Size
from pennylane_qstore.emulator.options import EmulatorOptions, JobFault
from pennylane_qstore.emulator.outcome import Outcome
from pennylane_qstore.emulator.refusal import Failure, not_found
from pennylane_qstore.emulator.schedule import Queue
from pennylane_qstore.emulator.validate import MULTI, QASM, CircuitInput, JobInput

UNREAD_FACTOR = 10
"""Jobs whose results nobody fetched are dropped only beyond this many times ``max_jobs``."""

INLINE_WORK = 2.0**19
"""Amplitude updates (about a millisecond) below which a job is simulated before the answer to its
submission, and above which in a worker thread."""


class JobStore:
    """All jobs of one emulated service. Safe to use from several threads.

    Args:
        options: How the service behaves.
    """

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._queue = Queue(options)
        self._n_created = 0
        self._ids = count()
        self._random = random.Random(options.seed)
        self._epoch = datetime.now(UTC) - timedelta(seconds=options.clock.now())
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="qstore-emulator")

    def moment(self, clock_time: float | None) -> str | None:
        """A clock time as an ISO 8601 string in UTC with milliseconds."""
        if clock_time is None:
            return None
        moment = self._epoch + timedelta(seconds=clock_time)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def new_id(self) -> str:
        """A UUID of version 7: later ones are greater."""
        milliseconds = int(datetime.now(UTC).timestamp() * 1000)
        serial = next(self._ids) % 2**30
        high = (milliseconds << 16) | (7 << 12) | (serial >> 18)
        low = (0b10 << 62) | ((serial & (2**18 - 1)) << 44) | self._random.getrandbits(44)
        return str(uuid.UUID(int=(high << 64) | low))

    def create(self, source: JobInput, body: bytes) -> Job:
        """Accept a job and start its simulation."""
        now = self.options.clock.now()
        with self.lock:
            self._n_created += 1
            job = self._build(source, body, now)
            job.fault = self._find_fault(self._n_created)
            if job.fault and job.fault.status == "submitted":
                job.checked = math.inf
            seed = source.seed if source.seed is not None else self._fresh_seed()
            for kept in (job, *job.children):
                self._jobs[kept.id] = kept
            self._simulate(job, source, seed)
            self._queue.add(job)
            self._queue.advance(now)
            self._drop_oldest()
        return job

    def get(self, job_id: str) -> Job:
        """A job by id, brought up to date.

        Raises:
            RefusalError: There is none (404).
        """
        with self.lock:
            self._queue.advance(self.options.clock.now())
            job = self._jobs.get(job_id)
        if job is None:
            raise not_found(f"Job {job_id}")
        return job

    def all(self) -> list[Job]:
        """All jobs and children, newest first, brought up to date."""
        with self.lock:
            self._queue.advance(self.options.clock.now())
            return list(reversed(self._jobs.values()))

    def status(self, job: Job) -> str:
        """Where a job stands."""
        if job.verdict is not None:
            return job.verdict
        root = job.parent or job
        if root.started is not None:
            return "started"
        return "ready" if root.checked <= self.options.clock.now() else "submitted"

    def is_due(self, job: Job) -> bool:
        """Whether only its simulation keeps a job from ending."""
        with self.lock:
            return self._queue.is_due(job, self.options.clock.now())

    def cancel(self, job: Job) -> None:
        """Cancel a job; one that has ended stays as it is."""
        with self.lock:
            self._queue.cancel(job, self.options.clock.now())

    def delete(self, job: Job) -> None:
        """Cancel a job and forget it with its children."""
        with self.lock:
            self._queue.cancel(job, self.options.clock.now())
            for gone in (job, *job.children):
                self._jobs.pop(gone.id, None)

    def close(self) -> None:
        """Stop all simulations, so that the process can end."""
        with self.lock:
            for job in self._jobs.values():
                job.is_unwanted = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def shuffled(self, jobs: Iterable[Job]) -> list[Job]:
        """Jobs in random order."""
        ordered = list(jobs)
        self._random.shuffle(ordered)
        return ordered

    def _build(self, source: JobInput, body: bytes, now: float) -> Job:
        sizes = tuple(
            Size(c.name, c.n_qubits, c.program.n_one, c.program.n_two) for c in source.circuits
        )
        light = replace(source, circuits=())
        job = Job(self.new_id(), light, body, sizes, now, checked=now + self.options.check_s)
        if source.type == MULTI:
            job.children = [
                Job(self.new_id(), light, b"", (size,), now, parent=job) for size in sizes
            ]
        return job

    def _fresh_seed(self) -> int:
        return self._random.getrandbits(31)

    def _find_fault(self, number: int) -> JobFault | None:
        for fault in self.options.faults:
            if not isinstance(fault, JobFault) or number < fault.nth:
                continue
            if fault.times is None or number < fault.nth + fault.times:
                return fault
        return None

    def _simulate(self, job: Job, source: JobInput, seed: int) -> None:
        if source.type == QASM:
            job.failure = Failure("PreflightError", "The emulator does not take OpenQASM")
            return
        accepted: list[tuple[int, CircuitInput]] = []
        for index, (part, circuit) in enumerate(zip(job.parts, source.circuits, strict=True)):
            part.failure = execute.preflight(
                source,
                circuit,
                max_state_bytes=self.options.max_state_bytes,
                enforce_family=self.options.enforce_family,
            )
            if part.failure is None:
                accepted.append((index, circuit))
        if not accepted or source.dry_run:
            return
        work = execute.work(source, [circuit for _, circuit in accepted])
        if work > INLINE_WORK:
            job.future = self._pool.submit(_run, source, accepted, seed, job)
        else:
            job.future = Future()
            try:
                job.future.set_result(_run(source, accepted, seed, job))
            except Exception as error:
                # As in a thread: the job fails by name, the submission does not.
                job.future.set_exception(error)

    def _drop_oldest(self) -> None:
        """Keep the number of jobs in bounds: first those with nothing left to fetch."""
        limit = self.options.max_jobs
        self._drop(len(self._jobs) - limit, unread=False)
        self._drop(len(self._jobs) - UNREAD_FACTOR * limit, unread=True)

    def _drop(self, excess: int, *, unread: bool) -> None:
        if excess <= 0:
            return
        for job in list(self._jobs.values()):
            if excess <= 0:
                return
            if job.parent is not None or job.verdict is None:
                continue
            if unread or job.is_read or job.verdict != "completed":
                for gone in (job, *job.children):
                    excess -= self._jobs.pop(gone.id, None) is not None


def _run(
    source: JobInput,
    circuits: Sequence[tuple[int, CircuitInput]],
    seed: int,
    job: Job,
) -> dict[int, Outcome]:
    try:
        return execute.run(source, circuits, seed=seed, stopped=lambda: job.is_unwanted)
    except StoppedError:
        return {}
