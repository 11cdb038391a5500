"""Requests to jobs: which circuits travel together.

Shots, noise and settings hold for a whole job, so circuits of one job must agree on them; beyond
that a job takes as many circuits as the service's limits allow.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

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
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        if item.n_bytes + _HEAD_BYTES > limits.body_bytes:
            raise InvalidCircuitError(
                f"a circuit of {item.n_gates} gates is {item.n_bytes} bytes of JSON; the service "
                f"takes request bodies up to {limits.body_bytes} bytes"
            )
        groups.setdefault(item.group, []).append(item)
    return [job for group in groups.values() for job in _fill(group, limits)]


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
