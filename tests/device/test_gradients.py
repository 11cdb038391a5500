"""Gradients on the device: one tape in, all shifted circuits in one job."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore import errors

X, Y, Z = qml.X, qml.Y, qml.Z
GATES = [
    (qml.RX, 1, 1),
    (qml.RY, 1, 1),
    (qml.RZ, 1, 1),
    (qml.PhaseShift, 1, 1),
    (qml.Rot, 3, 1),
    (qml.U3, 3, 1),
    (qml.U2, 2, 1),
    (qml.CRX, 1, 2),
    (qml.CRZ, 1, 2),
    (qml.CRot, 3, 2),
    (qml.IsingXX, 1, 2),
    (qml.IsingXY, 1, 2),
    (qml.ControlledPhaseShift, 1, 2),
    (qml.SingleExcitation, 1, 2),
    (qml.MultiRZ, 1, 3),
    (qml.CNOT, 0, 2),
    (qml.Hadamard, 0, 1),
    (qml.SWAP, 0, 2),
]
MEASUREMENTS = [
    lambda: qml.expval(X(0) @ Y(1)),
    lambda: qml.expval(qml.Hamiltonian([0.3, -1.2, 2.0], [X(0), Z(0) @ Z(1), Y(2)])),
    lambda: qml.expval(qml.Projector([1, 0], wires=[2, 0])),
    lambda: qml.expval(qml.Hermitian(np.array([[1, 0.5 - 1j], [0.5 + 1j, -1]]), wires=1)),
    lambda: qml.var(Z(0) @ Y(2)),
    lambda: qml.var(X(0) + Z(1)),
    lambda: qml.probs(wires=[2, 1]),
]


def random_circuit(seed):
    """Gates with parameters that are shared, scaled, and entered non-linearly."""
    rng = np.random.default_rng(seed)
    plan = []
    for _ in range(rng.integers(3, 9)):
        gate, n_params, n_wires = GATES[rng.integers(len(GATES))]
        wires = [int(wire) for wire in rng.permutation(3)[:n_wires]]
        plan.append((gate, wires, rng.integers(0, 4, n_params), rng.integers(0, 3, n_params)))
    measurement = MEASUREMENTS[rng.integers(len(MEASUREMENTS))]
    enter = [lambda p: 1.3 * p, lambda p: p**2, qml.math.sin]

    def circuit(params):
        qml.RY(params[0], wires=0)
        qml.RX(0.4, wires=1)
        qml.RY(params[3] * params[1], wires=2)
        for gate, wires, sources, how in plan:
            angles = [enter[h](params[s]) for s, h in zip(sources, how, strict=True)]
            gate(*angles, wires=wires)
        return measurement()

    return circuit, pnp.array(rng.uniform(-2, 2, 4), requires_grad=True)


def jacobian(circuit, device, params, method):
    node = qml.QNode(circuit, device, diff_method=method)
    return qml.jacobian(node)(params)


def check(seed):
    circuit, params = random_circuit(seed)
    ours = jacobian(circuit, qml.device("qstore.ionq", wires=3, cache=False), params, "device")
    theirs = jacobian(circuit, qml.device("default.qubit", wires=3), params, "backprop")
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_gradients_equal_backpropagation(seed):
    check(seed)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(100, 300))
def test_two_hundred_gradients_equal_backpropagation(seed):
    check(seed)


def ansatz(device, method="best"):
    @qml.qnode(device, diff_method=method)
    def circuit(params):
        for wire in range(4):
            qml.RY(params[wire], wires=wire)
            qml.RX(params[wire + 4], wires=wire)
        for wire in range(3):
            qml.CNOT(wires=[wire, wire + 1])
        return qml.expval(Z(0) @ X(3)), qml.expval(X(1))

    return circuit


def test_a_gradient_of_two_groups_is_one_job(bodies):
    device = qml.device("qstore.ionq", wires=4, cache=False)
    params = pnp.array(np.linspace(0.1, 1.5, 8), requires_grad=True)

    def loss(params):
        first, second = ansatz(device)(params)
        return first**2 + qml.math.sin(second)

    qml.grad(loss)(params)
    counts = [len(body["input"].get("circuits", [0])) for body in bodies]
    assert len(counts) == 2
    assert counts[0] <= 2 < counts[1] <= 1 + 2 * 8 * 2


def test_a_forward_call_sends_only_the_circuit(bodies):
    device = qml.device("qstore.ionq", wires=4, cache=False)
    ansatz(device)(pnp.array(np.linspace(0.1, 1.5, 8), requires_grad=True))
    counts = [len(body["input"].get("circuits", [0])) for body in bodies]
    assert sum(counts) == 1  # the two words commute qubit by qubit


def test_best_is_the_device_and_parameter_shift_still_works():
    device = qml.device("qstore.ionq", wires=4, cache=False)
    params = pnp.array(np.linspace(0.1, 1.5, 8), requires_grad=True)
    values = [
        qml.jacobian(lambda p, m=m: qml.math.stack(ansatz(device, m)(p)))(params)
        for m in ("best", "device", "parameter-shift")
    ]
    np.testing.assert_allclose(values[0], values[1], atol=1e-12)
    np.testing.assert_allclose(values[0], values[2], atol=1e-9)


def test_sampled_gradients_are_within_five_standard_errors():
    shots = 20_000
    params = pnp.array(np.linspace(0.1, 1.5, 8), requires_grad=True)

    def gradient(device, shots=None):
        node = qml.set_shots(ansatz(device), shots) if shots else ansatz(device)
        return qml.jacobian(lambda p: qml.math.stack(node(p)))(params)

    exact = gradient(qml.device("default.qubit", wires=4))
    sampled = gradient(qml.device("qstore.ionq", wires=4, seed=2), shots)
    assert np.abs(sampled - exact).max() < 5 / np.sqrt(2 * shots)


def test_a_shot_vector_gives_a_gradient_for_each_part():
    device = qml.device("qstore.ionq", wires=4, seed=2)
    params = pnp.array(np.linspace(0.1, 1.5, 8), requires_grad=True)
    node = qml.set_shots(ansatz(device), [5000, 10_000])
    parts = qml.jacobian(lambda p: qml.math.stack([v for part in node(p) for v in part]))(params)
    exact = qml.jacobian(lambda p: qml.math.stack(ansatz(qml.device("default.qubit"))(p)))(params)
    assert parts.shape == (4, 8)
    assert np.abs(parts[:2] - exact).max() < 5 / np.sqrt(2 * 5000)
    assert np.abs(parts[2:] - exact).max() < 5 / np.sqrt(2 * 10_000)


def test_broadcast_inputs_have_gradients():
    inputs = np.array([0.1, 0.7, -0.4])

    def gradient(device):
        @qml.qnode(device)
        def circuit(weights):
            qml.RX(inputs, wires=0)
            qml.RY(weights[0], wires=1)
            qml.CRX(weights[1], wires=[0, 1])
            return qml.expval(Z(1))

        return qml.jacobian(circuit)(pnp.array([0.3, 0.9], requires_grad=True))

    expected = gradient(qml.device("default.qubit", wires=2))
    ours = gradient(qml.device("qstore.ionq", wires=2))
    np.testing.assert_allclose(ours, expected, atol=1e-9)


def test_a_gradient_into_an_observable_is_refused_and_a_constant_one_is_not():
    device = qml.device("qstore.ionq", wires=1)

    @qml.qnode(device)
    def circuit(x, matrix):
        qml.RY(x, wires=0)
        return qml.expval(qml.Hermitian(matrix, wires=0))

    x = pnp.array(0.3, requires_grad=True)
    matrix = pnp.array([[1.0, 0.5], [0.5, -1.0]], requires_grad=True)
    expected = 0.5 * np.cos(0.3) - np.sin(0.3)
    assert qml.grad(lambda y: circuit(y, matrix))(x) == pytest.approx(expected, abs=1e-9)
    with pytest.raises(errors.UnsupportedMeasurementError, match="Hermitian.*trainable"):
        qml.grad(circuit)(x, matrix)


def test_trainable_coefficients_of_a_hamiltonian_have_gradients():
    def gradient(device):
        @qml.qnode(device)
        def circuit(x, weights):
            qml.RY(x, wires=0)
            return qml.expval(qml.Hamiltonian(weights, [Z(0), X(0)]))

        return qml.grad(circuit)(
            pnp.array(0.3, requires_grad=True), pnp.array([0.7, -0.2], requires_grad=True)
        )

    for ours, theirs in zip(
        gradient(qml.device("qstore.ionq", wires=1)),
        gradient(qml.device("default.qubit", wires=1)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_second_derivatives_fall_back_to_parameter_shift():
    device = qml.device("qstore.ionq", wires=1)
    node = qml.QNode(_cosine, device, max_diff=2)
    x = pnp.array(0.3, requires_grad=True)
    assert qml.grad(qml.grad(node))(x) == pytest.approx(-np.cos(0.3), abs=1e-9)


def _cosine(x):
    qml.RX(x, wires=0)
    return qml.expval(Z(0))


def test_trainable_states_are_differentiated_through_their_decomposition():
    def gradient(device, method):
        @qml.qnode(device, diff_method=method)
        def circuit(x):
            qml.AngleEmbedding(qml.math.stack([x, x**2]), wires=[0, 1])
            qml.StronglyEntanglingLayers(
                qml.math.reshape(qml.math.stack([x * k for k in range(6)]), (1, 2, 3)), wires=[0, 1]
            )
            return qml.expval(Z(0))

        return qml.grad(circuit)(pnp.array(0.7, requires_grad=True))

    expected = gradient(qml.device("default.qubit", wires=2), "backprop")
    ours = gradient(qml.device("qstore.ionq", wires=2), "device")
    assert ours == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("interface", ["jax", "torch"])
def test_other_interfaces_use_the_devices_gradient(interface, bodies):
    module = pytest.importorskip(interface)
    device = qml.device("qstore.ionq", wires=4, cache=False)
    values = np.linspace(0.1, 1.5, 8)
    expected = qml.jacobian(lambda p: qml.math.stack(ansatz(qml.device("default.qubit"))(p)))(
        pnp.array(values, requires_grad=True)
    )
    node = qml.QNode(ansatz(device).func, device, interface=interface, diff_method="device")
    if interface == "jax":
        module.config.update("jax_enable_x64", True)
        ours = module.jacobian(lambda p: module.numpy.stack(node(p)))(module.numpy.array(values))
    else:
        tensor = module.tensor(values, requires_grad=True, dtype=module.float64)
        ours = module.autograd.functional.jacobian(lambda p: module.stack(node(p)), tensor)
    np.testing.assert_allclose(np.asarray(ours), expected, atol=1e-9)
    assert max(len(body["input"].get("circuits", [0])) for body in bodies) > 10


def test_the_tracker_counts_the_circuits_of_a_gradient():
    device = qml.device("qstore.ionq", wires=4, cache=False)
    with qml.Tracker(device) as tracker:
        qml.jacobian(lambda p: qml.math.stack(ansatz(device)(p)))(
            pnp.array(np.linspace(0.1, 1.5, 8), requires_grad=True)
        )
    assert tracker.totals["derivatives"] == 1
    assert tracker.totals["jobs"] == 2
    assert tracker.totals["executions"] == 1 + 17


@pytest.mark.parametrize("approx", ["diag", "block-diag", None])
def test_the_metric_tensor_is_one_job(approx, bodies):
    def circuit(params):
        for wire in range(3):
            qml.RY(params[wire], wires=wire)
            qml.RZ(params[wire + 3], wires=wire)
        qml.CNOT(wires=[0, 1])
        qml.CNOT(wires=[1, 2])
        for wire in range(3):
            qml.RX(params[wire + 6], wires=wire)
        return qml.expval(Z(0))

    def metric(name, **options):
        node = qml.QNode(circuit, qml.device(name, wires=4, **options))
        return qml.metric_tensor(node, approx=approx)(
            pnp.array(np.linspace(0.1, 1.7, 9), requires_grad=True)
        )

    ours = metric("qstore.ionq", cache=False)
    np.testing.assert_allclose(ours, metric("default.qubit"), atol=1e-9)
    assert len(bodies) == 1


@pytest.mark.parametrize("shots", [None, 200])
def test_a_parameter_that_the_measurement_cannot_see_is_not_shifted(shots):
    device = qml.device("qstore.ionq", wires=3, seed=1, cache=False)

    @qml.qnode(device, diff_method="device", shots=shots)
    def energy(params):
        for wire in range(3):
            qml.RY(params[0, wire], wire)
            qml.RZ(params[1, wire], wire)
        for wire in range(2):
            qml.CNOT([wire, wire + 1])
        return qml.expval(qml.Z(0) @ qml.Z(2)), qml.expval(qml.Z(1))

    params = pnp.array(np.linspace(0.1, 1.1, 6).reshape(2, 3), requires_grad=True)
    with qml.Tracker(device) as tracker:
        jacobian = qml.jacobian(lambda p: qml.math.stack(energy(p)))(params)
    assert tracker.totals["circuits"] == 1 + 1 + 2 * 3
    np.testing.assert_array_equal(jacobian[:, 1], 0)
    if shots is None:
        exact = qml.jacobian(
            lambda p: qml.math.stack(
                energy.update(device=qml.device("default.qubit"), diff_method="backprop")(p)
            )
        )(params)
        np.testing.assert_allclose(jacobian, exact, atol=1e-9)
