"""Every level on random circuits of all operations: equal to the source, never longer than level 0.

Level 0 keeps the unitary up to a final diagonal and a permutation of qubits. Levels 1 and 2 may use
that circuits start in the ground state, so there the distribution of outcomes has to be equal.
"""

import numpy as np
import pennylane as qml
import pytest
from pennylane.devices.preprocess import decompose
from pennylane.wires import Wires

from pennylane_qstore.compile import read, target_for
from pennylane_qstore.compile.batch import instructions
from pennylane_qstore.compile.optimize import optimize
from pennylane_qstore.compile.pipeline import decomposition
from pennylane_qstore.compile.synthesize import synthesize
from pennylane_qstore.compile.translate import to_form
from tests.oracles import circuit_matrix, random_operations, read_matrix

TARGETS = [target_for("simulator"), target_for("simulator", noise_model="forte-1")]


def source_form(seed):
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(2, 8))
    n_ops = int(rng.integers(1, 14))
    operations = random_operations(rng, range(n_qubits), n_ops, decomposed=bool(rng.integers(2)))
    (tape,), _ = decompose(
        qml.tape.QuantumScript(operations), **decomposition("native", None, "test")
    )
    source = read(tape.operations, Wires(range(n_qubits)))
    exact = qml.matrix(qml.tape.QuantumScript(tape.operations), wire_order=range(n_qubits))
    return to_form(instructions(source), n_qubits), exact


def check(seed, *, levels=(0, 1, 2), time_limit_s=0.02):
    form, exact = source_form(seed)
    n_qubits = form.n_qubits
    expected = np.abs(exact[:, 0]) ** 2
    target = TARGETS[seed % 2]
    lengths = []
    for level in levels:
        absorb_tail = level > 0 and seed % 5 == 0
        best = optimize(
            form,
            level=level,
            absorb_tail=absorb_tail,
            time_limit_s=time_limit_s,
            entangler=target.entangler,
        )
        circuit = synthesize(best, target)
        unitary = circuit_matrix(circuit)
        found = read_matrix(best.readout, n_qubits) @ np.abs(unitary[:, 0]) ** 2
        np.testing.assert_allclose(found, expected, atol=1e-9)
        if level == 0:
            weights = read_matrix(best.readout, n_qubits) @ np.abs(unitary) ** 2
            np.testing.assert_allclose(weights, np.abs(exact) ** 2, atol=1e-9)
        lengths.append(circuit.n_entangling)
    assert all(length <= lengths[0] for length in lengths)


@pytest.mark.parametrize("seed", range(60))
def test_every_level_equals_its_source(seed):
    check(seed)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(10_000, 20_000, 100))
def test_ten_thousand_circuits_equal_their_sources_at_every_level(seed):
    for offset in range(100):
        check(seed + offset)
