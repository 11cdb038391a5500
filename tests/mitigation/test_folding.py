"""Folded circuits: the same unitary, more gates."""

import numpy as np
import pennylane as qml
import pennylane_ionq.ops as ionq_ops
import pytest

from pennylane_qstore import GPI2, MS, ZZ, errors, to_ionq_native
from pennylane_qstore.mitigation import fold_native, noise_scale
from tests.mitigation.noisy import assert_equal_up_to_phase, draw_circuit


def folded(tape, factor):
    (one,), postprocess = fold_native(tape, factor)
    assert postprocess(["result"]) == "result"
    return one


def sizes(tape):
    return np.bincount([len(op.wires) for op in tape.operations], minlength=3)[1:].tolist()


@pytest.mark.parametrize("factor", [1, 1.4, 2, 3, 4.5, 7])
@pytest.mark.parametrize("seed", range(3))
def test_the_unitary_is_kept(entangler, seed, factor):
    tape = draw_circuit(seed, entangler=entangler)
    found = qml.matrix(folded(tape, factor), wire_order=range(3))
    assert_equal_up_to_phase(found, qml.matrix(tape, wire_order=range(3)))


@pytest.mark.parametrize("factor", [1, 3, 5])
def test_odd_factors_are_exact_on_both_kinds_of_gates(entangler, factor):
    tape = draw_circuit(0, entangler=entangler)
    found = folded(tape, factor)
    assert sizes(found) == [factor * n for n in sizes(tape)]
    assert noise_scale(tape, found) == factor


def test_parts_of_a_fold_are_spread_over_the_circuit():
    tape = qml.tape.QuantumScript([MS(0.1, 0.2, 0.1 + i / 100, wires=[0, 1]) for i in range(8)], [])
    found = folded(tape, 1.5)
    assert noise_scale(tape, found) == 1.5
    angles = [op.data[2] for op in found.operations]
    often = [i for i in range(8) if angles.count(0.1 + i / 100) == 3]
    assert len(often) == 2
    assert often[1] - often[0] == 4


def test_scale_of_a_circuit_without_entangling_gates_is_that_of_its_pulses():
    tape = qml.tape.QuantumScript([GPI2(0.1, wires=0), GPI2(0.2, wires=0)], [])
    assert noise_scale(tape, folded(tape, 3)) == 3
    empty = qml.tape.QuantumScript([], [])
    assert noise_scale(empty, folded(empty, 3)) == 1


def test_gates_of_pennylane_ionq_are_folded(entangler):
    tape = qml.tape.QuantumScript([ionq_ops.GPI2(0.1, wires=0), ionq_ops.GPI(0.3, wires=0)], [])
    ours = folded(tape, 3).operations
    assert [op.name for op in ours] == ["GPI2"] * 3 + ["GPI"] * 3
    assert [op.data[0] for op in ours] == pytest.approx([0.1, 0.6, 0.1, 0.3, 0.3, 0.3])


@pytest.mark.parametrize(("model", "entangler"), [("aria-1", MS), ("forte-1", ZZ)])
@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_level_of_the_compiler_undoes_it(model, entangler, level):
    tape = draw_circuit(1, entangler=entangler)
    device = qml.device(
        "qstore.ionq", wires=3, noise_model=model, cache=False, optimization_level=level
    )
    sent = device.compile(folded(tape, 5))[0].sent
    assert [sent.n_pulses, sent.n_entangling] == [5 * n for n in sizes(tape)]


def test_pennylanes_extrapolation_takes_it():
    def circuit(x):
        qml.RX(x, wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.expval(qml.Z(1))

    native = to_ionq_native(qml.QNode(circuit, qml.device("default.qubit", wires=2)))
    mitigated = qml.noise.mitigate_with_zne(
        native, [1, 3], fold_native, qml.noise.richardson_extrapolate
    )
    assert mitigated(0.4) == pytest.approx(np.cos(0.4), abs=1e-9)


@pytest.mark.parametrize("factor", [0.9, -1, float("nan")])
def test_less_noise_is_refused(factor):
    with pytest.raises(errors.InvalidOptionError, match=str(factor)):
        fold_native(draw_circuit(0), factor)


def test_gates_that_are_still_compiled_are_refused():
    tape = qml.tape.QuantumScript([qml.CNOT([0, 1])], [])
    with pytest.raises(
        errors.UnsupportedGateError, match=r"CNOT on wires \[0, 1\].*to_ionq_native"
    ):
        fold_native(tape, 3)
