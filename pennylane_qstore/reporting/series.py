"""Records as series over time, which plots and pages draw."""

from collections.abc import Sequence
from dataclasses import dataclass

from pennylane_qstore.reporting.records import BatchRecord


@dataclass(frozen=True, slots=True)
class Series:
    """Values over time.

    Attributes:
        label: What it shows.
        times: Seconds since the run began; shape ``(n,)``.
        values: Shape ``(n,)``.
    """

    label: str
    times: tuple[float, ...]
    values: tuple[float, ...]


def circuits_over_time(records: Sequence[BatchRecord]) -> tuple[Series, Series]:
    """Circuits so far, at the end of each batch: those asked for, and those the cache lacked."""
    return (
        _running_total("asked for", records, [one.n_circuits for one in records]),
        _running_total("run", records, [one.n_run for one in records]),
    )


def cost_over_time(records: Sequence[BatchRecord]) -> dict[str, tuple[Series, Series]]:
    """Money so far, at the end of each batch: per unit what was estimated, and what was spent."""
    costs = [pair for record in records for pair in record.estimated_cost + record.actual_cost]
    return {
        unit: (
            _running_total("estimated", records, _amounts("estimated_cost", records, unit)),
            _running_total("spent", records, _amounts("actual_cost", records, unit)),
        )
        for unit in sorted({unit for unit, _ in costs})
    }


def batch_times(records: Sequence[BatchRecord]) -> Series:
    """Wall time of each batch in seconds, at the moment it began, in the order of the records."""
    origin = _origin(records)
    times = tuple(record.started - origin for record in records)
    return Series("batch", times, tuple(record.seconds for record in records))


def _running_total(label: str, records: Sequence[BatchRecord], amounts: Sequence[float]) -> Series:
    """Sums from zero at the beginning; batches count when they end."""
    origin = _origin(records)
    moments = [record.started + record.seconds - origin for record in records]
    times, values = [0.0], [0.0]
    for time, value in sorted(zip(moments, amounts, strict=True)):
        times.append(time)
        values.append(values[-1] + value)
    return Series(label, tuple(times), tuple(values))


def _origin(records: Sequence[BatchRecord]) -> float:
    return min((record.started for record in records), default=0.0)


def _amounts(key: str, records: Sequence[BatchRecord], unit: str) -> list[float]:
    """What each batch adds to a cost, in one unit."""
    return [sum(amount for name, amount in getattr(one, key) if name == unit) for one in records]
