"""SPSA's core: unbiased, pure, resumable."""

import json

import numpy as np
import pytest

from pennylane_qstore.optimize import (
    SPSA,
    Gains,
    HadamardRows,
    InvalidLossError,
    InvalidStateError,
    NonFiniteLossError,
)
from pennylane_qstore.optimize.core import Answer, dump

HESSIAN = np.array([[3.0, 0.5, 0.0], [0.5, 1.0, -0.2], [0.0, -0.2, 2.0]])
OFFSET = np.array([0.3, -1.0, 0.5])


def quadratic(points):
    shifted = np.atleast_2d(points) - OFFSET
    return 0.5 * np.einsum("ki,ij,kj->k", shifted, HESSIAN, shifted)


def noisy_quadratic(points, state):
    noise = np.random.default_rng([9, state.step]).normal(0, 0.05, len(points))
    return quadratic(points) + noise


def run(spsa, state, n_steps):
    trace = []
    for _ in range(n_steps):
        losses = noisy_quadratic(spsa.ask(state).points, state)
        state = spsa.tell(state, Answer.of(losses))
        trace.append(losses)
    return state, np.array(trace)


def test_the_two_points_lie_on_opposite_sides_at_the_perturbation_in_every_coordinate():
    spsa = SPSA(Gains(a=1.0, c=0.25))
    state = spsa.init([0.5, -1.0, 2.0], seed=3)
    plus, minus = spsa.ask(state).points
    np.testing.assert_allclose((plus + minus) / 2, state.params, atol=1e-15)
    np.testing.assert_allclose(np.abs(plus - state.params), 0.25, atol=1e-15)


def test_directions_are_fair_coins_that_differ_from_step_to_step():
    spsa = SPSA(Gains(a=0.0, c=1.0, gamma=0.0))
    state, signs = spsa.init(np.zeros(50), seed=0), []
    for _ in range(200):
        signs.append(spsa.ask(state).points[0])
        state = spsa.tell(state, Answer.of([0.0, 0.0]))
    signs = np.array(signs)
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert abs(signs.mean()) < 5 / np.sqrt(signs.size)
    neighbours = (signs[1:] * signs[:-1]).mean()
    assert abs(neighbours) < 5 / np.sqrt(signs.size)


def test_one_step_is_the_formula_worked_out_by_hand():
    spsa = SPSA(Gains(a=0.5, c=0.1))
    state = spsa.init([1.0, 2.0], seed=5)
    signs = np.sign(spsa.ask(state).points[0] - state.params)
    following = spsa.tell(state, Answer.of([1.3, 1.1]))
    # slope = 0.2 / (2 * 0.1) = 1, so the step is a * signs
    np.testing.assert_allclose(following.params, [1.0, 2.0] - 0.5 * signs, atol=1e-12)
    assert following.step == 1


def test_the_estimate_is_unbiased_on_a_quadratic():
    spsa = SPSA(Gains(a=1.0, c=0.3))
    point = np.array([1.0, 0.5, -0.7])
    estimates = []
    for seed in range(4000):
        state = spsa.init(point, seed=seed)
        estimates.append(
            point - spsa.tell(state, Answer.of(quadratic(spsa.ask(state).points))).params
        )
    estimates = np.array(estimates)
    exact = HESSIAN @ (point - OFFSET)
    standard_error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    assert np.all(np.abs(estimates.mean(axis=0) - exact) < 5 * standard_error)


LIGHT = np.array([0.3, -0.5, 0.4])


def with_light_terms(spsa, state):
    """The quadratic and a linear term that is light: all losses have that of the first point."""
    query = spsa.ask(state)
    light = query.points @ LIGHT
    losses = quadratic(query.points) + light[0]
    whole = losses[list(query.whole_at)] + light[list(query.whole_at)] - light[0]
    return Answer(losses, np.zeros(len(losses)), whole=whole)


def test_small_terms_are_asked_for_along_one_direction_and_the_estimate_is_unbiased():
    spsa = SPSA(Gains(a=1.0, c=0.3), resamplings=3, light_resamplings=3)
    point = np.array([1.0, 0.5, -0.7])
    estimates, losses = [], []
    for seed in range(4000):
        state = spsa.init(point, seed=seed)
        assert spsa.ask(state).tolerance == np.inf
        assert spsa.ask(state).whole_at == (0, 3)
        state = spsa.tell(state, with_light_terms(spsa, state))
        estimates.append(point - state.params)
        losses.append(state.loss)
    estimates = np.array(estimates)
    exact = HESSIAN @ (point - OFFSET) + LIGHT
    standard_error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    assert np.all(np.abs(estimates.mean(axis=0) - exact) < 5 * standard_error)
    assert 5 * standard_error.max() < np.abs(LIGHT).min()
    here = quadratic(point)[0] + LIGHT @ point + 0.3**2 / 2 * np.trace(HESSIAN)
    assert np.mean(losses) == pytest.approx(here, abs=5 * np.std(losses) / np.sqrt(4000))


def test_small_terms_enter_along_the_first_direction_exactly():
    spsa = SPSA(Gains(a=1.0, c=0.3), resamplings=2, light_resamplings=2)
    state = spsa.init(OFFSET, seed=2)
    first = spsa.ask(state).points[0] - OFFSET
    moved = spsa.tell(state, with_light_terms(spsa, state))
    # At its minimum the quadratic has no slope along any direction.
    np.testing.assert_allclose(OFFSET - moved.params, first * (first @ LIGHT) / 0.3**2, atol=1e-12)
    # And the loss has their mean.
    losses = quadratic(spsa.ask(state).points)
    assert moved.loss == pytest.approx(losses.mean() + LIGHT @ OFFSET)
    without = Answer.of(with_light_terms(spsa, state).losses)
    np.testing.assert_allclose(spsa.tell(state, without).params, OFFSET, atol=1e-12)


def test_what_small_terms_might_be_elsewhere_is_no_error_of_the_loss():
    spsa = SPSA(Gains(a=0.1), resamplings=2, light_resamplings=2)
    variances = np.array([0.04, *[0.04 + 0.5**2] * 3])
    answer = Answer(np.zeros(4), variances, overlooked=0.5, whole=np.zeros(2))
    after = spsa.tell(spsa.init(OFFSET, seed=2), answer)
    assert after.loss_error == pytest.approx(0.1)


def test_more_directions_are_taken_where_small_terms_are_known_to_be():
    spsa = SPSA(Gains(a=0.0, c=1.0, gamma=0.0), HadamardRows(), 2, light_resamplings=3)
    state, seen = spsa.init(np.zeros(8), seed=1), []
    for overlooked in (0.0, 0.1, 0.1, 0.0):
        query = spsa.ask(state)
        count = len(query.points) // 2
        seen.append(query.points[:count])
        losses = np.zeros(2 * count)
        whole = np.zeros(2)
        answer = Answer(losses, losses + 0.1**2, overlooked=overlooked, whole=whole)
        state = spsa.tell(state, answer)
    assert [len(one) for one in seen] == [2, 2, 3, 3]
    # They go on from step to step, so that the first eight are orthogonal.
    first = np.concatenate(seen)[:8]
    np.testing.assert_array_equal(first @ first.T, 8 * np.eye(8))


def test_another_number_of_whole_losses_is_refused():
    spsa = SPSA(Gains(a=1.0), resamplings=2, light_resamplings=2)
    answer = Answer(np.zeros(4), np.zeros(4), whole=np.zeros(1))
    with pytest.raises(InvalidLossError, match="all terms at 2 points, but got 1"):
        spsa.tell(spsa.init(OFFSET, seed=2), answer)


def test_it_converges_on_a_noisy_quadratic_for_every_seed():
    spsa = SPSA(Gains(a=0.5, c=0.2, stability=30.0))
    for seed in range(5):
        start = spsa.init(np.zeros(3), seed=seed)
        state, _ = run(spsa, start, 300)
        assert quadratic(state.params)[0] < 0.01 * quadratic(start.params)[0]


def test_a_run_resumed_from_json_repeats_the_undisturbed_one_bit_for_bit():
    spsa = SPSA(Gains(a=0.4, stability=5.0))
    start = spsa.init([0.1, 0.2, 0.3], seed=8)
    undisturbed, trace = run(spsa, start, 40)
    half, first = run(spsa, start, 17)
    resumed, second = run(spsa, spsa.load(json.loads(json.dumps(dump(half)))), 23)
    np.testing.assert_array_equal(resumed.params, undisturbed.params)
    np.testing.assert_array_equal(np.concatenate([first, second]), trace)
    assert resumed.step == undisturbed.step == 40


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    spsa = SPSA(Gains(a=0.4))
    ends = [run(spsa, spsa.init(np.ones(3), seed=seed), 10)[0].params for seed in (1, 1, 2)]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[0], ends[2])


def test_a_seed_does_not_continue_the_directions_of_its_neighbour():
    spsa = SPSA(Gains(a=0.0, gamma=0.0))
    later = spsa.tell(spsa.init(np.zeros(64), seed=1), Answer.of([0.0, 0.0]))
    assert not np.array_equal(
        spsa.ask(later).points, spsa.ask(spsa.init(np.zeros(64), seed=2)).points
    )


def test_asking_and_telling_leave_the_state_as_it_was():
    spsa = SPSA(Gains(a=0.4))
    given = np.ones(3)
    state = spsa.init(given, seed=1)
    before = dump(state)
    np.testing.assert_array_equal(spsa.ask(state).points, spsa.ask(state).points)
    first, second = spsa.tell(state, Answer.of([1.0, 2.0])), spsa.tell(state, Answer.of([1.0, 2.0]))
    np.testing.assert_array_equal(first.params, second.params)
    given[0] = 99.0
    assert dump(state) == before
    with pytest.raises(ValueError, match="read-only"):
        state.params[0] = 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_not_finite_is_named_with_its_step(bad):
    spsa = SPSA(Gains(a=0.4))
    state = spsa.tell(spsa.init(np.ones(2), seed=1), Answer.of([1.0, 2.0]))
    with pytest.raises(NonFiniteLossError, match=r"step 1 .*losses 0\.5, ") as caught:
        spsa.tell(state, Answer.of([0.5, bad]))
    assert caught.value.step == 1
    np.testing.assert_equal(caught.value.losses, (0.5, bad))


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 2.0, 3.0], 1.0])
def test_another_number_of_losses_is_refused(losses):
    spsa = SPSA(Gains(a=0.4))
    with pytest.raises(InvalidLossError, match="expected 2 losses"):
        spsa.tell(spsa.init(np.ones(2), seed=1), Answer.of(losses))


def test_parameters_that_are_not_finite_are_named():
    with pytest.raises(InvalidStateError, match=r"\[1\]"):
        SPSA(Gains(a=0.4)).init([0.0, np.nan], seed=1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"step": -1}, "step is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"step": True}, "step is True"),
    ],
)
def test_a_damaged_state_is_named(change, said):
    spsa = SPSA(Gains(a=0.4))
    saved = dump(spsa.init([0.0], seed=0))
    with pytest.raises(InvalidStateError, match=said):
        spsa.load(saved | change)


def test_a_state_without_an_entry_is_named():
    spsa = SPSA(Gains(a=0.4))
    saved = dump(spsa.init([0.0], seed=0))
    del saved["seed"]
    with pytest.raises(InvalidStateError, match=r"missing \['seed'\]"):
        spsa.load(saved)
