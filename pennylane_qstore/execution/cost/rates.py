r"""What jobs will cost, from rates that the user or the service gives. No price is built in.

IonQ does not publish how a job with a minimum is charged. With :math:`g = s (n_1 c_1 + n_2 c_2)`
for :math:`s` shots of a circuit, its terms can be read as

* :math:`\max(m, \sum g)` for each job, which is the smallest, or
* :math:`\max(m, g)` or :math:`m + g` for each circuit; the last is the largest.

An :class:`Estimate` holds the largest as ``cost``, which budgets count, and the smallest as
``lowest``. Gates are those of the native circuit that is sent.

References:
    Microsoft, "Azure Quantum pricing", 2025: writes the minimum as an added term.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution.cost.amount import Cost, exact, is_amount

_KEYS = {"1q": "cost_1q_gate", "2q": "cost_2q_gate", "minimum": "job_cost_minimum", "unit": "unit"}


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of gates.

    Attributes:
        cost_1q_gate: Cost of a one-qubit gate in one shot.
        cost_2q_gate: Cost of a two-qubit gate in one shot.
        job_cost_minimum: Least cost of a job. It is higher under error mitigation at some vendors;
            give the one that applies.
        unit: Currency, or ``"credit"``.
    """

    cost_1q_gate: float
    cost_2q_gate: float
    job_cost_minimum: float = 0.0
    unit: str = "usd"

    def __post_init__(self) -> None:
        for name in ("cost_1q_gate", "cost_2q_gate", "job_cost_minimum"):
            if not is_amount(getattr(self, name)):
                raise InvalidOptionError(f"rates: {name}={getattr(self, name)!r} is no price")
        if not isinstance(self.unit, str) or not self.unit:
            raise InvalidOptionError(f"rates: unit={self.unit!r}; give a currency such as 'usd'")

    def gates(self, n_1q: int, n_2q: int, shots: int) -> Decimal:
        """Cost of the gates of a circuit, in ``unit``, without any minimum."""
        return shots * (n_1q * exact(self.cost_1q_gate) + n_2q * exact(self.cost_2q_gate))

    @property
    def minimum(self) -> Decimal:
        """The minimum, in ``unit``."""
        return exact(self.job_cost_minimum)


@dataclass(frozen=True, slots=True)
class JobShape:
    """What the cost of a job depends on.

    Attributes:
        backend: The backend's name on the wire.
        n_1q: One-qubit gates of each circuit.
        n_2q: Two-qubit gates of each circuit.
        shots: Repetitions of each circuit.
        n_qubits: Width of the widest circuit.
        error_mitigation: Whether the service mitigates errors.
    """

    backend: str
    n_1q: tuple[int, ...]
    n_2q: tuple[int, ...]
    shots: int
    n_qubits: int
    error_mitigation: bool = False

    def __post_init__(self) -> None:
        if len(self.n_1q) != len(self.n_2q):
            raise InvalidOptionError(
                f"one-qubit gates of {len(self.n_1q)} circuits, two-qubit gates of {len(self.n_2q)}"
            )

    @property
    def n_circuits(self) -> int:
        """Number of circuits."""
        return len(self.n_1q)

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing, as all simulators do."""
        return self.backend == "simulator"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What something will cost, before it is sent.

    Attributes:
        cost: The largest reading of the terms, which budgets count.
        lowest: The smallest reading.
        rates: Prices of gates, where the service told them.
        cost_per_compute_s: Price of a second of quantum computing, in the unit of ``cost``, where
            the service charges by time.
        execution_s: Predicted time on the machine in seconds, if known.
        queue_s: Predicted time in the queue in seconds, if known.
    """

    cost: Cost
    lowest: Cost
    rates: Rates | None = None
    cost_per_compute_s: float | None = None
    execution_s: float | None = None
    queue_s: float | None = None

    def __str__(self) -> str:
        if self.cost == self.lowest:
            return str(self.cost)
        return f"{self.lowest} to {self.cost}"


FREE = Estimate(Cost(), Cost())
Estimator = Callable[[JobShape], Estimate]


def read_rates(rates: Rates | Mapping[str, Any]) -> Rates:
    """Rates from ``{"1q": ..., "2q": ..., "minimum": ..., "unit": ...}``, checked.

    Prices are per gate and shot. ``minimum`` is 0 and ``unit`` is ``"usd"`` where not given.

    Raises:
        InvalidOptionError: If a price is missing, unknown or no price.
    """
    if isinstance(rates, Rates):
        return rates
    form = "rates={'1q': price, '2q': price, 'minimum': price, 'unit': 'usd'}"
    if not isinstance(rates, Mapping):
        raise InvalidOptionError(f"rates={rates!r}; give {form}")
    unknown, missing = [key for key in rates if key not in _KEYS], {"1q", "2q"} - set(rates)
    if unknown or missing:
        raise InvalidOptionError(f"rates={dict(rates)!r} has other keys than {form}")
    return Rates(**{_KEYS[key]: value for key, value in rates.items()})


def estimate_jobs(jobs: Sequence[JobShape], price: Rates | Estimator) -> Estimate:
    """What jobs will cost together. Simulators are free, and ``price`` is not asked about them.

    Args:
        jobs: The jobs.
        price: Rates, or a function from a job to its estimate.
    """
    estimator = rates_estimator(price) if isinstance(price, Rates) else price
    found = [estimator(job) for job in jobs if not job.is_free]
    times = [estimate.execution_s for estimate in found]
    known = [time for time in times if time is not None]
    queues = [estimate.queue_s for estimate in found if estimate.queue_s is not None]
    return Estimate(
        cost=Cost.sum(estimate.cost for estimate in found),
        lowest=Cost.sum(estimate.lowest for estimate in found),
        execution_s=sum(known) if found and len(known) == len(times) else None,
        queue_s=max(queues, default=None),
    )


def rates_estimator(rates: Rates) -> Estimator:
    """Prices a job with rates, in the largest and the smallest reading."""

    def estimate(job: JobShape) -> Estimate:
        gates = gate_costs(rates, job)
        return Estimate(
            cost=Cost.of(sum(gates, len(gates) * rates.minimum), rates.unit),
            lowest=Cost.of(max(rates.minimum, sum(gates, Decimal())), rates.unit),
            rates=rates,
        )

    return estimate


def gate_costs(rates: Rates, job: JobShape) -> list[Decimal]:
    """Cost of the gates of each circuit of a job."""
    sizes = zip(job.n_1q, job.n_2q, strict=True)
    return [rates.gates(n_1q, n_2q, job.shots) for n_1q, n_2q in sizes]
