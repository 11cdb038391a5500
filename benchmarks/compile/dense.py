"""Distributions of forms by their state vectors, without the compiler's code."""

import numpy as np

from pennylane_qstore.compile.form import Local

_PAULI = {
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def _applied(matrix, state, qubit):
    return np.moveaxis(np.tensordot(matrix, state, (1, qubit)), 0, qubit)


def state_of(form):
    """The state vector from the ground state, one axis per qubit."""
    state = np.zeros((2,) * form.n_qubits, dtype=complex)
    state[(0,) * form.n_qubits] = 1
    for op in form.operations:
        if isinstance(op, Local):
            state = _applied(np.array(op.unitary).reshape(2, 2), state, op.qubit)
            continue
        turned = state
        for qubit, letter in zip(op.qubits, op.axes, strict=True):
            turned = _applied(_PAULI[letter], turned, qubit)
        state = np.cos(op.angle / 2) * state - 1j * np.sin(op.angle / 2) * turned
    return state


def distribution(form):
    """Probability of each result as the readout gives it."""
    n = form.n_qubits
    states = np.arange(2**n)
    results = np.zeros_like(states)
    for bit in form.readout:
        value = np.full_like(states, int(bit.flip))
        for qubit in bit.qubits:
            value ^= (states >> (n - 1 - qubit)) & 1
        results = 2 * results + value
    weights = np.abs(state_of(form).ravel()) ** 2
    return np.bincount(results, weights, minlength=2 ** len(form.readout))
