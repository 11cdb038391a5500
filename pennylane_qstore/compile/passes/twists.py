r"""Circuits as two-qubit rotations about any directions, with all one-qubit gates at the end.

A *twist* is :math:`\exp(-i\frac{\theta}{2}\, (n\cdot\sigma)\otimes(m\cdot\sigma))` with unit
vectors :math:`n, m`. One-qubit unitaries are pushed behind all twists by
:math:`R\,U = U\,(U^\dagger R\,U)`, which only turns directions. In this form commutation,
cancellation and the number of pulses are questions about angles between vectors:

* twists commute where the directions on shared qubits are parallel on all of them, or at a right
  angle on two;
* a twist by :math:`\pi` is the pair of one-qubit gates :math:`(n\cdot\sigma)\otimes(m\cdot\sigma)`;
* in front of the measurement only the direction :math:`z_q` counts that the last one-qubit gate
  takes to Z.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import NamedTuple

from pennylane_qstore.compile.form import Bit, Form, Local
from pennylane_qstore.compile.passes.spins import (
    LETTERS,
    STILL,
    Spin,
    Vector,
    Z,
    about,
    inverse,
    orthogonal,
    parallel,
    product,
    spin_of,
    turn,
)

ANGLE_ATOL = 1e-11
"""Angles below this are none."""


class Twist(NamedTuple):
    r"""A rotation :math:`\exp(-i\frac{\theta}{2}\, (n\cdot\sigma)\otimes(m\cdot\sigma))`.

    Attributes:
        qubits: The two qubits.
        axes: Unit vectors n and m.
        angle: θ, in radians.
    """

    qubits: tuple[int, int]
    axes: tuple[Vector, Vector]
    angle: float

    def axis(self, qubit: int) -> Vector:
        """Its direction on one of its qubits."""
        return self.axes[0] if self.qubits[0] == qubit else self.axes[1]


@dataclass(frozen=True, slots=True)
class TwistForm:
    """Twists from the ground state, one unitary per qubit, then the measurement.

    Attributes:
        n_qubits: Width of the circuit.
        twists: Twists in time order.
        finals: Unitary on each qubit after all twists.
        readout: How each bit of the result is read.
    """

    n_qubits: int
    twists: tuple[Twist, ...]
    finals: tuple[Spin, ...]
    readout: tuple[Bit, ...]

    def measured(self) -> list[Vector]:
        """The direction each qubit is measured along, seen from before its last unitary."""
        return [turn(inverse(spin), Z) for spin in self.finals]


def to_twists(form: Form) -> TwistForm:
    """Push all one-qubit gates of a form to its end.

    Args:
        form: Rotations of at most two qubits.

    Returns:
        The same circuit as twists.

    Raises:
        ValueError: If a rotation has more than two qubits; expand those first.
    """
    spins: list[Spin] = [STILL] * form.n_qubits
    twists = []
    for op in form.operations:
        if isinstance(op, Local):
            spins[op.qubit] = product(spin_of(op.unitary), spins[op.qubit])
        elif len(op.qubits) == 2:
            a, b = op.qubits
            first = turn(inverse(spins[a]), LETTERS[op.axes[0]])
            second = turn(inverse(spins[b]), LETTERS[op.axes[1]])
            twists.append(Twist((a, b), (first, second), op.angle))
        elif len(op.qubits) == 1:
            rotation = about(LETTERS[op.axes], op.angle)
            spins[op.qubits[0]] = product(rotation, spins[op.qubits[0]])
        elif op.qubits:
            raise ValueError(f"a rotation on qubits {list(op.qubits)}: expand it to pairs first")
    return TwistForm(form.n_qubits, tuple(twists), tuple(spins), form.readout)


def commute(first: Twist, second: Twist) -> bool:
    """Whether two twists commute, whatever their angles."""
    crossings = 0
    for qubit in first.qubits:
        if qubit in second.qubits:
            n, m = first.axis(qubit), second.axis(qubit)
            if parallel(n, m):
                continue
            if not orthogonal(n, m):
                return False
            crossings += 1
    return crossings % 2 == 0


def reduced_angle(angle: float) -> tuple[float, bool]:
    """An angle between -π/2 and π/2, and whether a twist by π remains besides it."""
    halves = round(angle / pi)
    rest = angle - halves * pi
    if rest < -pi / 2 + ANGLE_ATOL:
        return rest + pi, halves % 2 == 0
    return rest, halves % 2 == 1


def paulis(twist: Twist) -> tuple[Spin, Spin]:
    """The one-qubit gates that a twist by π about the same directions is."""
    return (0.0, *twist.axes[0]), (0.0, *twist.axes[1])


def turned(twist: Twist, spins: Sequence[Spin]) -> Twist:
    """The twist seen from before one-qubit gates ``spins``: ``R U = U (U† R U)``."""
    a, b = twist.qubits
    first, second = spins[a], spins[b]
    if first is STILL and second is STILL:
        return twist
    axes = (turn(inverse(first), twist.axes[0]), turn(inverse(second), twist.axes[1]))
    return Twist(twist.qubits, axes, twist.angle)


def swapped_ends(twist: Twist) -> Twist:
    """The same twist with its qubits in the other order."""
    return Twist(twist.qubits[::-1], twist.axes[::-1], twist.angle)


def total_angle(twists: Sequence[Twist]) -> float:
    """Sum of the entangling angles in units of the full entangler, π/2."""
    return sum(abs(reduced_angle(twist.angle)[0]) for twist in twists) / (pi / 2)
