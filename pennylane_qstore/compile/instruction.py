"""The compiler's input: PennyLane's gate names on qubit indices, with plain numbers."""

from typing import Any, NamedTuple


class Instruction(NamedTuple):
    """One gate before it is compiled.

    Attributes:
        name: PennyLane's name of the operation, or IonQ's for a native gate the user wrote.
        qubits: Indices it acts on.
        params: Angles in radians (numbers, or in a template affine), or a native gate's values in
            turns.
        word: Pauli word of a ``PauliRot``.
    """

    name: str
    qubits: tuple[int, ...]
    params: tuple[Any, ...] = ()
    word: str = ""
