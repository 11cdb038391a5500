"""The PennyLane face: a drop-in for qml.SPSAOptimizer that never leaves parameters untrained."""

import inspect
import itertools
import json

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.optimize import (
    InvalidStateError,
    NonFiniteLossError,
    NothingToTrainError,
    SPSAOptimizer,
)
from pennylane_qstore.optimize.core import CalibratedGains, Counts, Gains, GradientAverage

pnp = qml.numpy
KINDS = ("plain", "marked", "frozen", "float")


def test_the_signature_takes_everything_pennylanes_takes():
    theirs = inspect.signature(qml.SPSAOptimizer).parameters
    ours = inspect.signature(SPSAOptimizer).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default
        assert ours[name].kind == parameter.kind


def test_the_default_gains_are_pennylanes():
    theirs = qml.SPSAOptimizer(maxiter=200)
    ours = SPSAOptimizer(maxiter=200, seed=0)
    slope = 0.7

    def objective(x):
        return slope * x[0]

    for k in range(1, 4):
        theirs.k = k
        before = np.array([1.0])
        step_size = (before - ours.step(objective, before))[0] / slope
        expected = theirs.a / (theirs.A + k) ** theirs.alpha
        assert step_size == pytest.approx(expected, rel=1e-9)


def test_it_reaches_the_ground_state_where_pennylanes_does():
    @qml.qnode(qml.device("default.qubit", wires=2))
    def energy(params):
        qml.RY(params[0], wires=0)
        qml.RY(params[1], wires=1)
        return qml.expval(qml.Z(0) + 0.5 * qml.Z(1))

    opt, params = SPSAOptimizer(a=0.8, A=10, seed=2), pnp.array([0.4, 0.7])
    for _ in range(120):
        params = opt.step(energy, params)
    assert energy(params) == pytest.approx(-1.5, abs=0.01)


@pytest.mark.parametrize("kinds", list(itertools.product(KINDS, repeat=2)))
def test_every_combination_of_arguments_trains_exactly_what_is_not_frozen(kinds):
    make = {
        "plain": lambda: np.array([0.1, 0.2]),
        "marked": lambda: pnp.array([0.1, 0.2], requires_grad=True),
        "frozen": lambda: pnp.array([0.1, 0.2], requires_grad=False),
        "float": lambda: 0.15,
    }
    args = [make[kind]() for kind in kinds]

    def objective(x, y):
        return np.sum(np.array([1.0, 3.0]) * x) + np.sum(np.array([10.0, 0.5]) * y)

    opt = SPSAOptimizer(maxiter=10, seed=1)
    if kinds == ("frozen", "frozen"):
        with pytest.raises(NothingToTrainError):
            opt.step(objective, *args)
        return
    new = opt.step(objective, *args)
    assert isinstance(new, list)
    for kind, before, after in zip(kinds, args, new, strict=True):
        assert type(after) is type(before)
        assert np.any(after != before) == (kind != "frozen")
        if kind in ("marked", "frozen"):
            assert after.requires_grad == (kind == "marked")


def test_a_single_argument_comes_back_unwrapped():
    new = SPSAOptimizer(maxiter=10).step(lambda x: float(x @ x), np.array([1.0, 2.0]))
    assert isinstance(new, np.ndarray)
    assert new.shape == (2,)


def test_keyword_arguments_reach_the_objective_and_are_not_trained():
    weights = np.array([2.0, 3.0])
    seen = []

    def objective(x, weights, scale=1.0):
        seen.append((weights, scale))
        return scale * float(weights @ x)

    SPSAOptimizer(maxiter=10).step(objective, np.zeros(2), weights=weights, scale=4.0)
    assert all(w is weights and s == 4.0 for w, s in seen)
    assert len(seen) == 2
    np.testing.assert_array_equal(weights, [2.0, 3.0])


def test_small_terms_of_a_hamiltonian_are_measured_along_one_of_several_directions():
    hamiltonian = qml.Hamiltonian(
        [0.7, 0.9, 0.05, 0.03],
        [qml.Z(0), qml.Z(0) @ qml.Z(1), qml.X(0) @ qml.X(1), qml.Y(0) @ qml.Y(1)],
    )

    @qml.set_shots(1000)
    @qml.qnode(qml.device("qstore.ionq", wires=2, seed=1))
    def energy(x):
        qml.RY(x[0], 0)
        qml.CNOT([0, 1])
        qml.RY(x[1], 1)
        return qml.expval(hamiltonian)

    x = pnp.array([0.3, 0.4])
    opt = SPSAOptimizer(seed=1)
    opt.step(energy, x)
    assert opt.last.counts == Counts(8 + 2 * 2, 12_000, 1)
    # Now that there are known to be some, six directions; and the loss itself.
    _, loss = opt.step_and_cost(energy, x)
    assert opt.last.counts == Counts(12 + 2 * 2 + 3, 19_000, 1)
    assert loss == pytest.approx(float(qml.set_shots(energy, None)(x)), abs=0.1)
    opt.step(energy, x)
    assert opt.last.counts == Counts(12 + 2 * 2, 16_000, 1)
    opt = SPSAOptimizer(resamplings=4, seed=1)
    for _ in range(2):
        opt.step(energy, x)
        assert opt.last.counts == Counts(8 + 2 * 2, 12_000, 1)
    # PennyLane's gains come with PennyLane's evaluations.
    opt = SPSAOptimizer(maxiter=10, resamplings=4, seed=1)
    opt.step(energy, x)
    assert opt.last.counts.shots == 8 * 3 * 1000


def test_the_given_arguments_are_not_changed_in_place():
    params = pnp.array([0.3, 0.4])
    SPSAOptimizer(maxiter=10).step(lambda x: np.sum(x**2), params)
    np.testing.assert_array_equal(params, [0.3, 0.4])


def counting(losses):
    def objective(x):
        losses.append(float(np.sum(np.asarray(x) ** 4)))
        return losses[-1]

    return objective


def test_step_takes_two_evaluations_and_reports_their_mean():
    losses = []
    opt = SPSAOptimizer(maxiter=10, seed=3)
    opt.step(counting(losses), np.array([0.5, 1.0]))
    assert len(losses) == 2
    assert opt.last.loss == pytest.approx(np.mean(losses))


def test_step_and_cost_measures_the_loss_before_the_step_and_takes_the_same_step():
    start = np.array([0.5, 1.0])
    losses = []
    new, cost = SPSAOptimizer(maxiter=10, seed=3).step_and_cost(counting(losses), start)
    assert len(losses) == 3
    assert cost == 0.5**4 + 1
    np.testing.assert_array_equal(new, SPSAOptimizer(maxiter=10, seed=3).step(counting([]), start))


def test_the_loss_that_a_step_reports_is_off_by_the_square_of_c():
    def objective(x):
        return float(np.sin(x[0]) + np.cos(2 * x[1]))

    start, bias = np.array([0.5, 1.0]), []
    for c in (0.02, 0.01):
        opt = SPSAOptimizer(a=0.0, c=c, seed=1)
        opt.step(objective, start)
        bias.append(opt.last.loss - objective(start))
    assert bias[0] / bias[1] == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("resamplings", [1, 5])
def test_all_evaluations_of_a_qnode_leave_in_one_device_call(resamplings):
    dev = qml.device("default.qubit", wires=1, seed=1)

    @qml.qnode(dev, shots=100)
    def energy(x):
        qml.RY(x, wires=0)
        return qml.expval(qml.Z(0))

    opt = SPSAOptimizer(maxiter=10, resamplings=resamplings)
    with qml.Tracker(dev) as tracker:
        opt.step(energy, pnp.array(0.3))
        opt.step_and_cost(energy, pnp.array(0.3))
    assert tracker.totals["batches"] == 2
    assert tracker.totals["executions"] == 4 * resamplings + 1
    assert opt.counts == Counts(4 * resamplings + 1, 100 * (4 * resamplings + 1), 2)


def test_all_evaluations_of_a_cost_over_two_qnodes_leave_in_one_device_call():
    dev = qml.device("default.qubit", wires=1, seed=1)

    @qml.qnode(dev, shots=100)
    def expectation(x, kind):
        qml.RY(x, wires=0)
        return qml.expval(qml.Z(0) if kind == "z" else qml.X(0))

    def cost(x):
        return expectation(x, "z") ** 2 + expectation(x, "x")

    with qml.Tracker(dev) as tracker:
        SPSAOptimizer(seed=1, resamplings=3).step(cost, pnp.array(0.3))
    assert tracker.totals["batches"] == 1


def test_evaluations_may_have_shots_of_their_own():
    dev = qml.device("default.qubit", wires=1, seed=1)

    @qml.qnode(dev, shots=100)
    def energy(x):
        qml.RY(x, wires=0)
        return qml.expval(qml.Z(0))

    with qml.Tracker(dev) as tracker:
        SPSAOptimizer(maxiter=10, shots=30).step(energy, pnp.array(0.3))
    assert tracker.totals["shots"] == 60


def test_a_batch_of_data_is_the_same_for_all_evaluations_of_a_step():
    seen = []

    def loss(params, data):
        seen.append(data)
        return float(np.mean((data @ params) ** 2))

    opt, params = SPSAOptimizer(maxiter=5, seed=1, resamplings=2), np.ones(3)
    for step in range(3):
        batch = pnp.array(np.random.default_rng(step).normal(size=(4, 3)), requires_grad=False)
        seen.clear()
        params, same = opt.step(loss, params, batch)
        assert same is batch
        assert all(one is batch for one in seen)


def trajectory(opt, params, n_steps):
    trace = []
    for _ in range(n_steps):
        params = opt.step(lambda x: float(np.sum(np.cos(x) + 0.1 * x**2)), params)
        trace.append(params)
    return np.array(trace)


def test_a_resumed_run_repeats_the_undisturbed_one_bit_for_bit():
    start = np.array([0.1, 0.2, 0.3])
    undisturbed = trajectory(SPSAOptimizer(maxiter=20, seed=6), start, 20)
    first = SPSAOptimizer(maxiter=20, seed=6)
    beginning = trajectory(first, start, 8)
    resumed = SPSAOptimizer(maxiter=20)
    resumed.state = json.loads(json.dumps(first.state))
    rest = trajectory(resumed, beginning[-1], 12)
    np.testing.assert_array_equal(np.concatenate([beginning, rest]), undisturbed)


def test_an_unseeded_run_can_be_repeated_from_its_state():
    opt = SPSAOptimizer(maxiter=5)
    other = SPSAOptimizer(maxiter=5, seed=opt.state["seed"])
    start = np.array([0.1, 0.2])
    np.testing.assert_array_equal(trajectory(opt, start, 5), trajectory(other, start, 5))
    assert SPSAOptimizer(maxiter=5).state["seed"] != opt.state["seed"]


def test_the_global_random_state_is_neither_read_nor_moved():
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    SPSAOptimizer(maxiter=5, seed=1).step(lambda x: float(x @ x), np.ones(3))
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_a_loss_that_is_not_a_number_stops_the_run_and_leaves_the_state():
    opt = SPSAOptimizer(maxiter=5, seed=1)
    with pytest.raises(NonFiniteLossError, match="step 0"):
        opt.step(lambda x: float("nan"), np.ones(2))
    assert opt.state["state"]["step"] == 0
    assert opt.state["state"]["params"]["values"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        ({"optimizer": "adam", "seed": 0, "state": None}, "'adam'"),
        ({"seed": 0, "state": None}, "None"),
        ({"optimizer": "spsa", "seed": 0, "state": {"params": [0.0]}}, "missing"),
        ({"optimizer": "spsa", "seed": 0, "state": [1.0]}, "not a list"),
        ({"optimizer": "spsa", "state": None}, "seed is None"),
    ],
)
def test_a_state_that_does_not_fit_is_named(saved, said):
    with pytest.raises(InvalidStateError, match=said):
        SPSAOptimizer(maxiter=5).state = saved


def test_a_negative_seed_is_named():
    with pytest.raises(InvalidStateError, match="seed is -1"):
        SPSAOptimizer(maxiter=5, seed=-1)


def test_the_recommended_default_does_not_depend_on_the_unit_of_the_loss():
    def scaled(unit):
        return lambda x: unit * float(np.sum(np.cos(x) + 0.1 * x**2))

    ends = []
    for unit in (1e-3, 1.0, 1e3):
        opt, params = SPSAOptimizer(seed=3), np.array([0.1, 0.2, 0.3])
        for _ in range(20):
            params = opt.step(scaled(unit), params)
        ends.append(params)
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-4)
    np.testing.assert_allclose(ends[2], ends[1], atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gains": CalibratedGains(every=2)},
        {"maxiter": 50, "a": 1.0, "averaging": True, "blocking": True},
        {"maxiter": 50, "a": 0.3, "resamplings": 4, "directions": "sphere"},
        {"maxiter": 50, "a": 0.3, "transforms": (GradientAverage(),), "max_step": 0.3},
    ],
)
def test_every_composition_resumes_bit_for_bit_and_lowers_the_loss(options):
    def loss(x):
        return float(np.sum(np.cos(x) + 0.1 * x**2))

    def run(opt, params, n_steps):
        trace = []
        for _ in range(n_steps):
            params = opt.step(loss, params)
            trace.append(params)
        return trace

    start = np.array([0.3, -0.4, 0.5])
    undisturbed = run(SPSAOptimizer(seed=4, **options), start, 40)
    first = SPSAOptimizer(seed=4, **options)
    beginning = run(first, start, 7)
    second = SPSAOptimizer(**options)
    second.state = json.loads(json.dumps(first.state))
    np.testing.assert_array_equal([*beginning, *run(second, beginning[-1], 33)], undisturbed)
    assert loss(undisturbed[-1]) < loss(start) - 0.5


def test_what_transforms_and_gains_are_given_is_taken_with_the_recommended_rest():
    opt = SPSAOptimizer(gains=Gains(a=0.0), seed=1)
    start = np.ones(3)
    np.testing.assert_array_equal(opt.step(lambda x: float(x @ x), start), start)
    assert opt.counts.executions == 0
    seen = []
    SPSAOptimizer(c=0.7, seed=1).step(lambda x: seen.append(x) or float(x @ x), start)
    # Two more, to see which circuits it runs.
    del seen[:2]
    assert len(seen) == 8
    np.testing.assert_allclose(np.abs(np.array(seen) - start), 0.7)
