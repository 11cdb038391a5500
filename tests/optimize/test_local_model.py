"""LocalModelOptimizer in loops like those of PennyLane."""

import json

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import LocalModelOptimizer


def circuit(device, shots=None):
    @qml.set_shots(shots=shots)
    @qml.qnode(device)
    def node(x):
        qml.RY(x[0], wires=0)
        qml.RY(x[1], wires=1)
        qml.CNOT(wires=[0, 1])
        qml.RY(x[2], wires=1)
        return qml.expval(qml.Z(0) @ qml.Z(1) + qml.X(0))

    return node


GROUND = -np.sqrt(2)


def test_a_qnode_is_brought_to_its_ground_state_in_one_call_of_the_device_per_step():
    device = qml.device("default.qubit", wires=2)
    node = circuit(device)
    optimizer, params = LocalModelOptimizer(seed=1), pnp.array([0.3, -0.2, 0.5])
    with qml.Tracker(device) as tracker:
        for _ in range(15):
            params = optimizer.step(node, params)
    assert tracker.totals["batches"] == 15
    assert optimizer.counts.batches == 15
    assert optimizer.counts.executions == tracker.totals["executions"]
    assert node(params) < -np.sqrt(2) + 0.02


def test_shots_are_saved_on_request_and_counted():
    device = qml.device("default.qubit", wires=2, seed=3)
    node = circuit(device, shots=1000)
    optimizer, params = LocalModelOptimizer("shots", seed=1), pnp.array([0.3, -0.2, 0.5])
    with qml.Tracker(device) as tracker:
        params = optimizer.step(node, params)
    assert optimizer.counts.shots == tracker.totals["shots"] == 4 * 2 * 30


def test_a_python_cost_and_its_several_arguments_are_trained():
    device = qml.device("default.qubit", wires=2)
    node = circuit(device)

    def cost(x, bias, target):
        return (node(x) + bias - target) ** 2

    x, bias = pnp.array([0.3, -0.2, 0.5]), pnp.array(0.1)
    target = pnp.array(-1.2, requires_grad=False)
    optimizer = LocalModelOptimizer(seed=2)
    for _ in range(40):
        x, bias, kept = optimizer.step(cost, x, bias, target)
    assert float(kept) == -1.2
    assert cost(x, bias, target) < 0.01


def test_the_gates_are_read_off_the_circuit():
    device = qml.device("default.qubit", wires=2)

    @qml.qnode(device)
    def node(x):
        qml.RX(2 * x, wires=0)
        qml.RX(2 * x, wires=1)
        return qml.expval(qml.Z(0) @ qml.Z(1))

    optimizer = LocalModelOptimizer(seed=0)
    optimizer.step(node, pnp.array(0.3))
    saved = optimizer.state["state"]
    assert saved["angles"]["values"] == [2.0]
    assert saved["counts"]["values"] == [2.0]


def test_a_run_resumed_from_json_repeats_the_undisturbed_one():
    node = circuit(qml.device("default.qubit", wires=2))
    whole, params = LocalModelOptimizer(seed=4), pnp.array([0.3, -0.2, 0.5])
    for step in range(4):
        if step == 2:
            saved, kept = json.dumps(whole.state), params
        params = whole.step(node, params)
    resumed = LocalModelOptimizer(seed=99)
    resumed.state = json.loads(saved)
    for _ in range(2):
        kept = resumed.step(node, kept)
    np.testing.assert_array_equal(kept, params)


def test_step_and_cost_tells_the_loss_before_the_step():
    node = circuit(qml.device("default.qubit", wires=2))
    params = pnp.array([0.3, -0.2, 0.5])
    _, loss = LocalModelOptimizer(seed=5).step_and_cost(node, params)
    assert loss == pytest.approx(float(node(params)), abs=1e-3)


def test_an_unknown_resource_is_refused():
    with pytest.raises(InvalidOptionError, match="money"):
        LocalModelOptimizer("money")
