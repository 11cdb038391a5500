"""Shot-frugal optimizers on QNodes: what is run, and what is read off the circuit."""

import json

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.optimize.core.shots import ShotSchedule, SignalShots
from pennylane_qstore.optimize.frugal import PlannedShotsOptimizer, ShotFrugalOptimizer
from pennylane_qstore.optimize.rosalin import sample_operators

TERMS = 1.0 * qml.Z(0) @ qml.Z(1) + 0.5 * qml.X(0) + 0.5 * qml.X(1)


def make(shots=100, seed=3, observable=TERMS):
    device = qml.device("default.qubit", wires=2, seed=seed)

    @qml.qnode(device)
    def circuit(params):
        qml.RY(params[0], 0)
        qml.RY(params[1], 1)
        qml.CNOT([0, 1])
        qml.RY(params[2], 0)
        qml.RY(params[2], 1)
        return qml.expval(observable)

    return qml.set_shots(circuit, shots), device


@pytest.mark.parametrize("rule", ["icans", "gcans"])
def test_a_step_is_one_round_trip_and_counts_like_the_tracker(rule):
    circuit, device = make()
    optimizer = ShotFrugalOptimizer(rule=rule, min_shots=20)
    params = np.array([0.3, 0.4, 0.5])
    for _ in range(3):
        with qml.Tracker(device) as tracker:
            params = optimizer.step(circuit, params)
        counts = optimizer.last.counts
        assert tracker.totals["batches"] == counts.batches == 1
        assert tracker.totals["shots"] == counts.shots
        assert tracker.totals["executions"] == counts.executions


def test_size_and_frequencies_are_read_off_the_circuit():
    circuit, _ = make()
    optimizer = ShotFrugalOptimizer(min_shots=20)
    optimizer.step(circuit, np.array([0.3, 0.4, 0.5]))
    state = optimizer.state["state"]
    assert state["lipschitz"] == pytest.approx(2.0)
    assert state["frequencies"]["values"] == [1, 1, 2]


def test_a_parameter_in_two_gates_is_differentiated_without_bias():
    params, found = np.array([0.3, 0.4, 0.5]), []
    exact = qml.set_shots(make()[0], None)
    for seed in range(14):
        circuit, _ = make(seed=seed)
        optimizer = ShotFrugalOptimizer(0.1, min_shots=100)
        found.append((params - optimizer.step(circuit, params)) / 0.1)
    gradient = qml.grad(exact)(qml.numpy.array(params, requires_grad=True))
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - gradient) < 5 * error).all()


@pytest.mark.parametrize("rule", ["icans", "gcans"])
def test_it_descends(rule):
    circuit, _ = make()
    exact = qml.set_shots(circuit, None)
    optimizer = ShotFrugalOptimizer(rule=rule, min_shots=20, max_shots=500)
    params = np.array([0.3, 0.4, 0.5])
    before = exact(params)
    for _ in range(15):
        params = optimizer.step(circuit, params)
    assert exact(params) < before - 1


def test_shots_of_a_point_are_a_total_where_they_are_divided_over_the_terms():
    circuit, device = make()
    optimizer = ShotFrugalOptimizer(min_shots=50, frequencies=(1, 1, 2), lipschitz=2.0)
    with qml.Tracker(device) as tracker:
        optimizer.step(sample_operators(circuit), np.array([0.3, 0.4, 0.5]))
    # Nine points of 50 shots on average, the four of the third parameter with 200 together.
    assert tracker.totals["shots"] == optimizer.last.counts.shots == 9 * 50


def test_a_cost_of_unknown_size_is_refused():
    circuit, _ = make()
    with pytest.raises(InvalidOptionError, match="lipschitz is None"):
        ShotFrugalOptimizer().step(lambda p: circuit(p) ** 2, np.array([0.3, 0.4, 0.5]))


@pytest.mark.parametrize(
    ("shots", "expected"), [(70, 70), (ShotSchedule(3), 500), (SignalShots(40, first=90), 90)]
)
def test_any_optimizer_can_be_given_a_plan(shots, expected):
    circuit, device = make()
    optimizer = PlannedShotsOptimizer(SPSAOptimizer(20, seed=1), shots)
    with qml.Tracker(device) as tracker:
        optimizer.step(circuit, np.array([0.3, 0.4, 0.5]))
    totals = tracker.totals
    assert totals["shots"] / totals["executions"] == pytest.approx(expected)
    assert totals["batches"] == 1
    with pytest.raises(InvalidOptionError, match="shots are"):
        PlannedShotsOptimizer(SPSAOptimizer(20), -3)


def test_a_planned_optimizer_resumes_from_its_state():
    def steps(optimizer, params, first, last):
        for k in range(first, last):
            params = optimizer.step(make(seed=k)[0], params)
        return params

    def build():
        return PlannedShotsOptimizer(SPSAOptimizer(20, seed=1), SignalShots(40))

    params = np.array([0.3, 0.4, 0.5])
    undisturbed = steps(build(), params, 0, 6)
    optimizer, resumed = build(), build()
    half = steps(optimizer, params, 0, 3)
    resumed.state = json.loads(json.dumps(optimizer.state))
    np.testing.assert_array_equal(steps(resumed, half, 3, 6), undisturbed)
