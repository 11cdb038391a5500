"""The compiler's input: PennyLane's gate names on qubit indices, with plain floats."""

from typing import NamedTuple


class Instruction(NamedTuple):
    """One gate before it is compiled.

    Attributes:
        name: PennyLane's name of the operation; ``"matrix"`` for a one-qubit unitary by its
            entries; IonQ's name for a native gate the user wrote.
        qubits: Indices it acts on.
        params: Angles in radians, the four entries of a matrix by rows, or a native gate's values
            in turns.
        word: Pauli word of a ``PauliRot``.
    """

    name: str
    qubits: tuple[int, ...]
    params: tuple[float, ...] | tuple[complex, ...] = ()
    word: str = ""
