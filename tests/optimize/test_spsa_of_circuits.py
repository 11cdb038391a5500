"""SPSAOptimizer on losses over data, whose circuits it runs along directions of their own."""

import json

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.optimize import (
    InvalidStateError,
    PlannedShotsOptimizer,
    SPSAOptimizer,
)
from pennylane_qstore.optimize.core import CalibratedGains, GradientAverage
from pennylane_qstore.optimize.errors import ChangedCircuitsError
from tests.optimize.data_costs import (
    FEATURES,
    LABELS,
    make_cost,
    make_device,
    make_node,
    start,
    train,
)

REASON = "each circuit along directions of its own"


@pytest.mark.parametrize("name", ["default.qubit", "lightning.qubit", "qstore.ionq"])
def test_a_step_is_one_batch_of_single_circuits_and_the_loss_comes_with_it(name):
    device = make_device(name)
    optimizer, cost = SPSAOptimizer(seed=1), make_cost(device)
    with qml.Tracker(device) as tracker:
        params = train(optimizer, cost, start(), range(3))
        _, loss = optimizer.step_and_cost(cost, params, rows=[0, 1, 2, 3, 4])
    assert tracker.totals["batches"] == 4
    assert tracker.totals["executions"] == optimizer.counts.executions == 4 * 64 + 5
    assert tracker.totals["shots"] == optimizer.counts.shots == (4 * 64 + 5) * 400
    assert optimizer.last.reason == REASON
    exact = make_cost(make_device("default.qubit"), shots=None)(params, [0, 1, 2, 3, 4])
    assert loss == optimizer.last.loss
    assert abs(loss - exact) < 5 * optimizer.last.loss_error < 0.5
    if name == "qstore.ionq":
        assert tracker.totals["jobs"] == 4


def test_the_first_step_is_twice_as_long_as_along_few_directions():
    for settings, length in (({}, 0.4), ({"resamplings": 4}, 0.2)):
        optimizer = SPSAOptimizer(seed=1, **settings)
        moved = train(optimizer, make_cost(make_device("default.qubit")), start(), range(1))
        np.testing.assert_allclose(np.abs(moved - start()), length)


def test_it_learns_and_says_how_well():
    cost = make_cost(make_device("default.qubit"))
    exact = make_cost(make_device("default.qubit"), shots=None)
    optimizer = SPSAOptimizer(seed=1)
    params = train(optimizer, cost, start(), range(12))
    here, rows = optimizer._state.inner.params.reshape(params.shape), range(5)
    assert exact(params, range(10)) < 0.6 < 1.2 < exact(start(), range(10))
    optimizer.step(cost, params, rows=rows)
    # Of the pairs, the loss up to the square of the perturbation.
    assert abs(optimizer.last.loss - exact(here, rows)) < 5 * optimizer.last.loss_error + 0.1


def test_weights_and_bias_behind_the_circuits_are_trained_along():
    node = make_node(make_device("default.qubit"), 400)

    def cost(w, weight, bias, rows):
        logits = weight * node(w, FEATURES[rows]) + bias
        return pnp.mean(pnp.log(1 + pnp.exp(-LABELS[rows] * logits)))

    optimizer = SPSAOptimizer(seed=1)
    args = [start(), pnp.array(1.0), pnp.array(0.5)]
    before = cost(*args, np.arange(10))
    for _ in range(25):
        args = optimizer.step(cost, *args, rows=np.arange(10))
    assert optimizer.last.reason == REASON
    assert cost(*args, np.arange(10)) < 0.55 < 0.7 < before
    assert args[1] > 1.3


def test_a_saved_run_goes_on_bit_for_bit():
    whole = train(SPSAOptimizer(seed=3), make_cost(make_device("default.qubit")), start(), range(6))
    first, cost = SPSAOptimizer(seed=3), make_cost(make_device("default.qubit"))
    half = train(first, cost, start(), range(3))
    second = SPSAOptimizer(seed=4)
    second.state = json.loads(json.dumps(first.state))
    assert np.array_equal(train(second, cost, half, range(3, 6)), whole)


@pytest.mark.parametrize(
    "settings",
    [
        {"maxiter": 100},
        {"a": 0.1},
        {"gains": CalibratedGains()},
        {"resamplings": 4},
        {"transforms": (GradientAverage(),)},
    ],
)
def test_whoever_sets_gains_directions_or_transforms_gets_whole_losses(settings):
    optimizer = SPSAOptimizer(seed=1, **settings)
    train(optimizer, make_cost(make_device("default.qubit")), start(), range(1))
    assert optimizer.last.reason == ""
    assert optimizer.last.counts.executions % 5 == 0
    state = SPSAOptimizer(seed=1)
    train(state, make_cost(make_device("default.qubit")), start(), range(1))
    with pytest.raises(InvalidStateError, match="single circuits"):
        optimizer.state = state.state


def test_other_settings_hold_for_single_circuits_too():
    optimizer = SPSAOptimizer(c=0.5, shots=60, blocking=True, averaging=False, seed=1)
    params = train(optimizer, make_cost(make_device("default.qubit")), start(), range(2))
    assert optimizer.last.reason == REASON
    # Pairs, and the loss of five samples by which the step before is judged.
    assert optimizer.last.counts.executions == 64 + 5
    assert optimizer.last.counts.shots == 64 * 60 + 5 * 400
    query = optimizer._core.ask(optimizer._state)
    ahead = query.singles[0] - optimizer._state.inner.params
    np.testing.assert_allclose(np.abs(ahead), 0.5 / 3**0.101)
    np.testing.assert_array_equal(optimizer._state.params, params.ravel())


def test_a_qnode_and_a_cost_that_is_no_sum_are_left_whole():
    node = make_node(make_device("default.qubit"), 100)
    for cost, n in (
        (lambda w: node(w, FEATURES[0]), 1),
        (lambda w: node(w, FEATURES[0]) * node(w, FEATURES[1]), 2),
    ):
        optimizer = SPSAOptimizer(seed=1)
        optimizer.step(cost, start())
        assert (optimizer.last.reason, optimizer.last.counts.executions) == ("", 8 * n)


def test_many_parameters_are_not_looked_at_one_by_one(monkeypatch):
    monkeypatch.setattr("pennylane_qstore.optimize.spsa.MOST_PARAMS", 5)
    optimizer = SPSAOptimizer(seed=1)
    train(optimizer, make_cost(make_device("default.qubit")), start(), range(1))
    assert (optimizer.last.reason, optimizer.last.counts.executions) == ("", 8 * 5)


def test_other_circuits_than_before_are_refused():
    device = make_device("default.qubit")
    optimizer = SPSAOptimizer(seed=1)
    params = train(optimizer, make_cost(device), start(), range(1))
    node = make_node(device, 100)
    other = make_cost(device, shots=100)
    with pytest.raises(ChangedCircuitsError, match="circuits differ"):
        optimizer.step(lambda w: other(w[:2], range(3)), params)
    resumed = SPSAOptimizer()
    resumed.state = optimizer.state
    with pytest.raises(ChangedCircuitsError, match="saved state"):
        resumed.step(lambda w: node(w, FEATURES[0]), params)


def test_a_plan_for_shots_evaluates_whole_losses():
    device = make_device("default.qubit")
    optimizer = PlannedShotsOptimizer(SPSAOptimizer(seed=1), 100)
    with qml.Tracker(device) as tracker:
        optimizer.step(make_cost(device), start(), rows=range(5))
    assert tracker.totals["executions"] == 8 * 5
    assert tracker.totals["shots"] == 8 * 5 * 100
