"""The life of one job: submitted once, asked for, fetched."""

import logging
import time
from asyncio import Task
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import anyio

from pennylane_qstore.errors import (
    BatchTimeoutError,
    JobCanceledError,
    JobFailedError,
    QueueTimeoutError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from pennylane_qstore.execution.cache import replicate_key
from pennylane_qstore.execution.cost import Cost
from pennylane_qstore.execution.fetch import Limiter
from pennylane_qstore.execution.journal import Entry
from pennylane_qstore.execution.polling import Clock
from pennylane_qstore.execution.request import FINGERPRINT_KEY, JobRecord
from pennylane_qstore.execution.service import JobView, Service
from pennylane_qstore.native import Bit, Circuit, Outcomes

SETTLE_S = (0.0, 0.5, 1.5, 3.0)
"""Waits before each look for a submission whose answer was lost: a service may list it late."""

MAX_SENDS = 5
"""How often a submission is sent in all, if it is certain each time that it did not arrive."""

CLOCKS_DIFFER_S = 86_400.0
"""By how much the service's clock may be behind ours when jobs are looked for."""

KNOWN_STATUSES = frozenset({"submitted", "ready", "started", "completed", "failed", "canceled"})

UNKNOWN_S = 600.0
"""How long a job may have a status that nobody knows before it is given up."""

_WAITING = ("submitted", "ready")

logger = logging.getLogger("pennylane_qstore")


@dataclass(slots=True, eq=False)
class Ticket:
    """One thing to find out: a distribution, or one sample.

    Attributes:
        circuit: The circuit.
        shots: Repetitions, or None for the distribution.
        base: Key that its replicates share; empty where nothing needs one.
        replicate: Which sample of equal ones it is.
        readout: How the source's qubits are read from the circuit's.
        known_key: Its key, where only that is known.
        outcomes: The answer, once it is here.
        error: What went wrong with its job.
    """

    circuit: Circuit
    shots: int | None
    base: str = ""
    replicate: int = 0
    readout: tuple[Bit, ...] = ()
    known_key: str = ""
    outcomes: Outcomes | None = None
    error: Exception | None = None

    @classmethod
    def of(cls, entry: Entry, shots: int | None) -> "Ticket":
        """A ticket for a circuit of which only the journal knows."""
        return cls(Circuit(entry.n_qubits, ()), shots, known_key=entry.key)

    @property
    def key(self) -> str:
        """Key in the cache; empty where nothing needs one."""
        if self.known_key:
            return self.known_key
        if self.shots is None or not self.base:
            return self.base
        return replicate_key(self.base, self.replicate)

    @property
    def is_open(self) -> bool:
        """Whether neither the answer nor an error is here."""
        return self.outcomes is None and self.error is None

    def accepts(self, outcomes: Outcomes) -> bool:
        """Whether outcomes from elsewhere can be the answer."""
        exact = self.shots is None
        return outcomes.n_qubits == self.circuit.n_qubits and outcomes.is_exact == exact


class Waiter(Protocol):
    """A batch that waits for a job."""

    @property
    def is_futile(self) -> bool:
        """Whether nothing more should be sent for it."""

    def report(self) -> None:
        """Be told of a new status."""


@dataclass(slots=True, eq=False)
class Job:
    """One job on its way.

    Attributes:
        entries: Key and width of each of its circuits.
        tickets: Who waits for each of them.
        shots: Repetitions of each, or None.
        mark: What its metadata carry, to find it again.
        body: What is posted; dropped once it was.
        attached: Whether somebody else submits it, or did.
        sharpen: Whether its results are combined by plurality vote.
        job_id: The service's id, once it has one.
        status: The last status seen, ``"unsent"`` before the submission.
        seconds: Time from the submission until the results were here.
        polls: How often its status was asked.
        n_parallel: How many jobs of ours were under way with it.
        running_s: When it was last seen not to have ended, in seconds after its submission.
        ended_s: When it was asked for and had ended, likewise.
        request_s: How long a question took.
        estimated: What it was estimated to cost; None where nobody said.
        cost: What it did cost.
        error: What went wrong with it.
        is_open: Whether neither results nor an error are here.
        started: When its submission began.
        waiting: The batches that wait for it.
        scope: Ends the waiting.
        spans: What was done when.
        done: Set at the end.
        task: What runs it.
    """

    entries: tuple[Entry, ...]
    tickets: tuple[list[Ticket], ...]
    shots: int | None
    mark: str
    body: bytes = b""
    attached: bool = False
    sharpen: bool = False
    job_id: str | None = None
    status: str = "unsent"
    seconds: float = 0.0
    polls: int = 0
    n_parallel: int = 1
    running_s: float = 0.0
    ended_s: float = 0.0
    request_s: float = 0.0
    estimated: Cost | None = None
    cost: Cost | None = None
    error: Exception | None = None
    is_open: bool = True
    started: float = 0.0
    waiting: "list[Waiter]" = field(default_factory=list)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    done: anyio.Event = field(default_factory=anyio.Event)
    task: Task[None] | None = None

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of qubits of each circuit."""
        return tuple(entry.n_qubits for entry in self.entries)

    def record(self) -> JobRecord:
        """The facts about this job, frozen."""
        return JobRecord(
            self.job_id or "",
            len(self.entries),
            self.shots,
            self.status,
            self.seconds,
            self.attached,
            self.polls,
            self.estimated,
            self.cost,
        )

    def report(self) -> None:
        """Tell whoever waits."""
        for batch in self.waiting:
            batch.report()

    def answer(self, outcomes: Sequence[Outcomes]) -> None:
        """Hand outcomes to the tickets."""
        for tickets, found in zip(self.tickets, outcomes, strict=True):
            for ticket in tickets:
                ticket.outcomes = found

    def fail(self, error: Exception) -> None:
        """Hand an error to the tickets."""
        self.error = error
        for tickets in self.tickets:
            for ticket in tickets:
                ticket.error = error


async def submit(service: Service, job: Job, *, clock: Clock) -> str:
    """Post a job until it is certain that it arrived once, and return its id.

    A submission whose answer is lost may have arrived: it is looked for among the service's jobs
    before it is sent again. No cancellation comes between a post and its answer.

    Raises:
        UnconfirmedSubmissionError: If the service cannot be asked whether it arrived.
        ServiceError: If the service refused it.
    """
    since = time.time()
    for _ in range(MAX_SENDS):
        try:
            logger.debug("submitting %s", job.body)
            with anyio.CancelScope(shield=True):
                return await service.create_job(job.body)
        except UnconfirmedSubmissionError as error:
            lost = error
        logger.warning("the answer to a submission was lost (%s); looking for the job", lost)
        found = await find(service, job.mark, clock=clock, since=since, lost=lost)
        if found is not None:
            return found
        logger.warning("the submission did not arrive; sending it again")
    raise lost


async def find(
    service: Service,
    mark: str,
    *,
    clock: Clock,
    since: float,
    lost: UnconfirmedSubmissionError | None = None,
) -> str | None:
    """Look for a submission whose answer was lost, and return its id or None.

    Args:
        service: Where to look.
        mark: What its metadata carry.
        clock: The time.
        since: When it was sent at the earliest, in seconds since 1970.
        lost: What happened to its answer, for messages.

    Raises:
        UnconfirmedSubmissionError: If the service cannot be asked.
    """
    for delay in SETTLE_S:
        await clock.sleep(delay)
        try:
            views = await service.list_jobs(since=since - CLOCKS_DIFFER_S)
        except ServiceError as error:
            raise UnconfirmedSubmissionError(
                f"{lost or 'a submission was interrupted'}; whether the job exists could not be "
                f"asked ({error}); it is in the journal, so that running the same again finds out"
            ) from error
        for view in views:
            if view.metadata.get(FINGERPRINT_KEY) == mark:
                return view.job_id
    return None


async def wait(
    job: Job,
    *,
    ask: Callable[[float], Awaitable[JobView]],
    delays: Iterable[float],
    limiter: Limiter,
    clock: Clock,
    queue_s: float | None,
) -> JobView:
    """Ask for a job until it is completed.

    Args:
        job: The job.
        ask: Asks for it, so many seconds after its submission.
        delays: Seconds to wait before each question.
        limiter: Held during each question.
        clock: The time.
        queue_s: Longest time in the queue, or None.

    Raises:
        JobFailedError: If it failed.
        JobCanceledError: If somebody canceled it.
        QueueTimeoutError: If it waited in the queue for longer than ``queue_s``.
        BatchTimeoutError: If it has had an unknown status for too long.
    """
    assert job.job_id is not None
    started = known = clock.now()
    for delay in delays:
        await clock.sleep(delay)
        async with limiter:
            asked = clock.now()
            job.running_s, job.ended_s = job.ended_s, asked - started
            view = await ask(job.ended_s)
            job.request_s = clock.now() - asked
        job.polls += 1
        if view.status != job.status:
            logger.info("job %s: %s", job.job_id, view.status)
            job.status = view.status
            job.report()
        if view.status == "completed":
            return view
        _raise_if_ended(job.job_id, view)
        known = clock.now() if view.status in KNOWN_STATUSES else known
        if clock.now() - known > UNKNOWN_S:
            raise BatchTimeoutError(
                f"job {job.job_id} has had the unknown status {view.status!r} for {UNKNOWN_S:g} s; "
                "it was left as it is",
                job_ids=[job.job_id],
            )
        if queue_s is not None and view.status in _WAITING and clock.now() - started > queue_s:
            raise QueueTimeoutError(
                f"job {job.job_id} has waited in the queue for more than {queue_s} s; it was left "
                "there, not canceled",
                job_ids=[job.job_id],
            )
    raise AssertionError("delays never end")


def _raise_if_ended(job_id: str, view: JobView) -> None:
    """Raise the error of a job that ended without results."""
    if view.status == "failed":
        code = view.failure_code or "no code"
        raise JobFailedError(
            f"job {job_id} failed: {code}: {view.failure_message or 'no message'}",
            job_id=job_id,
            status=view.status,
            code=view.failure_code,
        )
    if view.status == "canceled":
        raise JobCanceledError(
            f"job {job_id} was canceled before it finished",
            job_id=job_id,
            status=view.status,
            code=view.failure_code,
        )
