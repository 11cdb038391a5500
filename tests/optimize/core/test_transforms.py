"""Gradient transforms against PennyLane's optimizers and formulas worked by hand."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.transforms import (
    Adam,
    Chain,
    ClipNorm,
    ClipValue,
    Moment,
    Momentum,
    Scale,
    WeightDecay,
    chain,
)

GRADIENTS = np.random.default_rng(3).normal(size=(12, 4))


def follow(transform, stepsize=0.1):
    """Parameters after each gradient, from ones."""
    params, memory, trace = np.ones(4), transform.init(4), []
    for step, gradient in enumerate(GRADIENTS):
        direction, memory = transform.update(gradient, memory, Moment(params, step))
        params = params - stepsize * direction
        trace.append(params)
    return np.array(trace)


def follow_pennylane(optimizer):
    params, trace = pnp.ones(4), []
    for gradient in GRADIENTS:
        (params,) = optimizer.apply_grad((gradient,), (params,))
        trace.append(params)
    return np.array(trace)


@pytest.mark.parametrize(
    ("transform", "peer"),
    [
        (Chain(()), qml.GradientDescentOptimizer(0.1)),
        (Momentum(0.8), qml.MomentumOptimizer(0.1, 0.8)),
        (Adam(0.7, 0.95), qml.AdamOptimizer(0.1, 0.7, 0.95)),
    ],
)
def test_a_transform_follows_the_same_path_as_its_peer_in_pennylane(transform, peer):
    np.testing.assert_allclose(follow(transform), follow_pennylane(peer), rtol=1e-6)


def test_clipping_by_value_bounds_components_and_by_norm_keeps_the_direction():
    gradient, moment = np.array([3.0, -4.0]), Moment(np.zeros(2), 0)
    np.testing.assert_array_equal(ClipValue(3.5).update(gradient, (), moment)[0], [3.0, -3.5])
    np.testing.assert_allclose(ClipNorm(1.0).update(gradient, (), moment)[0], [0.6, -0.8])
    np.testing.assert_array_equal(ClipNorm(5.0).update(gradient, (), moment)[0], gradient)
    np.testing.assert_array_equal(ClipNorm(1.0).update(0 * gradient, (), moment)[0], [0, 0])


def test_nesterov_looks_one_step_ahead():
    transform = Momentum(0.5, nesterov=True)
    first, memory = transform.update(np.array([1.0]), transform.init(1), Moment(np.zeros(1), 0))
    second, _ = transform.update(np.array([1.0]), memory, Moment(np.zeros(1), 1))
    np.testing.assert_allclose([first[0], second[0]], [1.5, 0.5 * 1.5 + 1])


def test_a_chain_applies_its_links_in_order_and_weight_decay_behind_adam_is_adamw():
    moment = Moment(np.array([2.0]), 0)
    adamw = chain(Adam(epsilon=1e-15), WeightDecay(0.1), Scale(lambda step: 0.5))
    direction, _ = adamw.update(np.array([7.0]), adamw.init(1), moment)
    np.testing.assert_allclose(direction, [0.5 * (1.0 + 0.1 * 2.0)])
    before = chain(ClipValue(1.0), Scale(3.0)).update(np.array([9.0]), ((), ()), moment)[0]
    after = chain(Scale(3.0), ClipValue(1.0)).update(np.array([9.0]), ((), ()), moment)[0]
    assert (before[0], after[0]) == (3.0, 1.0)


def test_updates_leave_gradient_and_memory_as_they_were():
    for transform in (Momentum(), Adam(), chain(ClipNorm(0.1), Adam(), WeightDecay(0.1))):
        gradient, memory = GRADIENTS[0].copy(), transform.init(4)
        first, _ = transform.update(gradient, memory, Moment(np.ones(4), 0))
        second, _ = transform.update(gradient, memory, Moment(np.ones(4), 0))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(gradient, GRADIENTS[0])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: ClipValue(0.0), "limit is 0"),
        (lambda: ClipNorm(np.inf), "limit is inf"),
        (lambda: WeightDecay(-1.0), "rate is -1"),
        (lambda: Momentum(1.0), "beta is 1"),
        (lambda: Adam(beta2=1.0), "beta2 is 1"),
        (lambda: Adam(epsilon=0.0), "epsilon is 0"),
    ],
)
def test_settings_that_cannot_work_are_named(build, said):
    with pytest.raises(InvalidOptionError, match=said):
        build()
