"""Points to losses: the same values as a loop, in one device call."""

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import InvalidLossError
from pennylane_qstore.optimize.core.query import Query
from pennylane_qstore.optimize.evaluate import Evaluator


def make_qnode(shots=None, observable=None):
    @qml.qnode(qml.device("default.qubit", wires=2, seed=4), shots=shots)
    def circuit(params, scale=1.0):
        qml.RY(scale * params[0], wires=0)
        qml.CNOT([0, 1])
        qml.RX(params[1], wires=1)
        return qml.expval(observable if observable is not None else qml.Z(0) @ qml.Y(1))

    return circuit


def evaluate(objective_fn, arglist, kwargs):
    points = np.array([np.ravel(args[0]) for args in arglist])
    return Evaluator(objective_fn, arglist[0], kwargs)(Query(points)).losses


POINTS = [(np.array([0.3, 1.1]),), (qml.numpy.array([-0.7, 0.2]),), (np.array([2.0, 0.9]),)]


def test_a_qnode_gives_the_values_of_a_loop():
    circuit = make_qnode()
    loop = [circuit(*args, scale=0.8) for args in POINTS]
    np.testing.assert_allclose(evaluate(circuit, POINTS, {"scale": 0.8}), loop, atol=1e-14)


def test_a_qnode_that_splits_into_several_circuits_gives_the_values_of_a_loop():
    circuit = make_qnode(observable=qml.Z(0) + 0.5 * qml.X(0) @ qml.Y(1) - 2.0 * qml.X(1))
    circuit = qml.transforms.split_non_commuting(circuit)
    loop = [circuit(*args) for args in POINTS]
    np.testing.assert_allclose(evaluate(circuit, POINTS, {}), loop, atol=1e-14)


def test_a_qnode_reaches_the_device_once_with_its_shots():
    circuit = make_qnode(shots=300)
    with qml.Tracker(circuit.device) as tracker:
        evaluate(circuit, POINTS, {})
    assert tracker.totals["batches"] == 1
    assert tracker.totals["executions"] == 3
    assert tracker.totals["shots"] == 900


def test_shots_given_in_the_call_are_honoured():
    circuit = qml.set_shots(make_qnode(shots=300), 70)
    with qml.Tracker(circuit.device) as tracker:
        evaluate(circuit, POINTS[:2], {})
    assert tracker.totals["shots"] == 140


def test_another_callable_is_called_once_per_point_in_order():
    seen = []

    def objective(x, offset):
        seen.append(x)
        return x + offset

    np.testing.assert_array_equal(evaluate(objective, [(1.0,), (2.0,)], {"offset": 3.0}), [4, 5])
    assert seen == [1.0, 2.0]


@pytest.mark.parametrize("value", [np.array([1.0, 2.0]), 1j, "low", None, [[1.0], [2.0]]])
def test_anything_but_one_real_number_is_refused(value):
    with pytest.raises(InvalidLossError, match="one real number"):
        evaluate(lambda _: value, [(1.0,)], {})


def test_a_qnode_with_several_results_is_refused():
    @qml.qnode(qml.device("default.qubit", wires=2))
    def circuit(x):
        qml.RX(x, wires=0)
        return qml.expval(qml.Z(0)), qml.expval(qml.Z(1))

    with pytest.raises(InvalidLossError, match="one real number"):
        evaluate(circuit, [(0.1,)], {})
