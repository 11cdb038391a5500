r"""Trailing Clifford gates of a structure as arithmetic on outcomes, whatever its angles.

For expectation values and variances it does not matter which circuit the outcomes come from, as
long as they are read rightly. Seen from the end, every qubit is measured along some direction. A
rotation whose letters are all parallel to it only changes phases. If one letter stands at a right
angle instead and the angle is :math:`\pm\pi/2`, then

.. math:: e^{\mp i\frac{\pi}{4} P\otimes Q} = e^{\mp i\frac{\pi}{4} Q}
    \quad\text{or, where P is measured as } -1, \quad
    e^{\pm i\frac{\pi}{4} Q} \simeq Q\, e^{\mp i\frac{\pi}{4} Q}

and Q inverts the outcome of its qubit: the interaction is a one-qubit rotation, and an outcome that
is added to another one afterwards.

References:
    Liu, Tan, Li, Wang, QuCLEAR (2024), arXiv:2408.13316.
"""

from math import pi, prod, remainder

from pennylane_qstore.compile.affine import Affine
from pennylane_qstore.compile.form import Bit, Form, Local, Operation, Rotation
from pennylane_qstore.compile.one_qubit import ATOL
from pennylane_qstore.compile.passes.spins import (
    LETTERS,
    Spin,
    Vector,
    Z,
    about,
    between,
    inverse,
    orthogonal,
    parallel,
    spin_of,
    turn,
    unitary_of,
)


def absorb_tail(form: Form) -> Form:
    """Take the trailing Clifford operations off a circuit and put them into its readout.

    Args:
        form: Operations whose angles are numbers or affine.

    Returns:
        A form with the same distribution of the bits that its readout gives, from any state. It has
        no more interactions, and at most one new local on each qubit.
    """
    tail = _Tail(form)
    for operation in reversed(form.operations):
        tail.take(operation)
    return tail.form()


class _Tail:
    """What stands behind the operations that are left, read from the end."""

    def __init__(self, form: Form) -> None:
        self.n_qubits = form.n_qubits
        self.readout = list(form.readout)
        self.measured: list[Vector] = [Z] * form.n_qubits
        self.kept: list[Operation] = []
        self.blocked: set[int] = set()

    def take(self, operation: Operation) -> None:
        """Absorb one operation, or keep it and everything before it on its qubits."""
        if isinstance(operation, Local):
            if operation.qubit in self.blocked:
                self.kept.append(operation)
            else:
                self._turn(operation.qubit, spin_of(operation.unitary))
        elif not self.blocked.isdisjoint(operation.qubits) or not self._absorb(operation):
            for qubit in set(operation.qubits) - self.blocked:
                self._block(qubit)
            self.kept.append(operation)

    def _turn(self, qubit: int, spin: Spin) -> None:
        self.measured[qubit] = turn(inverse(spin), self.measured[qubit])

    def _absorb(self, rotation: Rotation) -> bool:
        """Whether a rotation on qubits that nothing blocks could be taken."""
        axes = [LETTERS[letter] for letter in rotation.axes]
        directions = [self.measured[qubit] for qubit in rotation.qubits]
        signs = [parallel(axis, seen) for axis, seen in zip(axes, directions, strict=True)]
        if all(signs):
            return True
        if isinstance(rotation.angle, Affine):
            return False
        if len(axes) == 1 or abs(abs(remainder(rotation.angle, 2 * pi)) - pi) < ATOL:
            for qubit, axis in zip(rotation.qubits, axes, strict=True):
                self._turn(qubit, about(axis, rotation.angle))
            return True
        place = signs.index(0)
        is_quarter = abs(abs(remainder(rotation.angle, 2 * pi)) - pi / 2) < ATOL
        if signs.count(0) > 1 or not is_quarter or not orthogonal(axes[place], directions[place]):
            return False
        target = rotation.qubits[place]
        controls = {qubit for qubit in rotation.qubits if qubit != target}
        sign = prod(sign for sign in signs if sign)
        self._turn(target, about(axes[place], sign * rotation.angle))
        self.readout = [
            Bit(tuple(sorted(set(bit.qubits) ^ controls)), bit.flip)
            if target in bit.qubits
            else bit
            for bit in self.readout
        ]
        return True

    def _block(self, qubit: int) -> None:
        """Measure a qubit here along the direction that was found, the shorter way round."""
        self.blocked.add(qubit)
        direction = self.measured[qubit]
        if direction[2] < -ATOL:
            direction = (-direction[0], -direction[1], -direction[2])
            self.readout = [
                Bit(bit.qubits, bit.flip ^ (qubit in bit.qubits)) for bit in self.readout
            ]
        if not parallel(direction, Z):
            self.kept.append(Local(qubit, unitary_of(between(direction, Z))))

    def form(self) -> Form:
        for qubit in set(range(self.n_qubits)) - self.blocked:
            self._block(qubit)
        return Form(self.n_qubits, tuple(reversed(self.kept)), tuple(self.readout))
