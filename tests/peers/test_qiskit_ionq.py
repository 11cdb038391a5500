"""qiskit-ionq gets right answers from the emulated service."""

import numpy as np
import pytest

qiskit = pytest.importorskip("qiskit")
qiskit_ionq = pytest.importorskip("qiskit_ionq")

pytestmark = pytest.mark.peers


@pytest.fixture
def provider(server_url, monkeypatch):
    # Whatever URL a provider is given, qiskit-ionq asks this one how wide a backend is.
    monkeypatch.setenv("IONQ_API_URL", f"{server_url}/v0.4")
    return qiskit_ionq.IonQProvider("k", url=f"{server_url}/v0.4")


def asymmetric():
    circuit = qiskit.QuantumCircuit(3, 3)
    circuit.x(0)
    circuit.ry(0.8, 1)
    circuit.cx(1, 2)
    circuit.measure(range(3), range(3))
    return circuit


EXPECTED = {"001": np.cos(0.4) ** 2, "111": np.sin(0.4) ** 2}


def close(probabilities, expected):
    kept = {key: value for key, value in probabilities.items() if value > 1e-9}
    assert kept == pytest.approx(expected, abs=1e-9)


def test_the_simulator_gives_exact_probabilities(provider):
    backend = provider.get_backend("ionq_simulator")
    job = backend.run(asymmetric(), shots=500)
    close(job.get_probabilities(), EXPECTED)
    assert sum(job.get_counts().values()) == 500


def test_a_batch_keeps_its_order(provider):
    circuits = []
    for angle in (0.3, 1.0, 2.0):
        circuit = qiskit.QuantumCircuit(2, 2)
        circuit.x(0)
        circuit.ry(angle, 1)
        circuit.measure(range(2), range(2))
        circuits.append(circuit)
    job = provider.get_backend("ionq_simulator").run(circuits, shots=500)
    for angle, found in zip((0.3, 1.0, 2.0), job.get_probabilities(), strict=True):
        close(found, {"01": np.cos(angle / 2) ** 2, "11": np.sin(angle / 2) ** 2})


@pytest.mark.parametrize("model", ["aria-1", "forte-1"])
def test_a_noise_model_gives_counts(provider, model):
    backend = provider.get_backend("ionq_simulator")
    job = backend.run(asymmetric(), shots=2000, noise_model=model, sampler_seed=5)
    counts = job.get_counts()
    assert sum(counts.values()) == 2000
    error = np.sqrt(2000 * EXPECTED["001"] * EXPECTED["111"])
    assert counts["111"] == pytest.approx(2000 * EXPECTED["111"], abs=5 * error + 60)


def test_native_circuits_run(provider):
    backend = provider.get_backend("ionq_simulator", gateset="native")
    circuit = qiskit.QuantumCircuit(2, 2)
    circuit.append(qiskit_ionq.GPI2Gate(0.3), [0])
    circuit.append(qiskit_ionq.MSGate(0.1, 0.2, 0.15), [0, 1])
    circuit.append(qiskit_ionq.GPIGate(0.05), [1])
    circuit.append(qiskit_ionq.GPI2Gate(0.7), [0])
    exact = np.abs(qiskit.quantum_info.Statevector(circuit).data) ** 2
    circuit.measure(range(2), range(2))
    job = backend.run(circuit, shots=500)
    close(job.get_probabilities(), {f"{k:02b}": p for k, p in enumerate(exact) if p > 1e-9})


def test_controlled_phases_and_evolutions_are_understood(provider):
    from qiskit.circuit.library import PauliEvolutionGate
    from qiskit.quantum_info import SparsePauliOp

    circuit = qiskit.QuantumCircuit(3, 3)
    for q in range(3):
        circuit.ry(0.5 + q, q)
    circuit.cp(0.9, 0, 2)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XZ"], [0.7]), time=0.4), [0, 1])
    circuit.h(2)
    circuit.h(0)
    exact = np.abs(qiskit.quantum_info.Statevector(circuit).data) ** 2
    circuit.measure(range(3), range(3))
    backend = provider.get_backend("ionq_simulator")
    job = backend.run(qiskit.transpile(circuit, backend), shots=500)
    close(job.get_probabilities(), {f"{k:03b}": p for k, p in enumerate(exact) if p > 1e-9})


def test_a_machine_gives_memory_of_every_shot(provider):
    backend = provider.get_backend("ionq_qpu.forte-1")
    job = backend.run(asymmetric(), shots=600, memory=True)
    memory = job.get_memory() if hasattr(job, "get_memory") else job.result().get_memory()
    assert len(memory) == 600
    assert max(set(memory), key=memory.count) == "001"


def test_characterizations_are_read(provider):
    backend = provider.get_backend("ionq_qpu.forte-1")
    found = backend.calibration()
    assert found is not None
    assert found.qubits == 36
    assert found.median_spam_fidelity == 1.0
