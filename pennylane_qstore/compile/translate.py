"""Instructions to forms: each operation by its rule, permutations as readout."""

from collections.abc import Iterable
from math import pi

from pennylane_qstore.compile.form import Bit, Form, Local, Operation, Rotation
from pennylane_qstore.compile.instruction import Instruction
from pennylane_qstore.compile.one_qubit import FIXED
from pennylane_qstore.compile.rules import RULES
from pennylane_qstore.errors import UnsupportedGateError

SWAPS = frozenset({"SWAP", "ISWAP"})
TRANSLATABLE = FIXED.keys() | RULES.keys() | SWAPS | {"PauliRot"}
"""Names of the operations that have a rule."""


def _pauli_rotation(qubits: tuple[int, ...], word: str, angle: float) -> list[Operation]:
    letters = [(qubit, axis) for qubit, axis in zip(qubits, word, strict=True) if axis != "I"]
    if not letters:
        return []  # a global phase
    return [Rotation(tuple(q for q, _ in letters), "".join(axis for _, axis in letters), angle)]


def _rule(name: str, qubits: tuple[int, ...], instruction: Instruction) -> list[Operation]:
    """Operations that equal one instruction up to global phase, permutations aside."""
    params = instruction.params
    if name in FIXED:
        return [Local(qubits[0], FIXED[name])] if name != "Identity" else []
    if name in RULES:
        return RULES[name](qubits, *params)
    if name == "PauliRot":
        return _pauli_rotation(qubits, instruction.word, *params)
    if name == "ISWAP":  # exp(iπ/4 (XX + YY)) = SWAP · exp(-iπ/4 ZZ) up to global phase
        return [Rotation(qubits, "ZZ", pi / 2)]
    if name == "SWAP":
        return []
    raise UnsupportedGateError(f"no native form for {name} on qubits {list(qubits)}")


def to_form(instructions: Iterable[Instruction], n_qubits: int) -> Form:
    """Translate instructions; SWAPs only change which qubit is read as which.

    Args:
        instructions: Gates in time order, none of them native.
        n_qubits: Width of the circuit.

    Raises:
        UnsupportedGateError: If an instruction has no rule.
    """
    places = list(range(n_qubits))
    operations: list[Operation] = []
    for instruction in instructions:
        qubits = tuple([places[qubit] for qubit in instruction.qubits])
        operations += _rule(instruction.name, qubits, instruction)
        if instruction.name in SWAPS:
            first, second = instruction.qubits
            places[first], places[second] = places[second], places[first]
    return Form(n_qubits, tuple(operations), tuple(Bit((place,)) for place in places))
