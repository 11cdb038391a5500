"""Schedules against their formulas."""

import math
import pickle
from itertools import pairwise

import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    StepDecay,
    WarmUp,
    step_size,
)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.3), {0: 0.3, 1000: 0.3}),
        (ExponentialDecay(0.8, 0.5, steps=10), {0: 0.8, 10: 0.4, 20: 0.2, 5: 0.8 * 0.5**0.5}),
        (ExponentialDecay(0.8, 0.5, floor=0.3), {0: 0.8, 1: 0.4, 2: 0.3, 99: 0.3}),
        (CosineDecay(1.0, 100), {0: 1.0, 50: 0.5, 100: 0.0, 200: 0.0}),
        (CosineDecay(1.0, 90, floor=0.2), {30: 0.2 + 0.8 * 0.75, 60: 0.2 + 0.8 * 0.25, 90: 0.2}),
        (StepDecay(1.0, 0.1, 30), {0: 1.0, 29: 1.0, 30: 0.1, 59: 0.1, 60: 0.01}),
        (WarmUp(4, StepDecay(1.0, 0.1, 2)), {0: 0.25, 3: 1.0, 4: 1.0, 5: 1.0, 6: 0.1}),
    ],
)
def test_values_are_those_of_the_formula(schedule, expected):
    found = {step: schedule(step) for step in expected}
    assert found == pytest.approx(expected, abs=1e-15)


def test_a_warm_up_rises_evenly_and_meets_what_follows():
    warm = WarmUp(5, CosineDecay(0.5, 20))
    rises = [warm(k + 1) - warm(k) for k in range(4)]
    assert rises == pytest.approx([0.1] * 4)
    assert warm(4) == warm(5) == 0.5


def test_decays_never_rise_and_survive_pickling():
    for schedule in (CosineDecay(0.4, 17), ExponentialDecay(0.4, 0.9), StepDecay(0.4, 0.5, 3)):
        values = [schedule(step) for step in range(40)]
        assert all(later <= sooner for sooner, later in pairwise(values))
        assert [pickle.loads(pickle.dumps(schedule))(step) for step in range(40)] == values


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Constant(-1.0), "value of Constant is -1"),
        (lambda: Constant(math.nan), "value of Constant is nan"),
        (lambda: ExponentialDecay(1.0, 0.0), "rate of ExponentialDecay is 0"),
        (lambda: ExponentialDecay(1.0, 1.5), "rate is 1.5"),
        (lambda: CosineDecay(1.0, 0), "steps of CosineDecay is 0"),
        (lambda: StepDecay(1.0, 0.5, 0), "steps of StepDecay is 0"),
        (lambda: WarmUp(0, Constant(1.0)), "steps of WarmUp is 0"),
        (lambda: step_size(lambda step: -step, 3), "the step size is -3 at step 3"),
        (lambda: step_size(math.inf, 0), "the step size is inf"),
    ],
)
def test_settings_that_cannot_work_are_named(build, said):
    with pytest.raises(InvalidOptionError, match=said):
        build()
