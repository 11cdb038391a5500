"""Random circuits in the optimiser's form, and their dense matrices by code of their own."""

import numpy as np

from pennylane_qstore.compile.form import Form, Local, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import Unitary

PAULI = {
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.array([[1, 0], [0, -1]], dtype=complex),
}
SPECIAL = [
    *PAULI.values(),
    np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    np.diag([1, 1j]),
    np.diag([1, np.exp(0.25j * np.pi)]),
    np.array([[1, -1j], [-1j, 1]]) / np.sqrt(2),
]


def angle(rng):
    """An angle in radians; multiples of π/4 come often."""
    if rng.random() < 0.6:
        return float(rng.choice([-4, -2, -2, -1, 0, 1, 2, 2, 3, 4]) * np.pi / 4)
    return float(rng.uniform(-7, 7))


def unitary(rng):
    """A one-qubit unitary, often a special one."""
    if rng.random() < 0.6:
        return SPECIAL[rng.integers(len(SPECIAL))]
    matrix = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
    return np.linalg.qr(matrix)[0]


def random_form(rng, n_qubits, n_operations, *, widest=2, letters="XYZ"):
    """A random circuit; pairs repeat, so that blocks arise."""
    operations, pair = [], None
    for _ in range(n_operations):
        if rng.random() < 0.4:
            matrix = unitary(rng)
            operations.append(Local(int(rng.integers(n_qubits)), Unitary(*matrix.ravel())))
            continue
        if pair is None or rng.random() < 0.5:
            width = min(n_qubits, int(rng.integers(2, widest + 1)))
            pair = tuple(int(q) for q in rng.permutation(n_qubits)[:width])
        axes = "".join(rng.choice(list(letters), len(pair)))
        qubits = pair if rng.random() < 0.7 else pair[::-1]
        operations.append(Rotation(qubits, axes, angle(rng)))
    return Form(n_qubits, tuple(operations), plain_readout(n_qubits))


def clifford_form(rng, n_qubits, n_operations):
    """A random Clifford circuit of Hadamards, phases and full entanglers."""
    operations = []
    for _ in range(n_operations):
        if rng.random() < 0.5:
            matrix = SPECIAL[3 + rng.integers(2)]
            operations.append(Local(int(rng.integers(n_qubits)), Unitary(*matrix.ravel())))
        else:
            a, b = (int(q) for q in rng.permutation(n_qubits)[:2])
            operations.append(Rotation((a, b), "ZX", -np.pi / 2))
    return Form(n_qubits, tuple(operations), plain_readout(n_qubits))


def dense(n_qubits, factors):
    """The Kronecker product of ``factors`` by qubit; qubit 0 is the most significant bit."""
    matrix = np.eye(1)
    for qubit in range(n_qubits):
        matrix = np.kron(matrix, factors.get(qubit, np.eye(2)))
    return matrix


def form_matrix(form):
    """The unitary of a form; its readout is not looked at."""
    n = form.n_qubits
    total = np.eye(2**n, dtype=complex)
    for op in form.operations:
        if isinstance(op, Local):
            total = dense(n, {op.qubit: np.array(op.unitary).reshape(2, 2)}) @ total
        else:
            factors = {q: PAULI[letter] for q, letter in zip(op.qubits, op.axes, strict=True)}
            word = dense(n, factors)
            total = (np.cos(op.angle / 2) * total) - 1j * np.sin(op.angle / 2) * (word @ total)
    return total


def twists_matrix(form):
    """The unitary of a circuit of twists; its readout is not looked at."""
    n = form.n_qubits
    total = np.eye(2**n, dtype=complex)
    for qubits, axes, theta in form.twists:
        factors = {
            q: sum(x * p for x, p in zip(axis, PAULI.values(), strict=True))
            for q, axis in zip(qubits, axes, strict=True)
        }
        word = dense(n, factors)
        total = np.cos(theta / 2) * total - 1j * np.sin(theta / 2) * (word @ total)
    last = {}
    for q, (w, *vector) in enumerate(form.finals):
        spin = sum(x * p for x, p in zip(vector, PAULI.values(), strict=True))
        last[q] = w * np.eye(2) - 1j * spin
    return dense(n, last) @ total


def outcomes(form):
    """The result that each basis state is read as."""
    n = form.n_qubits
    states = np.arange(2**n)
    result = np.zeros_like(states)
    for bit in form.readout:
        value = np.full_like(states, int(bit.flip))
        for q in bit.qubits:
            value ^= (states >> (n - 1 - q)) & 1
        result = 2 * result + value
    return result


def read_matrix(form, matrix):
    """A unitary followed by a readout that permutes basis states."""
    permuted = np.empty_like(matrix)
    permuted[outcomes(form)] = matrix
    return permuted


def distribution(form, matrix):
    """Probability of each result, from the ground state."""
    return np.bincount(outcomes(form), np.abs(matrix[:, 0]) ** 2, minlength=2 ** len(form.readout))
