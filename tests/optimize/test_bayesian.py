"""Bayesian optimization in PennyLane loops."""

import json

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize.bayesian import BayesianOptimizer

pytest.importorskip("sklearn")

DEVICE = qml.device("default.qubit", wires=2)


@qml.qnode(DEVICE)
def circuit(params):
    qml.RY(params[0], 0)
    qml.RY(params[1], 1)
    qml.CNOT([0, 1])
    return qml.expval(qml.Z(0) @ qml.Z(1) + 0.5 * qml.X(0))


def steps(optimizer, params, n):
    for _ in range(n):
        params = optimizer.step(circuit, params)
    return params


def test_it_finds_the_ground_state_in_a_few_round_trips_of_several_circuits():
    optimizer = BayesianOptimizer(4, seed=1)
    with qml.Tracker(DEVICE) as tracker:
        params = steps(optimizer, np.array([0.1, 0.2]), 6)
    assert circuit(params) < -np.sqrt(1.25) + 0.02  # cos b + sin(a) sin(b) / 2
    assert tracker.totals["batches"] == optimizer.counts.batches == 6
    assert tracker.totals["executions"] == optimizer.counts.executions


def test_a_resumed_run_is_the_undisturbed_one():
    start = np.array([0.1, 0.2])
    undisturbed = steps(BayesianOptimizer(seed=1), start, 4)
    optimizer, resumed = BayesianOptimizer(seed=1), BayesianOptimizer(seed=7)
    half = steps(optimizer, start, 2)
    resumed.state = json.loads(json.dumps(optimizer.state))
    np.testing.assert_array_equal(steps(resumed, half, 2), undisturbed)
