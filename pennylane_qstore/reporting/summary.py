"""What a run did, added up from the records of its batches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from math import fsum
from typing import Any

from pennylane_qstore.reporting.anomalies import Anomaly, find_anomalies
from pennylane_qstore.reporting.html import to_html
from pennylane_qstore.reporting.records import Amounts, BatchRecord
from pennylane_qstore.reporting.sections import sections
from pennylane_qstore.reporting.stages import STAGES
from pennylane_qstore.reporting.text import to_text

_SHOWN_ERRORS = 5


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did; shown as text, and as tables in a notebook.

    Attributes:
        records: Its batches, in the order in which they ran.
    """

    records: tuple[BatchRecord, ...]

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """Batches that stand out."""
        return find_anomalies(self.records)

    def to_dict(self) -> dict[str, Any]:
        """All numbers, ready for JSON.

        Times are in seconds, costs in amounts per unit. A ratio is None where there is nothing to
        divide by. ``total_time`` adds up the batches and is what ``stages`` divide; ``busy_time``
        counts once what ran at the same time, and is what the throughput is measured by.
        """
        return {
            **self._totals(),
            "stages": self._stages(),
            "circuit_cache": self._cache(),
            "native_compiler": self._compiler(),
            "client": self._client(),
            "queue": self._queue(),
            "cost": {
                "estimated": _add(record.estimated_cost for record in self.records),
                "spent": _add(record.actual_cost for record in self.records),
                "saved": _add(record.saved_cost for record in self.records),
            },
            "anomalies": [anomaly.reason for anomaly in self.anomalies],
        }

    def __str__(self) -> str:
        return to_text(sections(self.to_dict()))

    def _repr_html_(self) -> str:
        return to_html(sections(self.to_dict()))

    def _each(self, name: str) -> list[Any]:
        return [getattr(record, name) for record in self.records]

    def _count(self, name: str) -> int:
        return sum(self._each(name))

    def _totals(self) -> dict[str, Any]:
        """What stands at the top of the dictionary."""
        n_circuits = self._count("n_circuits")
        errors = [error for record in self.records for error in record.errors]
        total_time, busy_time = fsum(self._each("seconds")), _busy_time(self.records)
        return {
            "batches": len(self.records),
            "circuits": n_circuits,
            "avg_circuits": _ratio(n_circuits, len(self.records)),
            "shots": self._count("shots"),
            "total_time": total_time,
            "busy_time": busy_time,
            "avg_batch_time": _ratio(total_time, len(self.records)),
            "throughput_circuits_per_sec": _ratio(n_circuits, busy_time),
            "cache_hit_rate": _ratio(self._count("n_cached"), n_circuits),
            "errors": len(errors),
            "last_errors": errors[-_SHOWN_ERRORS:],
            "backends": dict(Counter(self._each("backend"))),
            "packing": dict(Counter(filter(None, self._each("packing")))),
        }

    def _stages(self) -> dict[str, float]:
        columns = zip(*(astuple(record.stages) for record in self.records), strict=True)
        totals = [fsum(column) for column in columns] or [0.0] * len(STAGES)
        return dict(zip(STAGES, totals, strict=True))

    def _cache(self) -> dict[str, Any]:
        hits, n_circuits = self._count("n_cached"), self._count("n_circuits")
        template_hits, template_misses = (
            self._count("template_hits"),
            self._count("template_misses"),
        )
        return {
            "hits": hits,
            "misses": n_circuits - hits,
            "hit_rate": _ratio(hits, n_circuits),
            "saved_seconds": fsum(self._each("saved_seconds")),
            "template_hits": template_hits,
            "template_misses": template_misses,
            "template_hit_rate": _ratio(template_hits, template_hits + template_misses),
        }

    def _compiler(self) -> dict[str, Any]:
        """Counts of gates; those before the compiler only if all batches counted them."""
        after_1q, after_2q = self._count("gates_1q"), self._count("gates_2q")
        before_1q = _sum_known(self._each("gates_1q_before"))
        before_2q = _sum_known(self._each("gates_2q_before"))
        reduction: float | None = None
        if before_1q is not None and before_2q is not None:
            reduction = _reduction(before_1q + before_2q, after_1q + after_2q)
        return {
            "gates_1q": after_1q,
            "gates_2q": after_2q,
            "gates_1q_before": before_1q,
            "gates_2q_before": before_2q,
            "avg_reduction_pct": reduction,
            "reduction_2q_pct": None if before_2q is None else _reduction(before_2q, after_2q),
        }

    def _client(self) -> dict[str, Any]:
        n_run = self._count("n_circuits") - self._count("n_cached")
        n_jobs, requests, polls = (self._count(key) for key in ("n_jobs", "requests", "polls"))
        return {
            "circuits_run": n_run,
            "unique_circuits": self._count("n_unique"),
            "jobs": n_jobs,
            "requests": requests,
            "polls": polls,
            "retries": self._count("retries"),
            "circuits_per_request": _ratio(n_run, requests),
            "polls_per_job": _ratio(polls, n_jobs),
        }

    def _queue(self) -> dict[str, Any]:
        known = [record.queue_s for record in self.records if record.queue_s is not None]
        return {
            "longest": max(known, default=None),
            "average": _ratio(fsum(known), len(known)),
        }


def summarize(records: Iterable[BatchRecord]) -> Summary:
    """What these batches did together."""
    return Summary(tuple(records))


def _ratio(part: float, whole: float) -> float | None:
    """A ratio, or None where there is none."""
    return part / whole if whole else None


def _sum_known(counts: Sequence[int | None]) -> int | None:
    """The sum, or None if a part of it is unknown."""
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _reduction(before: int, after: int) -> float | None:
    """By how many percent a number fell, or None if it was 0."""
    return 100 * (1 - after / before) if before else None


def _add(costs: Iterable[Amounts]) -> dict[str, float]:
    """Amounts per unit, added as the decimal numbers that they are."""
    totals: dict[str, Decimal] = {}
    for unit, amount in (pair for cost in costs for pair in cost):
        totals[unit] = totals.get(unit, Decimal()) + Decimal(repr(float(amount)))
    return {unit: float(total) for unit, total in sorted(totals.items())}


def _busy_time(records: Sequence[BatchRecord]) -> float:
    """Seconds in which at least one batch ran."""
    parts: list[float] = []
    end = float("-inf")
    for begin, seconds in sorted((record.started, record.seconds) for record in records):
        # What does not overlap counts in full, without the rounding of large clock readings.
        parts.append(seconds if begin >= end else max(0.0, begin + seconds - end))
        end = max(end, begin + seconds)
    return fsum(parts)
