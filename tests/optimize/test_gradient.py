"""Gradient descent with transforms in PennyLane loops."""

import json

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.optimize.core.schedules import CosineDecay, WarmUp
from pennylane_qstore.optimize.core.transforms import Adam, ClipNorm, Momentum
from pennylane_qstore.optimize.gradient import GradientOptimizer

DEVICE = qml.device("default.qubit", wires=2)


@qml.qnode(DEVICE, diff_method="parameter-shift")
def circuit(a, b):
    qml.RY(a[0], 0)
    qml.RX(a[1], 1)
    qml.CNOT([0, 1])
    qml.RY(b, 1)
    return qml.expval(qml.Z(0) @ qml.Z(1) + 0.3 * qml.X(1))


def start():
    return pnp.array([0.4, 0.9], requires_grad=True), pnp.array(0.5, requires_grad=True)


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        (GradientOptimizer(0.2), qml.GradientDescentOptimizer(0.2)),
        (GradientOptimizer(0.2, Momentum(0.9)), qml.MomentumOptimizer(0.2)),
        (GradientOptimizer(0.2, Adam()), qml.AdamOptimizer(0.2)),
    ],
)
def test_the_path_is_that_of_its_peer_in_pennylane(ours, peer):
    mine, theirs = start(), start()
    for _ in range(5):
        mine, loss = ours.step_and_cost(circuit, *mine)
        theirs, expected = peer.step_and_cost(circuit, *theirs)
        assert loss == pytest.approx(float(expected), abs=1e-5)
        np.testing.assert_allclose(np.hstack(mine), np.hstack(theirs), atol=1e-5)


def test_loss_and_gradient_leave_in_one_round_trip_and_a_reused_gradient_in_none():
    optimizer = GradientOptimizer(0.1, reuse=2)
    with qml.Tracker(DEVICE) as tracker:
        params = optimizer.step(circuit, *start())
    assert tracker.totals["batches"] == optimizer.counts.batches == 1
    assert tracker.totals["executions"] == optimizer.counts.executions == 7 * 2
    with qml.Tracker(DEVICE) as tracker:
        optimizer.step(circuit, *params)
    assert tracker.totals.get("batches", 0) == 0
    assert optimizer.counts.batches == 1


def test_central_differences_serve_functions_without_derivatives():
    def cost(x):
        return float(np.sum((np.asarray(x) - 1.0) ** 2))

    optimizer = GradientOptimizer(0.25, diff="finite_differences")
    x = np.zeros(3)
    for _ in range(20):
        x = optimizer.step(cost, x)
    np.testing.assert_allclose(x, 1.0, atol=1e-5)


def test_a_resumed_run_is_the_undisturbed_one():
    def build():
        return GradientOptimizer(WarmUp(2, CosineDecay(0.3, 10)), ClipNorm(0.5), Adam(), reuse=2)

    def steps(optimizer, params, n):
        for _ in range(n):
            params = optimizer.step(circuit, *params)
        return params

    undisturbed = steps(build(), start(), 6)
    optimizer, resumed = build(), build()
    half = steps(optimizer, start(), 3)
    resumed.state = json.loads(json.dumps(optimizer.state))
    np.testing.assert_array_equal(np.hstack(steps(resumed, half, 3)), np.hstack(undisturbed))
