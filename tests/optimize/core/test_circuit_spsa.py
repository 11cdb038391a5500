"""SPSA on single circuits: unbiased from fewer of them, exact where nothing is to be estimated."""

import json

import numpy as np
import pytest

from pennylane_qstore.optimize import SPSA, Gains, InvalidLossError, NonFiniteLossError
from pennylane_qstore.optimize.core import (
    Answer,
    Averaged,
    Blocked,
    CircuitResults,
    CircuitSPSA,
    HadamardRows,
    LossExpansion,
    Query,
    dump,
)

WEIGHTS = np.random.default_rng(1).normal(size=(6, 2, 3))
LABELS = np.array([1.0, -1.0, 0.5, 2.0, -0.5, 0.0])
POINT = np.array([0.4, -0.8, 0.3, 0.6, 0.2])
LIVE, DIRECT = np.array([0, 2, 3]), np.array([3, 4])


def results_of(point, circuits):
    """Two numbers, linear in the live parameters."""
    return np.einsum("kop,kp->ko", WEIGHTS[circuits], np.atleast_2d(point)[:, LIVE])


def loss_of(results, point, n):
    """Mean square of what is left of the labels; two parameters enter it directly."""
    return np.mean((_outputs(results, point) - LABELS[:n]) ** 2)


def _outputs(results, point):
    return results @ [1.0, 0.5] + point[3] * 0.3 + point[4]


def answered(query, n=6, noise=0.0, rng=None, params=POINT):
    """A mini-batch of the first ``n`` circuits."""
    circuits = query.in_turn(n)
    values = results_of(query.singles, circuits)
    if rng is not None:
        values = values + rng.normal(0, noise, values.shape)

    def expand(results):
        left = 2 / n * (_outputs(results, params) - LABELS[:n])
        direct = np.outer(np.full(n, left.sum() / n), [0.3, 1.0])
        slope = np.concatenate([np.outer(left, [1.0, 0.5]), direct], axis=1)
        return LossExpansion(loss_of(results, params, n), slope, np.zeros((n, 4, 4)))

    variances = np.full(values.shape, noise**2)
    found = CircuitResults(circuits, values, variances, np.zeros((n, 1)), expand)
    return Answer(np.empty(0), np.empty(0), results=found)


def gradient(n=6):
    """By differences, of which only rounding is left on a quadratic."""
    h, everyone = 1e-4, np.arange(n)
    return np.array(
        [
            (
                loss_of(results_of(POINT + row, everyone), POINT + row, n)
                - loss_of(results_of(POINT - row, everyone), POINT - row, n)
            )
            / (2 * h)
            for row in h * np.eye(5)
        ]
    )


def core(pairs, **settings):
    return CircuitSPSA(SPSA(Gains(a=1.0, alpha=0.0), HadamardRows(), pairs, **settings))


def start(one, seed=0):
    return one.init(POINT, seed=seed, live=LIVE, direct=DIRECT)


@pytest.mark.parametrize(("pairs", "n"), [(6, 6), (8, 6), (12, 6), (5, 2)])
def test_the_estimate_is_unbiased(pairs, n):
    one, estimates = core(pairs), []
    for seed in range(3000):
        state = start(one, seed)
        estimates.append(POINT - one.tell(state, answered(one.ask(state), n)).params)
    estimates = np.array(estimates)
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    exact = gradient(n)
    assert np.all(np.abs(estimates.mean(axis=0) - exact) < 5 * error + 1e-7)
    assert 5 * error.max() < np.abs(exact).max()


def test_fewer_pairs_than_circuits_stand_for_all_over_a_round():
    one, state, estimates = core(2), start(core(2)), []
    turns = []
    for seed in range(2000):
        state = start(one, seed)
        for _ in range(3):
            turns.append(one.ask(state).in_turn(6)[::2])
            after = one.tell(state, answered(one.ask(state)))
            estimates.append(state.params - after.params)
            assert after.loss is None
            state = one.move(after, POINT)
    assert sorted(np.concatenate(turns[:3])) == [0, 1, 2, 3, 4, 5]
    live = np.array(estimates)[:, [0, 2]]
    error = live.std(axis=0, ddof=1) / np.sqrt(len(live))
    assert np.all(np.abs(live.mean(axis=0) - gradient()[[0, 2]]) < 5 * error)


def test_many_directions_give_the_gradient_and_no_circuit_is_run_for_what_is_direct():
    one = core(6 * 4)
    state = start(one)
    query = one.ask(state)
    assert query.singles.shape == (48, 5)
    np.testing.assert_array_equal((query.singles - POINT)[:, [1, 4]], 0)
    pairs = query.singles.reshape(24, 2, 5)
    np.testing.assert_allclose(pairs.mean(axis=1), np.tile(POINT, (24, 1)), atol=1e-15)
    after = one.tell(state, answered(query))
    # Parameter 4 is known exactly, parameter 1 does nothing.
    np.testing.assert_allclose((POINT - after.params)[[1, 4]], [0, gradient()[4]], atol=1e-8)
    assert after.loss == pytest.approx(loss_of(results_of(POINT, np.arange(6)), POINT, 6))
    assert after.loss_error == 0


def test_it_sees_more_with_as_many_circuits_as_whole_losses_take():
    whole = SPSA(Gains(a=1.0, alpha=0.0), HadamardRows(), 1)
    found = {"single": [], "whole": []}
    for seed in range(500):
        one = core(6)
        state = start(one, seed)
        found["single"].append(POINT - one.tell(state, answered(one.ask(state))).params)
        state = whole.init(POINT, seed=seed)
        losses = [
            loss_of(results_of(point, np.arange(6)), point, 6) for point in whole.ask(state).points
        ]
        found["whole"].append(POINT - whole.tell(state, Answer.of(losses)).params)
    errors = {name: np.mean((np.array(all_) - gradient()) ** 2) for name, all_ in found.items()}
    assert errors["single"] < 0.5 * errors["whole"]


def test_the_loss_has_the_error_that_it_claims():
    rng, losses, claimed = np.random.default_rng(3), [], []
    for seed in range(400):
        one = core(9)
        after = one.tell(start(one, seed), answered(one.ask(start(one, seed)), 6, 0.05, rng))
        losses.append(after.loss)
        claimed.append(after.loss_error)
    assert np.std(losses) == pytest.approx(np.mean(claimed), rel=0.15)


def test_an_unknown_variance_leaves_the_error_unknown():
    one = core(6)
    answer = answered(one.ask(start(one)), 6, np.nan)
    assert one.tell(start(one), answer).loss_error is None


@pytest.mark.parametrize("around", [Averaged, Blocked, lambda inner: Averaged(Blocked(inner))])
def test_a_run_resumed_from_json_repeats_the_undisturbed_one_bit_for_bit(around):
    one = around(CircuitSPSA(SPSA(Gains(a=0.1), HadamardRows(), 7)))

    def run(state, steps):
        for step in steps:
            query, rng = one.ask(state), np.random.default_rng([7, step])
            answer = answered(query, 6, 0.01, rng)
            losses = rng.normal(size=len(query.points))
            answer = Answer(losses, np.full(len(losses), 0.1), results=answer.results)
            state = one.tell(state, answer)
        return state

    undisturbed = run(start(one), range(9))
    half = run(start(one), range(4))
    resumed = run(one.load(json.loads(json.dumps(dump(half), allow_nan=False))), range(4, 9))
    assert dump(resumed) == dump(undisturbed)
    assert not np.array_equal(resumed.params, run(start(one, 1), range(9)).params)


def test_what_is_no_result_is_refused():
    one = core(6)
    state = start(one)
    with pytest.raises(InvalidLossError, match="but got none"):
        one.tell(state, Answer.of([]))
    short = answered(Query(singles=one.ask(state).singles[:4], in_a_row=2))
    with pytest.raises(InvalidLossError, match="expected 12 results"):
        one.tell(state, short)
    with pytest.raises(NonFiniteLossError, match="step 0"):
        one.tell(state, answered(one.ask(state), 6, np.inf, np.random.default_rng(0)))
    with pytest.raises(NonFiniteLossError, match="step 0"):
        one.tell(state, answered(one.ask(state), params=np.full(5, np.nan)))
