"""The circuit on amplitudes against matrices written out here."""

from functools import reduce

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.training import AmplitudeReadout
from pennylane_qstore.training.readout import log_loss, softmax

X, Z, ID = np.array([[0, 1], [1, 0]]), np.diag([1.0, -1.0]), np.eye(2)
PAIRS = ((0, 1), (3, 4))


def kron(factors, n):
    return reduce(np.kron, [factors.get(i, ID) for i in range(n)])


def ansatz(angles):
    """RY, then RZ on every qubit, and CNOTs from each to the next."""
    n = angles.shape[1]
    total = np.eye(2**n, dtype=complex)
    for layer in angles:
        for i, (y, z) in enumerate(layer):
            cos, sin = np.cos(y / 2), np.sin(y / 2)
            turn = np.diag(np.exp([-0.5j * z, 0.5j * z])) @ np.array([[cos, -sin], [sin, cos]])
            total = kron({i: turn}, n) @ total
        for i in range(n - 1):
            up, down = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
            total = (kron({i: up}, n) + kron({i: down, i + 1: X}, n)) @ total
    return total


def dense_outputs(params, features, *, n, n_layers, n_outputs, pairs):
    n_angles = n_layers * n * 2
    n_values = n + len(pairs)
    matrix = ansatz(params[:n_angles].reshape(n_layers, n, 2))
    weights = params[n_angles:-n_outputs].reshape(n_outputs, n_values)
    observables = [kron({i: Z}, n) for i in range(n)]
    observables += [kron({i: Z, j: Z}, n) for i, j in pairs]
    rows = []
    for row in features:
        state = np.zeros(2**n)
        state[: len(row)] = row / np.linalg.norm(row)
        state = matrix @ state
        values = [np.vdot(state, o @ state).real for o in observables]
        rows.append(weights @ values + params[-n_outputs:])
    return np.array(rows)


@pytest.fixture(scope="module")
def model():
    return AmplitudeReadout(64, 10, 6, 4, pairs=PAIRS)


@pytest.fixture(scope="module")
def params(model):
    return np.random.default_rng(1).normal(0, 1, model.n_params)


def test_the_model_of_sixty_four_features_has_138_parameters(model):
    assert model.n_params == 4 * 6 * 2 + 8 * 10 + 10 == 138
    assert len(model.initial_params(np.random.RandomState(0))) == 138


@pytest.mark.parametrize("n_features", [64, 50])
def test_forward_pass_is_that_of_dense_matrices(n_features, params):
    model = AmplitudeReadout(n_features, 10, 6, 4, pairs=PAIRS)
    features = np.random.default_rng(2).normal(size=(7, n_features))
    qnode = model.qnode(qml.device("default.qubit", wires=6), None)
    outputs = np.asarray(model.outputs(qnode, params, features))
    dense = dense_outputs(params, features, n=6, n_layers=4, n_outputs=10, pairs=PAIRS)
    np.testing.assert_allclose(outputs, dense, atol=1e-9)
    proportions = np.exp(dense) / np.exp(dense).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax(outputs), proportions, atol=1e-9)


def test_the_device_gives_the_same_from_native_circuits(params, model):
    features = np.random.default_rng(3).normal(size=(3, 64))
    device = qml.device("qstore.ionq", wires=6, cache=False)
    outputs = np.asarray(model.outputs(model.qnode(device, None), params, features))
    dense = dense_outputs(params, features, n=6, n_layers=4, n_outputs=10, pairs=PAIRS)
    np.testing.assert_allclose(outputs, dense, atol=1e-8)


def test_all_expectation_values_of_a_sample_come_from_one_circuit(params, model):
    features = np.random.default_rng(4).normal(size=(3, 64))
    device = qml.device("qstore.ionq", wires=6, cache=False, seed=1)
    with qml.Tracker(device) as tracker:
        outputs = np.asarray(model.outputs(model.qnode(device, 4000), params, features))
    assert tracker.totals["circuits"] == 3
    assert tracker.totals["jobs"] == 1
    dense = dense_outputs(params, features, n=6, n_layers=4, n_outputs=10, pairs=PAIRS)
    weights = params[48:-10].reshape(10, 8)
    # A sum of eight correlated means: its standard error is at most that of fully correlated ones.
    assert np.all(np.abs(outputs - dense) < 5 * np.abs(weights).sum(axis=1) / np.sqrt(4000))


def test_the_gradient_of_the_loss_is_that_of_finite_differences():
    model = AmplitudeReadout(8, 3, 3, 1, pairs=((0, 2),))
    qnode = model.qnode(qml.device("default.qubit", wires=3), None)
    rng = np.random.default_rng(5)
    start = pnp.array(rng.normal(size=model.n_params), requires_grad=True)
    x = pnp.array(rng.normal(size=(5, 8)), requires_grad=False)
    y = pnp.array([0, 1, 2, 1, 0], requires_grad=False)

    def loss(params):
        return log_loss(model.outputs(qnode, params, x), y)

    gradient = qml.grad(loss)(start)
    steps = 1e-5 * np.eye(model.n_params)
    slopes = [float(loss(start + step) - loss(start - step)) / 2e-5 for step in steps]
    np.testing.assert_allclose(gradient, slopes, atol=1e-8)


def test_sign_and_norm_of_a_sample_do_not_matter(params, model):
    features = np.random.default_rng(6).normal(size=(4, 64))
    qnode = model.qnode(qml.device("default.qubit", wires=6), None)
    outputs = np.asarray(model.outputs(qnode, params, features))
    np.testing.assert_allclose(model.outputs(qnode, params, -3.7 * features), outputs, atol=1e-9)
