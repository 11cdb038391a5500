"""Circuits as matrices and state vectors, by code of their own: the oracle behind ``verify``.

Native gates enter by their documented matrices, the source by PennyLane's. Nothing here knows the
compiler's rules, forms or passes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pennylane_ionq.ops as ionq_ops
from numpy.typing import NDArray
from pennylane.operation import Operator
from pennylane.ops import IsingXX, IsingYY, IsingZZ

from pennylane_qstore.compile.operations import to_operations
from pennylane_qstore.errors import UnsupportedGateError
from pennylane_qstore.native import (
    Bit,
    Circuit,
    gpi2_matrix,
    gpi_matrix,
    ms_matrix,
    zz_matrix,
)
from pennylane_qstore.ops import ZZ

Complex = NDArray[np.complex128]
Float = NDArray[np.float64]
_NO_GATE = frozenset({"Barrier", "GlobalPhase", "Identity", "Snapshot", "WireCut"})
_NATIVE = {"gpi": gpi_matrix, "gpi2": gpi2_matrix, "ms": ms_matrix, "zz": zz_matrix}
_BY_TYPE: tuple[tuple[type[Operator], Any], ...] = (
    (ZZ, zz_matrix),
    (ionq_ops.GPI, gpi_matrix),
    (ionq_ops.GPI2, gpi2_matrix),
    (ionq_ops.MS, ms_matrix),
    (ionq_ops.XX, IsingXX.compute_matrix),
    (ionq_ops.YY, IsingYY.compute_matrix),
    (ionq_ops.ZZ, IsingZZ.compute_matrix),
)
"""pennylane-ionq 0.45 gives these no matrix, or (MS) one that is not unitary."""


class Step(NamedTuple):
    """A unitary on some qubits.

    Attributes:
        matrix: Shape ``(2**k, 2**k)``; the first qubit is the most significant bit.
        qubits: The ``k`` qubits it acts on.
    """

    matrix: Complex
    qubits: tuple[int, ...]


def circuit_steps(circuit: Circuit) -> list[Step]:
    """The gates of a compiled circuit."""
    if circuit.gateset == "qis":
        places = range(circuit.n_qubits)
        return source_steps(to_operations(circuit, places), {place: place for place in places})
    return [Step(_NATIVE[name](*values), qubits) for name, qubits, values in circuit.gates]


def source_steps(
    operations: Iterable[Operator], index: Mapping[Any, int], *, widest: int = 8
) -> list[Step]:
    """PennyLane's operations by PennyLane's matrices; wider ones by PennyLane's decomposition.

    Args:
        operations: Operations in time order, without broadcast parameters.
        index: Qubit of each wire.
        widest: Most qubits of an operation whose matrix is used.

    Raises:
        UnsupportedGateError: If an operation has neither a matrix nor a decomposition.
    """
    steps: list[Step] = []
    for op in operations:
        if op.name in _NO_GATE:
            continue
        matrix = _matrix(op, widest)
        if matrix is not None:
            steps.append(Step(matrix, tuple([index[wire] for wire in op.wires])))
        elif op.has_decomposition:
            steps += source_steps(op.decomposition(), index, widest=widest)
        else:
            raise UnsupportedGateError(
                f"{op.name} on wires {op.wires.tolist()} has neither a decomposition nor a matrix "
                f"on at most {widest} wires, so nothing can be compared with it"
            )
    return steps


def _matrix(op: Operator, widest: int) -> Complex | None:
    for kind, matrix in _BY_TYPE:
        if isinstance(op, kind):
            return np.asarray(matrix(*op.data), dtype=complex)
    if len(op.wires) <= widest and op.has_matrix:
        return np.asarray(op.matrix(), dtype=complex)
    return None


def apply(step: Step, tensor: Complex) -> Complex:
    """Multiply a unitary into axes of a tensor; each qubit is an axis of length two."""
    k = len(step.qubits)
    gate = step.matrix.reshape((2,) * (2 * k))
    product = np.tensordot(gate, tensor, (range(k, 2 * k), step.qubits))
    return np.moveaxis(product, range(k), step.qubits)


def fuse(steps: Sequence[Step], widest: int) -> list[Step]:
    """Join unitaries into ones of up to ``widest`` qubits, so that fewer have to be applied.

    A unitary may join the last group that touches its qubits, or any later one.
    """
    groups: list[tuple[set[int], list[Step]]] = []
    for step in steps:
        wanted = set(step.qubits)
        last = next((i for i in reversed(range(len(groups))) if groups[i][0] & wanted), 0)
        for qubits, members in groups[last:]:
            if len(qubits | wanted) <= widest:
                qubits |= wanted
                members.append(step)
                break
        else:
            groups.append((wanted, [step]))
    return [_product(sorted(qubits), members) for qubits, members in groups]


def _product(qubits: Sequence[int], steps: Sequence[Step]) -> Step:
    dim = 2 ** len(qubits)
    tensor: Complex = np.eye(dim, dtype=complex).reshape((2,) * len(qubits) + (dim,))
    for matrix, on in steps:
        tensor = apply(Step(matrix, tuple([qubits.index(qubit) for qubit in on])), tensor)
    return Step(tensor.reshape(dim, dim), tuple(qubits))


def unitary(steps: Sequence[Step], n_qubits: int) -> Complex:
    """The matrix of a circuit; shape ``(2**n_qubits, 2**n_qubits)``."""
    return _product(range(n_qubits), fuse(steps, min(4, n_qubits)))[0]


def probabilities(steps: Sequence[Step], n_qubits: int) -> Float:
    """The distribution of all qubits, from the ground state; shape ``(2**n_qubits,)``."""
    tensor = np.zeros((2,) * n_qubits, dtype=complex)
    tensor[(0,) * n_qubits] = 1
    for step in fuse(steps, min(5, n_qubits)):
        tensor = apply(step, tensor)
    amplitudes = tensor.reshape(-1)
    return amplitudes.real**2 + amplitudes.imag**2


def read_states(readout: Sequence[Bit], n_qubits: int) -> NDArray[np.int64]:
    """The result that each basis state of the measured qubits is read as; bit 0 leads."""
    states = np.arange(2**n_qubits)
    result = np.zeros_like(states)
    for qubits, flip in readout:
        value = np.full_like(states, int(flip))
        for qubit in qubits:
            value ^= (states >> (n_qubits - 1 - qubit)) & 1
        result = 2 * result + value
    return result
