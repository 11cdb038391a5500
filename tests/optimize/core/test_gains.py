"""Spall's gain sequences, against numbers worked out by hand."""

import math

import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import Gains


def test_the_first_gains_are_those_of_spalls_formula():
    gains = Gains(a=2.0, c=0.3, stability=9.0)
    # 10**-0.602 = 0.25003, 11**-0.602 = 0.23609; 2**-0.101 = 0.93238
    assert gains.step_size(0) == pytest.approx(2.0 * 0.2500345, rel=1e-6)
    assert gains.step_size(1) == pytest.approx(2.0 * math.exp(-0.602 * math.log(11)), rel=1e-14)
    assert gains.perturbation(0) == 0.3
    assert gains.perturbation(1) == pytest.approx(0.3 * 0.9323865, rel=1e-6)


def test_gains_fall_with_the_given_exponents():
    gains = Gains(a=1.0, c=1.0, alpha=1.0, gamma=1 / 6)
    assert gains.step_size(63) == pytest.approx(1 / 64)
    assert gains.perturbation(63) == pytest.approx(1 / 2)


def test_schedules_replace_the_formula():
    gains = Gains(a=lambda k: 0.5 / (k + 1), c=lambda k: 0.1 + k, stability=100.0)
    assert [gains.step_size(k) for k in range(3)] == [0.5, 0.25, 0.5 / 3]
    assert [gains.perturbation(k) for k in range(3)] == [0.1, 1.1, 2.1]


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_step_size_that_cannot_work_is_named(bad):
    with pytest.raises(InvalidOptionError, match="at step 4"):
        Gains(a=bad).step_size(4)


@pytest.mark.parametrize("bad", [0.0, -0.1, math.nan, math.inf])
def test_a_perturbation_that_cannot_work_is_named(bad):
    with pytest.raises(InvalidOptionError, match="at step 4"):
        Gains(a=1.0, c=lambda _: bad).perturbation(4)
