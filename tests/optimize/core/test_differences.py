"""Finite differences: their order, their variance, their spacing."""

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.differences import (
    best_spacing,
    difference_points,
    differences,
)

POINT = np.array([0.3, -1.1, 0.7])


def analytic(points):
    x, y, z = np.atleast_2d(points).T
    return np.sin(x) * np.cos(2 * y) + np.exp(0.5 * z) * x


def derivatives(point):
    x, y, z = point
    return np.array(
        [
            np.cos(x) * np.cos(2 * y) + np.exp(0.5 * z),
            -2 * np.sin(x) * np.sin(2 * y),
            0.5 * np.exp(0.5 * z) * x,
        ]
    )


def error(spacing, order):
    losses = analytic(difference_points(POINT, spacing, order))
    found, _ = differences(losses, np.zeros(losses.size), spacing, order)
    return np.abs(found - derivatives(POINT))


@pytest.mark.parametrize("order", [2, 4])
def test_half_the_spacing_leaves_a_fourth_or_a_sixteenth_of_the_error(order):
    np.testing.assert_allclose(error(0.1, order) / error(0.05, order), 2**order, rtol=0.03)


def test_richardson_is_exact_for_polynomials_of_fourth_degree():
    points = difference_points(np.array([0.4]), 0.5, 4)
    losses = (points**4 - 2 * points**3 + points).ravel()
    found, _ = differences(losses, np.zeros(4), 0.5, 4)
    assert found[0] == pytest.approx(4 * 0.4**3 - 6 * 0.4**2 + 1, abs=1e-12)


@pytest.mark.parametrize("order", [2, 4])
def test_the_variance_is_that_of_many_repetitions(order):
    rng, spread = np.random.default_rng(5), np.linspace(0.01, 0.3, 3 * order)
    noise = rng.normal(0, spread, (20_000, spread.size))
    found = np.array([differences(one, spread**2, 0.4, order)[0] for one in noise])
    _, said = differences(noise[0], spread**2, 0.4, order)
    np.testing.assert_allclose(found.var(axis=0), said, rtol=5 * np.sqrt(2 / len(noise)))


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("sigma", [1e-5, 1e-3, 1e-2])
@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_the_spacing_has_nearly_the_least_mean_square_error_on_a_sinusoid(order, sigma, scale):
    grid = np.geomspace(1e-4, 0.5 if order == 2 else 0.75, 4000)
    if order == 2:
        kept, amplification = np.sin(grid) / grid, 1 / 2
    else:
        kept, amplification = (8 * np.sin(grid) - np.sin(2 * grid)) / (6 * grid), 65 / 72
    square = (scale * (1 - kept)) ** 2 + amplification * sigma**2 / grid**2
    chosen = best_spacing(sigma**2, scale, order)
    assert np.interp(chosen, grid, square) < 1.1 * square.min()


def test_a_loss_without_noise_is_limited_by_rounding_alone():
    spacing = best_spacing(0.0)
    assert 1e-4 < spacing < 1e-2
    assert np.all(error(spacing, 4) < 1e-11)


def test_unknown_noise_is_met_with_the_widest_spacing():
    assert best_spacing(None, order=2) == 0.5
    assert best_spacing(None, order=4) == 0.75
    assert best_spacing(100.0) == 0.75


def test_another_order_is_refused():
    with pytest.raises(InvalidOptionError, match="order is 3"):
        difference_points(POINT, 0.1, 3)
