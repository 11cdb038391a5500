"""Gradient estimates against exact gradients of linear functions."""

import numpy as np
import pytest

from pennylane_qstore.optimize.core.directions import KINDS
from pennylane_qstore.optimize.core.estimates import mean_gradient

N_REPEATS = 2000


def slopes_of(gradient, directions, noise, rng):
    return directions @ gradient + rng.normal(0, np.sqrt(noise), len(directions))


def trials(kind, n_params, count, *, noise=0.0, seed=0, told=True):
    rng = np.random.default_rng(seed)
    gradient = rng.normal(size=n_params)
    estimates, variances = [], []
    for repeat in range(N_REPEATS):
        directions = KINDS[kind].draw(repeat, 0, count, n_params)
        slopes = slopes_of(gradient, directions, noise, rng)
        known = np.full(count, noise if told else np.nan)
        population = KINDS[kind].population(n_params)
        estimate, variance = mean_gradient(slopes, directions, known, population=population)
        estimates.append(estimate)
        variances.append(variance)
    return gradient, np.array(estimates), np.array(variances)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 3])
def test_it_is_the_gradient_on_average(kind, count):
    gradient, estimates, _ = trials(kind, 5, count, noise=0.1)
    error = estimates.std(axis=0, ddof=1) / np.sqrt(N_REPEATS)
    assert np.all(np.abs(estimates.mean(axis=0) - gradient) < 5 * error)


@pytest.mark.parametrize(
    ("kind", "count"),
    [("rademacher", 2), ("rademacher", 6), ("hadamard", 2), ("hadamard", 6), ("sphere", 4)],
)
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_variance_of_several_directions_is_that_seen_over_many_repeats(kind, count, noise):
    _, estimates, variances = trials(kind, 5, count, noise=noise, seed=3)
    seen = estimates.var(axis=0, ddof=1)
    assert variances.mean(axis=0) == pytest.approx(seen, rel=0.12)


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_variance_of_one_direction_is_right_on_average_over_the_components(noise):
    _, estimates, variances = trials("rademacher", 6, 1, noise=noise, seed=4)
    seen = estimates.var(axis=0, ddof=1).mean()
    assert variances.mean() == pytest.approx(seen, rel=0.1)


@pytest.mark.parametrize("count", [1, 4])
def test_the_variance_is_no_smaller_if_the_noise_is_not_known(count):
    _, _, told = trials("hadamard", 5, count, noise=0.3, seed=5)
    _, _, untold = trials("hadamard", 5, count, noise=0.3, seed=5, told=False)
    assert np.all(untold.mean(axis=0) > told.mean(axis=0))


def test_the_variance_falls_as_one_over_the_number_of_independent_directions():
    spread = [
        trials("rademacher", 6, count, seed=6)[1].var(axis=0).mean() for count in (1, 2, 4, 8)
    ]
    np.testing.assert_allclose(np.array(spread) * [1, 2, 4, 8], spread[0], rtol=0.12)


def test_a_whole_hadamard_matrix_gives_the_gradient_exactly():
    gradient, estimates, variances = trials("hadamard", 8, 8, seed=7)
    np.testing.assert_allclose(estimates, np.tile(gradient, (N_REPEATS, 1)), atol=1e-12)
    np.testing.assert_allclose(variances, 0, atol=1e-12)
