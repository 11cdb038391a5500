"""Native circuits, and the density matrices that PennyLane's channels make of them."""

import numpy as np
import pennylane as qml

from pennylane_qstore import GPI, GPI2, MS

RATES = (0.004, 0.03)
"""Depolarizing rates after gates on one and on two qubits: more than any machine's."""


PAULIS = [qml.matrix(pauli(0)) for pauli in (qml.I, qml.X, qml.Y, qml.Z)]
PAIRS = [np.kron(a, b) for a in PAULIS for b in PAULIS]
UNEVEN = (
    (0.98, 0.013, 0.001, 0.006),
    (0.93, *np.random.default_rng(0).dirichlet(np.ones(15)) * 0.07),
)
"""Probabilities of Paulis after gates on one and on two qubits, which no symmetry relates."""


EVEN = tuple((1 - r * (n - 1) / n, *[r / n] * (n - 1)) for r, n in zip(RATES, (4, 16), strict=True))
"""The same of depolarizing errors."""


def run_noisily(tape, probabilities=EVEN):
    """Exact results under Pauli noise, by PennyLane's channels on ``default.mixed``."""
    one, two = (
        [np.sqrt(chance) * pauli for chance, pauli in zip(chances, paulis, strict=True)]
        for chances, paulis in zip(probabilities, (PAULIS, PAIRS), strict=True)
    )
    operations = []
    for op in tape.operations:
        operations.append(op)
        operations.append(qml.QubitChannel(one if len(op.wires) == 1 else two, wires=op.wires))
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
