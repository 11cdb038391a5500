"""Which circuits of a batch begin alike, so that their common beginning is simulated once.

The circuits of a parameter-shift gradient equal the unshifted one up to the shifted gate. Sorted
by their numbers in the order of the gates, circuits that begin alike are neighbours, and each one
branches off from the one before it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator.program import FloatArray, Program

IntArray = NDArray[np.int64]

_GROWTH = 1.25
_MIN_GROWTH = 4
"""Adding circuits copies the whole state, so some are added a little before they branch off."""


@dataclass(frozen=True, eq=False)
class Prefixes:
    """Circuits in the order of their numbers.

    Attributes:
        order: Row of each circuit before sorting; shape ``(batch,)``.
        branches: Index of the gate at which each sorted circuit first differs from the one before
            it: 0 for the first circuit, ``n_gates`` for a repeated one; shape ``(batch,)``.
        n_gates: Number of gates.
    """

    order: IntArray
    branches: IntArray
    n_gates: int

    def chunks(self, rows: int) -> "list[Prefixes]":
        """Runs of at most ``rows`` circuits and much the same length, each begun on its own."""
        n_chunks = -(-len(self.order) // rows)
        rows = -(-len(self.order) // n_chunks)
        found = []
        for start in range(0, len(self.order), rows):
            branches = self.branches[start : start + rows].copy()
            branches[0] = 0
            found.append(Prefixes(self.order[start : start + rows], branches, self.n_gates))
        return found

    def stages(self) -> dict[int, IntArray]:
        """Gates before which circuits are added, and all circuits (sorted) there are from then on.

        Circuits that are still missing at the end repeat the one before them.
        """
        found: dict[int, IntArray] = {}
        gates, counts = np.unique(self.branches, return_counts=True)
        totals = np.cumsum(counts)
        place, end = 0, int(np.searchsorted(gates, self.n_gates))
        while place < end:
            needed = int(totals[place])
            room = max(needed + _MIN_GROWTH, int(_GROWTH * needed))
            following = min(int(np.searchsorted(totals, room, side="right")), end)
            members = np.flatnonzero(self.branches <= gates[following - 1])
            found[int(gates[place])] = members
            place = following
        return found


def parents(members: IntArray, children: IntArray) -> IntArray:
    """Place in ``members`` of the circuit that each child begins like."""
    return np.searchsorted(members, children, side="right") - 1


def find_prefixes(program: Program, values: FloatArray) -> Prefixes:
    """Sort circuits so that those which begin alike are neighbours.

    Args:
        program: The common structure.
        values: Numbers of each circuit; shape ``(batch, n_slots)``.
    """
    n_gates = len(program.ops)
    gates = np.array([index for index, op in enumerate(program.ops) for _ in op.slots], dtype=int)
    slots = [slot for op in program.ops for slot in op.slots]
    branches = np.full(len(values), n_gates)
    branches[0] = 0
    if not slots or len(values) == 1:
        return Prefixes(np.arange(len(values)), branches, n_gates)
    numbers = np.ascontiguousarray(values[:, slots])
    # Any order will do that keeps equal beginnings together; that of the bytes costs one sort.
    order = np.argsort(numbers.view(f"V{numbers.strides[0]}").ravel(), kind="stable")
    differs = np.diff(numbers[order], axis=0) != 0
    branches[1:] = np.where(differs.any(axis=1), gates[differs.argmax(axis=1)], n_gates)
    return Prefixes(order, branches, n_gates)
