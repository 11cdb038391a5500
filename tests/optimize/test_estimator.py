"""Gradient estimates of QNodes: unbiased, with their own variance, in one device call."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import (
    InvalidLossError,
    InvalidStateError,
    NonFiniteLossError,
    SPSAGradientEstimator,
    spsa_grad,
)

pnp = qml.numpy
N_PROBLEMS, N_ESTIMATES = 20, 30


def random_circuit(seed, n_wires=2, n_params=4):
    """A circuit of random Pauli rotations with CNOTs between, and a random observable."""
    rng = np.random.default_rng(seed)
    axes = rng.choice([qml.RX, qml.RY, qml.RZ], n_params)
    wires = rng.integers(0, n_wires, n_params)
    words = [qml.Z(0), qml.X(1), qml.Y(0) @ qml.Z(1)]
    observable = qml.dot(rng.normal(size=3), words)

    @qml.qnode(qml.device("default.qubit", wires=n_wires))
    def circuit(params):
        for i, (axis, wire) in enumerate(zip(axes, wires, strict=True)):
            axis(params[i], wires=wire)
            qml.CNOT(wires=[int(wire), (int(wire) + 1) % n_wires])
        return qml.expval(observable)

    return circuit, rng.uniform(-np.pi, np.pi, n_params)


@pytest.mark.parametrize("seed", range(N_PROBLEMS))
def test_the_estimate_is_unbiased_within_five_standard_errors(seed):
    circuit, params = random_circuit(seed)
    exact = qml.grad(circuit)(pnp.array(params))
    c = 0.01
    estimator = SPSAGradientEstimator(c, 2, directions="rademacher", seed=seed)
    samples = np.array([estimator.estimate(circuit, params).gradient for _ in range(N_ESTIMATES)])
    error = samples.std(axis=0, ddof=1) / np.sqrt(N_ESTIMATES)
    assert np.all(np.abs(samples.mean(axis=0) - exact) < 5 * error + 10 * c**2)


def test_all_rows_of_a_hadamard_matrix_give_the_gradient_of_a_circuit():
    circuit, params = random_circuit(3)
    exact = qml.grad(circuit)(pnp.array(params))
    estimate = SPSAGradientEstimator(1e-4, 4, seed=1).estimate(circuit, params)
    np.testing.assert_allclose(estimate.gradient, exact, atol=1e-6)


def test_the_variance_covers_shots_and_directions():
    dev = qml.device("default.qubit", wires=1, seed=5)

    @qml.qnode(dev, shots=200)
    def circuit(x, y):
        qml.RX(x, wires=0)
        qml.RY(y, wires=0)
        return qml.expval(qml.Z(0))

    estimator = SPSAGradientEstimator(0.2, 2, directions="rademacher", seed=2)
    estimates = [estimator.estimate(circuit, 0.4, -1.1) for _ in range(90)]
    seen = np.var([one.gradient for one in estimates], axis=0, ddof=1)
    told = np.mean([one.variance for one in estimates], axis=0)
    np.testing.assert_allclose(told, seen, rtol=0.5)


@pytest.mark.parametrize("resamplings", [1, 3])
def test_it_takes_two_evaluations_for_each_direction_in_one_device_call(resamplings):
    dev = qml.device("default.qubit", wires=3, seed=5)

    @qml.qnode(dev, shots=100)
    def circuit(x):
        qml.StronglyEntanglingLayers(x, wires=range(3))
        return qml.expval(qml.Z(0))

    params = np.zeros((2, 3, 3))
    with qml.Tracker(dev) as tracker:
        estimate = SPSAGradientEstimator(resamplings=resamplings, shots=50).estimate(
            circuit, params
        )
    assert tracker.totals["batches"] == estimate.counts.batches == 1
    assert tracker.totals["executions"] == estimate.counts.executions == 2 * resamplings
    assert tracker.totals["shots"] == estimate.counts.shots == 100 * resamplings


def fit(params, features, label):
    return float((np.dot(params, features) - label) ** 2)


def samples_of(n_samples, seed=4):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=3), float(rng.normal())) for _ in range(n_samples)]


def exact_mean(params, samples):
    return np.mean([2 * (params @ x - y) * x for x, y in samples], axis=0)


@pytest.mark.parametrize("subsample", [None, 1, 3])
def test_a_subsample_is_unbiased_for_the_mean_of_all_samples(subsample):
    samples, params = samples_of(7), np.array([0.5, -0.3, 1.0])
    estimator = SPSAGradientEstimator(0.1, directions="rademacher", seed=1)
    estimates = [
        estimator.estimate_batch(fit, params, samples=samples, subsample=subsample)
        for _ in range(300)
    ]
    gradients = np.array([one.gradient for one in estimates])
    error = gradients.std(axis=0, ddof=1) / np.sqrt(len(gradients))
    assert np.all(np.abs(gradients.mean(axis=0) - exact_mean(params, samples)) < 5 * error)
    if subsample == 3:
        told = np.mean([one.variance for one in estimates], axis=0)
        seen = gradients.var(axis=0, ddof=1)
        assert np.all(told > 0.8 * seen)
        assert np.all(told < 2.5 * seen)


def test_a_batch_of_inputs_leaves_in_one_device_call_with_two_tapes_each():
    dev = qml.device("default.qubit", wires=1, seed=5)

    @qml.qnode(dev, shots=100)
    def circuit(params, x):
        qml.RX(x, wires=0)
        qml.RY(params[0], wires=0)
        qml.RZ(params[1], wires=0)
        return qml.expval(qml.Z(0))

    inputs = [(x,) for x in np.linspace(0, 1, 8)]
    estimator = SPSAGradientEstimator(seed=1)
    with qml.Tracker(dev) as tracker:
        estimate = estimator.estimate_batch(circuit, np.zeros(2), samples=inputs)
    assert tracker.totals["batches"] == estimate.counts.batches == 1
    assert tracker.totals["executions"] == estimate.counts.executions == 16
    with qml.Tracker(dev) as tracker:
        estimator.estimate_batch(circuit, np.zeros(2), samples=inputs, subsample=3)
    assert tracker.totals["executions"] == 6


def test_fewer_samples_cost_fewer_circuits_and_leave_more_variance():
    samples, params = samples_of(16), np.array([0.5, -0.3, 1.0])
    spread = []
    for subsample in (2, 8):
        estimator = SPSAGradientEstimator(0.1, seed=1)
        gradients = [
            estimator.estimate_batch(fit, params, samples=samples, subsample=subsample).gradient
            for _ in range(100)
        ]
        spread.append(np.var(gradients, axis=0).sum())
    assert spread[1] < 0.4 * spread[0]


def test_spsa_grad_has_the_shapes_of_qml_grad_and_serves_pennylanes_optimizers():
    @qml.qnode(qml.device("default.qubit", wires=1))
    def circuit(x, y):
        qml.RX(x[0, 0], wires=0)
        qml.RY(x[0, 1] + y, wires=0)
        return qml.expval(qml.Z(0))

    args = pnp.array([[0.3, 0.2]]), pnp.array(0.1)
    grad = spsa_grad(circuit, c=1e-3, resamplings=4, seed=1)
    ours, theirs = grad(*args), qml.grad(circuit)(*args)
    assert [one.shape for one in ours] == [np.shape(one) for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert grad.last.variance.shape == (3,)
    opt, params = qml.GradientDescentOptimizer(0.3), list(args)
    for _ in range(30):
        params = opt.step(circuit, *params, grad_fn=grad)
    assert circuit(*params) == pytest.approx(-1.0, abs=1e-2)


def test_the_same_seed_gives_the_same_estimates_and_each_estimate_new_directions():
    circuit, params = random_circuit(1)
    first, second = SPSAGradientEstimator(seed=3), SPSAGradientEstimator(seed=3)
    ours = [first.estimate(circuit, params).gradient for _ in range(4)]
    theirs = [second.estimate(circuit, params).gradient for _ in range(4)]
    np.testing.assert_array_equal(ours, theirs)
    assert len({tuple(np.sign(one)) for one in ours}) > 1


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: SPSAGradientEstimator(c=0.0), InvalidOptionError, "c is 0.0"),
        (lambda: SPSAGradientEstimator(resamplings=0), InvalidOptionError, "resamplings 0"),
        (lambda: SPSAGradientEstimator(directions="up"), InvalidOptionError, "no directions 'up'"),
        (lambda: SPSAGradientEstimator(seed=-1), InvalidStateError, "seed is -1"),
        (
            lambda: SPSAGradientEstimator().estimate_batch(fit, np.ones(3), samples=[]),
            InvalidOptionError,
            "cannot take 0 of 0",
        ),
        (
            lambda: SPSAGradientEstimator().estimate_batch(
                fit, np.ones(3), samples=samples_of(2), subsample=3
            ),
            InvalidOptionError,
            "cannot take 3 of 2",
        ),
        (
            lambda: SPSAGradientEstimator().estimate(lambda x: float("nan"), np.ones(3)),
            NonFiniteLossError,
            "not all finite",
        ),
        (
            lambda: SPSAGradientEstimator().estimate(lambda x: x, np.ones(3)),
            InvalidLossError,
            "one real number",
        ),
    ],
)
def test_what_makes_no_sense_is_named(make, error, said):
    with pytest.raises(error, match=said):
        make()
