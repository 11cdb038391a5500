r"""The optimiser's circuit form: one-qubit unitaries, Pauli rotations, and how outcomes are read.

Every operation PennyLane can decompose is, up to global phase, one-qubit unitaries and rotations
:math:`\exp(-i\frac{\theta}{2} P)` about Pauli words :math:`P`; a word of two letters is what MS and
ZZ do natively. Permutations of qubits cost nothing: they only change which qubit is read as which.
Passes take a form and return an equivalent one; they never change their input.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from pennylane_qstore.compile.one_qubit import Unitary
from pennylane_qstore.native import Bit

__all__ = ["Bit", "Form", "Local", "Operation", "Rotation", "plain_readout"]


class Local(NamedTuple):
    """A one-qubit unitary.

    Attributes:
        qubit: The qubit it acts on.
        unitary: Its matrix, up to global phase.
    """

    qubit: int
    unitary: Unitary


class Rotation(NamedTuple):
    r"""A rotation :math:`\exp(-i\frac{\theta}{2} P)` about a Pauli word.

    Attributes:
        qubits: Distinct qubits the word acts on; two of them make it a native interaction.
        axes: Its letters on those qubits, each of ``X``, ``Y``, ``Z``.
        angle: θ, in radians: a number, or in a template an
            :class:`~pennylane_qstore.compile.affine.Affine`.
    """

    qubits: tuple[int, ...]
    axes: str
    angle: Any


Operation = Local | Rotation


@dataclass(frozen=True, slots=True)
class Form:
    """A circuit that starts in the ground state, and whose qubits are all measured at the end.

    Attributes:
        n_qubits: Width of the circuit.
        operations: Operations in time order.
        readout: How each bit of the result is read; bit i is qubit i if nothing was moved.
    """

    n_qubits: int
    operations: tuple[Operation, ...]
    readout: tuple[Bit, ...]


def plain_readout(n_qubits: int) -> tuple[Bit, ...]:
    """Every qubit is read as itself."""
    return tuple(Bit((qubit,)) for qubit in range(n_qubits))
