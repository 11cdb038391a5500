"""Native circuits, and the density matrices that PennyLane's channels make of them."""

import numpy as np
import pennylane as qml

from pennylane_qstore import GPI, GPI2, MS

RATES = (0.004, 0.03)
"""Depolarizing rates after gates on one and on two qubits: more than any machine's."""


def kraus_of_pairs(rate):
    paulis = [qml.matrix(pauli(0)) for pauli in (qml.I, qml.X, qml.Y, qml.Z)]
    weights = [1 - 15 * rate / 16] + 15 * [rate / 16]
    pairs = [np.kron(a, b) for a in paulis for b in paulis]
    return [np.sqrt(weight) * pair for weight, pair in zip(weights, pairs, strict=True)]


def run_noisily(tape, rates=RATES):
    """Exact results under depolarizing noise, by PennyLane's channels on ``default.mixed``."""
    operations = []
    for op in tape.operations:
        operations.append(op)
        if len(op.wires) == 1:
            operations.append(qml.DepolarizingChannel(3 * rates[0] / 4, wires=op.wires))
        else:
            operations.append(qml.QubitChannel(kraus_of_pairs(rates[1]), wires=op.wires))
    wires = sorted(tape.wires)
    return qml.device("default.mixed", wires=wires).execute(tape.copy(operations=operations))


def draw_circuit(seed, n_wires=3, n_entanglers=4, entangler=MS, measurements=None):
    """A random native circuit."""
    rng = np.random.default_rng(seed)
    operations = []
    for _ in range(n_entanglers):
        for wire in range(n_wires):
            gate = GPI if rng.random() < 0.3 else GPI2
            operations.append(gate(rng.random(), wires=wire))
        pair = rng.permutation(n_wires)[:2].tolist()
        angle = rng.choice([0.25, rng.uniform(0, 0.25)])
        phases = rng.random(2) if entangler is MS else ()
        operations.append(entangler(*phases, angle, wires=pair))
    operations += [GPI2(rng.random(), wires=wire) for wire in range(n_wires)]
    measured = measurements or [qml.expval(qml.Z(0) @ qml.Z(1))]
    return qml.tape.QuantumScript(operations, measured)


def assert_equal_up_to_phase(found, expected):
    overlap = np.vdot(expected, found) / len(expected)
    np.testing.assert_allclose(abs(overlap), 1, atol=1e-9)
    np.testing.assert_allclose(found, overlap * expected, atol=1e-9)
