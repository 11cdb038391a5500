"""Dense matrices of forms, by Kronecker products of Pauli matrices: no code of this package."""

import numpy as np

from pennylane_qstore.compile.form import Form, Local, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import Unitary
from tests.oracles import angle, random_unitary

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def matrix_of_word(letters):
    """The Kronecker product of Pauli matrices."""
    matrix = np.eye(1)
    for letter in letters:
        matrix = np.kron(matrix, PAULIS[letter])
    return matrix


def placed(matrices, n):
    """One-qubit matrices on some of n qubits."""
    result = np.eye(1)
    for q in range(n):
        result = np.kron(result, matrices.get(q, PAULIS["I"]))
    return result


def form_matrix(form):
    """The unitary of a form; qubit 0 is the most significant bit."""
    n = form.n_qubits
    unitary = np.eye(2**n, dtype=complex)
    for op in form.operations:
        if isinstance(op, Local):
            step = placed({op.qubit: np.array(op.unitary).reshape(2, 2)}, n)
        else:
            word = placed({q: PAULIS[a] for q, a in zip(op.qubits, op.axes, strict=True)}, n)
            step = np.cos(op.angle / 2) * np.eye(2**n) - 1j * np.sin(op.angle / 2) * word
        unitary = step @ unitary
    return unitary


def distribution(form, unitary=None, state=0):
    """Probabilities of the bits that a form's readout names, from one basis state."""
    n = form.n_qubits
    unitary = form_matrix(form) if unitary is None else unitary
    result = np.zeros(2 ** len(form.readout))
    for outcome, amplitude in enumerate(unitary[:, state]):
        index = 0
        for bit in form.readout:
            parity = sum(outcome >> (n - 1 - q) & 1 for q in bit.qubits) + bit.flip
            index = 2 * index + parity % 2
        result[index] += abs(amplitude) ** 2
    return result


def permutation_of(form):
    """The matrix that moves each qubit's content back to where it is read."""
    n = form.n_qubits
    matrix = np.zeros((2**n, 2**n))
    for state in range(2**n):
        moved = 0
        for bit in form.readout:
            moved = 2 * moved + (state >> (n - 1 - bit.qubits[0]) & 1)
        matrix[moved, state] = 1
    return matrix


def random_form(rng, n, size, *, clifford=False):
    """Locals and rotations about words of any length, with special angles over-represented."""
    operations = []
    for _ in range(size):
        theta = rng.integers(-4, 5) * np.pi / 2 if clifford else angle(rng)
        if rng.integers(4) == 0 and not clifford:
            matrix = random_unitary(rng, 2)
            operations.append(Local(int(rng.integers(n)), Unitary(*np.ravel(matrix).tolist())))
            continue
        weight = int(rng.choice([1, 2, 2, 2, min(3, n), n]))
        qubits = tuple(int(q) for q in rng.permutation(n)[:weight])
        axes = "".join(rng.choice(list("XYZZ"), len(qubits)))
        operations.append(Rotation(qubits, axes, float(theta)))
    return Form(n, tuple(operations), plain_readout(n))
