"""A run that has stuck begins anew elsewhere, and its answer stays until there is a better one."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pennylane_qstore.optimize.core import Answer, LocalModel, dump
from pennylane_qstore.optimize.core.excursions import compared, left, may_leave
from pennylane_qstore.optimize.core.few_shots import FewShots
from pennylane_qstore.optimize.core.surrogate import Posterior
from pennylane_qstore.optimize.errors import InvalidStateError

START = np.array([0.4, -1.2, 2.0])


def run(core, state, n_steps, loss, sigma=0.1):
    for _ in range(n_steps):
        points = core.ask(state).points
        rng = np.random.default_rng([5, state.step])
        losses = loss(points) + rng.normal(0, sigma, len(points))
        state = core.tell(state, Answer.of(losses, np.full(len(losses), sigma**2)))
    return state


def level(points):
    """Nothing to be gained anywhere."""
    return np.zeros(len(points))


def traps(points):
    """Two valleys in each coordinate: one of -0.5 near a quarter turn, one of -1.5 opposite."""
    return (0.3 * np.cos(points) + np.cos(2 * points) + 0.5 * np.sin(points)).sum(axis=-1)


def stuck(core=None, **changes):
    """A run that has explored its neighbourhood, ready to leave."""
    core = core or LocalModel(doublings=0, patience=2)
    state = core.init(START, seed=1)
    while not state.explored or state.exploring or state.stalled < 1:
        state = run(core, state, 1, level)
    return replace(state, **changes)


def away(**changes):
    """A run from another start, home being at a loss of -1.0 with an error of 0.1."""
    home = stuck(loss=-1.0, loss_error=0.1, paid=100, elsewhere=7)
    return replace(left(home, 0.6), **changes)


def test_it_explores_the_neighbourhood_first_and_leaves_when_that_was_in_vain():
    core = LocalModel(doublings=0, patience=2)
    state, seen = core.init(START, seed=1), []
    for _ in range(40):
        seen.append("away" if state.home else "explores" if state.exploring else "home")
        state = run(core, state, 1, level)
    order = [now for before, now in zip(["", *seen], seen, strict=False) if now != before]
    assert order[:5] == ["home", "explores", "home", "away", "home"]


def test_the_answer_stays_while_the_run_is_elsewhere():
    core = LocalModel(doublings=0, patience=2)
    state = stuck(core)
    while state.home is None:
        state = run(core, state, 1, level)
    answer, told = state.home.params, (state.loss, state.loss_error)
    assert "another start" in state.reason
    while state.home is not None:
        np.testing.assert_array_equal(state.params, answer)
        assert (state.loss, state.loss_error) == told
        state = run(core, state, 1, lambda points: level(points) + 3.0)
    assert state.elsewhere > 0


def measured(state):
    return any(np.array_equal(state.params, centre) for centre in state.former)


def test_an_answer_found_by_exploring_or_before_leaving_was_measured():
    """Where the model only hopes for less, what it promises is not what a run is worth."""
    core, explored, departures = LocalModel(doublings=0), 0, 0
    for seed in range(6):
        before = core.init([1.3, 1.2], seed=seed, angles=np.eye(2), counts=[2, 2])
        for _ in range(30):
            state = run(core, before, 1, traps)
            if before.exploring:
                assert measured(state)
                explored += 1
            if state.home is not None and before.home is None:
                assert measured(state.home)
                told = Posterior(state.kernel, state.data, state.hyper).predict(state.params)
                assert (state.loss, state.loss_error) == pytest.approx(told, rel=1e-6)
                departures += 1
            before = state
    assert explored >= 24
    assert departures >= 6


def test_another_start_is_anywhere_within_a_turn_of_the_gate_that_turns_most():
    angles = [[1.0, 0, 0], [0, 0.5, 0], [0, 2.0, 0]]
    state = LocalModel().init(START, seed=0, angles=angles, counts=[5.0, 1, 3])
    offsets = np.array([left(replace(state, seed=s), 0.6).centre - START for s in range(400)])
    width = np.pi / np.array([1.0, 2.0, 1.0])
    assert np.all(np.abs(offsets) <= width)
    assert np.all(np.abs(offsets).max(axis=0) > 0.98 * width)


def test_a_new_run_begins_with_few_shots_again():
    core = LocalModel(shots=10, few_shots=FewShots(growth=0.5))
    state = replace(run(core, core.init(START, seed=2), 3, level), loss=0.0, loss_error=0.1)
    assert core.ask(state).shots[0] > 10
    assert core.ask(left(state, 0.6)).shots[0] == 10


def test_it_stays_away_for_as_long_as_it_gets_lower():
    state, stays = compared(away(stalled=0, paid=10), -0.5, 0.1, patience=2)
    assert stays
    assert state.home is not None


def test_it_is_home_again_when_it_stands_still_above():
    before = away(stalled=2, paid=10, step=30)
    state, stays = compared(before, -0.5, 0.1, patience=2)
    assert not stays
    assert (state.home, state.step, state.elsewhere) == (None, 30, 17)
    np.testing.assert_array_equal(state.centre, before.home.centre)
    assert state.paid == 100


def test_it_is_measured_on_while_it_is_lower_by_less_than_the_noise():
    state, stays = compared(away(stalled=9, paid=10), -1.15, 0.1, patience=2)
    assert stays
    assert state.home is not None


def test_no_excursion_costs_more_than_all_before_it():
    state, stays = compared(away(stalled=0, paid=101), -1.15, 0.1, patience=2)
    assert not stays
    assert state.home is None


def test_a_loss_lower_by_more_than_the_noise_makes_it_the_run():
    before = away(stalled=0, paid=10)
    state, stays = compared(before, -1.3, 0.1, patience=2)
    assert stays
    assert (state.home, state.elsewhere, state.paid) == (None, 0, 10)
    np.testing.assert_array_equal(state.centre, before.centre)


def test_it_leaves_again_when_little_of_all_was_paid_elsewhere():
    assert may_leave(stuck(paid=100, elsewhere=10))
    assert not may_leave(stuck(paid=100, elsewhere=11))


@pytest.mark.parametrize("few_shots", [None, FewShots()])
def test_from_a_shallow_valley_it_finds_the_deep_one(few_shots):
    """Half of all starts lead to either; in 60 rounds there are at least two excursions."""
    core, ends = LocalModel(shots=100, doublings=0, few_shots=few_shots), []
    for seed in range(1, 7):
        start = core.init([1.3], seed=seed, angles=[[1.0]], counts=[2])
        assert traps(run(core, start, 8, traps).params) > -0.6
        ends.append(float(traps(run(core, start, 60, traps).params)))
    assert np.mean(np.array(ends) < -1.4) >= 0.5


@pytest.mark.parametrize("few_shots", [None, FewShots()])
def test_a_run_saved_elsewhere_goes_on_bit_for_bit(few_shots):
    core = LocalModel(shots=10, doublings=0, patience=2, window=30, few_shots=few_shots)
    state = stuck(core)
    while state.home is None:
        state = run(core, state, 1, level)
    resumed = core.load(json.loads(json.dumps(dump(state))))
    assert resumed.home is not None
    ends = [run(core, one, 8, level) for one in (state, resumed)]
    assert json.dumps(dump(ends[0])) == json.dumps(dump(ends[1]))


def test_a_saved_home_that_does_not_fit_is_refused():
    saved = json.loads(json.dumps(dump(away())))
    del saved["home"]["trail"]
    with pytest.raises(InvalidStateError, match="missing \\['trail'\\]"):
        LocalModel().load(saved)


def test_other_parameters_end_the_excursion():
    moved = LocalModel().move(away(), np.zeros(3))
    assert (moved.home, moved.elsewhere) == (None, 0)
    np.testing.assert_array_equal(moved.centre, np.zeros(3))
