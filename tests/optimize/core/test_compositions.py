"""What is put around SPSA: averaging, blocking, calibration, transforms, the loss at the centre."""

import itertools
import json

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import (
    SPSA,
    Gains,
    InvalidLossError,
    InvalidStateError,
    NonFiniteLossError,
)
from pennylane_qstore.optimize.core import (
    Answer,
    Averaged,
    Blocked,
    CalibratedGains,
    GradientAverage,
    HadamardRows,
    Measured,
    SecondOrderSPSA,
    dump,
)
from pennylane_qstore.optimize.core.gains import Probe
from pennylane_qstore.optimize.core.transforms import Adam, ClipNorm, Momentum

SCALE = np.array([4.0, 1.0, 2.0, 0.5])
FIXED = SPSA(Gains(a=0.1, c=0.1))
CORES = {
    "plain": FIXED,
    "averaged": Averaged(FIXED),
    "blocked": Blocked(FIXED),
    "averaged and blocked": Averaged(Blocked(FIXED)),
    "calibrated": SPSA(CalibratedGains(), HadamardRows(), 2),
    "calibrated and tracked": Averaged(SPSA(CalibratedGains(every=3), HadamardRows(), 2)),
    "calibrated and blocked": Blocked(SPSA(CalibratedGains(), HadamardRows(), 2)),
    "transformed": SPSA(
        Gains(a=0.05), HadamardRows(), 3, (ClipNorm(5.0), GradientAverage(), Momentum(), Adam())
    ),
    "limited": SPSA(Gains(a=5.0), max_step=0.1, shots=20),
    "measured": Measured(Averaged(FIXED)),
    "blocked second order": Blocked(SecondOrderSPSA(Gains(a=0.1), "losses")),
}


def bowl(points):
    return (SCALE * (np.atleast_2d(points) - 1) ** 2).sum(axis=1)


def noisy(points, step, noise=0.1):
    values = bowl(points) + np.random.default_rng([3, step]).normal(0, noise, len(points))
    return Answer.of(values, np.full(len(values), noise**2))


def run(core, state, n_steps):
    trace = []
    for _ in range(n_steps):
        state = core.tell(state, noisy(core.ask(state).points, state.step))
        trace.append(state)
    return trace


@pytest.mark.parametrize("name", CORES)
def test_a_run_stopped_at_any_step_and_resumed_from_json_is_the_undisturbed_one(name):
    core = CORES[name]
    trace = run(core, core.init(np.zeros(4), seed=5), 12)
    for stop in range(11):
        saved = core.load(json.loads(json.dumps(dump(trace[stop]), allow_nan=False)))
        rest = run(core, saved, 11 - stop)
        assert [dump(one) for one in rest] == [dump(one) for one in trace[stop + 1 :]]


LIGHT = np.array([0.3, -0.1, 0.2, 0.4])


@pytest.mark.parametrize("around", [Measured, Blocked])
@pytest.mark.parametrize(
    "spsa", [SPSA(Gains(a=0.1), light_resamplings=1), SPSA(CalibratedGains(), light_resamplings=1)]
)
def test_the_loss_that_is_asked_for_as_well_has_its_own_small_terms(around, spsa):
    core = around(spsa)
    state = core.init([0.5, -1.0, 0.2, 2.0], seed=3)
    query, inner = core.ask(state), spsa.ask(spsa.init(state.params, seed=3))
    place = query.whole_at[-1]
    np.testing.assert_array_equal(query.points[place], state.params)
    light = query.points @ LIGHT
    losses, own = bowl(query.points) + light[0], bowl(query.points) + light
    answer = Answer(losses, np.full(len(losses), 0.01), whole=own[list(query.whole_at)])
    after = core.tell(state, answer)
    assert after.loss == pytest.approx(bowl(state.params)[0] + LIGHT @ state.params)
    assert after.loss_error == pytest.approx(0.1)
    alone = Answer(losses[: len(inner.points)], losses[: len(inner.points)], whole=answer.whole[:2])
    moved = spsa.tell(spsa.init(state.params, seed=3), alone)
    np.testing.assert_array_equal(after.params, moved.params)


@pytest.mark.parametrize("name", CORES)
def test_asking_and_telling_leave_the_state_as_it_was(name):
    core = CORES[name]
    state = run(core, core.init(np.zeros(4), seed=5), 3)[-1]
    before = dump(state)
    answer = noisy(core.ask(state).points, 3)
    first, second = core.tell(state, answer), core.tell(state, answer)
    assert dump(first) == dump(second)
    assert dump(state) == before


@pytest.mark.parametrize("name", CORES)
def test_every_composition_descends_and_counts_its_steps(name):
    core = CORES[name]
    state = run(core, core.init(np.zeros(4), seed=1), 60)[-1]
    assert state.step == 60
    assert bowl(state.params)[0] < 0.5 * bowl(np.zeros(4))[0]


@pytest.mark.parametrize("name", CORES)
def test_losses_that_do_not_fit_are_refused(name):
    core = CORES[name]
    state = core.init(np.zeros(4), seed=1)
    count = len(core.ask(state).points)
    with pytest.raises(InvalidLossError):
        core.tell(state, Answer.of(np.zeros(count + 1)))
    with pytest.raises(NonFiniteLossError):
        core.tell(state, Answer.of(np.full(count, np.nan)))


@pytest.mark.parametrize("name", CORES)
def test_going_on_from_elsewhere_asks_around_there(name):
    core = CORES[name]
    state = run(core, core.init(np.zeros(4), seed=1), 3)[-1]
    moved = core.move(state, np.full(4, 50.0))
    np.testing.assert_array_equal(moved.params, np.full(4, 50.0))
    assert np.all(np.abs(core.ask(moved).points - 50) < 5)


@pytest.mark.parametrize("name", [name for name in CORES if "d" in name and name != "limited"])
def test_a_saved_state_of_another_kind_is_named(name):
    core = CORES[name]
    for bad in ([1.0], {"params": [0.0]}):
        with pytest.raises(InvalidStateError):
            core.load(bad)


def test_the_average_weighs_late_iterates_more():
    core = Averaged(FIXED, power=0.0)
    trace = run(core, core.init(np.zeros(4), seed=2), 20)
    iterates = np.array([one.inner.params for one in trace])
    np.testing.assert_allclose(trace[-1].params, iterates.mean(axis=0), atol=1e-12)
    weighted = Averaged(FIXED, power=1.0)
    trace = run(weighted, weighted.init(np.zeros(4), seed=2), 20)
    weights = np.arange(1, 21) / np.arange(1, 21).sum()
    np.testing.assert_allclose(trace[-1].params, weights @ iterates, atol=1e-12)


def test_averages_scatter_less_than_iterates():
    last, mean = [], []
    for seed in range(30):
        core = Averaged(SPSA(Gains(a=0.08, alpha=0.0, c=0.2)))
        state = run(core, core.init(np.ones(4), seed=seed), 100)[-1]
        mean.append(bowl(state.params)[0])
        last.append(bowl(state.inner.params)[0])
    assert np.mean(mean) < 0.5 * np.mean(last)


def script(core, losses):
    """Steps of a blocked core whose centre losses are given, with an error of 0.1 each."""
    state, trace = core.init(np.zeros(4), seed=1), []
    for loss in losses:
        points = core.ask(state).points
        answers = bowl(points)
        answers[-1] = loss
        state = core.tell(state, Answer.of(answers, np.full(len(points), 0.01)))
        trace.append(state)
    return trace


def test_a_rise_beyond_the_noise_is_taken_back():
    first, second, third = script(Blocked(FIXED, tolerance=2.0), [1.0, 1.3, 1.0])
    np.testing.assert_array_equal(second.params, np.zeros(4))
    assert second.n_rejected == 1
    assert second.loss == 1.3
    assert np.any(first.params != 0)
    assert np.any(third.params != 0)
    assert np.any(third.params != first.params)


def test_a_rise_within_the_noise_is_kept():
    # 2 * sqrt(0.01 + 0.01) = 0.283
    _, second = script(Blocked(FIXED, tolerance=2.0), [1.0, 1.28])
    assert second.n_rejected == 0
    assert second.anchor_loss == 1.28


def test_measuring_the_same_place_again_never_counts_as_a_rise():
    trace = script(Blocked(FIXED, tolerance=2.0), [1.0, 9.0, 5.0, 9.0])
    assert [one.n_rejected for one in trace] == [0, 1, 1, 2]


def test_without_known_noise_the_scatter_of_accepted_losses_is_the_tolerance():
    core = Blocked(FIXED, tolerance=2.0, history=3)
    state = core.init(np.zeros(4), seed=1)
    # standard deviation of 1.0, 0.9, 0.8 is 0.0816
    for loss, n_rejected in [(1.0, 0), (0.9, 0), (0.8, 0), (0.96, 0), (1.2, 1)]:
        answers = bowl(core.ask(state).points)
        answers[-1] = loss
        state = core.tell(state, Answer.of(answers))
        assert state.n_rejected == n_rejected


def test_a_blocked_run_never_gets_worse_without_noise():
    core = Blocked(SPSA(Gains(a=0.6, alpha=0.0)), tolerance=0.0)
    state, accepted = core.init(np.zeros(4), seed=3), []
    for _ in range(60):
        state = core.tell(state, Answer.of(bowl(core.ask(state).points), None))
        accepted.append(state.anchor_loss)
    assert state.n_rejected > 5
    assert all(later <= earlier for earlier, later in itertools.pairwise(accepted))


def test_calibration_measures_the_trace_of_the_hessian():
    core = SPSA(CalibratedGains(pairs_first=8), HadamardRows())
    state = core.init(np.ones(4), seed=1)
    query = core.ask(state)
    assert len(query.points) == 17
    after = core.tell(state, Answer.of(bowl(query.points)))
    assert after.curvature == pytest.approx(2 * SCALE.sum())
    assert len(core.ask(after).points) == 2


def test_the_calibrated_step_is_the_stated_fraction_of_the_inverse_trace():
    gains = CalibratedGains(scale=0.5, stability=10.0)
    assert gains.step_size(0, 20.0, spread=1 / 4 + 1 / 8) == pytest.approx(0.5 / 7.5)
    assert gains.step_size(11, 20.0, spread=1.0) == pytest.approx(0.5 / 20 * 0.5**0.602)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
def test_calibrated_runs_do_not_depend_on_the_unit_of_the_loss(unit):
    core = SPSA(CalibratedGains(), HadamardRows(), 2)
    ends = []
    for factor in (1.0, unit):
        state = core.init(np.zeros(4), seed=1)
        for _ in range(20):
            state = core.tell(state, Answer.of(factor * bowl(core.ask(state).points)))
        ends.append(state.params)
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-9)


def test_a_slope_without_curvature_does_not_give_an_endless_step():
    core = SPSA(CalibratedGains(), HadamardRows(), 2)
    state = core.init(np.zeros(4), seed=1)
    line = core.ask(state).points @ np.array([3.0, 1.0, -2.0, 0.5])
    assert np.abs(core.tell(state, Answer.of(line)).params).max() < 2.0


def test_a_flat_loss_is_no_error():
    core = SPSA(CalibratedGains(), HadamardRows(), 2)
    state = core.init(np.ones(4), seed=1)
    after = core.tell(state, Answer.of(np.zeros(len(core.ask(state).points))))
    np.testing.assert_array_equal(after.params, np.ones(4))


def test_tracked_curvature_rises_fast_and_falls_slowly():
    gains = CalibratedGains(every=1)

    def after(trace):
        probe = Probe(np.array([trace * 0.005]), np.array([trace * 0.005]), 0.0, 0.1, 4)
        return gains.learn(probe, 10.0)

    assert after(20.0) - 10 > 2 * (10 - after(0.0)) > 0
    assert gains.learn(Probe(np.ones(1), np.ones(1), None, 0.1, 4), 7.0) == 7.0


def test_an_average_of_gradients_keeps_their_scale():
    average = GradientAverage(0.8)
    memory, gradient = average.init(2), np.array([2.0, -1.0])
    for _ in range(5):
        direction, memory = average.update(gradient, memory, None)
        np.testing.assert_allclose(direction, gradient)


def test_no_step_is_longer_than_the_trust_region():
    core = SPSA(Gains(a=100.0), max_step=0.25)
    state = core.init(np.zeros(4), seed=1)
    after = core.tell(state, Answer.of(bowl(core.ask(state).points)))
    assert np.sqrt(np.mean(after.params**2)) == pytest.approx(0.25)


def test_shots_are_asked_for_each_point():
    for core in (SPSA(Gains(a=0.1), shots=70), Blocked(SPSA(Gains(a=0.1), shots=70))):
        query = core.ask(core.init(np.zeros(4), seed=1))
        np.testing.assert_array_equal(query.shots, np.full(len(query.points), 70))


def test_the_loss_where_the_step_begins_is_asked_for_once():
    core = Measured(FIXED)
    state = core.init(np.zeros(4), seed=1)
    query = core.ask(state)
    assert len(query.points) == 3
    after = core.tell(state, noisy(query.points, 0, noise=0.2))
    assert after.loss == noisy(query.points, 0, noise=0.2).losses[2]
    assert after.loss_error == pytest.approx(0.2)
    blocked = Measured(Blocked(FIXED))
    assert len(blocked.ask(blocked.init(np.zeros(4), seed=1)).points) == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SPSA(Gains(a=0.1), resamplings=0), "resamplings is 0"),
        (lambda: SPSA(Gains(a=0.1), max_step=-1.0), "max_step is -1"),
        (lambda: CalibratedGains(scale=0.0), "scale is 0.0"),
        (lambda: CalibratedGains().step_size(0), "before the curvature is measured"),
        (lambda: Averaged(FIXED, power=-1.0), "power is -1"),
        (lambda: Blocked(FIXED, history=0), "history 0"),
        (lambda: GradientAverage(1.0), "decay is 1.0"),
    ],
)
def test_an_option_without_sense_is_named(make, said):
    with pytest.raises(InvalidOptionError, match=said):
        make()


@pytest.mark.parametrize("steepness", [0.1, 10.0])
def test_adaptive_gains_beat_fixed_ones_on_losses_of_any_steepness(steepness):
    """Twenty seeds on a noisy bowl; the fixed gain is PennyLane's default."""

    def mean_end(core):
        ends = []
        for seed in range(20):
            state = core.init(np.full(4, 2.0), seed=seed)
            for _ in range(60 if core is fixed else 15):
                points = core.ask(state).points
                noise = np.random.default_rng([seed, state.step]).normal(0, 0.02, len(points))
                state = core.tell(state, Answer.of(steepness * (bowl(points) + noise)))
            ends.append(bowl(state.params)[0])
        return np.mean(ends)

    fixed = SPSA(Gains(a=0.05 * 7**0.602, stability=6.0))
    calibrated = Averaged(SPSA(CalibratedGains(stability=10.0), HadamardRows(), 4))
    assert mean_end(calibrated) < 0.5 * mean_end(fixed)
