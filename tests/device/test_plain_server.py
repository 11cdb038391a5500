"""The device against a v0.4 server that shares no code with ours, over plain HTTP."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore import errors
from tests.plain_server import PlainServer

N_QUBITS = 8


@pytest.fixture
def server():
    server = PlainServer()
    yield server
    server.close()


@pytest.fixture
def connect(server):
    def connect(wires=N_QUBITS, **options):
        options = {"backend": "simulator", "api_key": "secret", "cache": False} | options
        return qml.device("qstore.ionq", wires=wires, base_url=server.url, **options)

    return connect


def ansatz(params):
    for layer in params:
        for wire in range(N_QUBITS):
            qml.RY(layer[wire, 0], wires=wire)
            qml.RZ(layer[wire, 1], wires=wire)
        for wire in range(N_QUBITS - 1):
            qml.CNOT(wires=[wire, wire + 1])


def model(device, **options):
    @qml.qnode(device, **options)
    def circuit(params):
        ansatz(params)
        return qml.expval(qml.Z(0) @ qml.Z(7)), qml.probs(wires=[3, 1])

    return circuit


@pytest.fixture
def params():
    values = np.random.default_rng(4).uniform(-np.pi, np.pi, (2, N_QUBITS, 2))
    return pnp.array(values, requires_grad=True)


def gates_of(post):
    entries = post["input"].get("circuits") or [post["input"]]
    return [gate["gate"] for entry in entries for gate in entry["circuit"]]


def test_exact_results_equal_default_qubit(connect, params):
    ours = model(connect())(params)
    theirs = model(qml.device("default.qubit", wires=N_QUBITS))(params)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-9)


def test_only_native_gates_arrive(connect, server, params):
    model(connect())(params)
    (post,) = server.posts
    assert post["input"]["gateset"] == "native"
    assert set(gates_of(post)) == {"gpi2", "ms"}


def test_a_parameter_shift_gradient_is_one_job(connect, server, params):
    def loss(device):
        circuit = model(device, diff_method="parameter-shift")
        return qml.grad(lambda p: circuit(p)[0] + circuit(p)[1][2])

    gradient = loss(connect(batch_mode="multicircuit"))(params)
    np.testing.assert_allclose(
        gradient, loss(qml.device("default.qubit", wires=N_QUBITS))(params), atol=1e-9
    )
    circuits = [len(post["input"].get("circuits", [0])) for post in server.posts]
    assert max(circuits) >= 2 * N_QUBITS
    assert sum(n > 1 for n in circuits) == 2  # one per QNode call in the loss
    assert server.connections <= 8


def test_sampled_results_are_within_five_standard_errors(connect, params):
    shots = 20_000
    for backend in ("simulator", "qpu.forte-1"):
        sampled = qml.set_shots(model(connect(backend=backend, seed=3)), shots)(params)
        exact = model(qml.device("default.qubit", wires=N_QUBITS))(params)
        assert abs(sampled[0] - exact[0]) < 5 * np.sqrt((1 - exact[0] ** 2) / shots)
        assert (np.abs(sampled[1] - exact[1]) < 5 * np.sqrt(exact[1] / shots)).all()


def test_a_machine_gets_the_native_gates_it_lists(connect, server, params):
    qml.set_shots(model(connect(backend="qpu.forte-1")), 100)(params)
    assert set(gates_of(server.posts[0])) == {"gpi2", "zz"}
    assert server.posts[0]["shots"] == 100


def test_results_are_matched_by_child_id_although_the_server_reverses_them(connect):
    @qml.qnode(connect(wires=2))
    def circuit(x):
        qml.RX(x, wires=0)
        return qml.expval(qml.Z(0))

    np.testing.assert_allclose(circuit(np.array([0.1, 0.7, 2.0])), np.cos([0.1, 0.7, 2.0]))


def test_tapes_of_different_shots_go_in_jobs_of_equal_shots(connect, server):
    device = connect(wires=1, backend="qpu.forte-1")
    tapes = [
        qml.tape.QuantumScript([qml.RX(0.3, 0)], [qml.sample(wires=0)], shots=shots)
        for shots in (10, 50, 10)
    ]
    results = device.execute(tapes)
    assert [len(result) for result in results] == [10, 50, 10]
    assert sorted(post["shots"] for post in server.posts) == [10, 50]


def test_a_wrong_key_is_named_and_not_shown(server):
    device = qml.device(
        "qstore.ionq", wires=1, backend="simulator", base_url=server.url, api_key="wr0ng-key"
    )
    circuit = qml.QNode(lambda: qml.expval(qml.Z(0)), device)
    with pytest.raises(errors.AuthenticationError, match="bad key") as caught:
        circuit()
    assert "wr0ng-key" not in str(caught.value)
    assert "wr0ng-key" not in repr(device) + repr(vars(device))


def test_a_machine_the_service_does_not_list_is_refused_before_anything_is_sent(connect, server):
    with pytest.raises(errors.UnknownBackendError, match=r"qpu.nowhere-1.*qpu.forte-1"):
        qml.set_shots(model(connect(backend="qpu.nowhere-1")), 100)(np.zeros((1, N_QUBITS, 2)))
    assert server.posts == []


def test_a_circuit_wider_than_the_machine_is_refused_before_anything_is_sent(connect, server):
    with pytest.raises(errors.TooManyWiresError, match="8 wires.*qpu.small-1.*2 qubits"):
        qml.set_shots(model(connect(backend="qpu.small-1")), 100)(np.zeros((1, N_QUBITS, 2)))
    assert server.posts == []


def test_address_and_key_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("IONQ_API_KEY", "secret")
    monkeypatch.setenv("IONQ_API_URL", server.url)
    device = qml.device("qstore.ionq", wires=1, backend="simulator", cache=False)
    assert qml.QNode(lambda: qml.expval(qml.Z(0)), device)() == pytest.approx(1)
    assert len(server.posts) == 1
