"""The adaptive optimizer on circuits: against backprop, dense metrics and the tracker."""

import json

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.adaptive import AdaptiveGradientOptimizer
from pennylane_qstore.optimize.core.adaptive import (
    METHODS,
    Bounds,
    Budget,
    GradientMethodScheduler,
    Prices,
)
from pennylane_qstore.optimize.core.query import Counts
from pennylane_qstore.optimize.errors import BudgetReachedError, NonFiniteLossError
from pennylane_qstore.optimize.quantum_natural import QNGOptimizer

START = np.array([0.4, -0.3, 0.8, 1.1, -0.6])
ENERGY = qml.Hamiltonian([1.0, 0.5, 0.3], [qml.Z(0) @ qml.Z(1), qml.X(0), qml.X(1)])


def ansatz(x):
    qml.RY(x[0], 0)
    qml.RY(x[1], 1)
    qml.CNOT([0, 1])
    qml.RX(x[2], 0)
    qml.CRX(x[3], [1, 0])
    qml.RY(x[4], 1)


def energy(shots=None, diff_method="best", seed=1):
    device = qml.device("default.qubit", wires=2, seed=seed)

    @qml.set_shots(shots)
    @qml.qnode(device, diff_method=diff_method)
    def circuit(x):
        ansatz(x)
        return qml.expval(ENERGY)

    return circuit


def rotations(x):
    qml.RY(x[0], 0)
    qml.RY(x[1], 1)
    qml.CNOT([0, 1])
    qml.RX(x[2], 0)
    qml.RZ(x[3], 1)
    qml.CNOT([1, 0])
    qml.RY(x[4], 1)


def run(optimizer, objective, n_steps, x=START):
    x, losses = pnp.array(x), []
    for _ in range(n_steps):
        x, loss = optimizer.step_and_cost(objective, x)
        losses.append(loss)
    return x, losses


@pytest.mark.parametrize("seed", range(3))
def test_parameter_shift_through_a_nonlinear_loss_equals_backprop(seed):
    circuit, device = energy(), qml.device("default.qubit", wires=2)
    labels = [0.3, -0.7]

    def loss(circuit, x):
        errors = [
            (qml.math.tanh(circuit(x * k)) - y) ** 2 for k, y in zip((1, 2), labels, strict=True)
        ]
        return qml.math.exp(errors[0]) + errors[1] * errors[0]

    @qml.qnode(device, diff_method="backprop")
    def smooth(x):
        ansatz(x)
        return qml.expval(ENERGY)

    x = pnp.array(np.random.default_rng(seed).uniform(-3, 3, 5))
    optimizer = AdaptiveGradientOptimizer(method="parameter_shift", seed=0)
    optimizer.step(lambda x: loss(circuit, x), x)
    expected = qml.grad(lambda x: loss(smooth, x))(x)
    np.testing.assert_allclose(optimizer.last.gradient.gradient, expected, atol=1e-9)
    assert optimizer.last.counts.batches == 1


def test_a_natural_step_is_that_of_dense_state_vectors():
    device = qml.device("default.qubit", wires=2)

    @qml.qnode(device)
    def circuit(x):
        rotations(x)
        return qml.expval(ENERGY)

    @qml.qnode(device)
    def state(x):
        rotations(x)
        return qml.state()

    h, here, matrix = 1e-6, np.array(state(START)), qml.matrix(ENERGY, wire_order=[0, 1])
    slopes = np.array([(state(START + h * e) - state(START - h * e)) / (2 * h) for e in np.eye(5)])
    across = slopes.conj() @ here
    metric = (slopes.conj() @ slopes.T - np.outer(across, across.conj())).real
    gradient = 2 * (slopes.conj() @ matrix @ here).real
    with qml.Tracker(device) as tracker:
        x = QNGOptimizer(0.1, approx=None, lam=0.01).step(circuit, pnp.array(START))
    expected = START - 0.1 * np.linalg.solve(metric + 0.01 * np.eye(5), gradient)
    np.testing.assert_allclose(x, expected, atol=1e-6)
    assert tracker.totals["batches"] == 1


@pytest.mark.parametrize("rule", ["progress", "documented"])
def test_a_step_is_one_round_trip_and_everything_is_counted(rule):
    circuit = energy(shots=100)
    optimizer = AdaptiveGradientOptimizer(rule, seed=2)
    with qml.Tracker(circuit.device) as tracker:
        run(optimizer, circuit, 12)
    totals = tracker.totals
    assert optimizer.counts == Counts(totals["executions"], totals["shots"], totals["batches"])
    assert optimizer.counts.batches == 12
    assert sum(one.circuits for one in optimizer.history) == totals["executions"]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_takes_a_function_of_several_qnodes_in_one_round_trip(method):
    first, second = energy(shots=100), energy(shots=100)
    second.device = first.device

    def loss(x):
        return first(x) ** 2 + second(x + 0.1)

    optimizer = AdaptiveGradientOptimizer(method=method, seed=2)
    with qml.Tracker(first.device) as tracker:
        run(optimizer, loss, 2)
    assert tracker.totals["batches"] == 2
    assert optimizer.last.loss_error > 0


@pytest.mark.stress
@pytest.mark.parametrize("rule", ["progress", "documented"])
def test_both_rules_descend(rule):
    exact = energy()
    lowest = np.linalg.eigvalsh(qml.matrix(ENERGY, wire_order=[0, 1]))[0]
    for seed in range(3):
        x, _ = run(AdaptiveGradientOptimizer(rule, seed=seed), energy(shots=500, seed=seed), 40)
        assert exact(x) < exact(START) - 0.5 * (exact(START) - lowest)


@pytest.mark.parametrize("rule", ["progress", "documented"])
@pytest.mark.parametrize("budget", [Budget(circuits=80), Budget(shots=8_000), Budget(money=2.4)])
def test_a_budget_is_never_passed_and_needs_no_bounds_for_a_qnode(rule, budget):
    circuit, prices = energy(shots=100), Prices(circuit=0.01, shot=0.0002, batch=0.02)
    optimizer = AdaptiveGradientOptimizer(rule, budget=budget, prices=prices, seed=3)
    with qml.Tracker(circuit.device) as tracker, pytest.raises(BudgetReachedError):
        run(optimizer, circuit, 1000)
    assert optimizer.is_finished
    totals = tracker.totals
    spent = Counts(totals["executions"], totals["shots"], totals["batches"])
    assert spent == optimizer.counts
    for limit, value in [
        (budget.circuits, spent.executions),
        (budget.shots, spent.shots),
        (budget.money, prices(spent)),
    ]:
        assert limit is None or 0.8 * limit < value <= limit


def test_a_budget_for_a_python_function_needs_bounds():
    circuit = energy(shots=100)

    def loss(x):
        return circuit(x) ** 2

    optimizer = AdaptiveGradientOptimizer(budget=Budget(circuits=100), seed=1)
    with (
        qml.Tracker(circuit.device) as tracker,
        pytest.raises(BudgetReachedError, match=r"bounds=Bounds"),
    ):
        optimizer.step(loss, pnp.array(START))
    assert not tracker.totals.get("executions")
    told = AdaptiveGradientOptimizer(
        budget=Budget(circuits=100), bounds=Bounds(point=Counts(3, 300, 1)), seed=1
    )
    with pytest.raises(BudgetReachedError):
        run(told, loss, 100)
    assert 80 < told.counts.executions <= 100


@pytest.mark.parametrize("rule", ["progress", "documented"])
def test_a_run_resumed_from_json_repeats_the_undisturbed_one(rule):
    settings = {"seed": 5, "budget": Budget(circuits=5000)}
    whole = AdaptiveGradientOptimizer(rule, **settings)
    undisturbed, losses = run(whole, energy(), 16)
    first = AdaptiveGradientOptimizer(rule, **settings)
    x, _ = run(first, energy(), 7)
    second = AdaptiveGradientOptimizer(rule, **settings)
    second.state = json.loads(json.dumps(first.state))
    resumed, rest = run(second, energy(), 9, x)
    np.testing.assert_array_equal(resumed, undisturbed)
    np.testing.assert_array_equal(rest, losses[7:])
    assert second.method_history == whole.method_history
    assert second.state == whole.state


def test_history_current_method_and_force():
    plan = GradientMethodScheduler([(0, "spsa"), (2, "parameter_shift")])
    optimizer, circuit = AdaptiveGradientOptimizer(plan, seed=0), energy()
    assert optimizer.current_method == ""
    x, _ = run(optimizer, circuit, 3)
    optimizer.force("finite_difference")
    x, _ = run(optimizer, circuit, 1, x)
    assert optimizer.current_method == "finite_difference"
    optimizer.force(None)
    run(optimizer, circuit, 1, x)
    assert optimizer.method_history == (
        "spsa",
        "spsa",
        "parameter_shift",
        "finite_difference",
        "parameter_shift",
    )
    assert optimizer.last.method == "parameter_shift"
    assert optimizer.last.reason == "scheduled from step 2 on"


def test_the_report_holds_the_gradient_and_its_noise():
    circuit, reports = energy(shots=1000), []
    optimizer = AdaptiveGradientOptimizer(method="parameter_shift", seed=0, callback=reports.append)
    run(optimizer, circuit, 1)
    result = optimizer.last.gradient
    exact = qml.grad(energy())(pnp.array(START))
    assert np.all(np.abs(result.gradient - exact) < 5 * np.sqrt(result.variance) + 0.02)
    assert result.loss_error == pytest.approx(optimizer.last.loss_error)
    assert abs(result.loss - energy()(START)) < 5 * result.loss_error
    assert result.method == "parameter_shift"
    assert result.counts == optimizer.counts
    assert result.seconds >= 0
    assert reports == [optimizer.last]


def test_a_loss_that_is_nan_is_refused_and_the_run_goes_on():
    circuit, broken = energy(), [True]

    def loss(x):
        value = circuit(x)
        return value * float("nan") if broken else value

    optimizer = AdaptiveGradientOptimizer(method="spsa", seed=1)
    with pytest.raises(NonFiniteLossError, match="step 0"):
        optimizer.step(loss, pnp.array(START))
    broken.clear()
    run(optimizer, loss, 2)
    assert optimizer.method_history == ("spsa", "spsa")


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "fastest"},
        {"cost": "euros"},
        {"cost": "money"},
        {"methods": ["newton"]},
        {"method": "newton"},
        {"initial_method": "newton"},
        {"methods": []},
    ],
)
def test_unknown_names_are_refused(wrong):
    with pytest.raises(InvalidOptionError):
        AdaptiveGradientOptimizer(**wrong)
