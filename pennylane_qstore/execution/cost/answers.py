"""What the service says about costs: estimates in both of its forms, and what a job did cost."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from pennylane_qstore.errors import MalformedResultError
from pennylane_qstore.execution.cost.amount import Cost, exact, is_amount
from pennylane_qstore.execution.cost.rates import (
    Estimate,
    Estimator,
    JobShape,
    Rates,
    gate_costs,
)

Ask = Callable[[Mapping[str, str]], Awaitable[Any]]
"""Sends ``GET /jobs/estimate`` with a query and returns the parsed JSON."""

_QUOTED = 200
_PLACES = 9
"""Digits after the point that count when totals are compared: the service's are binary floats."""


@dataclass(frozen=True, slots=True)
class JobCost:
    """What the service says that a job costs.

    Attributes:
        estimated: Its estimate; None where it gives none, as for simulators.
        actual: What was charged; None until the job has run.
        dry_run: Whether the job was priced only.
    """

    estimated: Cost | None
    actual: Cost | None
    dry_run: bool = False


def parse_estimate(payload: Any) -> Estimate:
    """An estimate from an answer of ``GET /jobs/estimate``, in its form of September or May 2026.

    Raises:
        MalformedResultError: If it has neither form.
    """
    entry = _object(payload, payload)
    if "estimated_total_cost" in entry:
        return _parse_new(entry)
    if "estimated_cost" in entry:
        cost = _cost(entry["estimated_cost"], entry.get("cost_unit"), payload)
        information = entry.get("rate_information") or {}
        return Estimate(cost, cost, _rates(information, entry.get("cost_unit"), payload))
    _refuse(payload)


def _parse_new(entry: dict[str, Any]) -> Estimate:
    unit = entry.get("estimated_unit")
    cost = _cost(entry["estimated_total_cost"], unit, entry)
    rates: Rates | None = None
    cost_per_compute_s: float | None = None
    card = _object(entry.get("rate_card") or {}, entry)
    entries = card.get("rates") or []
    if not isinstance(entries, list):
        _refuse(entry)
    for rate in entries:
        kind = _object(rate, entry).get("unit")
        if kind == "gates" and rates is None:
            rates = _rates(rate, unit, entry)
        elif kind == "compute_second" and cost_per_compute_s is None:
            cost_per_compute_s = _number(rate.get("unit_cost"), entry)
    return Estimate(
        cost,
        cost,
        rates,
        cost_per_compute_s,
        execution_s=_seconds(entry, "estimated_execution_time"),
        queue_s=_seconds(entry, "current_predicted_queue_time"),
    )


def parse_job_cost(payload: Any) -> JobCost:
    """What a job costs, from an answer of ``GET /jobs/{id}/cost``.

    Raises:
        MalformedResultError: If an amount in it is none.
    """
    entry = _object(payload, payload)

    def read(key: str) -> Cost | None:
        if entry.get(key) is None:
            return None
        amount = _object(entry[key], payload)
        return _cost(amount.get("value"), amount.get("unit"), payload)

    return JobCost(read("estimated_cost"), read("cost"), entry.get("dry_run") is True)


def estimate_query(job: JobShape) -> dict[str, str]:
    """The query that asks for the cost of a circuit as large as the largest of a job."""
    return {
        "backend": job.backend,
        "type": "ionq.circuit.v1",
        "qubits": str(job.n_qubits),
        "shots": str(job.shots),
        "1q_gates": str(max(job.n_1q, default=0)),
        "2q_gates": str(max(job.n_2q, default=0)),
        "error_mitigation": str(job.error_mitigation).lower(),
    }


async def service_estimator(jobs: Sequence[JobShape], ask: Ask) -> Estimator:
    """Prices jobs by the service's rate card, with one request per backend, shots and mitigation.

    The request is about a circuit as large as the largest. Where the service prices gates, its
    rates price every circuit, and what its total adds to ``max(minimum, gates)`` is added to each.
    Where it prices time, every circuit is taken to cost as much as the largest.

    Args:
        jobs: Jobs that the estimator will be called with; simulators are not asked about.
        ask: Sends the request.

    Raises:
        MalformedResultError: If an answer has none of the documented forms.
    """
    groups: dict[tuple[str, int, bool], list[JobShape]] = {}
    for job in jobs:
        if not job.is_free:
            groups.setdefault(_group(job), []).append(job)
    asked = {group: _largest(members) for group, members in groups.items()}
    told = {
        group: parse_estimate(await ask(estimate_query(largest)))
        for group, largest in asked.items()
    }

    def estimate(job: JobShape) -> Estimate:
        group = _group(job)
        return _scale(job, asked[group], told[group])

    return estimate


def _group(job: JobShape) -> tuple[str, int, bool]:
    return job.backend, job.shots, job.error_mitigation


def _largest(jobs: Sequence[JobShape]) -> JobShape:
    """A circuit that is at least as large as each, in everything."""
    first = jobs[0]
    n_1q = max((n for job in jobs for n in job.n_1q), default=0)
    n_2q = max((n for job in jobs for n in job.n_2q), default=0)
    n_qubits = max(job.n_qubits for job in jobs)
    return JobShape(first.backend, (n_1q,), (n_2q,), first.shots, n_qubits, first.error_mitigation)


def _scale(job: JobShape, asked: JobShape, told: Estimate) -> Estimate:
    """The estimate of a job, from that of its largest circuit."""
    rates, seconds = told.rates, told.execution_s
    if rates is None:
        highest, lowest = Cost.sum([told.cost] * job.n_circuits), Cost()
    else:
        least, gates = rates.minimum, gate_costs(rates, job)
        excess = exact(told.cost.amount(rates.unit)) - max(least, *gate_costs(rates, asked))
        excess = round(excess, _PLACES)
        added, taken = max(excess, Decimal()), min(excess, Decimal())
        highest = Cost.of(sum((max(least, g) + added for g in gates), Decimal()), rates.unit)
        lowest = Cost.of(max(Decimal(), max(least, sum(gates)) + taken), rates.unit)
    return Estimate(
        highest,
        lowest,
        rates,
        told.cost_per_compute_s,
        None if seconds is None else job.n_circuits * seconds,
        told.queue_s,
    )


def _rates(entry: Any, unit: Any, payload: Any) -> Rates | None:
    """Prices of gates, or None where there are none."""
    prices = _object(entry, payload)
    if prices.get("cost_1q_gate") is None and prices.get("cost_2q_gate") is None:
        return None
    minimum = prices.get("job_cost_minimum")
    return Rates(
        _number(prices.get("cost_1q_gate"), payload),
        _number(prices.get("cost_2q_gate"), payload),
        0.0 if minimum is None else _number(minimum, payload),
        str(unit),
    )


def _seconds(entry: dict[str, Any], key: str) -> float | None:
    """A time that is given in milliseconds, in seconds."""
    return None if entry.get(key) is None else _number(entry[key], entry) / 1000


def _cost(value: Any, unit: Any, payload: Any) -> Cost:
    if not isinstance(unit, str) or not unit:
        _refuse(payload)
    return Cost.of(_number(value, payload), unit)


def _number(value: Any, payload: Any) -> float:
    if not is_amount(value):
        _refuse(payload)
    return float(value)


def _object(value: Any, payload: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse(payload)
    return value


def _refuse(payload: Any) -> NoReturn:
    raise MalformedResultError(f"no cost in the documented form: {str(payload)[:_QUOTED]}")
