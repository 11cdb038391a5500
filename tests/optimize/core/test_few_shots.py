"""What the local model does where each evaluation has very few shots."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core import Answer, LocalModel
from pennylane_qstore.optimize.core.few_shots import FewShots
from pennylane_qstore.optimize.core.surrogate import (
    AngleKernel,
    Evaluations,
    Hyperparameters,
    Posterior,
)

START = np.array([0.4, -1.2, 2.0])


def told(core, state, n_steps, scale=1.0):
    for _ in range(n_steps):
        query = core.ask(state)
        rng = np.random.default_rng([1, state.step])
        sigma = scale / np.sqrt(query.shots)
        losses = np.cos(query.points).sum(axis=1) + rng.normal(0, sigma)
        state = core.tell(state, Answer.of(losses, sigma**2))
    return state


def test_rounds_grow_with_what_was_paid_and_explorations_do_not():
    core = LocalModel(shots=10, few_shots=FewShots(growth=0.5))
    state, paid = core.init(START, seed=0), 0
    for _ in range(6):
        query = core.ask(state)
        expected = 10 if state.exploring else max(10, int(0.5 * paid / 4))
        np.testing.assert_array_equal(query.shots, np.full(4, expected))
        paid += 4 * expected
        state = told(core, state, 1)
        assert state.paid == paid
    assert paid > 6 * 40
    np.testing.assert_array_equal(core.ask(replace(state, exploring=2)).shots, np.full(4, 10))


def test_no_evaluation_takes_more_than_the_most():
    few = FewShots(growth=0.03, most=500)
    assert few.shots(40, 10**9, 4) == 500
    assert few.shots(600, 10**9, 4) == 600


def test_only_parameters_of_several_gates_are_scattered_and_the_centre_is_not():
    angles = np.array([[1.0, 0, 0], [0, 1, 0], [0, 2, 0]])
    counts = np.array([1.0, 2, 1])
    core = LocalModel(shots=10, few_shots=FewShots(scatter=0.2))
    plain = LocalModel(shots=10, few_shots=FewShots(scatter=0.0))
    state = core.init(START, seed=3, angles=angles, counts=counts)
    np.testing.assert_array_equal(core.ask(state).points, plain.ask(state).points)
    state = told(core, state, 1)
    shifts = core.ask(state).points - plain.ask(state).points
    np.testing.assert_array_equal(shifts[0], np.zeros(3))
    assert not shifts[:, [0, 2]].any()
    assert np.all(shifts[1:, 1] != 0)
    many = [core.ask(replace(state, step=step)).points for step in range(1, 400)]
    base = [plain.ask(replace(state, step=step)).points for step in range(1, 400)]
    natural = np.pi / 2 / np.sqrt(2 + 4)
    spread = np.std([a[1:, 1] - b[1:, 1] for a, b in zip(many, base, strict=True)])
    assert spread == pytest.approx(0.2 * natural, rel=0.1)


def test_the_variance_of_one_shot_is_averaged_over_evaluations_by_their_correlation():
    kernel = AngleKernel.independent(2)
    points = np.array([[0.0, 0], [np.pi / 2, 0], [np.pi, np.pi / 2]])
    shots = np.array([10.0, 20, 40])
    data = Evaluations(points, np.zeros(3), np.array([0.3, 0.1, np.nan]), np.arange(3), shots)
    found = FewShots().smoothed(data, kernel).variances
    # Correlations with spread 4: 3/4 for a quarter turn.
    first = (1.0 * 3 + 0.75 * 2) / 1.75 / 10
    second = (0.75 * 3 + 1.0 * 2) / 1.75 / 20
    np.testing.assert_allclose(found, [first, second, np.nan])
    unknown = replace(data, variances=np.full(3, np.nan))
    assert np.isnan(FewShots().smoothed(unknown, kernel).variances).all()


def test_lucky_evaluations_do_not_pull_the_model_below_the_truth():
    """Where few shots tell the variance, low losses claim to be certain; with doubt they do not."""
    rng = np.random.default_rng(5)
    # 40 shots of an outcome that is -1 but for 5 %: often none is seen, and the variance is 0.
    ones = rng.binomial(40, 0.05, 300)
    means = -1 + 2 * ones / 40
    variances = (1 - means**2) / 39 + 1e-12
    kernel, points = AngleKernel.independent(2), rng.uniform(-1e-3, 1e-3, (300, 2))
    data = Evaluations(points, means, variances, np.zeros(300, dtype=int), np.full(300, 40.0))

    def predicted(data):
        return Posterior(kernel, data, Hyperparameters(1.0, 4.0, 1e-6, 1e-7)).predict(np.zeros(2))

    truth, error = -0.9, 2 * np.sqrt(0.05 * 0.95 / 40 / 300)
    assert predicted(data)[0] < truth - 5 * error
    smoothed = FewShots().smoothed(data, kernel)
    assert predicted(smoothed)[0] == pytest.approx(truth, abs=5 * error)


def test_hyperparameters_are_learned_in_the_first_rounds_and_then_ever_more_rarely():
    due = [step for step in range(300) if FewShots().due(step)]
    assert due[:8] == list(range(8))
    gaps = np.diff(due[8:])
    assert len(due) < 40
    assert gaps[-1] > gaps[0]
    assert all(later < 1.15**2 * earlier for earlier, later in pairwise(due[8:]))


def test_caution_fades_while_there_is_no_progress():
    core = LocalModel(shots=10, caution=0.8, few_shots=FewShots(relaxation=0.5))
    state = core.init(START, seed=0)
    assert core._daring(state) == 0.8
    assert core._daring(replace(state, stalled=3)) == pytest.approx(0.1)
    assert LocalModel(caution=0.8)._daring(replace(state, stalled=3)) == 0.8


def test_the_box_is_what_it_was_whatever_came_of_the_last_step():
    """Noise makes promises that are not kept; a box that followed them would close in on a run."""
    core, fixed = LocalModel(shots=10, radius=0.4), LocalModel(10, radius=0.4, few_shots=FewShots())
    radii = [
        {told(one, one.init(START, seed=3), steps, scale=3.0).radius for steps in range(9)}
        for one in (core, fixed)
    ]
    assert len(radii[0]) > 1
    assert radii[1] == {0.4}


def test_means_of_the_last_centres_may_be_the_answer():
    trail = np.arange(30.0)[:, None] * np.ones(2)
    means = FewShots().means(trail)
    np.testing.assert_allclose(means[:, 0], [29, 28, 27, 25.5, 23.5, 19.5])
    np.testing.assert_allclose(FewShots().means(trail[:2])[:, 1], [1, 0.5, 0.5, 0.5, 0.5, 0.5])
    # Around a minimum, where centres scatter, it is one of them; a doubtless model never takes it.
    for doubt, expected in ((3.0, True), (0.0, False)):
        core = LocalModel(shots=10, few_shots=FewShots(doubt=doubt))
        state, taken = core.init(START, seed=5), []
        for _ in range(30):
            state = told(core, state, 1, scale=3.0)
            several = core.few_shots.means(state.trail)[1:]
            taken.append(any(np.array_equal(state.params, one) for one in several))
        assert any(taken[5:]) is expected


def test_it_finds_the_minimum_through_much_noise():
    core = LocalModel(shots=10, few_shots=FewShots())
    state = told(core, core.init(START, seed=2), 25, scale=2.0)
    assert np.cos(state.params).sum() < -3 + 0.15


@pytest.mark.parametrize(
    "option",
    [{"growth": -0.1}, {"scatter": -0.1}, {"most": 0}, {"doubt": -1.0},
     {"relaxation": 0.0}, {"relaxation": 1.5}],
)  # fmt: skip
def test_settings_out_of_range_are_refused(option):
    with pytest.raises(InvalidOptionError):
        FewShots(**option)
