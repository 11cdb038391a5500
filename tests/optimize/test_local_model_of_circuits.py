"""LocalModelOptimizer on losses over data, whose single circuits it models."""

import json

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.optimize import LocalModelOptimizer, PlannedShotsOptimizer
from pennylane_qstore.optimize.core import LocalModel
from pennylane_qstore.optimize.core.circuit_model import CircuitModel
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

SMALL = CircuitModel(circuits=20)


@pytest.mark.parametrize("name", ["default.qubit", "lightning.qubit", "qstore.ionq"])
def test_a_step_is_one_batch_of_single_circuits(name):
    device = make_device(name)
    optimizer, cost = LocalModelOptimizer(seed=1), make_cost(device)
    with qml.Tracker(device) as tracker:
        train(optimizer, cost, start(), range(3))
    assert tracker.totals["batches"] == 3
    assert tracker.totals["executions"] == optimizer.counts.executions == 3 * 64
    assert tracker.totals["shots"] == optimizer.counts.shots == 3 * 64 * 400
    assert optimizer.last.reason == "model of single circuits' results"
    if name == "qstore.ionq":
        assert tracker.totals["jobs"] == 3


def test_it_learns_and_says_how_well():
    cost = make_cost(make_device("default.qubit"))
    exact = make_cost(make_device("default.qubit"), shots=None)
    optimizer = LocalModelOptimizer(seed=1, settings=SMALL)
    params = train(optimizer, cost, start(), range(11))
    rows = range(10)
    assert exact(params, rows) < 0.5 < 1.2 < exact(start(), rows)
    here = optimizer._state.origin.reshape(start().shape)
    batch = np.random.default_rng(0)
    chosen = [batch.choice(10, 5, replace=False) for _ in range(11)][-1]
    assert abs(optimizer.last.loss - exact(here, chosen)) < 5 * optimizer.last.loss_error


def test_weights_and_bias_behind_the_circuits_are_trained_along():
    node = make_node(make_device("default.qubit"), 400)

    def cost(w, weight, bias, rows):
        logits = weight * node(w, FEATURES[rows]) + bias
        return pnp.mean(pnp.log(1 + pnp.exp(-LABELS[rows] * logits)))

    optimizer = LocalModelOptimizer(seed=1, settings=SMALL)
    args = [start(), pnp.array(1.0), pnp.array(0.5)]
    before = cost(*args, np.arange(10))
    for _ in range(10):
        args = optimizer.step(cost, *args, rows=np.arange(10))
    assert optimizer.last.reason == "model of single circuits' results"
    assert optimizer._state.direct.tolist() == [6, 7]
    assert cost(*args, np.arange(10)) < 0.5 < 0.7 < before
    assert abs(args[1]) > 1.5  # certain of itself, as it may be


def test_exact_results_are_taken_as_exact():
    device = make_device("default.qubit")
    optimizer = LocalModelOptimizer(seed=1, settings=SMALL)
    cost = make_cost(device, shots=None)
    params = train(optimizer, cost, start(), range(8))
    assert cost(params, range(10)) < 0.5
    assert not optimizer._state.results.noise.any()


def test_three_shots_are_not_taken_for_certain():
    optimizer = LocalModelOptimizer(seed=1, settings=SMALL)
    train(optimizer, make_cost(make_device("default.qubit"), shots=3), start(), range(1))
    assert np.allclose(optimizer._state.results.noise, 1 / 3)


def test_few_shots_are_taken_where_shots_are_to_be_saved():
    device = make_device("default.qubit")
    optimizer = LocalModelOptimizer("shots", seed=1)
    with qml.Tracker(device) as tracker:
        train(optimizer, make_cost(device), start(), range(2))
    assert tracker.totals["shots"] == optimizer.counts.shots
    assert tracker.totals["shots"] < 2 * 64 * 400


def test_a_saved_run_goes_on_bit_for_bit():
    first = LocalModelOptimizer(seed=3, settings=SMALL)
    whole = train(first, make_cost(make_device("default.qubit")), start(), range(6))
    device = make_device("default.qubit")
    first = LocalModelOptimizer(seed=3, settings=SMALL)
    half = train(first, make_cost(device), start(), range(3))
    second = LocalModelOptimizer(seed=4, settings=SMALL)
    second.state = json.loads(json.dumps(first.state))
    assert np.array_equal(train(second, make_cost(device), half, range(3, 6)), whole)


def test_settings_of_a_model_of_the_loss_keep_it_from_looking_inside():
    optimizer = LocalModelOptimizer(seed=1, settings=LocalModel())
    train(optimizer, make_cost(make_device("default.qubit")), start(), range(1))
    assert optimizer.last.counts.executions == 7 * 5


def test_settings_of_a_model_of_circuits_are_taken():
    optimizer = LocalModelOptimizer(seed=1, settings=CircuitModel(circuits=20))
    train(optimizer, make_cost(make_device("default.qubit")), start(), range(1))
    assert optimizer.last.counts.executions == 20


def test_other_circuits_than_before_are_refused():
    device = make_device("default.qubit")
    optimizer = LocalModelOptimizer(seed=1)
    params = train(optimizer, make_cost(device), start(), range(1))
    calls = optimizer.counts

    @qml.set_shots(100)
    @qml.qnode(device)
    def node(w, x):
        qml.AngleEmbedding(x, wires=[0, 1])
        qml.RY(w[0, 0], wires=0)
        return qml.expval(qml.Z(0))

    def other(w):
        return node(w, FEATURES[0]) ** 2 + node(w, FEATURES[1]) ** 2

    with pytest.raises(ChangedCircuitsError, match="2 circuits differ"):
        optimizer.step(other, params)
    assert optimizer.counts == calls
    resumed = LocalModelOptimizer()
    resumed.state = optimizer.state
    with pytest.raises(ChangedCircuitsError, match="saved state"):
        resumed.step(lambda w: node(w, FEATURES[0]), params)


def test_a_plan_for_shots_models_the_loss_as_before():
    device = make_device("default.qubit")
    optimizer = PlannedShotsOptimizer(LocalModelOptimizer(seed=1), 100)
    params = start()
    with qml.Tracker(device) as tracker:
        optimizer.step(make_cost(device), params, rows=range(5))
    assert tracker.totals["executions"] == 7 * 5
    assert tracker.totals["shots"] == 7 * 5 * 100
