"""Circuits as the engine takes them: one structure, and the numbers that vary between circuits."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator.kernels import commute
from pennylane_qstore.emulator.refusal import Failure

FloatArray = NDArray[np.float64]

MAX_DENSE_TARGETS = 8
"""Widest pauliexp with terms that do not commute; its matrix is built in full."""


class Op(NamedTuple):
    """One gate without its numbers.

    Attributes:
        name: Kind of gate, aliases resolved: ``x y z h s si t ti v vi rx ry rz phase swap xx yy zz
            pauliexp`` with radians, ``gpi gpi2 ms nzz`` (native zz) with turns, ``nop``.
        targets: Qubits it acts on.
        controls: Qubits that all have to be 1 for it to act.
        slots: Columns of the value array that it reads.
        terms: Pauli strings of ``pauliexp``; the last character acts on ``targets[0]``.
    """

    name: str
    targets: tuple[int, ...]
    controls: tuple[int, ...] = ()
    slots: tuple[int, ...] = ()
    terms: tuple[str, ...] = ()

    @property
    def qubits(self) -> tuple[int, ...]:
        """Controls, then targets."""
        return self.controls + self.targets


@dataclass(frozen=True, eq=False)
class Program:
    """A structure that many circuits may share.

    Attributes:
        ops: Gates in time order.
        limits: Smallest and largest allowed value of each slot; shape ``(2, n_slots)``.
    """

    ops: tuple[Op, ...]
    limits: FloatArray

    @cached_property
    def qubits(self) -> tuple[int, ...]:
        """Qubits that any gate touches, ascending; the others stay in 0."""
        return tuple(sorted({qubit for op in self.ops for qubit in op.qubits}))

    @cached_property
    def n_one(self) -> int:
        """Number of gates on one qubit."""
        return sum(len(op.qubits) == 1 for op in self.ops if op.name != "nop")

    @cached_property
    def n_two(self) -> int:
        """Number of gates on two or more qubits."""
        return sum(len(op.qubits) > 1 for op in self.ops if op.name != "nop")

    @cached_property
    def names(self) -> frozenset[str]:
        """Kinds of gate that occur."""
        return frozenset(op.name for op in self.ops)

    @cached_property
    def problem(self) -> Failure | None:
        """What no compiler could accept, whatever the numbers."""
        if not self.ops:
            return Failure("InvalidInput", "The circuit has no gates")
        for op in self.ops:
            if len(set(op.qubits)) != len(op.qubits):
                return Failure("InvalidInput", f"Gate {op.name} uses a qubit twice: {op.qubits}")
            if len(op.targets) > MAX_DENSE_TARGETS and not all(
                commute(a, b) for a in op.terms for b in op.terms
            ):
                text = f"pauliexp on {len(op.targets)} qubits with terms that do not commute"
                return Failure("QuantumCircuitComplexityError", text)
        return None

    @cached_property
    def work(self) -> float:
        """Rough number of amplitude updates of one circuit."""
        return float((len(self.ops) + 8) * 2 ** len(self.qubits))
