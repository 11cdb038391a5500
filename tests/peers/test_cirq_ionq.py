"""cirq-ionq gets right answers from the emulated service."""

import numpy as np
import pytest

cirq = pytest.importorskip("cirq")
cirq_ionq = pytest.importorskip("cirq_ionq")

pytestmark = pytest.mark.peers


@pytest.fixture
def cirq_service(server_url):
    return cirq_ionq.Service(
        remote_host=server_url, api_key="k", default_target="simulator", max_retry_seconds=5
    )


def asymmetric():
    a, b, c = cirq.LineQubit.range(3)
    return cirq.Circuit(cirq.X(a), cirq.ry(0.8)(b), cirq.CNOT(b, c), cirq.measure(a, b, c, key="m"))


EXPECTED = {0b100: np.cos(0.4) ** 2, 0b111: np.sin(0.4) ** 2}


def test_a_simulator_job_gives_exact_probabilities(cirq_service):
    job = cirq_service.create_job(asymmetric(), repetitions=100)
    result = job.results(polling_seconds=0.01)
    assert result.probabilities() == pytest.approx(EXPECTED)


def test_a_batch_keeps_its_order(cirq_service):
    q = cirq.LineQubit.range(2)
    circuits = [
        cirq.Circuit(cirq.ry(angle)(q[1]), cirq.X(q[0]), cirq.measure(*q, key="m"))
        for angle in (0.3, 1.0, 2.0)
    ]
    job = cirq_service.create_batch_job(circuits, repetitions=100)
    results = job.results(polling_seconds=0.01)
    for angle, result in zip((0.3, 1.0, 2.0), results, strict=True):
        expected = {0b10: np.cos(angle / 2) ** 2, 0b11: np.sin(angle / 2) ** 2}
        assert result.probabilities() == pytest.approx(expected)


@pytest.mark.parametrize("gate", ["ms", "zz"])
def test_native_circuits_run(cirq_service, gate):
    q = cirq.LineQubit.range(2)
    pair = cirq_ionq.MSGate(phi0=0.1, phi1=0.2) if gate == "ms" else cirq_ionq.ZZGate(theta=0.1)
    gates = [cirq_ionq.GPI2Gate(phi=0.3)(q[0]), pair(*q), cirq_ionq.GPI2Gate(phi=0.1)(q[0])]
    circuit = cirq.Circuit(gates, cirq.measure(*q, key="m"))
    result = cirq_service.create_job(circuit, repetitions=100).results(polling_seconds=0.01)
    exact = np.abs(cirq.Circuit(gates).final_state_vector(qubit_order=q)) ** 2
    expected = {k: float(p) for k, p in enumerate(exact) if p > 1e-9}
    assert result.probabilities() == pytest.approx(expected, abs=1e-6)


def test_a_machine_gives_counts_of_a_noisy_run(cirq_service):
    job = cirq_service.create_job(asymmetric(), repetitions=2000, target="qpu.forte-1")
    counts = job.results(polling_seconds=0.01).counts()
    assert sum(counts.values()) == 2000
    error = np.sqrt(2000 * EXPECTED[0b111] * EXPECTED[0b100])
    assert counts[0b111] == pytest.approx(2000 * EXPECTED[0b111], abs=5 * error + 60)


def test_jobs_are_listed_and_deleted(cirq_service):
    job = cirq_service.create_job(asymmetric(), repetitions=100, name="kept")
    assert job.name() == "kept"
    assert job.num_qubits() == 3
    assert cirq_service.get_job(job.job_id()).status() == "completed"
    assert job.job_id() in [listed.job_id() for listed in cirq_service.list_jobs()]
    job.delete()
    assert job.status() == "deleted"
