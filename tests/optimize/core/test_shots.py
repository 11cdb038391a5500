"""Shot schedules, division of totals, and plans."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.gains import Gains
from pennylane_qstore.optimize.core.planned import Planned
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.core.shots import (
    GrowingShots,
    Scheduled,
    ShotSchedule,
    SignalShots,
    divide_shots,
)
from pennylane_qstore.optimize.core.spsa import SPSA
from pennylane_qstore.optimize.core.state import dump
from pennylane_qstore.optimize.errors import InvalidStateError

WEIGHTS = st.lists(st.floats(0, 1e3), min_size=1, max_size=8).filter(lambda w: sum(w) > 1e-6)


def test_the_default_schedule_is_500_then_1000_then_2000_by_thirds():
    schedule = ShotSchedule(90)
    assert [schedule(step) for step in (0, 29, 30, 59, 60, 89, 500)] == [
        500, 500, 1000, 1000, 2000, 2000, 2000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n_steps": 0}, "n_steps is 0"),
        ({"n_steps": 9, "shots": (10, 0, 5)}, r"shots\[1\] is 0"),
        ({"n_steps": 9, "shots": (10, 20.5, 5)}, r"shots\[1\] is 20.5"),
        ({"n_steps": 9, "ends": (0.5,)}, "3 stages have 2 ends"),
        ({"n_steps": 9, "ends": (0.5, 0.5)}, "rise between 0 and 1"),
        ({"n_steps": 9, "ends": (0.5, 1.0)}, "rise between 0 and 1"),
    ],
)
def test_a_schedule_that_cannot_work_is_named(settings, said):
    with pytest.raises(InvalidOptionError, match=said):
        ShotSchedule(**settings)


@given(st.integers(0, 100_000), WEIGHTS, st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_a_division_adds_up_to_the_total_and_is_off_by_less_than_one(total, weights, seed):
    due = total * np.array(weights) / np.sum(weights)
    for rng in (None, np.random.default_rng(seed)):
        counts = divide_shots(total, weights, rng=rng)
        assert counts.sum() == total
        assert (np.abs(counts - due) < 1 + 1e-6).all()
        assert (counts[np.array(weights) == 0] == 0).all()


def test_a_drawn_division_is_right_on_average_even_below_one_shot():
    weights = np.array([10.0, 0.3, 5.0, 0.04, 0.0])
    total, rng = 12, np.random.default_rng(1)
    counts = np.array([divide_shots(total, weights, rng=rng) for _ in range(20_000)])
    error = counts.std(axis=0, ddof=1) / np.sqrt(len(counts)) + 1e-12
    assert (np.abs(counts.mean(axis=0) - total * weights / weights.sum()) < 5 * error).all()


def test_without_randomness_the_largest_remainders_are_rounded_up():
    np.testing.assert_array_equal(divide_shots(10, [1, 1, 1]), [4, 3, 3])
    np.testing.assert_array_equal(divide_shots(7, [0.5, 0.3, 0.2]), [4, 2, 1])


@pytest.mark.parametrize("weights", [[0, 0], [-1, 2], [np.nan, 1]])
def test_weights_that_divide_nothing_are_named(weights):
    with pytest.raises(InvalidOptionError, match="weights are"):
        divide_shots(10, weights)
    with pytest.raises(InvalidOptionError, match="-1 shots"):
        divide_shots(-1, [1, 1])


def learn(plan, memory, losses, variances):
    query = Query(np.zeros((len(losses), 1)))
    return plan.learn(memory, query, Answer.of(losses, variances))


def test_shots_follow_from_signal_and_noise_worked_by_hand():
    plan = SignalShots(low=100, high=10_000, ratio=2.0, memory=0.0, first=100)
    # Scatter 2.0 - 0.5 of noise = 1.5 of signal; noise at one shot 0.5 * 100 = 50:
    # 4 * 50 / 1.5 = 133.3
    memory = learn(plan, plan.init(), [1.0, 3.0], [0.5, 0.5])
    assert plan.shots(memory, 1) == 134
    # A weaker signal may at most double the shots, a strong one falls to the least at once.
    assert plan.shots(learn(plan, memory, [1.0, 1.2], [0.5, 0.5]), 2) == 268
    assert plan.shots(learn(plan, memory, [0.0, 50.0], [0.5, 0.5]), 2) == 100


def test_with_planned_shots_all_terms_are_measured_everywhere():
    core = Planned(SPSA(Gains(a=0.3), light_resamplings=2), Scheduled(ShotSchedule(30)))
    query = core.ask(core.init(np.zeros(2), seed=1))
    assert (query.tolerance, query.whole_at) == (0.0, ())


def test_what_was_measured_elsewhere_is_no_noise_that_shots_reduce():
    plan = SignalShots(low=100, high=10_000, ratio=2.0, memory=0.0, first=100)
    query = Query(np.zeros((2, 1)))
    overlooking = Answer(np.array([1.0, 3.0]), np.array([0.5, 0.5 + 0.8**2]), overlooked=0.8)
    memory = plan.learn(plan.init(), query, overlooking)
    assert memory == pytest.approx(learn(plan, plan.init(), [1.0, 3.0], [0.5, 0.5]))


def test_shots_stay_within_their_bounds_and_unknown_or_no_noise_changes_nothing():
    plan = SignalShots(low=10, high=35, first=10)
    memory = plan.init()
    for _ in range(4):
        memory = learn(plan, memory, [1.0, 1.0], [0.5, 0.5])
    assert plan.shots(memory, 4) == 35
    assert learn(plan, memory, [1.0, 2.0], [np.nan, 0.1]) == memory
    assert learn(plan, memory, [1.0], [0.1]) == memory
    assert plan.shots(learn(plan, plan.init(), [1.0, 1.0], [0.0, 0.0]), 1) == 10


def noisy(core, state, n_steps):
    """Losses of a bowl, with noise that shots reduce, decided by the step."""
    trace = []
    for _ in range(n_steps):
        query = core.ask(state)
        rng = np.random.default_rng([4, state.step])
        noise = rng.normal(size=len(query.points)) / np.sqrt(query.shots)
        losses = (query.points**2).sum(axis=1) + noise
        state = core.tell(state, Answer.of(losses, 1 / query.shots))
        trace.append([*state.params, *query.shots])
    return state, np.array(trace)


def test_a_planned_core_spends_more_shots_as_the_slope_fades():
    core = Planned(SPSA(Gains(a=0.3, stability=5.0)), SignalShots(20, 5000, first=20))
    _, trace = noisy(core, core.init(np.full(3, 2.0), seed=1), 200)
    assert trace[:10, 3].mean() < 40
    assert trace[-20:, 3].mean() > 200
    assert (trace[:, 3] == trace[:, 4]).all()


@pytest.mark.parametrize("plan", [SignalShots(20, 500, first=20), Scheduled(ShotSchedule(30))])
def test_a_planned_run_resumed_from_json_repeats_the_undisturbed_one(plan):
    core = Planned(SPSA(Gains(a=0.3)), plan)
    start = core.init(np.full(3, 0.5), seed=1)
    undisturbed, trace = noisy(core, start, 30)
    half, first = noisy(core, start, 13)
    resumed, second = noisy(core, core.load(json.loads(json.dumps(dump(half)))), 17)
    np.testing.assert_array_equal(np.vstack([first, second]), trace)
    assert dump(resumed) == dump(undisturbed)


def test_a_plan_fills_in_gradient_shots_and_leaves_a_cores_own_alone():
    class Asking:
        def ask(self, state):
            return Query(np.zeros((2, 1)), np.array([7, 8]), gradient_at=np.zeros(1))

    core = Planned(Asking(), Scheduled(lambda step: 300))
    state = type("", (), {"inner": None, "memory": (), "step": 0})()
    query = core.ask(state)
    np.testing.assert_array_equal(query.shots, [7, 8])
    assert query.gradient_shots == 300


def test_a_damaged_state_or_schedule_is_named():
    core = Planned(SPSA(Gains(a=0.3)), SignalShots())
    saved = dump(core.init([0.0], seed=1))
    with pytest.raises(InvalidStateError, match="remembers 1 numbers, this one 3"):
        core.load(saved | {"memory": [1.0]})
    with pytest.raises(InvalidStateError, match="core with a plan"):
        core.load({"params": [0.0]})
    bad = Planned(SPSA(Gains(a=0.3)), Scheduled(lambda step: 0))
    with pytest.raises(InvalidOptionError, match="shots at step 0 is 0"):
        bad.ask(bad.init([0.0], seed=1))
    for settings_ in (
        {"low": 0},
        {"first": 0},
        {"low": 9, "high": 8},
        {"ratio": 0.0},
        {"memory": 1.0},
    ):
        with pytest.raises(InvalidOptionError):
            SignalShots(**settings_)


def test_growing_shots_double_after_their_steps_and_stop_at_the_most():
    shots = GrowingShots(first=20, steps=25, most=70)
    assert [shots(step) for step in (0, 1, 5, 24, 25, 50, 62, 63, 1000)] == [
        20, 20, 24, 39, 40, 60, 69, 70, 70,
    ]  # fmt: skip


@pytest.mark.parametrize("bad", [{"first": 0}, {"steps": 0}, {"first": 30, "most": 20}])
def test_growing_shots_that_make_no_sense_are_refused(bad):
    with pytest.raises(InvalidOptionError):
        GrowingShots(**bad)
