r"""A template's form as a program for arrays: runs of one-qubit gates, interactions between them.

A *run* is what happens on one qubit between two entangling gates. It is written as constants around
rotations about Z with affine angles,
:math:`C_m\, RZ(\alpha_m) \cdots C_1\, RZ(\alpha_1)\, C_0`, because
:math:`R_P(\alpha) = C^\dagger RZ(\alpha)\, C` where :math:`C P C^\dagger = Z`.

Interactions with a free angle may need Paulis beside the native gate (angles beyond a quarter
turn), or an X around it (negative angles, which ZZ does not have). Both are rotations whose angle
is 0 or π: *branches*, which extend the parameters.
"""

from cmath import phase as argument
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import pi
from typing import NamedTuple

from pennylane_qstore.compile.affine import Affine
from pennylane_qstore.compile.form import Form, Local, Rotation
from pennylane_qstore.compile.one_qubit import ATOL, IDENTITY, PAULI_X, TURN, Unitary
from pennylane_qstore.compile.rules import ROTATIONS, reduced
from pennylane_qstore.compile.synthesize import TO_EQUATOR, TO_Z, inverse
from pennylane_qstore.compile.target import Entangler


class Run(NamedTuple):
    """One-qubit gates between two entangling gates.

    Attributes:
        qubit: Where it happens.
        layers: Pairs of a constant and the affine angle of the RZ that follows it.
        last: The constant at the end.
    """

    qubit: int
    layers: tuple[tuple[Unitary, Affine], ...]
    last: Unitary


class Interaction(NamedTuple):
    """One entangling gate.

    Attributes:
        qubits: The two qubits it acts on.
        runs: Places of the runs that end in front of it.
        offsets: Phase of its axis on each qubit, in turns, for MS.
        angle: Its angle in radians: a number already reduced, or affine.
        number: Which of the free interactions it is; -1 if its angle is fixed.
    """

    qubits: tuple[int, int]
    runs: tuple[int, int]
    offsets: tuple[float, float]
    angle: "float | Affine"
    number: int


@dataclass(frozen=True)
class Program:
    """Runs and interactions of a template.

    Attributes:
        n_qubits: Width of the circuit.
        runs: Runs, those in front of each interaction first, in the order they are emitted.
        interactions: Entangling gates in time order.
        n_params: Number of free parameters; branches follow them.
    """

    n_qubits: int
    runs: tuple[Run, ...]
    interactions: tuple[Interaction, ...]
    n_params: int


@dataclass
class _Open:
    """A run that is being written."""

    layers: list[tuple[Unitary, Affine]] = field(default_factory=list)
    last: Unitary = IDENTITY

    def apply(self, unitary: Unitary) -> None:
        if unitary is not IDENTITY:
            self.last = unitary if self.last is IDENTITY else unitary.after(self.last)

    def rotate(self, axis: str, angle: "Affine | float") -> None:
        if not isinstance(angle, Affine):
            return self.apply(ROTATIONS[axis](angle))
        self.apply(TO_Z[axis])
        if self.layers and abs(self.last.b) < ATOL:  # a Z rotation follows a Z rotation
            constant, before = self.layers.pop()
            angle = before + angle + argument(self.last.d / self.last.a)
        else:
            constant = self.last
        self.layers.append((constant, angle))
        self.last = inverse(TO_Z[axis])
        return None


class _Writer:
    def __init__(self, n_qubits: int, entangler: Entangler, n_params: int, branching: bool) -> None:
        self.runs: list[Run] = []
        self.interactions: list[Interaction] = []
        self.open = [_Open() for _ in range(n_qubits)]
        self.entangler, self.n_params, self.branching = entangler, n_params, branching
        self.n_free = 0

    def close(self, qubit: int) -> int:
        """End the run on ``qubit``, start the next, and return the place of the first."""
        run = self.open[qubit]
        self.runs.append(Run(qubit, tuple(run.layers), run.last))
        self.open[qubit] = _Open()
        return len(self.runs) - 1

    def branch(self, kind: int) -> Affine:
        """0 or π, as the batch will tell: whether Paulis remain (0), whether the sign turns (1)."""
        return Affine(((self.n_params + 2 * self.n_free + kind, pi),))

    def interact(self, rotation: Rotation) -> None:
        """Write one interaction with the changes of axes around it."""
        angle: float | Affine = rotation.angle
        if isinstance(angle, Affine):
            self._interact(rotation, angle)
            if self.branching:
                self._rotate_pair(rotation, self.branch(0))
            self.n_free += 1
            return
        rest, paulis = reduced(angle / TURN)
        if abs(rest) > ATOL:
            self._interact(rotation, rest * TURN)
        if paulis:
            self._rotate_pair(rotation, pi)

    def _rotate_pair(self, rotation: Rotation, angle: "float | Affine") -> None:
        for qubit, axis in zip(rotation.qubits, rotation.axes, strict=True):
            self.open[qubit].rotate(axis, angle)

    def _interact(self, rotation: Rotation, angle: "float | Affine") -> None:
        first, second = rotation.qubits
        table = TO_EQUATOR if self.entangler == "ms" else {p: (c, 0.0) for p, c in TO_Z.items()}
        changes = [table[axis] for axis in rotation.axes]
        for qubit, (change, _) in zip(rotation.qubits, changes, strict=True):
            self.open[qubit].apply(change)
        turned = self._turned(rotation.qubits, angle)
        if turned is not None:
            self._turn(turned, angle)
        runs = (self.close(first), self.close(second))
        number = self.n_free if isinstance(angle, Affine) else -1
        offsets = (changes[0][1], changes[1][1])
        self.interactions.append(Interaction((first, second), runs, offsets, angle, number))
        if turned is not None:
            self._turn(turned, angle)
        for qubit, (change, _) in zip(rotation.qubits, changes, strict=True):
            self.open[qubit].apply(inverse(change))

    def _turned(self, qubits: Sequence[int], angle: "float | Affine") -> int | None:
        """The qubit on which a negative ZZ angle is turned round, where pulses wait anyway."""
        is_fixed_positive = not isinstance(angle, Affine) and angle > 0
        if self.entangler == "ms" or is_fixed_positive:
            return None
        if isinstance(angle, Affine) and not self.branching:
            return None
        first, second = (self.open[qubit] for qubit in qubits)
        return (
            qubits[0]
            if first.layers or abs(first.last.b) > ATOL or not second.layers
            else qubits[1]
        )

    def _turn(self, qubit: int, angle: "float | Affine") -> None:
        if isinstance(angle, Affine):
            self.open[qubit].rotate("X", self.branch(1))
        else:
            self.open[qubit].apply(PAULI_X)


def write_program(form: Form, entangler: Entangler, n_params: int, *, branching: bool) -> Program:
    """Write a form with affine angles as runs and interactions.

    Args:
        form: Locals and rotations about at most two letters.
        entangler: The native two-qubit gate.
        n_params: Number of free parameters.
        branching: Whether to provide for angles that are negative (ZZ) or beyond a quarter turn.
    """
    writer = _Writer(form.n_qubits, entangler, n_params, branching)
    for operation in form.operations:
        if isinstance(operation, Local):
            writer.open[operation.qubit].apply(operation.unitary)
        elif len(operation.qubits) == 1:
            writer.open[operation.qubits[0]].rotate(operation.axes, operation.angle)
        else:
            writer.interact(operation)
    for qubit in range(form.n_qubits):
        writer.close(qubit)
    return Program(form.n_qubits, tuple(writer.runs), tuple(writer.interactions), n_params)
