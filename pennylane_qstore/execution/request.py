"""What the execution stage takes and returns: plain frozen values."""

from dataclasses import dataclass, field

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution.cost import Cost
from pennylane_qstore.native import Bit, Circuit, Outcomes

FINGERPRINT_KEY = "qstore_fingerprint"
"""Metadata key under which every job carries the SHA-256 of its circuits."""

_METADATA_KEYS = 10
_METADATA_NAME = 40
_METADATA_VALUE = 400
_MAX_SEED = 2**31 - 1


SHARPEN = "sharpen"
"""The mitigation that is chosen when results are read: plurality vote instead of average."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the circuits of one batch are to be run.

    Attributes:
        backend: The backend's name on the wire, such as ``"simulator"`` or ``"qpu.forte-1"``.
        noise_model: Noise model of the simulator, or None for the service's default.
        noise_seed: Seed of the noisy simulator, a positive int32, or None.
        error_mitigation: Pairs such as ``("debiasing", True)``; empty for the service's default.
            ``("sharpen", True)`` is not sent with the job but asked of its results.
        session_id: Session that the jobs belong to.
        job_name: Name of every job; None makes one up.
        metadata: Pairs of strings that are stored with every job.
        exact: Whether the backend returns exact probabilities and ignores shots.
    """

    backend: str
    noise_model: str | None = None
    noise_seed: int | None = None
    error_mitigation: tuple[tuple[str, bool], ...] = ()
    session_id: str | None = None
    job_name: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    exact: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        if self.noise_seed is not None and not 1 <= self.noise_seed <= _MAX_SEED:
            raise InvalidOptionError(
                f"noise_seed is {self.noise_seed}; the service takes 1 to {_MAX_SEED}"
            )
        if len(self.metadata) >= _METADATA_KEYS:
            raise InvalidOptionError(
                f"metadata has {len(self.metadata)} keys; a job takes {_METADATA_KEYS}, "
                f"one of which is {FINGERPRINT_KEY}"
            )
        for name, value in self.metadata:
            _check_metadata(name, value)


@dataclass(frozen=True, slots=True)
class Request:
    """One circuit that is to be run.

    Attributes:
        circuit: The circuit.
        shots: Number of repetitions, or None where the exact distribution is wanted.
        readout: How the source's qubits are read from the circuit's, for the journal only.
    """

    circuit: Circuit
    shots: int | None = None
    readout: tuple[Bit, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What became of one job.

    Attributes:
        job_id: The service's id.
        n_circuits: Number of circuits in the job.
        shots: Repetitions of each circuit, or None for exact distributions.
        status: The last status seen.
        seconds: Time from the submission until the results were here.
        attached: Whether it had been submitted before, by a run that was interrupted or goes on
            elsewhere, so that it was only waited for.
        polls: How often its status was asked.
        estimated: What it was estimated to cost; None where nobody said.
        cost: What it did cost.
    """

    job_id: str
    n_circuits: int
    shots: int | None
    status: str
    seconds: float
    attached: bool = False
    polls: int = 0
    estimated: Cost | None = None
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """Outcomes of a batch, in the order of its requests.

    Attributes:
        outcomes: One entry per request; with ``on_error="partial"`` the error in the place of
            what could not be had.
        jobs: The jobs that were submitted for them.
        n_cached: How many requests were answered by the cache.
        seconds: Time that the whole batch took.
        n_unique: Circuits that differ, where equal ones are run once.
        n_requests: Requests to the service while it ran, also those of other batches.
        n_retries: Those among them that were repeated.
        spans: What was done when: stage, begin and end on the clock of the event loop.
    """

    outcomes: tuple[Outcomes | Exception, ...]
    jobs: tuple[JobRecord, ...]
    n_cached: int
    seconds: float
    n_unique: int = 0
    n_requests: int = 0
    n_retries: int = 0
    spans: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running batch stands.

    Attributes:
        done: Requests whose outcomes are here.
        total: Requests of the batch.
        jobs: Number of jobs per status: the service's, or ``"unsent"`` and ``"sending"`` before.
        cost: What the jobs cost, or are estimated to.
    """

    done: int
    total: int
    jobs: dict[str, int]
    cost: Cost = field(default_factory=Cost)


def _check_metadata(name: str, value: str) -> None:
    """Refuse metadata that the service would refuse."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise InvalidOptionError(f"metadata {name!r}: {value!r} is not a pair of strings")
    if name == FINGERPRINT_KEY:
        raise InvalidOptionError(f"metadata key {name!r} is set by this package")
    if len(name) > _METADATA_NAME or len(value) > _METADATA_VALUE:
        raise InvalidOptionError(
            f"metadata {name[:_METADATA_NAME]!r} has a name of {len(name)} and a value of "
            f"{len(value)} characters; the limits are {_METADATA_NAME} and {_METADATA_VALUE}"
        )
