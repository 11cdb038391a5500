"""Rotosolve's cores on functions whose coordinate minima are known."""

import json

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.jacobi import JacobiRotosolve
from pennylane_qstore.optimize.core.query import Answer
from pennylane_qstore.optimize.core.rotosolve import Rotosolve
from pennylane_qstore.optimize.core.state import dump
from pennylane_qstore.optimize.errors import NonFiniteLossError

START = np.array([0.4, -1.2, 2.0, 0.9])


def separable(points):
    """A product circuit with one-qubit terms: no two parameters interact."""
    return np.cos(points - np.array([0.1, 0.2, 0.3, 0.4])) @ np.array([1.0, -0.5, 2.0, 0.3])


def coupled(points):
    x = np.atleast_2d(points)
    return (
        np.cos(x[:, 0] - 0.3) * np.cos(x[:, 1])
        + 0.7 * np.sin(x[:, 1]) * np.cos(x[:, 2] + 0.5)
        - 0.4 * np.sin(x[:, 2] + x[:, 3])
    )


def run(core, state, loss, n_steps):
    trace = []
    for _ in range(n_steps):
        state = core.tell(state, Answer.of(loss(core.ask(state).points)))
        trace.append(state.params)
    return state, np.array(trace)


def test_one_batch_reaches_the_closed_form_minimum_of_a_product_circuit():
    core = Rotosolve(groups=((0, 1, 2, 3),))
    state = core.init(START)
    assert core.ask(state).points.shape == (9, 4)
    state, _ = run(core, state, separable, 1)
    best = np.array([0.1 + np.pi, 0.2, 0.3 + np.pi, 0.4 + np.pi])
    np.testing.assert_allclose(np.cos(state.params - best), 1.0, atol=1e-12)
    assert state.lows[-1] == pytest.approx(-3.8)
    assert state.loss == pytest.approx(separable(START))


def coordinate_descent(loss, params, n_sweeps):
    """Each coordinate to the minimum of a fine grid, one after the other."""
    params = params.copy()
    for _ in range(n_sweeps):
        for i in range(params.size):
            points = np.tile(params, (20_001, 1))
            points[:, i] = np.linspace(-np.pi, np.pi, 20_001)
            params[i] = points[np.argmin(loss(points)), i]
    return params


def test_sequential_sweeps_are_coordinate_descent_on_a_grid():
    core = Rotosolve()
    state, _ = run(core, core.init(START), coupled, 8)
    expected = coordinate_descent(coupled, START, 2)
    np.testing.assert_allclose(np.cos(state.params - expected), 1.0, atol=1e-6)
    assert state.lows[-1] == pytest.approx(coupled(state.params)[0], abs=1e-12)


def test_a_sweep_measures_the_loss_once_and_then_two_points_per_frequency():
    core = Rotosolve(((1.0,), (1.0,), (1.0, 2.0), (1.0,)))
    state, asked = core.init(START), []
    for _ in range(8):
        query = core.ask(state)
        asked.append(len(query.points))
        state = core.tell(state, Answer.of(coupled(query.points)))
    assert asked == [3, 2, 4, 2] * 2


def test_parameters_that_do_not_interact_can_go_together_without_any_difference():
    one_by_one = Rotosolve()
    together = Rotosolve(groups=((0, 2), (1, 3)))
    chain = lambda x: separable(x) + 0.8 * np.cos(x[:, 0]) * np.cos(x[:, 1])  # noqa: E731
    first, _ = run(one_by_one, one_by_one.init(START), chain, 8)
    second, _ = run(together, together.init(START), chain, 4)
    np.testing.assert_allclose(first.params, second.params, atol=1e-12)


def test_higher_frequencies_are_minimised_over_the_whole_period():
    def double(points):
        return np.cos(2 * points[:, 0] + 0.3) + 0.4 * np.cos(points[:, 0] - 1.0)

    core = Rotosolve(((1.0, 2.0),))
    state, _ = run(core, core.init([0.2]), double, 1)
    grid = np.linspace(-np.pi, np.pi, 100_001)[:, None]
    assert double(state.params[None])[0] <= double(grid).min() + 1e-12


def test_moving_starts_a_new_sweep_that_measures_again():
    core = Rotosolve()
    state, _ = run(core, core.init(START), coupled, 2)
    moved = core.move(state, np.zeros(4))
    points = core.ask(moved).points
    assert len(points) == 3
    assert (points[1:, 0] != 0).all()  # The first parameter's turn again.
    np.testing.assert_array_equal(core.ask(moved).points[0], np.zeros(4))


def test_a_damped_sweep_in_one_batch_never_ends_above_its_best_and_converges():
    core = JacobiRotosolve(damping=1.0)
    state = core.init(START)
    assert len(core.ask(state).points) == 9
    bests = []
    for _ in range(80):
        state = core.tell(state, Answer.of(coupled(core.ask(state).points)))
        assert state.best == pytest.approx(coupled(state.params)[0])
        bests.append(state.best)
    assert (np.diff(bests) <= 1e-12).all()
    assert bests[-1] == pytest.approx(coupled(coordinate_descent(coupled, START, 30))[0], abs=1e-3)


def test_an_overshoot_goes_back_and_halves_the_share():
    core = JacobiRotosolve(damping=0.8)
    first = core.tell(core.init([0.0]), Answer.of([1.0, 0.5, 2.0], [0.0, 0.0, 0.0]))
    worse = core.tell(first, Answer.of([1.1, 0.0, 0.0]))
    np.testing.assert_array_equal(worse.params, [0.0])
    assert worse.damping == 0.4
    np.testing.assert_allclose(worse.trial, 0.4 * first.offsets)
    noisy = core.tell(first, Answer.of([1.1, 0.0, 0.0], [0.02, 0.0, 0.0]))
    np.testing.assert_array_equal(noisy.params, first.trial)
    assert noisy.damping == 1.0


@pytest.mark.parametrize(
    "core", [Rotosolve(), Rotosolve(groups=((0, 2), (1, 3))), JacobiRotosolve(damping=1.0)]
)
def test_a_run_resumed_from_json_repeats_the_undisturbed_one_bit_for_bit(core):
    undisturbed, trace = run(core, core.init(START), coupled, 11)
    for stop in range(11):
        half, first = run(core, core.init(START), coupled, stop)
        loaded = core.load(json.loads(json.dumps(dump(half))))
        resumed, second = run(core, loaded, coupled, 11 - stop)
        np.testing.assert_array_equal(np.vstack([first.reshape(-1, 4), second]), trace)
        assert dump(resumed) == dump(undisturbed)


@pytest.mark.parametrize("core", [Rotosolve(), JacobiRotosolve()])
def test_losses_that_are_not_finite_move_nothing(core):
    state = core.init([0.0])
    with pytest.raises(NonFiniteLossError):
        core.tell(state, Answer.of([0.0, np.nan, 1.0]))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (
            lambda: Rotosolve(groups=((0,), (0, 1))).init([0.0, 0.0]),
            "each of the 2 parameters once",
        ),
        (lambda: Rotosolve(((1.0,), (1.0,))).init(START), "for 2 of 4 parameters"),
        (lambda: Rotosolve(((0.0,),)), "at least one that is not zero"),
        (lambda: JacobiRotosolve(damping=0.0), "damping is 0"),
    ],
)
def test_settings_that_cannot_work_are_named(build, said):
    with pytest.raises(InvalidOptionError, match=said):
        build()
