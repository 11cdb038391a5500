import numpy as np
import pennylane as qml
import pytest
from pennylane.wires import Wires

from pennylane_qstore import ops
from pennylane_qstore.compile import TemplateStore, compile_batch, read, target_for
from tests.oracles import circuit_matrix, distance_up_to_diagonal, random_operations

MS, ZZ = target_for("simulator"), target_for("simulator", noise_model="forte-1")
TARGETS = pytest.mark.parametrize("target", [MS, ZZ], ids=["ms", "zz"])


def compiled(operations, n_qubits, target):
    source = read(operations, Wires(range(n_qubits)))
    (((circuit, _),),) = compile_batch([source], target, templates=TemplateStore())
    return circuit


def source_matrix(operations, n_qubits):
    return qml.matrix(qml.tape.QuantumScript(operations), wire_order=range(n_qubits))


@TARGETS
@pytest.mark.parametrize("seed", range(120))
def test_random_circuits_equal_their_source_up_to_a_final_diagonal(seed, target):
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(2, 6))
    operations = random_operations(rng, range(n_qubits), int(rng.integers(1, 40)))
    circuit = compiled(operations, n_qubits, target)
    source = source_matrix(operations, n_qubits)
    assert distance_up_to_diagonal(circuit_matrix(circuit), source) < 1e-9


@TARGETS
@pytest.mark.parametrize("seed", range(20))
def test_values_are_within_the_ranges_of_the_wire(seed, target):
    rng = np.random.default_rng(seed)
    circuit = compiled(random_operations(rng, range(3), 40), 3, target)
    for gate in circuit.gates:
        if len(gate.qubits) == 2:
            assert gate.name == target.entangler
            assert 0 < gate.values[-1] <= 0.25
        phases = gate.values[:-1] if gate.name in ("ms", "zz") else gate.values
        assert all(0 <= phase < 1 for phase in phases)


@TARGETS
@pytest.mark.parametrize(
    "op",
    [
        qml.CNOT([0, 1]),
        qml.CZ([0, 1]),
        qml.CY([1, 0]),
        qml.IsingXX(0.3, [0, 1]),
        qml.IsingYY(-2.0, [0, 1]),
        qml.IsingZZ(9.0, [0, 1]),
        qml.CRX(0.3, [0, 1]),
        qml.CRY(-4.0, [1, 0]),
        qml.CRZ(0.3, [0, 1]),
        qml.ControlledPhaseShift(2.5, [0, 1]),
    ],
    ids=lambda op: op.name,
)
def test_controlled_and_ising_gates_cost_one_interaction(op, target):
    around = [qml.RX(0.3, 0), qml.RY(0.8, 1)]
    circuit = compiled([*around, op, *around], 2, target)
    assert circuit.n_entangling == 1
    source = source_matrix([*around, op, *around], 2)
    assert distance_up_to_diagonal(circuit_matrix(circuit), source) < 1e-10


@TARGETS
@pytest.mark.parametrize("half_turns", [-4, -2, 0, 2, 4])
def test_interactions_of_whole_turns_cost_nothing(half_turns, target):
    circuit = compiled([qml.RX(0.3, 0), qml.IsingXX(half_turns * np.pi, [0, 1])], 2, target)
    assert circuit.n_entangling == 0


def test_runs_of_one_qubit_gates_cost_at_most_two_pulses():
    run = [qml.RX(0.3, 0), qml.RY(1.1, 0), qml.RZ(0.3, 0), qml.Hadamard(0), qml.RX(2.0, 0)]
    circuit = compiled([*run, qml.CNOT([0, 1]), *run], 2, MS)
    assert circuit.counts["gpi2"] <= 2 + 1 + 2
    assert circuit.n_entangling == 1


def test_z_rotations_cost_nothing():
    operations = [qml.Hadamard(0), qml.RZ(0.3, 0), qml.CZ([0, 1]), qml.S(1), qml.Hadamard(1)]
    assert compiled(operations, 2, ZZ).counts == {"gpi2": 2, "zz": 1}


@pytest.mark.parametrize(
    ("target", "entangler"),
    [(MS, ops.MS(0.1, -0.3, 0.2, wires=[0, 1])), (ZZ, ops.ZZ(0.2, wires=[0, 1]))],
)
def test_native_circuits_pass_through_untouched(target, entangler):
    operations = [ops.GPI2(0.1, wires=0), ops.GPI(0.9, wires=1), entangler, ops.GPI2(0.1, wires=0)]
    circuit = compiled(operations, 2, target)
    assert [gate.values for gate in circuit.gates] == [tuple(op.data) for op in operations]


def test_a_circuit_without_gates_is_sent_as_two_pulses_that_cancel():
    circuit = compiled([qml.Identity(0)], 2, MS)
    np.testing.assert_allclose(circuit_matrix(circuit), np.eye(4), atol=1e-15)
    assert len(circuit.gates) == 2
