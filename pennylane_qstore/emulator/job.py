"""One job, and one circuit of a multi-circuit job."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from pennylane_qstore.emulator.options import JobFault
from pennylane_qstore.emulator.outcome import Outcome
from pennylane_qstore.emulator.refusal import Failure
from pennylane_qstore.emulator.validate import MULTI, JobInput


@dataclass(frozen=True, slots=True)
class Size:
    """Size of one circuit.

    Attributes:
        name: Name of the circuit, or None.
        qubits: Width.
        n_one: Gates on one qubit.
        n_two: Gates on two or more qubits.
    """

    name: str | None
    qubits: int
    n_one: int
    n_two: int


@dataclass(eq=False, slots=True)
class Job:
    """A job, or one circuit of a multi-circuit job.

    Attributes:
        id: UUID.
        source: What was submitted, without its circuits.
        body: What was submitted, as JSON; empty for a child.
        sizes: Size of each circuit.
        submitted: Clock time of submission, in seconds.
        parent: The multi-circuit job this is part of, or None.
        children: Its circuits, if this is a multi-circuit job.
        checked: Clock time at which the checks ended.
        started: Clock time of the start, or None.
        ended: Clock time of the end, or None.
        verdict: Final status, or None until the end.
        failure: Why it failed, or will fail.
        outcome: Result of a single circuit.
        future: The simulation.
        fault: Option that spoils its end.
        is_unwanted: Whether the simulation should stop.
        is_read: Whether somebody fetched results of it.
    """

    id: str
    source: JobInput
    body: bytes
    sizes: tuple[Size, ...]
    submitted: float
    parent: "Job | None" = None
    children: list["Job"] = field(default_factory=list)
    checked: float = 0.0
    started: float | None = None
    ended: float | None = None
    verdict: str | None = None
    failure: Failure | None = None
    outcome: Outcome | None = None
    future: Future[dict[int, Outcome]] | None = None
    fault: JobFault | None = None
    is_unwanted: bool = False
    is_read: bool = False

    @property
    def parts(self) -> Sequence["Job"]:
        """The jobs that hold the outcomes: the children, or the job itself."""
        return self.children if self.source.type == MULTI and self.parent is None else (self,)

    @property
    def name(self) -> str | None:
        """Name of the job, or of the circuit for a child."""
        return self.sizes[0].name if self.parent else self.source.name

    @property
    def is_simulated(self) -> bool:
        """Whether the simulation, if there is one, has ended."""
        return self.future is None or self.future.done()
