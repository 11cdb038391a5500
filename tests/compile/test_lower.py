import numpy as np
import pennylane as qml
import pennylane_ionq.ops as ionq_ops
import pytest
from pennylane.wires import Wires

from pennylane_qstore import errors, ops, to_ionq_native
from pennylane_qstore.compile import (
    TemplateStore,
    can_lower,
    check_gate_sets,
    compile_batch,
    read,
    target_for,
)
from pennylane_qstore.compile.lower import without_native_adjoint
from tests.oracles import circuit_matrix, distance_up_to_diagonal, distance_up_to_phase

IDEAL, ARIA, FORTE = (
    target_for("simulator", noise_model=model) for model in (None, "aria-1", "forte-1")
)


def lower(operations, wires, *, target, gateset="native", batch_size=None):
    source = read(operations, wires, batch_size=batch_size)
    return compile_batch([source], target, templates=TemplateStore(), gateset=gateset)[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("gateset", ["native", "qis"])
def test_an_angle_that_is_not_finite_is_refused(value, gateset):
    with pytest.raises(errors.InvalidAngleError, match=r"RX on wires \['a'\].*finite"):
        lower([qml.RX(value, "a")], Wires(["a"]), target=IDEAL, gateset=gateset)


def test_a_native_phase_that_is_not_finite_is_refused():
    with pytest.raises(errors.InvalidAngleError, match="GPI on wires"):
        lower([ops.GPI(np.nan, wires=0)], Wires([0]), target=IDEAL)


@pytest.mark.parametrize("op", [ops.MS(0, 0, 0.3, wires=[0, 1]), ops.ZZ(-0.1, wires=[0, 1])])
def test_a_native_angle_out_of_range_is_refused(op):
    with pytest.raises(errors.InvalidAngleError, match="turns; IonQ takes 0 to 0.25"):
        lower([op], Wires([0, 1]), target=IDEAL)


def test_native_phases_beyond_a_turn_are_wrapped_to_the_same_gate():
    ((circuit, _),) = lower([ops.GPI2(7.3, wires=0)], Wires([0]), target=IDEAL)
    assert circuit.gates[0].values[0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("op", "target"), [(ops.MS(0, 0, wires=[0, 1]), FORTE), (ops.ZZ(0.1, wires=[0, 1]), ARIA)]
)
def test_a_native_gate_of_the_other_family_is_refused(op, target):
    with pytest.raises(errors.WrongNativeGateError, match=f"{op.name} on qubits"):
        lower([op], Wires([0, 1]), target=target)


def test_both_gate_sets_in_one_circuit_are_refused():
    with pytest.raises(errors.MixedGateSetsError, match="GPI on wires.*RX on wires"):
        check_gate_sets([qml.RX(0.1, 1), ops.GPI(0.1, wires=0)])
    with pytest.raises(errors.MixedGateSetsError, match="gateset='qis'"):
        lower([ops.GPI(0.1, wires=0)], Wires([0]), target=IDEAL, gateset="qis")


def test_pennylane_ionqs_native_gates_mean_the_same_as_ours():
    theirs = [ionq_ops.GPI(0.1, wires=0), ionq_ops.MS(0.2, 0.3, wires=[0, 1])]
    ours = [ops.GPI(0.1, wires=0), ops.MS(0.2, 0.3, 0.25, wires=[0, 1])]
    check_gate_sets(theirs)
    wires = Wires([0, 1])
    assert lower(theirs, wires, target=IDEAL) == lower(ours, wires, target=IDEAL)


def test_pennylane_ionqs_ising_gates_are_in_radians():
    pairs = [(ionq_ops.XX, qml.IsingXX), (ionq_ops.YY, qml.IsingYY), (ionq_ops.ZZ, qml.IsingZZ)]
    for theirs, ours in pairs:
        circuits = [
            lower([qml.Hadamard(0), op(0.3, wires=[0, 1])], Wires([0, 1]), target=IDEAL)
            for op in (theirs, ours)
        ]
        assert circuits[0] == circuits[1]


def test_broadcast_parameters_give_one_circuit_each():
    angles = np.array([0.1, 0.2, 0.3])
    operations = [qml.RX(angles, "b"), qml.CNOT(["b", "a"]), qml.Rot(0.1, angles, 0.2, "a")]
    circuits = lower(operations, Wires(["a", "b"]), target=IDEAL, batch_size=3)
    for position, (circuit, _) in enumerate(circuits):
        single = [
            qml.RX(angles[position], 1),
            qml.CNOT([1, 0]),
            qml.Rot(0.1, angles[position], 0.2, 0),
        ]
        source = qml.matrix(qml.tape.QuantumScript(single), wire_order=[0, 1])
        assert distance_up_to_diagonal(circuit_matrix(circuit), source) < 1e-10


def test_qubits_follow_the_wire_order_given_not_the_order_of_use():
    ((circuit, _),) = lower([qml.X("z"), qml.Y("a")], Wires(["a", "z"]), target=IDEAL)
    assert {gate.qubits for gate in circuit.gates} == {(0,), (1,)}
    by_qubit = {gate.qubits: gate.values for gate in circuit.gates}
    assert by_qubit == {(0,): (0.25,), (1,): (0.0,)}


@pytest.mark.parametrize("gateset", ["native", "qis"])
def test_what_has_no_form_is_refused(gateset):
    op = qml.QFT([0, 1, 2])
    assert not can_lower(op, gateset)
    with pytest.raises(errors.UnsupportedGateError, match="no native form for QFT"):
        lower([op], Wires(range(3)), target=IDEAL, gateset=gateset)


def test_qis_circuits_equal_their_source_up_to_phase():
    operations = [
        *(op(wires=w) for w, op in enumerate([qml.X, qml.Y, qml.Z])),
        *(op(wires=w) for w, op in enumerate([qml.Hadamard, qml.S, qml.T])),
        *(qml.adjoint(op(wires=w)) for w, op in enumerate([qml.SX, qml.S, qml.T])),
        *(op(0.3 + w, wires=w) for w, op in enumerate([qml.RX, qml.RY, qml.RZ])),
        qml.SX(0),
        qml.adjoint(qml.S(0)),
        qml.adjoint(qml.T(0)),
        qml.PhaseShift(0.7, 1),
        qml.CNOT([2, 0]),
        qml.SWAP([1, 2]),
        qml.IsingXX(0.3, [0, 2]),
        qml.IsingYY(0.4, [1, 0]),
        qml.IsingZZ(0.5, [1, 2]),
    ]
    assert all(can_lower(op, "qis") for op in operations)
    ((circuit, _),) = lower(operations, Wires(range(3)), target=IDEAL, gateset="qis")
    source = qml.matrix(qml.tape.QuantumScript(operations), wire_order=range(3))
    assert distance_up_to_phase(circuit_matrix(circuit), source) < 1e-10


@pytest.mark.parametrize(
    "gate",
    [
        ops.GPI(0.1, wires=0),
        ops.GPI2(0.2, wires=1),
        ops.MS(0.1, 0.3, 0.2, wires=[1, 0]),
        ops.ZZ(0.15, wires=[0, 1]),
        ionq_ops.GPI2(0.7, wires=0),
    ],
)
def test_adjoints_of_native_gates_are_native_gates(gate):
    assert without_native_adjoint(gate) == [gate]
    resolved = without_native_adjoint(qml.adjoint(gate))
    assert {type(one) for one in resolved} <= {ops.GPI, ops.GPI2, ops.MS, ops.ZZ}
    ours = getattr(ops, gate.name)(*gate.data, wires=gate.wires)
    matrix = qml.matrix(qml.tape.QuantumScript([ours, *resolved]), wire_order=[0, 1])
    assert distance_up_to_phase(matrix, np.eye(4)) < 1e-12


def test_the_adjoint_of_another_gate_is_left_alone():
    op = qml.adjoint(qml.RX(0.3, wires=0))
    assert without_native_adjoint(op) == [op]


@pytest.mark.parametrize("target", ["ms", "zz"])
def test_a_folded_native_circuit_runs_on_the_device(target):
    tape = qml.tape.QuantumScript(
        [qml.RX(0.3, 0), qml.CNOT([0, 1]), qml.RY(0.7, 1)], [qml.expval(qml.Z(1))]
    )
    model = {"ms": "aria-1", "zz": "forte-1"}[target]
    device = qml.device("qstore.ionq", wires=2, cache=False)
    (native,), _ = to_ionq_native(tape, target=target)
    (folded,), _ = qml.noise.fold_global(native, 3)
    (value,) = qml.execute([folded], device, diff_method=None)
    (expected,) = qml.execute([tape], qml.device("default.qubit"), diff_method=None)
    assert value == pytest.approx(expected, abs=1e-9)
    noisy = qml.device("qstore.ionq", wires=2, noise_model=model, cache=False)
    assert (
        noisy.compile(folded)[0].sent.n_entangling == 3 * noisy.compile(native)[0].sent.n_entangling
    )
