"""What one call of the runner keeps track of."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from pennylane_qstore.execution.cost import Cost
from pennylane_qstore.execution.job import Job, Ticket
from pennylane_qstore.execution.request import Progress


@dataclass(slots=True, eq=False)
class Batch:
    """The state of one call of :meth:`Runner.run`.

    Attributes:
        on_progress: The caller's callback.
        fails_at_once: Whether one error makes the whole batch useless, so that nothing more is
            sent for it.
        tickets: What is to be found out.
        places: Ticket of each request; shape ``(n_requests,)``.
        jobs: The jobs that it waits for or waited for.
        spans: What was done when.
        sent: Set when all jobs have been submitted.
        error: What the callback raised.
    """

    on_progress: Callable[[Progress], None] | None = None
    fails_at_once: bool = True
    tickets: list[Ticket] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    sent: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def report(self) -> None:
        """Tell the caller where the batch stands. Its mistakes must not cost paid results."""
        if self.jobs and all(map(_is_sent, self.jobs)):
            self.sent.set()
        if self.on_progress is None:
            return
        try:
            self.on_progress(self.progress())
        except Exception as error:
            self.on_progress, self.error = None, error

    def progress(self) -> Progress:
        """Where the batch stands."""
        done = sum(self.tickets[place].outcomes is not None for place in self.places)
        cost = Cost.sum(job.cost or job.estimated or Cost() for job in self.jobs)
        statuses = dict(Counter(job.status for job in self.jobs))
        return Progress(done, len(self.places), statuses, cost)

    def replicates(self) -> list[tuple[str, int]]:
        """Key and number of each replicate that this batch holds."""
        return [(t.base, t.replicate) for t in self.tickets if t.base and t.shots is not None]

    def left(self) -> list[str]:
        """Ids of jobs that were submitted and have not ended."""
        return [job.job_id for job in self.jobs if job.job_id is not None and job.is_open]

    @property
    def is_futile(self) -> bool:
        """Whether nothing more should be sent for it."""
        return self.fails_at_once and self.first_error is not None

    @property
    def first_error(self) -> Exception | None:
        """The error of the first job that has one, else the callback's."""
        errors = [job.error for job in self.jobs if job.error is not None]
        return errors[0] if errors else self.error


@dataclass(eq=False)
class Wave:
    """Batches that are packed together."""

    batches: list[Batch] = field(default_factory=list)
    ready: anyio.Event = field(default_factory=anyio.Event)
    error: BaseException | None = None


def _is_sent(job: Job) -> bool:
    """Whether a job is on the service and in the journal, or never will be."""
    return (job.job_id is not None and job.status != "sending") or not job.is_open
