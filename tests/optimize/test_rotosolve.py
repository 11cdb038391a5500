"""Rotosolve against PennyLane's, and its round trips against the tracker."""

import json

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.errors import UnknownFrequenciesError
from pennylane_qstore.optimize.rotosolve import RotosolveOptimizer

DEVICE = qml.device("default.qubit", wires=4)


@qml.qnode(DEVICE)
def mixed(a, b):
    for i in range(3):
        qml.RX(a[i], i)
    qml.CRY(b, [0, 1])
    qml.RY(b, 2)
    qml.CNOT([1, 2])
    qml.RZ(a[0], 0)
    return qml.expval(1.0 * qml.Z(0) + 0.5 * qml.Z(1) @ qml.Z(2) - 0.7 * qml.X(0))


@qml.qnode(DEVICE)
def product(params):
    for i in range(4):
        qml.RY(params[i], i)
    return qml.expval(qml.Z(0) + 0.5 * qml.X(1) - 2 * qml.Z(2) + 0.3 * qml.X(3))


@qml.qnode(DEVICE)
def ladder(params):
    for layer in params:
        for i in range(4):
            qml.RY(layer[i], i)
        qml.CZ([0, 1])
        qml.CZ([2, 3])
    return qml.expval(
        qml.Z(0) @ qml.Z(1) + qml.Z(2) @ qml.Z(3) + 0.5 * sum(qml.X(i) for i in range(4))
    )


def start():
    return pnp.array([0.1, 0.2, 0.3], requires_grad=True), pnp.array(0.4, requires_grad=True)


def test_sweeps_and_losses_are_pennylanes_for_several_arguments_and_frequencies():
    spectra = qml.fourier.qnode_spectrum(mixed)(*start())
    ours, peer = RotosolveOptimizer(), qml.RotosolveOptimizer(substep_kwargs={"num_steps": 12})
    mine, theirs = start(), start()
    for _ in range(2):
        mine, loss, lows = ours.step_and_cost(mixed, *mine, full_output=True)
        theirs, expected, theirs_lows = peer.step_and_cost(
            mixed, *theirs, spectra=spectra, full_output=True
        )
        assert loss == pytest.approx(float(expected), abs=1e-6)
        np.testing.assert_allclose(lows, np.array(theirs_lows, dtype=float), atol=1e-6)
    assert mixed(*mine) == pytest.approx(lows[-1], abs=1e-10)


def test_a_product_circuit_with_local_terms_is_solved_in_one_round_trip():
    optimizer = RotosolveOptimizer()
    with qml.Tracker(DEVICE) as tracker:
        params, _ = optimizer.step_and_cost(product, np.array([0.3, 0.7, -0.2, 1.0]))
    assert product(params) == pytest.approx(-3.8, abs=1e-12)
    assert tracker.totals["batches"] == optimizer.counts.batches == 1
    assert tracker.totals["executions"] == optimizer.counts.executions == 9


def test_moving_separable_parameters_together_changes_nothing_but_the_round_trips():
    params = np.random.default_rng(2).uniform(-3, 3, (2, 4))
    separable, sequential = RotosolveOptimizer(), RotosolveOptimizer("sequential")
    first, second = params, params
    for _ in range(3):
        first = separable.step(ladder, first)
        second = sequential.step(ladder, second)
    np.testing.assert_allclose(first, second, atol=1e-8)
    assert separable.counts.executions == sequential.counts.executions
    assert (separable.last.counts.batches, sequential.last.counts.batches) == (4, 8)


def test_a_given_number_of_frequencies_serves_python_costs():
    def cost(x, *, offset):
        return mixed(x, 0.4) + offset

    counts = {"x": {(0,): 2, (1,): 1, (2,): 1}}
    optimizer = RotosolveOptimizer()
    params, lows = optimizer.step(
        cost, np.array([0.1, 0.2, 0.3]), nums_frequency=counts, full_output=True, offset=1.0
    )
    assert cost(params, offset=1.0) == pytest.approx(lows[-1], abs=1e-9)
    with pytest.raises(UnknownFrequenciesError, match=r"parameters \[0, 1, 2\] are not known"):
        RotosolveOptimizer().step(cost, np.array([0.1, 0.2, 0.3]), offset=1.0)


def test_other_keyword_arguments_bring_their_own_frequencies():
    @qml.qnode(DEVICE)
    def scaled(x, weight):
        qml.RX(weight * x, 0)
        return qml.expval(qml.Z(0))

    optimizer = RotosolveOptimizer()
    for weight in (1.0, 0.3, 2.0):
        assert scaled(optimizer.step(scaled, 0.4, weight=weight), weight) == pytest.approx(-1.0)


def test_one_round_trip_per_damped_sweep_descends_and_returns_what_was_measured():
    params = np.random.default_rng(2).uniform(-3, 3, (2, 4))
    optimizer, losses = RotosolveOptimizer("jacobi"), [float(ladder(params))]
    for _ in range(5):
        params = optimizer.step(ladder, params)
        losses.append(float(ladder(params)))
    assert optimizer.counts.batches == 5
    assert optimizer.counts.executions == 5 * 17 * 2
    assert (np.diff(losses) <= 1e-12).all()
    assert losses[-1] < losses[0] - 1


@pytest.mark.parametrize("mode", ["separable", "sequential", "jacobi"])
def test_a_resumed_run_is_the_undisturbed_one(mode):
    def steps(optimizer, params, n):
        for _ in range(n):
            params = optimizer.step(ladder, params)
        return params

    params = np.random.default_rng(2).uniform(-3, 3, (2, 4))
    undisturbed = steps(RotosolveOptimizer(mode), params, 3)
    optimizer = RotosolveOptimizer(mode)
    half = steps(optimizer, params, 1)
    resumed = RotosolveOptimizer(mode)
    resumed.state = json.loads(json.dumps(optimizer.state))
    np.testing.assert_array_equal(steps(resumed, half, 2), undisturbed)


def test_single_precision_parameters_finish_their_sweep():
    optimizer = RotosolveOptimizer("sequential")
    params = optimizer.step(product, np.array([0.3, 0.7, -0.2, 1.0], dtype=np.float32))
    assert params.dtype == np.float32
    assert product(params) == pytest.approx(-3.8, abs=1e-5)


def test_what_cannot_work_is_named():
    with pytest.raises(InvalidOptionError, match="mode is 'fast'"):
        RotosolveOptimizer("fast")
    with pytest.raises(InvalidOptionError, match="each of the 4 parameters once"):
        RotosolveOptimizer(groups=[[0, 1]]).step(product, np.zeros(4))
