"""The state vector against PennyLane's simulator and against dense matrices."""

import ionq_core
import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.emulator.circuits import Reader
from pennylane_qstore.emulator.engine import simulate

N = 5
FIXED = {
    "x": qml.PauliX,
    "not": qml.PauliX,
    "y": qml.PauliY,
    "z": qml.PauliZ,
    "h": qml.Hadamard,
    "s": qml.S,
    "si": lambda wires: qml.adjoint(qml.S(wires)),
    "t": qml.T,
    "ti": lambda wires: qml.adjoint(qml.T(wires)),
    "v": qml.SX,
    "vi": lambda wires: qml.adjoint(qml.SX(wires)),
}
ROTATIONS = {"rx": qml.RX, "ry": qml.RY, "rz": qml.RZ}
PAIRS = {"xx": qml.IsingXX, "yy": qml.IsingYY, "zz": qml.IsingZZ}


def state_of(circuit, gateset="qis", n=N):
    """Final state by our engine, in PennyLane's bit order; global phase is free."""
    template, row = Reader().read(circuit, gateset, "circuit")
    register = simulate(template.program, template.values[[row]])
    register.flush(*range(n), *register.pending)
    axes = [register.order.index(qubit) for qubit in range(n)]
    return register.state[..., 0].transpose(axes).reshape(-1)


def pennylane_state(operations, n=N):
    @qml.qnode(qml.device("default.qubit", wires=n))
    def circuit():
        for operation in operations:
            qml.apply(operation)
        return qml.state()

    return circuit()


def assert_same_state(ours, theirs):
    assert abs(np.vdot(ours, theirs)) == pytest.approx(1, abs=1e-9)
    assert np.linalg.norm(ours) == pytest.approx(1, abs=1e-9)


def random_pauli_exponential(rng, targets):
    n_terms = int(rng.integers(1, 4))
    terms = ["".join(rng.choice(list("IXYZ"), size=len(targets))) for _ in range(n_terms)]
    coefficients = rng.uniform(-1, 1, size=n_terms).tolist()
    time = float(rng.uniform(0, 2))
    words = [
        qml.pauli.string_to_pauli_word(term[::-1], {q: i for i, q in enumerate(targets)})
        for term in terms
    ]
    matrix = sum(
        c * qml.matrix(word, wire_order=targets)
        for c, word in zip(coefficients, words, strict=True)
    )
    energies, vectors = np.linalg.eigh(matrix)
    unitary = (vectors * np.exp(-1j * time * energies)) @ vectors.conj().T
    gate = {
        "gate": "pauliexp",
        "targets": targets,
        "terms": terms,
        "coefficients": coefficients,
        "time": time,
    }
    return gate, qml.QubitUnitary(unitary, wires=targets)


def random_gate(rng):
    """A gate of the qis set, and its PennyLane operation."""
    qubits = [int(q) for q in rng.permutation(N)]
    n_controls = int(rng.choice([0, 0, 1, 2]))
    kind = rng.choice(["fixed", "rotation", "pair", "swap", "phase", "pauliexp"])
    angle = float(rng.uniform(-7, 7))
    if kind == "fixed":
        name = str(rng.choice(list(FIXED)))
        targets, gate, op = qubits[:1], {"gate": name}, FIXED[name](qubits[0])
    elif kind == "rotation":
        name = str(rng.choice(list(ROTATIONS)))
        gate = {"gate": name, "rotation": angle}
        targets, op = qubits[:1], ROTATIONS[name](angle, qubits[0])
    elif kind == "phase":
        targets, gate = qubits[:1], {"gate": "z", "rotation": angle}
        op = qml.PhaseShift(angle, qubits[0])
    elif kind == "pair":
        name = str(rng.choice(list(PAIRS)))
        gate = {"gate": name, "rotation": angle}
        targets, op = qubits[:2], PAIRS[name](angle, qubits[:2])
    elif kind == "swap":
        targets, gate, op = qubits[:2], {"gate": "swap"}, qml.SWAP(qubits[:2])
    else:
        targets = qubits[: int(rng.integers(1, 4))]
        gate, op = random_pauli_exponential(rng, targets)
    gate |= {"target": targets[0]} if len(targets) == 1 else {"targets": targets}
    controls = qubits[len(targets) :][:n_controls]
    if len(controls) == 1:
        gate["control"] = controls[0]
    elif controls:
        gate["controls"] = controls
    return gate, qml.ctrl(op, control=controls) if controls else op


@pytest.mark.parametrize("seed", range(40))
def test_random_circuits_of_all_gates_agree_with_default_qubit(seed):
    rng = np.random.default_rng(seed)
    start = [
        ({"gate": "ry", "target": q, "rotation": 0.3 + q}, qml.RY(0.3 + q, q)) for q in range(N)
    ]
    pairs = start + [random_gate(rng) for _ in range(30)]
    ours = state_of([gate for gate, _ in pairs])
    assert_same_state(ours, pennylane_state([op for _, op in pairs]))


@pytest.mark.parametrize("name", [*FIXED, *ROTATIONS])
def test_each_one_qubit_gate_keeps_its_phase_under_control(name):
    rotation = {"rotation": 0.7} if name in ROTATIONS else {}
    op = ROTATIONS[name](0.7, 1) if rotation else FIXED[name](1)
    start = [{"gate": "h", "target": 0}, {"gate": "ry", "target": 1, "rotation": 1.1}]
    ours = state_of([*start, {"gate": name, "target": 1, "control": 0, **rotation}], n=2)
    theirs = pennylane_state([qml.Hadamard(0), qml.RY(1.1, 1), qml.ctrl(op, control=0)], n=2)
    assert_same_state(ours, theirs)


def test_cnot_takes_one_or_many_controls():
    flips = [{"gate": "x", "target": 0}, {"gate": "x", "target": 1}]
    many = state_of([*flips, {"gate": "cnot", "controls": [0, 1], "target": 2}], n=3)
    one = state_of([*flips, {"gate": "cnot", "control": 1, "target": 2}], n=3)
    assert abs(many[0b111]) == pytest.approx(1)
    assert abs(one[0b111]) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(20))
def test_random_native_circuits_agree_with_ionq_core(seed):
    rng = np.random.default_rng(seed)
    gates, operations = [], []
    for _ in range(40):
        first, second = (int(q) for q in rng.permutation(N)[:2])
        a, b = (float(x) for x in rng.uniform(-1, 1, size=2))
        angle = float(rng.uniform(0, 0.25))
        name = rng.choice(["gpi", "gpi2", "ms", "zz", "nop"])
        if name == "ms":
            gate = {"gate": "ms", "targets": [first, second], "phases": [a, b], "angle": angle}
            matrix = ionq_core.ms_matrix(a, b, angle)
        elif name == "zz":
            gate = {"gate": "zz", "targets": [first, second], "angle": angle}
            matrix = ionq_core.zz_matrix(angle)
        elif name == "nop":
            gate, matrix = {"gate": "nop", "target": first}, np.eye(2)
        else:
            gate = {"gate": str(name), "target": first, "phase": a}
            matrix = getattr(ionq_core, f"{name}_matrix")(a)
        wires = [first, second] if name in ("ms", "zz") else first
        gates.append(gate)
        operations.append(qml.QubitUnitary(np.array(matrix), wires=wires))
    start = [{"gate": "gpi2", "target": q, "phase": 0.1 * q} for q in range(N)]
    before = [qml.QubitUnitary(np.array(ionq_core.gpi2_matrix(0.1 * q)), wires=q) for q in range(N)]
    ours = state_of(start + gates, "native")
    assert_same_state(ours, pennylane_state(before + operations))


def test_native_angles_default_to_fully_entangling():
    ms = state_of([{"gate": "ms", "targets": [0, 1], "phases": [0.1, 0.2]}], "native", 2)
    full = {"gate": "ms", "targets": [0, 1], "phases": [0.1, 0.2], "angle": 0.25}
    assert_same_state(ms, state_of([full], "native", 2))


def test_cirqs_phase_key_on_zz_is_its_angle():
    start = [{"gate": "gpi2", "target": q, "phase": 0.3} for q in (0, 1)]
    ours = state_of([*start, {"gate": "zz", "targets": [0, 1], "phase": 0.1}], "native", 2)
    theirs = state_of([*start, {"gate": "zz", "targets": [0, 1], "angle": 0.1}], "native", 2)
    assert_same_state(ours, theirs)


def test_a_batch_gives_what_its_circuits_give_alone():
    rng = np.random.default_rng(3)
    reader = Reader()
    circuits = [
        [
            {"gate": "gpi2", "target": q % 3, "phase": float(rng.uniform(-1, 1))}
            if q % 4
            else {
                "gate": "ms",
                "targets": [q % 3, (q + 1) % 3],
                "phases": rng.uniform(-1, 1, 2).tolist(),
                "angle": 0.2,
            }
            for q in range(20)
        ]
        for _ in range(7)
    ]
    templates = {id(reader.read(circuit, "native", "c")[0]) for circuit in circuits}
    template, _ = reader.read(circuits[0], "native", "c")
    assert len(templates) == 1
    together = simulate(template.program, template.values).probabilities((0, 1, 2))
    for row, circuit in enumerate(circuits):
        alone = np.abs(state_of(circuit, "native", 3).reshape(2, 2, 2).transpose(2, 1, 0)) ** 2
        np.testing.assert_allclose(together[row], alone.reshape(-1), atol=1e-12)


def test_qubit_0_is_the_least_significant_bit_on_the_wire(service):
    job = service.submit([{"gate": "x", "target": 0}, {"gate": "ry", "target": 2, "rotation": 1}])
    result = service.result(job)
    assert set(result) == {"1", "5"}
    assert result["5"] == pytest.approx(np.sin(0.5) ** 2, abs=1e-15)


def test_idle_qubits_stay_0_and_cost_nothing(service):
    job = service.submit([{"gate": "x", "target": 28}], qubits=29)
    assert service.result(job) == {str(2**28): 1.0}


def test_dense_distributions_sum_to_1(service):
    circuit = [{"gate": "ry", "target": q, "rotation": 0.1 + q} for q in range(12)]
    circuit += [{"gate": "cnot", "control": q, "target": q + 1} for q in range(11)]
    result = service.result(service.submit(circuit))
    assert len(result) > 4000
    assert sum(result.values()) == pytest.approx(1, abs=1e-12)


def test_a_wide_circuit_of_one_job_runs(service):
    circuit = [{"gate": "h", "target": 0}]
    circuit += [{"gate": "cnot", "control": q, "target": q + 1} for q in range(17)]
    result = service.result(service.submit(circuit))
    assert result == pytest.approx({"0": 0.5, str(2**18 - 1): 0.5})
