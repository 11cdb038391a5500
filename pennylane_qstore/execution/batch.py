"""What one call of the runner keeps track of."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pennylane_qstore.execution.cache import replicate_key
from pennylane_qstore.execution.fetch import Limiter
from pennylane_qstore.execution.job import Job
from pennylane_qstore.execution.request import Progress
from pennylane_qstore.native import Circuit, Outcomes


@dataclass(slots=True, eq=False)
class Ticket:
    """One thing to find out: a distribution, or one sample.

    Attributes:
        circuit: The circuit.
        shots: Repetitions, or None for the distribution.
        base: Key that its replicates share; empty where nothing needs one.
        replicate: Which sample of equal ones it is.
        outcomes: The answer, once it is here.
    """

    circuit: Circuit
    shots: int | None
    base: str = ""
    replicate: int = 0
    outcomes: Outcomes | None = None

    @property
    def key(self) -> str:
        """Key in the cache."""
        return self.base if self.shots is None else replicate_key(self.base, self.replicate)

    def accepts(self, outcomes: Outcomes) -> bool:
        """Whether outcomes from the cache can be the answer."""
        exact = self.shots is None
        return outcomes.n_qubits == self.circuit.n_qubits and outcomes.is_exact == exact


@dataclass(slots=True, eq=False)
class Batch:
    """The state of one call of :meth:`Runner.run`.

    Attributes:
        limiter: Held during each request to the service.
        on_progress: The caller's callback.
        sharpen: Whether results are combined by plurality vote.
        tickets: What is to be found out.
        places: Ticket of each request; shape ``(n_requests,)``.
        jobs: The jobs on their way.
        error: What the callback raised.
    """

    limiter: Limiter
    on_progress: Callable[[Progress], None] | None
    sharpen: bool = False
    tickets: list[Ticket] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    error: Exception | None = None

    def report(self) -> None:
        """Tell the caller where the batch stands. Its mistakes must not cost paid results."""
        if self.on_progress is None:
            return
        done = sum(self.tickets[place].outcomes is not None for place in self.places)
        statuses = dict(Counter(job.status for job in self.jobs))
        try:
            self.on_progress(Progress(done, len(self.places), statuses))
        except Exception as error:
            self.on_progress, self.error = None, error

    def replicates(self) -> list[tuple[str, int]]:
        """Key and number of each replicate that this batch holds."""
        return [(t.base, t.replicate) for t in self.tickets if t.base and t.shots is not None]

    def left(self) -> list[str]:
        """Ids of jobs that were submitted and have not ended."""
        return [job.job_id for job in self.jobs if job.job_id is not None and job.is_open]

    @property
    def first_error(self) -> Exception | None:
        """The error of the first job that has one, else the callback's."""
        errors = [job.error for job in self.jobs if job.error is not None]
        return errors[0] if errors else self.error
