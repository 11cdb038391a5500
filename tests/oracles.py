"""Dense matrices of circuits, from ionq_core's gate matrices: no code of this package."""

from collections.abc import Sequence

import ionq_core
import numpy as np
import pennylane as qml

NATIVE = {
    "gpi": ionq_core.gpi_matrix,
    "gpi2": ionq_core.gpi2_matrix,
    "ms": ionq_core.ms_matrix,
    "zz": ionq_core.zz_matrix,
}
QIS = {
    "x": [[0, 1], [1, 0]],
    "y": [[0, -1j], [1j, 0]],
    "z": [[1, 0], [0, -1]],
    "h": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    "s": [[1, 0], [0, 1j]],
    "si": [[1, 0], [0, -1j]],
    "t": [[1, 0], [0, np.exp(0.25j * np.pi)]],
    "ti": [[1, 0], [0, np.exp(-0.25j * np.pi)]],
    "v": np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2,
    "vi": np.array([[1 - 1j, 1 + 1j], [1 + 1j, 1 - 1j]]) / 2,
    "cnot": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],
    "swap": [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]],
}
GENERATORS = {
    "rx": QIS["x"],
    "ry": QIS["y"],
    "rz": QIS["z"],
    "xx": np.kron(QIS["x"], QIS["x"]),
    "yy": np.kron(QIS["y"], QIS["y"]),
    "zz": np.kron(QIS["z"], QIS["z"]),
}


def gate_matrix(gate, gateset="native"):
    """The matrix of one gate of a circuit."""
    if gateset == "native":
        return np.array(NATIVE[gate.name](*gate.values))
    if gate.name in QIS:
        return np.array(QIS[gate.name], dtype=complex)
    pauli = np.array(GENERATORS[gate.name])
    half = gate.values[0] / 2
    return np.cos(half) * np.eye(len(pauli)) - 1j * np.sin(half) * pauli


def circuit_matrix(circuit):
    """The unitary of a circuit; qubit 0 is the most significant bit."""
    n = circuit.n_qubits
    unitary = np.eye(2**n, dtype=complex).reshape((2,) * n + (2**n,))
    for gate in circuit.gates:
        k = len(gate.qubits)
        matrix = gate_matrix(gate, circuit.gateset).reshape((2,) * (2 * k))
        unitary = np.tensordot(matrix, unitary, axes=(range(k, 2 * k), gate.qubits))
        unitary = np.moveaxis(unitary, range(k), gate.qubits)
    return unitary.reshape(2**n, 2**n)


def distance_up_to_diagonal(compiled, source):
    """How far two unitaries are from being equal up to a diagonal that follows both."""
    ratio = compiled @ source.conj().T
    return np.abs(ratio - np.diag(np.diag(ratio))).max() + np.abs(np.abs(np.diag(ratio)) - 1).max()


def distance_up_to_phase(first, second):
    """How far two unitaries are from being equal up to global phase."""
    overlap = np.vdot(first, second)
    return np.abs(first * (overlap / abs(overlap)) - second).max()


ONE_QUBIT_FIXED = [qml.X, qml.Y, qml.Z, qml.Hadamard, qml.S, qml.T, qml.SX]
ONE_QUBIT_ANGLE = [qml.RX, qml.RY, qml.RZ, qml.PhaseShift, qml.U1]
TWO_QUBIT_FIXED = [qml.CNOT, qml.CZ, qml.CY]
TWO_QUBIT_ANGLE = [
    qml.IsingXX,
    qml.IsingYY,
    qml.IsingZZ,
    qml.CRX,
    qml.CRY,
    qml.CRZ,
    qml.ControlledPhaseShift,
]
DECOMPOSED = [
    lambda rng, w: qml.SWAP(wires=w[:2]),
    lambda rng, w: qml.ISWAP(wires=w[:2]),
    lambda rng, w: qml.ECR(wires=w[:2]),
    lambda rng, w: qml.CH(wires=w[:2]),
    lambda rng, w: qml.IsingXY(angle(rng), wires=w[:2]),
    lambda rng, w: qml.PSWAP(angle(rng), wires=w[:2]),
    lambda rng, w: qml.CRot(*rng.uniform(-4, 4, 3), wires=w[:2]),
    lambda rng, w: qml.SingleExcitation(angle(rng), wires=w[:2]),
    lambda rng, w: qml.MultiRZ(angle(rng), wires=w[: rng.integers(1, len(w) + 1)]),
    lambda rng, w: qml.PauliRot(angle(rng), random_word(rng, len(w)), wires=w),
    lambda rng, w: qml.QubitUnitary(random_unitary(rng, 4), wires=w[:2]),
    lambda rng, w: qml.ctrl(qml.RX(angle(rng), wires=w[-1]), control=w[:-1]),
    lambda rng, w: qml.Toffoli(wires=w[:3]) if len(w) > 2 else qml.CNOT(wires=w),
    lambda rng, w: qml.CSWAP(wires=w[:3]) if len(w) > 2 else qml.SWAP(wires=w),
    lambda rng, w: qml.adjoint(qml.IsingXY(angle(rng), wires=w[:2])),
    lambda rng, w: qml.QFT(wires=w),
    lambda rng, w: qml.DoubleExcitation(angle(rng), wires=w[:4]) if len(w) > 3 else qml.CZ(w[:2]),
    lambda rng, w: qml.QubitUnitary(random_unitary(rng, 2), wires=w[0]),
    lambda rng, w: qml.exp(qml.X(w[0]) @ qml.Y(w[1]), 1j * angle(rng)),
    lambda rng, w: qml.pow(qml.CNOT(wires=w[:2]), 0.5),
]


def angle(rng):
    """An angle in radians; multiples of π/4 come often."""
    return float(rng.choice([rng.uniform(-9, 9), rng.integers(-8, 9) * np.pi / 4]))


def random_word(rng, n):
    """A Pauli word of length ``n``."""
    return "".join(rng.choice(list("IXYZ"), n)) if n else "Z"


def random_unitary(rng, dim):
    """A Haar-random unitary."""
    return qml.math.array(
        np.linalg.qr(rng.normal(size=(dim, dim)) + 1j * rng.normal(size=(dim, dim)))[0]
    )


def random_operation(rng, wires: Sequence, *, decomposed: bool):
    """One random operation on some of the wires."""
    w = [wires[i] for i in rng.permutation(len(wires))]
    kind = rng.integers(0, 6 if decomposed else 5)
    if kind == 0:
        return ONE_QUBIT_ANGLE[rng.integers(len(ONE_QUBIT_ANGLE))](angle(rng), wires=w[0])
    if kind == 1:
        op = ONE_QUBIT_FIXED[rng.integers(len(ONE_QUBIT_FIXED))](wires=w[0])
        return qml.adjoint(op) if rng.integers(2) else op
    if kind == 2:
        return qml.Rot(*(angle(rng) for _ in range(3)), wires=w[0])
    if kind == 3:
        return TWO_QUBIT_FIXED[rng.integers(len(TWO_QUBIT_FIXED))](wires=w[:2])
    if kind == 4:
        return TWO_QUBIT_ANGLE[rng.integers(len(TWO_QUBIT_ANGLE))](angle(rng), wires=w[:2])
    return DECOMPOSED[rng.integers(len(DECOMPOSED))](rng, w)


def random_operations(rng, wires, n_ops, *, decomposed=False):
    """Random operations; with ``decomposed`` also those PennyLane has to decompose first."""
    return [random_operation(rng, wires, decomposed=decomposed) for _ in range(n_ops)]


PAULIS = {
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.array([[1, 0], [0, -1]], dtype=complex),
}


def form_matrix(form):
    """The unitary of an optimiser's form; qubit 0 is the most significant bit."""
    n = form.n_qubits
    unitary = np.eye(2**n, dtype=complex)
    for operation in form.operations:
        if hasattr(operation, "unitary"):
            matrix, qubits = np.reshape(operation.unitary, (2, 2)), (operation.qubit,)
        else:
            word = np.eye(1)
            for axis in operation.axes:
                word = np.kron(word, PAULIS[axis])
            half = operation.angle / 2
            matrix = np.cos(half) * np.eye(len(word)) - 1j * np.sin(half) * word
            qubits = operation.qubits
        k = len(qubits)
        tensor = unitary.reshape((2,) * n + (2**n,))
        tensor = np.tensordot(matrix.reshape((2,) * 2 * k), tensor, (range(k, 2 * k), qubits))
        unitary = np.moveaxis(tensor, range(k), qubits).reshape(2**n, 2**n)
    return unitary


def read_matrix(readout, n_qubits):
    """The matrix that takes distributions of measured qubits to those of the bits read."""
    matrix = np.zeros((2 ** len(readout), 2**n_qubits))
    for state in range(2**n_qubits):
        bits = [(state >> (n_qubits - 1 - qubit)) & 1 for qubit in range(n_qubits)]
        read = 0
        for qubits, flip in readout:
            read = 2 * read + (sum(bits[qubit] for qubit in qubits) + flip) % 2
        matrix[read, state] = 1
    return matrix
