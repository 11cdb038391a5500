"""pennylane-ionq 0.45 gets right answers from the emulated service."""

import numpy as np
import pennylane as qml
import pytest

api_client = pytest.importorskip("pennylane_ionq.api_client")

pytestmark = pytest.mark.peers


@pytest.fixture(autouse=True)
def _loopback(server_url, monkeypatch):
    monkeypatch.setattr(api_client.APIClient, "BASE_URL", f"{server_url}/v0.4")


def asymmetric():
    qml.PauliX(0)
    qml.RY(0.8, 1)
    qml.CNOT([1, 2])


def expected():
    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit():
        asymmetric()
        return qml.probs(wires=[0, 1, 2])

    return circuit()


def test_a_qnode_gets_the_probabilities_of_an_asymmetric_state():
    device = qml.device("ionq.simulator", wires=3, api_key="k")

    @qml.qnode(device, shots=4000)
    def circuit():
        asymmetric()
        return qml.probs(wires=[0, 1, 2])

    np.testing.assert_allclose(circuit(), expected(), atol=0.04)
    np.testing.assert_allclose(device.prob, expected(), atol=1e-12)


def test_a_batch_of_tapes_keeps_its_order():
    device = qml.device("ionq.simulator", wires=2, api_key="k")
    tapes = [
        qml.tape.QuantumScript([qml.RY(angle, 1)], [qml.expval(qml.PauliZ(1))], shots=5000)
        for angle in (0.1, 1.2, 2.9)
    ]
    values = np.array(device.batch_execute(tapes), dtype=float).reshape(-1)
    np.testing.assert_allclose(values, np.cos([0.1, 1.2, 2.9]), atol=0.08)


def test_a_noisy_simulator_gives_a_noisy_answer():
    device = qml.device("ionq.simulator", wires=1, api_key="k", noise_model="aria-1", noise_seed=3)

    @qml.qnode(device, shots=10_000)
    def circuit():
        for _ in range(101):
            qml.PauliX(0)
        return qml.expval(qml.PauliZ(0))

    # After n gates <Z> shrinks by (1 - r)^n with r = 0.0005.
    assert circuit() == pytest.approx(-((1 - 0.0005) ** 101), abs=0.03)
    assert circuit() > -0.999


def test_native_gates_run_on_the_simulator():
    from pennylane_ionq.ops import GPI, GPI2, MS

    device = qml.device("ionq.simulator", wires=2, gateset="native", api_key="k")

    @qml.qnode(device, shots=2000)
    def circuit():
        GPI2(0.25, wires=0)
        MS(0.0, 0.0, 0.1, wires=[0, 1])
        GPI(0.3, wires=0)
        return qml.probs(wires=[0, 1])

    import ionq_core

    ms = ionq_core.ms_matrix(0.0, 0.0, 0.1)
    gpi2 = np.kron(ionq_core.gpi2_matrix(0.25), np.eye(2))
    gpi = np.kron(ionq_core.gpi_matrix(0.3), np.eye(2))
    state = gpi @ np.array(ms) @ gpi2 @ np.eye(4)[0]
    circuit()
    np.testing.assert_allclose(device.prob, np.abs(state) ** 2, atol=1e-12)
