"""Bayesian optimization of few parameters."""

import json
import sys

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.bayesian import Bayesian
from pennylane_qstore.optimize.core.query import Answer
from pennylane_qstore.optimize.core.state import dump
from pennylane_qstore.optimize.errors import MissingLibraryError, NonFiniteLossError

pytest.importorskip("sklearn")


def wells(points):
    """A shallow and a deep well on the torus; the deep one is at (2.5, -2.8) with -2."""
    x = np.atleast_2d(points)
    near = np.exp(3 * (np.cos(x - [2.5, -2.8]).sum(axis=1) - 2))
    far = np.exp(3 * (np.cos(x - [-0.5, 0.4]).sum(axis=1) - 2))
    return -2 * near - far


def run(core, state, loss, n_steps, sigma=0.0):
    trace = []
    for _ in range(n_steps):
        points = core.ask(state).points
        noise = sigma * np.random.default_rng([8, state.step]).normal(size=len(points))
        variances = np.full(len(points), sigma**2)
        state = core.tell(state, Answer.of(loss(points) + noise, variances))
        trace.append(state.params)
    return state, np.array(trace)


def test_the_first_batch_is_the_start_and_one_point_in_each_slice_of_every_axis():
    core = Bayesian(n_initial=9)
    points = core.ask(core.init([0.5, 0.6], seed=2)).points
    np.testing.assert_array_equal(points[0], [0.5, 0.6])
    slices = np.floor((points[1:] + np.pi) / (2 * np.pi) * 8)
    for axis in (0, 1):
        assert sorted(slices[:, axis]) == list(range(8))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_finds_the_deeper_of_two_wells_across_the_edge_of_the_box(seed):
    core = Bayesian(batch=4)
    state, _ = run(core, core.init([-0.5, 0.4], seed=seed), wells, 8)
    assert wells(state.params)[0] < -1.98


def test_noise_is_averaged_and_the_reported_error_is_below_that_of_one_loss():
    core = Bayesian(batch=5)
    bowl = lambda points: -np.cos(points - 1.0).sum(axis=1)  # noqa: E731
    state, _ = run(core, core.init([0.0, 0.0], seed=3), bowl, 7, sigma=0.2)
    assert bowl(state.params[None])[0] < -1.9
    assert 0 < state.loss_error < 0.2
    assert abs(state.loss - bowl(state.params[None])[0]) < 4 * state.loss_error


def test_points_stay_in_the_box_and_a_box_that_is_not_a_period_is_not_wrapped():
    core = Bayesian(bounds=(0.0, 1.0), periodic=False, batch=3)
    bowl = lambda points: ((points - 2.0) ** 2).sum(axis=1)  # noqa: E731
    state, _ = run(core, core.init([0.5, 0.5], seed=0), bowl, 5)
    assert state.points.min() >= 0
    assert state.points.max() <= 1
    np.testing.assert_allclose(state.params, [1.0, 1.0], atol=0.02)


def test_a_run_resumed_from_json_repeats_the_undisturbed_one_bit_for_bit():
    core = Bayesian(batch=3)
    start = core.init([0.3, -0.2], seed=5)
    undisturbed, trace = run(core, start, wells, 5, sigma=0.1)
    half, first = run(core, start, wells, 2, sigma=0.1)
    loaded = core.load(json.loads(json.dumps(dump(half))))
    resumed, second = run(core, loaded, wells, 3, sigma=0.1)
    np.testing.assert_array_equal(np.vstack([first, second]), trace)
    assert dump(resumed) == dump(undisturbed)


def test_another_seed_looks_elsewhere_and_the_same_one_does_not():
    core = Bayesian()
    points = [core.ask(core.init([0.0, 0.0], seed=seed)).points for seed in (1, 1, 2)]
    np.testing.assert_array_equal(points[0], points[1])
    assert not np.array_equal(points[0], points[2])


def test_constant_losses_and_unknown_variances_are_no_obstacle():
    core = Bayesian(batch=2)
    state = core.init([0.0], seed=1)
    for _ in range(3):
        state = core.tell(state, Answer.of(np.ones(len(core.ask(state).points))))
    assert state.loss == pytest.approx(1.0)


def test_a_missing_library_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.gaussian_process", None)
    with pytest.raises(MissingLibraryError, match="pip install scikit-learn") as caught:
        Bayesian().init([0.0])
    assert caught.value.library == "scikit-learn"


def test_what_cannot_work_is_named():
    with pytest.raises(InvalidOptionError, match="21 parameters are too many"):
        Bayesian().init(np.zeros(21))
    for settings in ({"bounds": (1.0, 1.0)}, {"batch": 0}, {"n_initial": 1}):
        with pytest.raises(InvalidOptionError):
            Bayesian(**settings)
    core = Bayesian(n_initial=2)
    with pytest.raises(NonFiniteLossError):
        core.tell(core.init([0.0]), Answer.of([0.0, np.inf]))
