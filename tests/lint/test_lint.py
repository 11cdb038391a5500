"""One test per rule, and repairs against dense matrices and default.qubit."""

import numpy as np
import pennylane as qml
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pennylane import numpy as pnp
from pennylane.tape import QuantumScript

from pennylane_qstore.lint import CODES, lint, repair
from pennylane_qstore.templates import HardwareEfficientAnsatz

N_WIRES = 3
PROBS = [qml.probs(wires=range(N_WIRES))]


def codes(circuit, *args) -> list[str]:
    return [finding.code for finding in lint(circuit, *args)]


def used(*gates) -> QuantumScript:
    """A tape in which nothing else is odd."""
    return QuantumScript([*(qml.Hadamard(i) for i in range(N_WIRES)), *gates], PROBS)


def test_a_sound_circuit_has_no_findings():
    assert lint(used(qml.CNOT([0, 1]), qml.RX(0.3, 2))) == ()


def test_an_empty_circuit_is_found():
    assert codes(QuantumScript([], [qml.probs(wires=0)]))[0] == "empty-circuit"


def test_a_circuit_of_identities_is_found():
    tape = QuantumScript([qml.RX(0.0, 0), qml.CRX(4 * np.pi, [0, 1])], [qml.probs(wires=[0, 1])])
    assert codes(tape) == ["identity-circuit", "identity-gate", "identity-gate"]


def test_a_measured_wire_without_a_gate_is_found():
    (finding,) = lint(QuantumScript([qml.X("a")], [qml.probs(wires=["a", "b"])]))
    assert (finding.code, finding.place) == ("unused-wire", "wire 'b'")


def test_a_gate_that_does_nothing_is_found_where_it_is():
    (finding,) = lint(used(qml.RZ(0.0, 0), qml.RX(0.1, 0)))
    assert (finding.code, finding.index) == ("identity-gate", 3)
    assert finding.place == "operation 3, RZ on wires [0]"


def test_a_full_turn_under_control_is_no_identity():
    assert codes(used(qml.CRZ(2 * np.pi, [0, 1]), qml.Hadamard(0), qml.Hadamard(1))) == []


def test_neighbours_that_undo_each_other_are_found():
    tape = used(qml.CNOT([0, 1]), qml.RX(0.2, 2), qml.CNOT([0, 1]))
    (finding,) = lint(tape)
    assert (finding.code, finding.index) == ("inverse-pair", 5)
    assert codes(used(qml.CNOT([0, 1]), qml.RX(0.2, 1), qml.CNOT([0, 1]))) == []


def test_the_same_rotation_twice_is_found():
    assert codes(used(qml.RX(0.1, 0), qml.RX(0.2, 0))) == ["repeated-rotation"]
    assert codes(used(qml.CRX(0.1, [0, 1]), qml.CRX(0.2, [1, 0]))) == []


def test_a_gate_outside_the_light_cone_is_found():
    gates = [qml.Hadamard(0), qml.CNOT([0, 1]), qml.CNOT([1, 2]), qml.RX(0.1, 2)]
    tape = QuantumScript(gates, [qml.expval(qml.X(0) @ qml.X(1))])
    assert [(f.code, f.index) for f in lint(tape)] == [("outside-light-cone", 3)]
    assert repair(tape).tape.operations == gates[:3]


def test_a_gate_that_reaches_a_measurement_through_other_wires_stays():
    gates = [qml.RX(0.1, 2), qml.CNOT([2, 1]), qml.CNOT([1, 0])]
    assert lint(QuantumScript(gates, [qml.expval(qml.Z(0))])) == ()


def test_phases_right_before_a_measurement_are_found_unless_it_sees_them():
    gates = [qml.Hadamard(0), qml.Hadamard(1), qml.RZ(0.3, 0), qml.CZ([0, 1])]
    assert codes(QuantumScript(gates, [qml.expval(qml.Z(0) @ qml.Z(1))])) == ["unseen-phase"] * 2
    assert codes(QuantumScript(gates, [qml.expval(qml.X(0) @ qml.Z(1))])) == []


def test_the_last_rz_of_an_ansatz_without_entanglers_behind_it_is_found():
    op = HardwareEfficientAnsatz(np.ones((1, 2, 2)), wires=range(2), entanglement=[])
    tape = QuantumScript(op.decomposition(), [qml.probs(wires=range(2))])
    assert codes(tape) == ["unseen-phase"] * 2


TURNED = [
    qml.RX(7.0, 0),
    qml.RY(-1e6, 1),
    qml.RZ(100.0, 2),
    qml.PhaseShift(-6.5, 0),
    qml.IsingXX(50.0, [0, 1]),
    qml.IsingZZ(-8.0, [2, 1]),
    qml.CRX(13.0, [0, 1]),
    qml.CRY(-1e5, [1, 2]),
    qml.CRZ(12.6, [2, 0]),
    qml.ControlledPhaseShift(9.0, [0, 2]),
]


@pytest.mark.parametrize("gate", TURNED, ids=lambda gate: gate.name)
def test_a_rotation_by_many_turns_is_found_and_wrapped(gate):
    behind = [one(i) for i in range(N_WIRES) for one in (qml.T, qml.Hadamard)]
    tape = used(gate, *behind)
    (finding,) = lint(tape)
    assert (finding.code, finding.index) == ("many-turns", N_WIRES)
    result = repair(tape)
    assert result.repaired == (finding,)
    wrapped = result.tape.operations[N_WIRES]
    assert abs(wrapped.data[0]) <= (2 if gate.name.startswith("CR") else 1) * np.pi
    before, after = (qml.matrix(one, wire_order=range(N_WIRES)) for one in (gate, wrapped))
    assert abs(np.trace(before.conj().T @ after)) / 2**N_WIRES == pytest.approx(1, abs=1e-12)


def test_a_rotation_within_its_period_is_left_alone():
    gates = [qml.RX(6.2, 0), qml.CRX(12.5, [0, 1])]
    assert codes(used(*gates, qml.Hadamard(0), qml.Hadamard(1))) == []
    trained = [qml.RX(pnp.array(9.0, requires_grad=True), 0), qml.RX(np.array([9.0, 1.0]), 1)]
    assert "many-turns" not in codes(used(*trained))


def test_a_circuit_without_a_measurement_is_found_and_measured():
    gates = [qml.Hadamard("a"), qml.RX(0.0, "b"), qml.CNOT(["a", "b"]), qml.RZ(0.3, "b")]
    result = repair(QuantumScript(gates, [], shots=50))
    assert [one.code for one in result.repaired] == ["identity-gate", "unmeasured"]
    assert result.remaining == ()
    assert result.tape.operations == [gates[0], *gates[2:]], "a phase that could be seen stays"
    assert result.tape.measurements == [qml.probs(wires=["a", "b"])]
    assert result.tape.shots.total_shots == 50
    empty = repair(QuantumScript([], []))
    assert [one.code for one in empty.remaining] == ["empty-circuit", "unmeasured"]
    assert not any(one.is_repairable for one in empty.remaining)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_data_that_are_no_numbers_are_found(value):
    assert "invalid-data" in codes(used(qml.AngleEmbedding([0.1, value], wires=[0, 1])))


def test_data_that_wrap_around_are_found():
    assert codes(used(qml.AngleEmbedding([-3.0, 4.0], wires=[0, 1]))) == ["angle-out-of-range"]
    assert codes(used(qml.AngleEmbedding([0.0, 6.2], wires=[0, 1]))) == []


@qml.qnode(qml.device("default.qubit", wires=1))
def summing(a, b):
    qml.RX(a[0] + a[1], wires=0)
    qml.RY(b, wires=0)
    return qml.expval(qml.Z(0))


def test_parameters_of_which_only_the_sum_matters_are_found():
    (finding,) = lint(summing, np.array([0.1, 0.2]), 0.3)
    assert finding.code == "aliased-parameters"
    assert finding.place == "argument 0, entry [0]; argument 0, entry [1]"


def test_a_parameter_that_moves_no_gate_is_found():
    @qml.qnode(qml.device("default.qubit", wires=1))
    def ignoring(a):
        qml.RX(a[0], wires=0)
        return qml.expval(qml.Z(0))

    (finding,) = lint(ignoring, np.array([0.1, 0.2]))
    assert (finding.code, finding.place) == ("unused-parameter", "argument 0, entry [1]")


def test_parameters_whose_product_matters_are_aliased_and_shared_ones_are_not():
    @qml.qnode(qml.device("default.qubit", wires=1))
    def product(a, b, c):
        qml.RX(a * b, wires=0)
        qml.RY(c, wires=0)
        qml.RX(c, wires=0)
        return qml.expval(qml.Z(0))

    aliased = [f.place for f in lint(product, 0.0, 0.0, 0.1) if f.code == "aliased-parameters"]
    assert aliased == ["argument 0; argument 1"]


def test_only_declared_parameters_count_where_some_are_declared():
    assert lint(summing, np.array([0.1, 0.2]), pnp.array(0.3)) == ()


def test_every_code_is_explained():
    tapes = [QuantumScript([], [qml.probs(wires=0)]), used(qml.RX(0.0, 0))]
    assert {finding.code for tape in tapes for finding in lint(tape)} <= set(CODES)
    assert str(lint(used(qml.S(0), qml.X(0), qml.X(0)))[0]).endswith("[inverse-pair]")


GATES_1 = (qml.Hadamard, qml.X, qml.S, qml.T)
TURNS = st.sampled_from([0.0, np.pi, -np.pi, 2 * np.pi, 4 * np.pi, 0.3, -0.3, 9.5, -40.0])


@st.composite
def operation(draw):
    first, second = draw(st.permutations(range(N_WIRES)))[:2]
    angle = draw(TURNS)
    return draw(
        st.sampled_from(
            [
                *(gate(first) for gate in GATES_1),
                *(gate(angle, first) for gate in (qml.RX, qml.RY, qml.RZ, qml.PhaseShift)),
                *(gate([first, second]) for gate in (qml.CNOT, qml.CZ, qml.SWAP)),
                *(gate(angle, [first, second]) for gate in (qml.CRX, qml.IsingXX, qml.IsingZZ)),
                qml.adjoint(qml.S(first)),
                qml.Barrier([first, second]),
            ]
        )
    )


MEASUREMENTS = [
    [qml.probs(wires=[0, 1])],
    [qml.probs()],
    [qml.expval(qml.X(0) @ qml.Y(2))],
    [qml.expval(qml.Z(2)), qml.probs(wires=1)],
    [qml.density_matrix(wires=[1])],
    [qml.var(qml.Hermitian(np.array([[1, 2 - 1j], [2 + 1j, -1]]), wires=0))],
]


@settings(deadline=None, max_examples=60)
@given(st.lists(operation(), max_size=14), st.sampled_from(MEASUREMENTS))
def test_a_repair_keeps_what_is_measured(operations, measurements):
    tape = QuantumScript(operations, measurements)
    result = repair(tape)
    gone = [finding for finding in result.repaired if finding.code != "many-turns"]
    assert len(result.tape.operations) + len(gone) <= len(operations)
    if not tape.wires:
        return
    before, after = qml.execute([tape, result.tape], qml.device("default.qubit"))
    for a, b in zip(*([x] if len(measurements) == 1 else x for x in (before, after)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.lists(operation(), max_size=14))
def test_a_repair_keeps_the_unitary_where_the_state_is_measured(operations):
    tape = QuantumScript(operations, [qml.state()])
    matrices = [
        qml.matrix(QuantumScript([qml.Identity(range(N_WIRES)), *one.operations]), range(N_WIRES))
        for one in (tape, repair(tape).tape)
    ]
    overlap = np.trace(matrices[0].conj().T @ matrices[1]) / 2**N_WIRES
    assert abs(overlap) == pytest.approx(1, abs=1e-12)


def test_trained_gates_and_batches_stay():
    trained = [qml.Hadamard(0), qml.RX(pnp.array(0.0, requires_grad=True), 0)]
    assert repair(QuantumScript(trained, [qml.probs(wires=0)])).tape.operations == trained
    batched = [qml.Hadamard(0), qml.RZ(np.zeros(4), 0)]
    assert repair(QuantumScript(batched, [qml.probs(wires=0)])).tape.operations == batched


def test_wires_stay_in_their_order_where_a_measurement_names_none():
    gates = [qml.RX(0.0, "b"), qml.X("a"), qml.X("b")]
    assert repair(QuantumScript(gates, [qml.probs()])).tape.operations == gates
    named = repair(QuantumScript(gates, [qml.probs(wires=["b", "a"])])).tape
    assert named.operations == gates[1:]
    barrier = [qml.Barrier([0, 1]), qml.H(0), qml.H(0)]
    assert repair(QuantumScript(barrier, [qml.probs()])).tape.operations == barrier


def test_what_a_later_measurement_decides_is_left_alone():
    def circuit():
        qml.Hadamard(0)
        qml.cond(qml.measure(0), qml.X)(1)
        qml.RX(0.3, 2)
        return qml.probs(wires=1)

    tape = qml.tape.make_qscript(circuit)()
    assert repair(tape).tape.operations == tape.operations


def test_shots_and_the_given_tape_stay_as_they_are():
    tape = QuantumScript([qml.X(0), qml.RX(0.0, 0)], [qml.counts(wires=0)], shots=100)
    result = repair(tape)
    assert result.tape.shots.total_shots == 100
    assert (len(tape.operations), len(result.tape.operations)) == (2, 1)
    assert [finding.code for finding in result.repaired] == ["identity-gate"]
