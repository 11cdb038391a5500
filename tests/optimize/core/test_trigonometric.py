"""Reconstruction and minimisation of trigonometric functions of one angle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.trigonometric import (
    Series,
    check_frequencies,
    sample_shifts,
)

SPECTRA = [(1.0,), (0.5,), (1.0, 2.0), (0.5, 1.0), (1.0, 2.0, 3.0), (1.0, 3.0), (0.4, 1.0, 2.7)]


def wave(frequencies, coefficients, x):
    value = np.full(np.shape(x), coefficients[0])
    order = len(frequencies)
    for r, frequency in enumerate(frequencies):
        value = value + coefficients[1 + r] * np.cos(frequency * x)
        value = value + coefficients[1 + order + r] * np.sin(frequency * x)
    return value


@pytest.mark.parametrize("frequencies", SPECTRA)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_function_is_rebuilt_and_its_lowest_point_is_that_of_a_fine_grid(frequencies, data):
    size = 2 * len(frequencies) + 1
    coefficients = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=size, max_size=size)))
    values = wave(frequencies, coefficients, sample_shifts(frequencies))
    series = Series.through(frequencies, values)
    x = np.linspace(-9, 9, 50)
    np.testing.assert_allclose(series(x), wave(frequencies, coefficients, x), atol=1e-6)
    point, low = series.lowest()
    half = np.pi / frequencies[0]
    assert -half <= point <= half + 1e-12
    assert low == pytest.approx(wave(frequencies, coefficients, point), abs=1e-6)
    grid = wave(frequencies, coefficients, np.linspace(-half, half, 20_001))
    assert low <= grid.min() + 1e-6


def test_integer_frequencies_are_sampled_evenly_and_the_noise_is_spread_evenly():
    for order in (1, 2, 5):
        frequencies = tuple(float(n) for n in range(1, order + 1))
        shifts = sample_shifts(frequencies)
        assert shifts[0] == 0
        expected = 2 * np.pi * np.arange(-order, order + 1) / (2 * order + 1)
        np.testing.assert_allclose(np.sort(shifts), expected)


def test_one_frequency_gives_the_closed_form_of_rotosolve():
    # f(x) = 3 cos x - 4 sin x + 2 = 5 cos(x + atan2(4, 3)) + 2, lowest at pi - atan2(4, 3).
    series = Series((1.0,), np.array([2.0, 3.0, -4.0]))
    point, low = series.lowest()
    assert point == pytest.approx(np.pi - np.arctan2(4, 3))
    assert low == pytest.approx(-3.0)


def test_a_constant_stays_where_it_is():
    assert Series((1.0,), np.array([2.0, 0.0, 0.0])).lowest() == (0.0, 2.0)
    assert Series((1.0, 2.0), np.array([0.0, 0, 0, 0, 0])).lowest() == (0.0, 0.0)


def test_frequencies_are_cleaned_and_impossible_ones_named():
    assert check_frequencies([-2.0, -1.0, 0.0, 1.0, 2.0]) == (1.0, 2.0)
    for bad in ([], [0.0], [np.nan], [np.inf, 1.0]):
        with pytest.raises(InvalidOptionError, match="frequencies are"):
            check_frequencies(bad)
