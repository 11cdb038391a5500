"""QNSPSAOptimizer in the place of PennyLane's: its behaviour, one device call per step."""

import inspect
import json

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import QNSPSAOptimizer, SecondOrderSPSAOptimizer

pnp = qml.numpy
STEPS = [1e-3, 1e-2, 1e-1]


def two_parameters(device=None):
    """RY then controlled RX; the energy is cos(x/2)**2 - sin(x/2)**2 cos(y)."""

    @qml.qnode(device or qml.device("default.qubit", wires=2))
    def energy(params):
        qml.RY(params[0][0], wires=0)
        qml.CRX(params[0][1], wires=[0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1))

    return energy


def energy_by_hand(x, y):
    return np.cos(x / 2) ** 2 - np.sin(x / 2) ** 2 * np.cos(y)


def overlap_by_hand(here, there):
    (x, y), (u, v) = here, there
    both = np.cos(x / 2) * np.cos(u / 2)
    return (both + np.sin(x / 2) * np.sin(u / 2) * np.cos((y - v) / 2)) ** 2


def step_by_hand(params, query, *, radius, stepsize, regularization):
    """One step from PennyLane's formulas and the closed forms above."""
    plus, minus = query.points[0], query.points[1]
    slope = (energy_by_hand(*plus) - energy_by_hand(*minus)) / (2 * radius)
    gradient = slope * (plus - minus) / (2 * radius)
    there = query.pairs[:, 1]
    first, second = (there[1] - params) / radius, (there[0] - there[1]) / radius
    overlaps = [overlap_by_hand(params, one) for one in there]
    difference = overlaps[0] - overlaps[1] - overlaps[2] + overlaps[3]
    raw = -(np.outer(first, second) + np.outer(second, first)) * difference / (8 * radius**2)
    mean = (np.eye(2) + raw) / 2
    values, vectors = np.linalg.eigh(mean)
    metric = (vectors @ np.diag(np.abs(values)) @ vectors.T + regularization * np.eye(2)) / (
        1 + regularization
    )
    return params - stepsize * np.linalg.solve(metric, gradient)


def test_the_signature_takes_everything_pennylanes_takes():
    theirs = inspect.signature(qml.QNSPSAOptimizer).parameters
    ours = inspect.signature(QNSPSAOptimizer).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default
        assert ours[name].kind == parameter.kind


@pytest.mark.parametrize("radius", STEPS)
@pytest.mark.parametrize("blocking", [True, False])
def test_one_step_is_that_of_pennylanes_formulas(radius, blocking):
    params = pnp.array(np.random.default_rng(1).uniform(size=(1, 2)))
    opt = QNSPSAOptimizer(
        1e-2, finite_diff_step=radius, blocking=blocking, seed=4, regularization=1e-3
    )
    new, cost = opt.step_and_cost(two_parameters(), params)
    core = QNSPSAOptimizer(finite_diff_step=radius, blocking=False, seed=4)._core
    query = core.ask(core.init(params, seed=4))
    expected = step_by_hand(
        np.ravel(params), query, radius=radius, stepsize=1e-2, regularization=1e-3
    )
    np.testing.assert_allclose(np.ravel(new), expected, atol=1e-8)
    assert cost == pytest.approx(energy_by_hand(*np.ravel(params)))
    assert new.shape == (1, 2)


@pytest.mark.parametrize("radius", STEPS)
def test_several_arguments_are_one_vector(radius):
    @qml.qnode(qml.device("default.qubit", wires=2))
    def separate(x, y):
        qml.RY(x, wires=0)
        qml.CRX(y, wires=[0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1))

    together = QNSPSAOptimizer(1e-2, finite_diff_step=radius, seed=1)
    apart = QNSPSAOptimizer(1e-2, finite_diff_step=radius, seed=1)
    one = together.step(two_parameters(), pnp.array([[1.0, 0.4]]))
    x, y = apart.step(separate, pnp.array(1.0), pnp.array(0.4))
    np.testing.assert_allclose(np.ravel(one), [x, y], atol=1e-10)
    assert np.shape(x) == np.shape(y) == ()


@pytest.mark.parametrize("radius", STEPS)
def test_a_frozen_argument_is_part_of_the_circuit(radius):
    @qml.qnode(qml.device("default.qubit", wires=2))
    def with_argument(x, y):
        qml.RY(x[0], wires=0)
        qml.CRX(y[0], wires=[0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1))

    frozen = pnp.array([0.7], requires_grad=False)

    @qml.qnode(qml.device("default.qubit", wires=2))
    def reduced(x):
        qml.RY(x[0], wires=0)
        qml.CRX(0.7, wires=[0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1))

    options = {"stepsize": 1e-2, "finite_diff_step": radius, "seed": 2}
    (new, same), cost = QNSPSAOptimizer(**options).step_and_cost(
        with_argument, pnp.array([0.3]), frozen
    )
    expected, expected_cost = QNSPSAOptimizer(**options).step_and_cost(reduced, pnp.array([0.3]))
    np.testing.assert_allclose(new, expected, atol=1e-10)
    assert same is frozen
    assert cost == pytest.approx(expected_cost)


@pytest.mark.parametrize("radius", STEPS)
def test_blocking_goes_back_to_a_minimum_that_was_left(radius):
    params = pnp.array([[np.pi, 0.0]]) + 0.003
    opt = QNSPSAOptimizer(30.0, finite_diff_step=radius, seed=3)
    energy, visited = two_parameters(), []
    for _ in range(12):
        params = opt.step(energy, params)
        visited.append(energy(params))
    rises = np.flatnonzero(np.diff(visited) > 1e-3)
    assert len(rises) > 0
    for k in rises:
        if k + 2 < len(visited):
            assert visited[k + 2] <= visited[k] + 1e-9


def test_operations_without_an_adjoint_of_their_own_are_fine():
    @qml.qnode(qml.device("default.qubit", wires=2))
    def cost(params):
        qml.RandomLayers(weights=params, wires=range(2), seed=1)
        return qml.expval(qml.Z(0) @ qml.Z(1))

    params = pnp.array(np.random.default_rng(2).normal(0, np.pi, (2, 4)))
    new, _ = QNSPSAOptimizer(5e-2, seed=1).step_and_cost(cost, params)
    assert np.any(new != params)


def test_it_finds_the_ground_state_of_pennylanes_example():
    @qml.qnode(qml.device("default.qubit", wires=2))
    def cost(params):
        qml.RX(params[0], wires=0)
        qml.CRY(params[1], wires=[0, 1])
        return qml.expval(qml.Z(0) @ qml.Z(1))

    params, opt = pnp.array([0.5, 0.5]), QNSPSAOptimizer(5e-2, seed=7)
    for _ in range(130):
        params, loss = opt.step_and_cost(cost, params)
    assert loss == pytest.approx(-1, abs=1e-3)
    np.testing.assert_allclose(np.sin(params), 0, atol=3e-2)


@pytest.mark.parametrize(
    ("blocking", "resamplings", "n_executions"), [(False, 1, 6), (True, 1, 7), (True, 3, 19)]
)
def test_a_step_is_one_device_call(blocking, resamplings, n_executions):
    dev = qml.device("default.qubit", wires=2, seed=1)
    energy = qml.set_shots(two_parameters(dev), 100)
    opt = QNSPSAOptimizer(blocking=blocking, resamplings=resamplings, seed=1)
    params = pnp.array([[0.3, 0.2]])
    for _ in range(3):
        with qml.Tracker(dev) as tracker:
            params = opt.step(energy, params)
        assert tracker.totals["batches"] == 1
        assert tracker.totals["executions"] == n_executions
    assert opt.counts.executions == 3 * n_executions
    assert opt.counts.batches == 3


@pytest.mark.parametrize("make", [QNSPSAOptimizer, SecondOrderSPSAOptimizer])
def test_a_run_resumed_from_json_repeats_the_undisturbed_one(make):
    energy = two_parameters()

    def run(opt, params, n_steps):
        trace = []
        for _ in range(n_steps):
            params = opt.step(energy, params)
            trace.append(np.ravel(params))
        return params, trace

    start = pnp.array([[0.3, 0.2]])
    _, undisturbed = run(make(seed=5), start, 8)
    first = make(seed=5)
    params, beginning = run(first, start, 3)
    second = make()
    second.state = json.loads(json.dumps(first.state))
    _, rest = run(second, params, 5)
    np.testing.assert_array_equal([*beginning, *rest], undisturbed)


def test_newtons_steps_reach_a_ground_state():
    params, opt = pnp.array([[0.5, 0.5]]), SecondOrderSPSAOptimizer(resamplings=2, seed=3)
    energy = two_parameters()
    for _ in range(80):
        params = opt.step(energy, params)
    assert energy(params) == pytest.approx(-1, abs=0.01)
