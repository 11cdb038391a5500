"""What rules ask of operations and measurements."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.measurements import CountsMP, ExpectationMP, ProbabilityMP, SampleMP, VarianceMP
from pennylane.operation import Operation, Operator, StatePrepBase
from pennylane.ops import Conditional
from pennylane.ops.qubit.attributes import diagonal_in_z_basis
from pennylane.tape import QuantumScript

MOST_WIRES = 3
TOLERANCE = 1e-12


def is_unitary(op: Operator) -> bool:
    """Whether an operation is a plain gate: no preparation, channel or measurement."""
    special = (StatePrepBase, qml.operation.Channel, qml.Snapshot, qml.Barrier, Conditional)
    return isinstance(op, Operation) and not isinstance(op, special) and op.name != "PauliMeasure"


def is_frozen(op: Operator) -> bool:
    """Whether its parameters are plain numbers: none is trained, and none is a batch."""
    return op.batch_size is None and not any(
        qml.math.requires_grad(value) or qml.math.is_abstract(value) for value in op.data
    )


def matrix_of(op: Operator, wire_order: Any) -> NDArray[np.complex128] | None:
    """The matrix of a small gate whose parameters are numbers, else None."""
    if not is_unitary(op) or not 0 < len(op.wires) <= MOST_WIRES:
        return None
    if not is_frozen(op) or not op.has_matrix:
        return None
    if not all(np.all(np.isfinite(qml.math.toarray(value))) for value in op.data):
        return None
    return np.asarray(qml.math.toarray(qml.matrix(op, wire_order=wire_order)), dtype=complex)


def is_identity(matrix: NDArray[np.complex128]) -> bool:
    """Whether a matrix is the identity up to its phase."""
    return bool(np.allclose(matrix, matrix[0, 0] * np.eye(len(matrix)), atol=TOLERANCE, rtol=0))


def is_diagonal(op: Operator) -> bool:
    """Whether a gate only changes phases of computational basis states."""
    return is_unitary(op) and op in diagonal_in_z_basis


def reads_all_wires(tape: QuantumScript) -> bool:
    """Whether a measurement means every wire there is, by naming none."""
    return any(not mp.wires and mp.mv is None for mp in tape.measurements)


def wires_in_order(tape: QuantumScript) -> list[Any]:
    """Wires in order of first use; barriers do not use a wire, since devices may drop them."""
    gates = [op for op in tape.operations if not isinstance(op, qml.Barrier)]
    return list(QuantumScript(gates, tape.measurements).wires)


def reads_basis_states_only(tape: QuantumScript) -> bool:
    """Whether only the distribution over computational basis states is measured."""
    return all(_reads_basis_states(mp) for mp in tape.measurements)


def _reads_basis_states(mp: Any) -> bool:
    if not isinstance(mp, ProbabilityMP | SampleMP | CountsMP | ExpectationMP | VarianceMP):
        return False
    if mp.mv is not None:
        return False
    if mp.obs is None:
        return mp.eigvals() is None
    sentence = mp.obs.pauli_rep
    words = () if sentence is None else tuple(sentence)
    return bool(words) and all(set(word.values()) <= {"Z"} for word in words)


def neighbours(operations: Sequence[Operator]) -> list[tuple[int, int]]:
    """Pairs of operations on the same wires with nothing between them, in time order."""
    last: dict[Any, int] = {}
    found = []
    for index, op in enumerate(operations):
        before = {last.get(wire) for wire in op.wires}
        first = before.pop() if len(before) == 1 else None
        if first is not None and set(operations[first].wires) == set(op.wires):
            found.append((first, index))
        last |= dict.fromkeys(op.wires, index)
        if not op.wires:  # Barriers and snapshots on no wires stand for all.
            last = dict.fromkeys(last, index)
    return found
