"""The model-based core: pure, resumable, indifferent to units, and it gets there."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core import Answer, Counts, LocalModel, dump
from pennylane_qstore.optimize.core.few_shots import FewShots
from pennylane_qstore.optimize.errors import (
    InvalidLossError,
    InvalidStateError,
    NonFiniteLossError,
)

START = np.array([0.4, -1.2, 2.0, 0.9])
RADIUS = 1e-9


def chain(points):
    """Neighbours coupled; lowest at -5.5 where all are pi."""
    x = np.atleast_2d(points)
    return np.cos(x).sum(axis=1) - 0.5 * np.cos(x[:, 1:] - x[:, :-1]).sum(axis=1)


def noisy(points, state, sigma=0.05):
    rng = np.random.default_rng([3, state.step])
    return chain(points) + rng.normal(0, sigma, len(points))


def run(core, state, n_steps, *, scale=1.0, shift=0.0, sigma=0.05):
    for _ in range(n_steps):
        query = core.ask(state)
        losses = scale * noisy(query.points, state, sigma) + shift
        variances = np.full(len(losses), (scale * sigma) ** 2)
        state = core.tell(state, Answer.of(losses, variances))
    return state


def same(a, b):
    return json.dumps(dump(a)) == json.dumps(dump(b))


def test_the_first_round_shifts_every_parameter_by_its_quarter_turn():
    core = LocalModel(fraction=0.5)
    state = core.init(START, seed=0)
    points = core.ask(state).points
    np.testing.assert_array_equal(points[0], START)
    shifts = points[1:] - START
    np.testing.assert_allclose(np.abs(shifts).sum(axis=0), np.pi / 2)
    np.testing.assert_allclose(np.abs(shifts).sum(axis=1), np.pi / 2)
    assert len(core.ask(run(core, state, 1)).points) == 3


def test_terms_are_overlooked_that_scatter_less_than_the_predicted_gain():
    core = LocalModel(overlooked=0.5)
    state = core.init(START, seed=0)
    assert core.ask(state).tolerance == np.inf
    state = run(core, state, 1)
    assert state.gain > 0
    assert core.ask(state).tolerance == 0.5 * state.gain
    # Nothing is predicted of a place that was not reached by a step.
    assert core.ask(core.move(state, START)).tolerance == 0


@pytest.mark.parametrize(
    "core", [LocalModel(overlooked=0.0), LocalModel(shots=10, few_shots=FewShots())]
)
def test_all_terms_are_measured_where_none_may_be_overlooked_or_shots_are_few(core):
    state = core.init(START, seed=0)
    assert core.ask(state).tolerance == 0
    assert core.ask(run(core, state, 1)).tolerance == 0


def test_mini_batches_are_asked_for_few_points_once_they_are_noticed():
    core = LocalModel()
    state = core.init(np.linspace(-1, 1, 9), seed=0)
    for _ in range(12):
        points = core.ask(state).points
        drift = np.random.default_rng([4, state.step]).normal(0, 1)
        losses = chain(points) + drift * np.sin(points[:, 0] + 1) + drift
        state = core.tell(state, Answer.of(losses, np.full(len(points), 1e-4)))
    assert state.hyper.drift > 0.01
    assert len(core.ask(state).points) == 1 + 3


def test_a_parameter_changes_its_side_from_visit_to_visit():
    core = LocalModel(fraction=0.5)
    state, sides = core.init(START, seed=1), {i: [] for i in range(4)}
    for _ in range(9):
        if state.step:
            for row in core.ask(state).points[1:] - state.centre:
                place = int(np.argmax(np.abs(row)))
                sides[place].append(np.sign(row[place]))
        state = run(core, state, 1)
    for found in sides.values():
        assert len(found) == 4
        assert all(a == -b for a, b in pairwise(found))


def test_it_finds_the_minimum_of_coupled_rotations_without_noise():
    core = LocalModel()
    state = core.init(START, seed=2)
    for _ in range(12):
        losses = chain(core.ask(state).points)
        state = core.tell(state, Answer.of(losses, np.zeros(len(losses))))
    assert chain(state.params)[0] < -5.5 + 1e-3


@pytest.mark.parametrize("known", [True, False])
def test_it_finds_the_minimum_in_noise_of_known_and_of_unknown_size(known):
    core = LocalModel()
    state = core.init(START, seed=4)
    for _ in range(12):
        losses = noisy(core.ask(state).points, state)
        variances = np.full(len(losses), 0.05**2) if known else None
        state = core.tell(state, Answer.of(losses, variances))
    assert chain(state.params)[0] < -5.5 + 0.1


def test_the_reported_loss_is_that_before_the_step_within_its_error():
    core = LocalModel()
    state = run(core, core.init(START, seed=5), 6)
    after = run(core, state, 1)
    assert abs(after.loss - chain(state.params)[0]) < 5 * after.loss_error


def test_runs_of_one_seed_are_identical_and_of_two_seeds_are_not():
    core = LocalModel(fraction=0.5)
    first, again = (run(core, core.init(START, seed=6), 5) for _ in range(2))
    other = run(core, core.init(START, seed=7), 5)
    assert same(first, again)
    assert not np.array_equal(first.params, other.params)


@pytest.mark.parametrize("few_shots", [None, FewShots()])
@pytest.mark.parametrize("stop", range(8))
def test_a_run_resumed_from_json_at_any_step_repeats_the_undisturbed_one(stop, few_shots):
    core = LocalModel(shots=10, fraction=0.5, patience=2, window=30, few_shots=few_shots)
    whole = run(core, core.init(START, seed=8), 8, sigma=0.3)
    part = run(core, core.init(START, seed=8), stop, sigma=0.3)
    resumed = core.load(json.loads(json.dumps(dump(part))))
    assert same(run(core, resumed, 8 - stop, sigma=0.3), whole)


def test_asking_and_telling_leave_the_state_as_it_was():
    core = LocalModel()
    state = run(core, core.init(START, seed=9), 2)
    before = json.dumps(dump(state))
    run(core, state, 1)
    assert json.dumps(dump(state)) == before


def test_other_units_of_the_loss_change_nothing():
    core = LocalModel()
    plain = run(core, core.init(START, seed=10), 3)
    scaled = run(core, core.init(START, seed=10), 3, scale=1000.0, shift=5.0)
    np.testing.assert_allclose(scaled.params, plain.params, atol=1e-3)
    assert scaled.loss == pytest.approx(1000 * plain.loss + 5, rel=1e-3)


def test_shots_double_where_noise_hides_the_gain_but_not_more_often_than_allowed():
    core = LocalModel(shots=100, doublings=2)
    state, asked = core.init(np.full(4, np.pi), seed=11), []
    for _ in range(6):
        query = core.ask(state)
        asked.append(int(query.shots[0]))
        sigma = 1 / np.sqrt(asked[-1])
        losses = noisy(query.points, state, sigma)
        state = core.tell(state, Answer.of(losses, np.full(len(losses), sigma**2)))
    assert asked[0] == 100
    assert asked[-1] == 400
    assert asked == sorted(asked)


@pytest.mark.parametrize(("overlooked", "level"), [(0.3, 0), (0.0, 1)])
def test_shots_do_not_double_for_what_was_overlooked(overlooked, level):
    core = LocalModel(shots=100)
    state = core.init([1.5], seed=11)
    losses = chain(core.ask(state).points)
    variances = np.array([1e-6, 1e-6 + 0.09])
    state = core.tell(state, replace(Answer.of(losses, variances), overlooked=overlooked))
    assert 0.003 < state.gain < 0.4
    assert state.level == level


def test_shots_of_the_objective_are_learned_from_what_was_counted():
    core = LocalModel(resolution=1e9)
    state = core.init(START, seed=12)
    query = core.ask(state)
    assert query.shots is None
    losses = noisy(query.points, state)
    counts = Counts(executions=10, shots=10 * 250, batches=1)
    answer = Answer(losses, np.full(len(losses), 0.0025), counts=counts)
    state = core.tell(state, answer)
    np.testing.assert_array_equal(core.ask(state).shots, np.full(5, 500))


def test_without_progress_it_explores_and_keeps_the_best_point():
    core = LocalModel(shots=100, doublings=0, patience=1)
    state = run(core, core.init(np.full(4, np.pi), seed=13), 1)
    assert (state.exploring, state.stalled) == (4, 0)
    assert "neighbourhood" in state.reason
    state = run(core, state, 7)
    assert chain(state.params)[0] < -5.4


def test_the_window_bounds_what_is_kept():
    core = LocalModel(window=10)
    state = run(core, core.init(START, seed=14), 10)
    assert len(state.data) == 8 * 4


def test_going_on_from_other_parameters_keeps_what_is_known():
    core = LocalModel()
    state = run(core, core.init(START, seed=15), 2)
    moved = core.move(state, np.zeros(4))
    np.testing.assert_array_equal(core.ask(moved).points[0], np.zeros(4))
    assert len(moved.data) == len(state.data)


def test_one_parameter_shared_by_many_gates_is_shifted_less():
    core = LocalModel()
    state = core.init([0.1], seed=16, angles=[[1.0], [2.0]], counts=[5.0, 1.0])
    shifts = core.ask(state).points[1:] - 0.1
    np.testing.assert_allclose(np.abs(shifts), np.pi / 2 / 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_losses_that_are_not_finite_are_refused(bad):
    core = LocalModel()
    state = core.init(START, seed=17)
    losses = np.zeros(5)
    losses[3] = bad
    with pytest.raises(NonFiniteLossError, match="step 0"):
        core.tell(state, Answer.of(losses))


def test_a_missing_loss_is_refused():
    core = LocalModel()
    with pytest.raises(InvalidLossError):
        core.tell(core.init(START, seed=18), Answer.of(np.zeros(4)))


def test_equal_losses_everywhere_do_not_break_it():
    core = LocalModel()
    state = core.init(START, seed=19)
    for _ in range(3):
        n = len(core.ask(state).points)
        state = core.tell(state, Answer.of(np.full(n, 2.5), np.zeros(n)))
    assert np.isfinite(state.params).all()
    assert state.loss == pytest.approx(2.5)


@pytest.mark.parametrize(
    "option",
    [
        {"fraction": 0.0},
        {"radius": -1.0},
        {"patience": 0},
        {"overlooked": -0.1},
        {"few_shots": FewShots()},
    ],
)
def test_settings_out_of_range_are_refused(option):
    with pytest.raises(InvalidOptionError):
        LocalModel(**option)


def test_starts_that_are_not_finite_are_refused():
    with pytest.raises(InvalidStateError):
        LocalModel().init([0.0, np.nan], seed=0)


def told(core, state, losses=None):
    """The state after two uncoupled rotations were measured, or what is said of them."""
    points = core.ask(state).points
    losses = np.cos(points).sum(axis=1) if losses is None else np.full(len(points), losses)
    return core.tell(state, Answer.of(losses, np.full(len(points), 1e-4)))


@pytest.mark.parametrize(("kept", "caution"), [(True, 1.0), (False, 2.0)])
@pytest.mark.parametrize("core", [LocalModel(), LocalModel(shots=30, few_shots=FewShots())])
def test_a_turn_that_breaks_its_promise_is_doubted_and_the_box_stays(core, kept, caution):
    state = told(core, core.init([0.1, 3.0], seed=0))
    assert state.by_turn
    assert np.abs(state.centre - state.origin).max() > 1
    after = told(core, state, losses=None if kept else np.cos(0.1) - 1)
    assert after.turn_caution == caution
    assert after.radius == state.radius


@pytest.mark.parametrize("prevented_by", [{"turn_caution": 1e3}, {"exploring": 2}])
def test_nothing_is_turned_far_where_turns_are_doubted_or_the_neighbourhood_is_explored(
    prevented_by,
):
    core = LocalModel()
    after = told(core, replace(core.init([0.1, 3.0], seed=0), **prevented_by))
    assert not after.by_turn
    assert np.abs(after.centre - after.origin).max() <= after.radius * (1 + 1e-9)
