"""iCANS and gCANS against their formulas, worked out by hand and by other code."""

import json
import math

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.frugal import ShotFrugal
from pennylane_qstore.optimize.core.query import Answer
from pennylane_qstore.optimize.core.state import dump
from pennylane_qstore.optimize.errors import InvalidLossError, NonFiniteLossError

AMPLITUDES = np.array([1.0, 0.3, 0.05])


def exact(points):
    """Independent rotations measured one by one: frequency 1 in every parameter."""
    return np.cos(np.atleast_2d(points)) @ AMPLITUDES


def sampled(query, seed):
    rng = np.random.default_rng(seed)
    ups = rng.binomial(query.shots[:, None], (1 + np.cos(query.points)) / 2)
    means = 2 * ups / query.shots[:, None] - 1
    variances = (AMPLITUDES**2 * (1 - np.cos(query.points) ** 2)).sum(axis=1) / query.shots
    return Answer.of(means @ AMPLITUDES, variances)


def run(core, state, n_steps):
    trace = []
    for _ in range(n_steps):
        query = core.ask(state)
        state = core.tell(state, sampled(query, [7, state.step]))
        trace.append(np.concatenate([state.params, state.shots]))
    return state, np.array(trace)


def test_first_step_asks_for_both_shifts_of_every_parameter_with_the_fewest_shots():
    core = ShotFrugal(lipschitz=1.35, frequencies=1, min_shots=12)
    query = core.ask(core.init([0.1, 0.2, 0.3]))
    assert query.points.shape == (7, 3)
    np.testing.assert_array_equal(query.shots, [12] * 7)
    offsets = query.points - [0.1, 0.2, 0.3]
    half = np.pi / 2 * np.eye(3)
    expected = [0 * half[0], half[0], -half[0], half[1], -half[1], half[2], -half[2]]
    np.testing.assert_allclose(offsets, expected, atol=1e-15)


def first_step(rule, **settings):
    """One step from known losses and variances: derivatives 0.4 and -0.1, single-shot variances
    0.5 and 0.08.
    """
    core = ShotFrugal(0.5, 1.0, 1, rule, min_shots=2, mu=0.9, bias=1e-6, **settings)
    state = core.init([0.0, 0.0])
    losses = [9.0, 0.5, -0.3, 0.1, 0.3]
    # A component varies by (v+ + v-) / 4, at 2 shots; at one shot twice that.
    variances = [1.0, 0.5, 0.5, 0.04, 0.12]
    return core.tell(state, Answer.of(losses, variances))


def test_a_step_goes_against_the_shifted_differences():
    state = first_step("gcans")
    np.testing.assert_allclose(state.params, [-0.5 * 0.4, 0.5 * 0.1], atol=1e-15)
    assert state.loss == 9.0
    assert state.loss_error == 1.0


def test_icans_divides_shots_as_in_the_paper():
    # Running means normalised: chi = (0.4, -0.1), xi = (0.5, 0.08). L alpha = 0.5, so the factor
    # is 2 * 0.5 / 1.5 = 2/3 and s = ceil(2/3 * xi / (chi^2 + b)) = ceil(2.083, 5.333) = (3, 6).
    # Gains: [(0.5 - 0.125) chi^2 - 0.25 xi / (2 s)] / s
    #   first:  (0.375 * 0.16 - 0.25 * 0.5 / 6) / 3     = 0.01306
    #   second: (0.375 * 0.01 - 0.25 * 0.08 / 12) / 6   = 0.00035
    # so nobody may have more than the first.
    np.testing.assert_array_equal(first_step("icans").shots, [3, 3])


def test_gcans_divides_shots_as_in_the_paper():
    # s = ceil(2/3 * sqrt(xi_i) * (sqrt(0.5) + sqrt(0.08)) / (0.17 + b)): 0.98995 in the bracket,
    # so (2/3 * 0.70711 * 0.98995 / 0.17, 2/3 * 0.28284 * 0.98995 / 0.17) = (2.745, 1.098).
    np.testing.assert_array_equal(first_step("gcans").shots, [3, 2])


def reference_shots(rule, gradients, spreads, settings):
    """The same rules, parameter by parameter, in plain Python after the papers."""
    alpha, bound, mu, bias, low, high = settings
    n = len(gradients[0])
    chi, xi = [0.0] * n, [0.0] * n
    for k, (gradient, spread) in enumerate(zip(gradients, spreads, strict=True)):
        chi = [mu * c + (1 - mu) * g for c, g in zip(chi, gradient, strict=True)]
        xi = [mu * x + (1 - mu) * s for x, s in zip(xi, spread, strict=True)]
        c = [one / (1 - mu ** (k + 1)) for one in chi]
        x = [one / (1 - mu ** (k + 1)) for one in xi]
        factor = 2 * bound * alpha / (2 - bound * alpha)
        if rule == "gcans":
            total = sum(math.sqrt(one) for one in x)
            length = sum(one**2 for one in c)
            s = [factor * math.sqrt(one) * total / (length + bias * mu**k) for one in x]
            most = high
        else:
            s = [max(1, math.ceil(factor * x[i] / (c[i] ** 2 + bias * mu**k))) for i in range(n)]
            gains = [
                ((alpha - bound * alpha**2 / 2) * c[i] ** 2 - bound * alpha**2 * x[i] / (2 * s[i]))
                / s[i]
                for i in range(n)
            ]
            most = min(high, max(low, s[gains.index(max(gains))]))
    return [int(min(most, max(low, math.ceil(one)))) for one in s]


@pytest.mark.parametrize("rule", ["icans", "gcans"])
def test_shots_of_many_steps_are_those_of_a_reference_in_plain_python(rule):
    core = ShotFrugal(0.4, 1.35, 1, rule, min_shots=5, max_shots=900, mu=0.8, bias=0.3)
    state, gradients, spreads = core.init([0.4, 1.0, 2.0]), [], []
    for step in range(25):
        query = core.ask(state)
        told = sampled(query, [1, step])
        gradients.append((told.losses[1::2] - told.losses[2::2]) / 2)
        spreads.append((told.variances[1::2] + told.variances[2::2]) / 4 * query.shots[1::2])
        state = core.tell(state, told)
        expected = reference_shots(rule, gradients, spreads, (0.4, 1.35, 0.8, 0.3, 5, 900))
        np.testing.assert_array_equal(state.shots, expected)


@pytest.mark.parametrize("rule", ["icans", "gcans"])
def test_it_descends_and_spends_more_as_it_comes_close(rule):
    core = ShotFrugal(lipschitz=1.35, frequencies=1, rule=rule, max_shots=2000)
    state, trace = run(core, core.init([0.5, 0.7, 0.9]), 60)
    assert exact(state.params)[0] < -1.2
    assert trace[:5, 3:].sum() < trace[-5:, 3:].sum()


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_a_parameter_with_several_frequencies_is_differentiated_exactly(order):
    coefficients = np.random.default_rng(order).normal(size=(2, order))
    frequencies = np.arange(1, order + 1)

    def wave(points):
        angles = points[:, :1] * frequencies
        return np.cos(angles) @ coefficients[0] + np.sin(angles) @ coefficients[1]

    core = ShotFrugal(0.1, 1.0, order, with_loss=False)
    state = core.init([0.37])
    query = core.ask(state)
    assert len(query.points) == 2 * order
    moved = core.tell(state, Answer.of(wave(query.points), np.zeros(2 * order)))
    slope = frequencies * (
        coefficients[1] * np.cos(0.37 * frequencies) - coefficients[0] * np.sin(0.37 * frequencies)
    )
    np.testing.assert_allclose((0.37 - moved.params[0]) / 0.1, slope.sum(), atol=1e-10)


def test_points_of_several_frequencies_get_shots_by_their_weight_and_no_more_than_their_sum():
    core = ShotFrugal(0.1, 1.0, 2, min_shots=100, with_loss=False)
    shots = core.ask(core.init([0.0])).shots
    # Weights 1 / (8 sin^2(x / 2)) at x = pi/4 and 3 pi/4 and their mirrors: shares 0.427 and 0.073.
    np.testing.assert_array_equal(shots, [171, 29, 29, 171])


def test_unknown_variances_are_bounded_by_the_size_of_the_observable():
    core = ShotFrugal(0.5, 2.0, 1, min_shots=10, with_loss=False)
    state = core.tell(core.init([0.0]), Answer.of([1.0, -0.5]))
    np.testing.assert_allclose(state.spread, 0.01 * ((4 - 1) + (4 - 0.25)) / 4, rtol=1e-12)


def test_without_frequencies_the_whole_gradient_is_asked_for():
    core = ShotFrugal(0.5, 1.0, min_shots=10)
    state = core.init([0.0, 0.0])
    query = core.ask(state)
    assert query.gradient_shots == 10
    assert len(query.points) == 0
    empty = np.empty(0)
    told = Answer(
        empty,
        empty,
        gradient=np.array([0.4, -0.1]),
        gradient_variances=np.array([0.05, np.nan]),
        gradient_loss=3.0,
        gradient_loss_variance=0.25,
    )
    state = core.tell(state, told)
    np.testing.assert_allclose(state.params, [-0.2, 0.05])
    np.testing.assert_allclose(state.spread, 0.01 * np.array([0.5, 0.5]), rtol=1e-12)
    assert (state.loss, state.loss_error) == (3.0, 0.5)
    with pytest.raises(InvalidLossError, match="expected a gradient"):
        core.tell(state, Answer(empty, empty))


@pytest.mark.parametrize("rule", ["icans", "gcans"])
def test_a_run_resumed_from_json_repeats_the_undisturbed_one_bit_for_bit(rule):
    core = ShotFrugal(lipschitz=1.35, frequencies=1, rule=rule)
    start = core.init([0.4, 1.0, 2.0])
    undisturbed, trace = run(core, start, 20)
    half, first = run(core, start, 9)
    resumed, second = run(core, core.load(json.loads(json.dumps(dump(half)))), 11)
    np.testing.assert_array_equal(np.vstack([first, second]), trace)
    assert dump(resumed) == dump(undisturbed)


def test_losses_that_are_not_finite_move_nothing():
    core = ShotFrugal(0.5, 1.0, 1)
    state = core.init([0.0])
    with pytest.raises(NonFiniteLossError):
        core.tell(state, Answer.of([0.0, np.nan, 1.0]))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "lipschitz is None"),
        ({"lipschitz": -1.0}, "lipschitz is -1"),
        ({"lipschitz": 2.0, "stepsize": 1.0}, "between 0 and 2 / lipschitz = 1"),
        ({"lipschitz": 1.0, "rule": "cans"}, "rule is 'cans'"),
        ({"lipschitz": 1.0, "min_shots": 1}, "min_shots is 1"),
        ({"lipschitz": 1.0, "min_shots": 20, "max_shots": 10}, "max_shots 10"),
        ({"lipschitz": 1.0, "mu": 1.0}, "mu is 1"),
        ({"lipschitz": 1.0, "bias": 0.0}, "bias is 0"),
        ({"lipschitz": 1.0, "frequencies": (1, 2, 3)}, "each of the 2 parameters"),
        ({"lipschitz": 1.0, "frequencies": 0}, "each of the 2 parameters"),
    ],
)
def test_settings_that_cannot_work_are_named(settings, said):
    with pytest.raises(InvalidOptionError, match=said):
        ShotFrugal(**settings).init([0.0, 0.0])
