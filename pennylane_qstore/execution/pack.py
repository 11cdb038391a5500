"""Requests to jobs: which circuits travel together.

Shots, noise and settings hold for a whole job, so circuits of one job must agree on them; beyond
that a job takes as many circuits as the service's limits allow.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from pennylane_qstore.errors import InvalidCircuitError

_HEAD_BYTES = 16_384
"""Room for everything in a body that is not a circuit."""

_ENTRY_BYTES = 96
"""Room for the name, gate set and width of one circuit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest job that the service takes.

    Attributes:
        circuits: Circuits of a multi-circuit job.
        gates: Gates of a multi-circuit job, in all.
        body_bytes: Size of the request body.
    """

    circuits: int = 5_000
    gates: int = 150_000
    body_bytes: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """One circuit to be packed.

    Attributes:
        index: Its position, which the plan refers to.
        group: Circuits may share a job only if their groups are equal.
        n_gates: Its number of gates.
        n_bytes: Size of its JSON.
    """

    index: int
    group: Hashable
    n_gates: int
    n_bytes: int


def pack(items: Iterable[Item], limits: Limits) -> list[tuple[int, ...]]:
    """Distribute circuits over jobs, keeping their order within each.

    Returns:
        The indices of the circuits of each job.

    Raises:
        InvalidCircuitError: If one circuit alone is larger than a request body may be.
    """
    return [job for group in _groups(items, limits) for job in _fill(group, limits)]


def pack_evenly(
    items: Iterable[Item], limits: Limits, n_jobs: int, *, tilt: float = 0.0
) -> list[tuple[int, ...]]:
    """Distribute circuits over about that many jobs of about equal size.

    A job's size is the mean of its share of the circuits and its share of the gates. Groups and
    limits may ask for more jobs; there are never more jobs than circuits.

    Args:
        items: The circuits.
        limits: The largest job that the service takes.
        n_jobs: Number of jobs.
        tilt: By which part the first job of a group is larger than the mean and the last one
            smaller, so that sizes differ and what a circuit costs can be told from what a job
            costs; 0 to 0.5.

    Returns:
        The indices of the circuits of each job.

    Raises:
        InvalidCircuitError: If one circuit alone is larger than a request body may be.
    """
    groups = _groups(items, limits)
    fewest = [_fill(group, limits) for group in groups]
    counts = _spread(list(map(len, groups)), list(map(len, fewest)), n_jobs)
    plan: list[tuple[int, ...]] = []
    for group, full, count in zip(groups, fewest, counts, strict=True):
        even = [job for part in _cut(group, count, tilt) for job in _fill(part, limits)]
        plan += full if len(even) > count == len(full) else even
    return plan


def _groups(items: Iterable[Item], limits: Limits) -> list[list[Item]]:
    """Circuits that may share a job, in their order."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        if item.n_bytes + _HEAD_BYTES > limits.body_bytes:
            raise InvalidCircuitError(
                f"a circuit of {item.n_gates} gates is {item.n_bytes} bytes of JSON; the service "
                f"takes request bodies up to {limits.body_bytes} bytes"
            )
        groups.setdefault(item.group, []).append(item)
    return list(groups.values())


def _spread(sizes: Sequence[int], fewest: Sequence[int], n_jobs: int) -> list[int]:
    """Number of jobs of each group: one more for whichever has the largest jobs."""
    counts = list(fewest)
    for _ in range(min(n_jobs, sum(sizes)) - sum(counts)):
        largest = max(range(len(sizes)), key=lambda place: sizes[place] / counts[place])
        counts[largest] += 1
    return counts


def _cut(items: Sequence[Item], n_parts: int, tilt: float) -> list[list[Item]]:
    """Neighbours into parts of equal weight; one whose middle lies in a part belongs to it."""
    if n_parts == 1:
        return [list(items)]
    mean = max(sum(item.n_gates for item in items) / len(items), 1.0)
    ends = list(accumulate(item.n_gates + mean for item in items))
    parts: list[list[Item]] = [[] for _ in range(n_parts)]
    before = 0.0
    for item, end in zip(items, ends, strict=True):
        middle = (before + end) / (2 * ends[-1])
        part = int(n_parts * (middle - tilt * middle * (1 - middle)))
        parts[part].append(item)
        before = end
    return [part for part in parts if part]


def _fill(items: Sequence[Item], limits: Limits) -> list[tuple[int, ...]]:
    """Fill jobs one after the other."""
    jobs: list[list[int]] = []
    gates = size = 0
    for item in items:
        gates += item.n_gates
        size += item.n_bytes + _ENTRY_BYTES
        full = gates > limits.gates or size > limits.body_bytes
        if not jobs or full or len(jobs[-1]) == limits.circuits:
            jobs.append([])
            gates, size = item.n_gates, item.n_bytes + _ENTRY_BYTES + _HEAD_BYTES
        jobs[-1].append(item.index)
    return [tuple(job) for job in jobs]
