"""Optimisation levels of the device: the same answers from fewer gates."""

import numpy as np
import pennylane as qml
import pytest

import pennylane_qstore
from pennylane_qstore import errors
from pennylane_qstore.compile import rules
from pennylane_qstore.compile.form import Rotation
from tests.oracles import random_operations


def run(tape, **options):
    device = qml.device("qstore.ionq", wires=4, cache=False, **options)
    with qml.Tracker(device) as tracker:
        (values,) = qml.execute([tape], device)
    entangling = sum(r.gate_sizes.get(2, 0) for r in tracker.history["resources"])
    return values, entangling


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("absorb_tail", [False, True])
def test_every_level_gives_the_same_distribution_and_none_more_gates(seed, absorb_tail):
    operations = random_operations(np.random.default_rng(seed), range(4), 8, decomposed=True)
    tape = qml.tape.QuantumScript(operations, [qml.probs(wires=range(4))])
    (expected,) = qml.execute([tape], qml.device("default.qubit", wires=4))
    counts = []
    for level in (0, 1, 2):
        options = {"absorb_tail": absorb_tail} if level else {}
        values, entangling = run(tape, optimization_level=level, **options)
        np.testing.assert_allclose(values, expected, atol=1e-9)
        counts.append(entangling)
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize("level", [1, 2])
def test_a_ghz_state_needs_no_entangling_gate_when_its_tail_is_absorbed(level):
    operations = [qml.Hadamard(0), *(qml.CNOT([q, q + 1]) for q in range(3))]
    tape = qml.tape.QuantumScript(operations, [qml.probs(wires=range(4))])
    values, entangling = run(tape, optimization_level=level, absorb_tail=True)
    assert entangling == 0
    np.testing.assert_allclose(values[[0, 15]], 0.5, atol=1e-12)


@pytest.mark.parametrize("level", [1, 2])
def test_expectation_values_do_without_the_tail_unasked(level):
    operations = [qml.RY(0.3, 0), *(qml.CNOT([q, q + 1]) for q in range(3))]
    measured = [qml.expval(qml.Z(1) @ qml.Z(3)), qml.var(qml.Z(2))]
    tape = qml.tape.QuantumScript(operations, measured)
    values, entangling = run(tape, optimization_level=level)
    assert entangling == 0
    np.testing.assert_allclose(values, [1, np.sin(0.3) ** 2], atol=1e-9)


@pytest.mark.parametrize(
    "options", [{"optimization_level": 3}, {"optimization_level": 0, "absorb_tail": True}]
)
def test_levels_that_do_not_exist_are_refused(options):
    with pytest.raises(errors.InvalidOptionError):
        qml.device("qstore.ionq", wires=1, **options)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_verifying_lets_right_circuits_pass(level):
    operations = random_operations(np.random.default_rng(2), range(4), 8, decomposed=True)
    tape = qml.tape.QuantumScript(operations, [qml.probs(wires=range(4))])
    (expected,) = qml.execute([tape], qml.device("default.qubit", wires=4))
    values, _ = run(tape, optimization_level=level, verify=True)
    np.testing.assert_allclose(values, expected, atol=1e-9)


OBSERVABLES = {
    "word": lambda: qml.expval(qml.Z(0) @ qml.X(3)),
    "variance": lambda: qml.var(qml.Y(1)),
    "projector": lambda: qml.expval(qml.Projector([1, 0, 1], wires=[2, 0, 3])),
    "matrix": lambda: qml.expval(qml.Hermitian(np.diag([1.0, 2, -3, 0.5]), wires=[3, 1])),
}


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("seed", range(6))
def test_the_tape_that_is_shown_measures_what_was_asked_also_without_its_tail(
    seed, observable, level
):
    rng = np.random.default_rng(seed)
    kinds = [qml.Hadamard, qml.S, qml.CNOT, qml.CZ, qml.SWAP]
    operations = []
    for _ in range(12):
        kind = kinds[rng.integers(len(kinds))]
        wires = [int(wire) for wire in rng.permutation(4)[: kind.num_wires]]
        operations.append(kind(wires=wires))

    @qml.qnode(qml.device("qstore.ionq", wires=4, optimization_level=level))
    def circuit():
        for op in operations:
            qml.apply(op)
        return OBSERVABLES[observable]()

    expected = qml.QNode(circuit.func, qml.device("default.qubit"))()
    assert circuit() == pytest.approx(expected, abs=1e-9)
    (tape,), _ = qml.workflow.construct_batch(circuit, level="device")()
    assert len(tape.operations) == len(tape.compiled.gates)
    (shown,) = qml.execute([tape.copy()], qml.device("default.qubit"))
    assert shown == pytest.approx(expected, abs=1e-9)
    qml.draw(circuit, level="device")()


def test_verifying_stops_a_wrong_circuit_before_it_is_sent(monkeypatch):
    monkeypatch.setitem(rules.RULES, "CNOT", lambda qubits: [Rotation(qubits, "ZX", np.pi / 2)])
    tape = qml.tape.QuantumScript(
        [qml.Hadamard(0), qml.CNOT([0, 1]), qml.RY(0.3, 0)], [qml.probs(wires=[0, 1])]
    )
    device = qml.device("qstore.ionq", wires=2, cache=False, verify=True)
    with qml.Tracker(device) as t, pytest.raises(pennylane_qstore.VerificationError):
        qml.execute([tape], device)
    assert "jobs" not in t.totals


def test_compile_reports_what_would_be_sent():
    device = qml.device("qstore.ionq", wires=2, cache=False)
    tape = qml.tape.QuantumScript([qml.Hadamard(0), qml.CNOT([0, 1])], [qml.probs(wires=[0, 1])])
    (found,) = device.compile(tape)
    assert found.counts["ms"] == 1
    assert "MS" in found.draw()
    assert "native gates: 1 gpi, 2 gpi2, 1 ms" in str(found)
