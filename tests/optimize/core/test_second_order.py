"""Second-order SPSA: the metric is the analytic one, and so are the steps."""

import itertools
import json

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize import Gains, NonFiniteLossError
from pennylane_qstore.optimize.core import Answer, SecondOrderSPSA, dump
from pennylane_qstore.optimize.core.second_order import SecondOrderState

HESSIAN = np.array([[3.0, 0.5, 0.0], [0.5, 1.0, -0.2], [0.0, -0.2, 2.0]])
OFFSET = np.array([0.3, -1.0, 0.5])
GAINS = Gains(a=0.3, c=0.01, alpha=0.0, gamma=0.0)


def quadratic(points):
    shifted = np.atleast_2d(points) - OFFSET
    return 0.5 * np.einsum("ki,ij,kj->k", shifted, HESSIAN, shifted)


def state_vector(params):
    """RY, RX on one qubit, then RY on another controlled by it: small, but not a product."""
    a, b, c = params
    first = np.array([np.cos(a / 2), np.sin(a / 2)])
    rx = np.array([[np.cos(b / 2), -1j * np.sin(b / 2)], [-1j * np.sin(b / 2), np.cos(b / 2)]])
    first = rx @ first
    turned = np.array([np.cos(c / 2), np.sin(c / 2)])
    return np.concatenate([first[0] * np.array([1, 0]), first[1] * turned])


def energy(params):
    psi = state_vector(params)
    return float(np.real(psi.conj() @ np.diag([1.0, -0.5, 0.3, -1.2]) @ psi))


def fubini_study(params, step=1e-5):
    psi = state_vector(params)
    columns = []
    for i in range(len(params)):
        ahead, behind = np.array(params), np.array(params)
        ahead[i] += step
        behind[i] -= step
        columns.append((state_vector(ahead) - state_vector(behind)) / (2 * step))
    jacobian = np.array(columns).T
    overlap = jacobian.conj().T @ psi
    return np.real(jacobian.conj().T @ jacobian - np.outer(overlap, overlap.conj()))


def answer(query, loss):
    overlaps = [abs(state_vector(a).conj() @ state_vector(b)) ** 2 for a, b in query.pairs]
    losses = [loss(point) for point in query.points]
    return Answer(np.array(losses), np.full(len(losses), np.nan), overlaps=np.array(overlaps))


def mean_estimates(core, params, loss, n_draws):
    estimates = []
    for seed in range(n_draws):
        state = core.init(params, seed=seed)
        estimates.append(core.estimates(state, answer(core.ask(state), loss)))
    return [np.array(one) for one in zip(*estimates, strict=True)]


def assert_means(samples, expected, bias):
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert np.all(np.abs(samples.mean(axis=0) - expected) < 5 * error + bias)


@pytest.mark.parametrize("seed", range(3))
def test_the_metric_from_overlaps_is_the_fubini_study_metric_on_average(seed):
    params = np.random.default_rng(seed).uniform(-2, 2, 3)
    core = SecondOrderSPSA(GAINS, "overlaps", resamplings=4)
    _, metrics = mean_estimates(core, params, energy, 400)
    assert_means(metrics, fubini_study(params), 1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_metric_from_losses_is_the_hessian_on_average(seed):
    params = np.random.default_rng(seed).uniform(-2, 2, 3)
    core = SecondOrderSPSA(GAINS, "losses", resamplings=4)
    gradients, metrics = mean_estimates(core, params, lambda x: quadratic(x)[0], 400)
    assert_means(metrics, HESSIAN, 1e-6)
    assert_means(gradients, HESSIAN @ (params - OFFSET), 1e-6)


def test_with_many_estimates_the_step_is_the_natural_gradient():
    params = np.array([0.7, -0.4, 1.1])
    core = SecondOrderSPSA(GAINS, "overlaps", resamplings=2_000, regularization=1e-6)
    state = core.init(params, seed=1)
    far = SecondOrderState(state.params, 0, 1, None, None, fubini_study(params))
    after = core.tell(far, answer(core.ask(far), energy))
    step = 1e-6
    exact = [
        (energy(params + step * one) - energy(params - step * one)) / (2 * step)
        for one in np.eye(3)
    ]
    natural = np.linalg.solve(fubini_study(params), exact)
    np.testing.assert_allclose((params - after.params) / 0.3, natural, rtol=0.1, atol=0.04)


def test_one_step_is_the_formula_worked_out_with_matrix_functions():
    core = SecondOrderSPSA(GAINS, "losses", regularization=0.1)
    state = core.init([0.2, 0.1, -0.3], seed=4)
    given = answer(core.ask(state), lambda x: quadratic(x)[0])
    gradient, raw = core.estimates(state, given)
    mixed = (np.eye(3) + raw) / 2
    values, vectors = np.linalg.eig(mixed @ mixed)
    root = np.real(vectors @ np.diag(np.sqrt(values)) @ np.linalg.inv(vectors))
    metric = (root + 0.1 * np.eye(3)) / 1.1
    after = core.tell(state, given)
    np.testing.assert_allclose(after.metric, metric, atol=1e-9)
    np.testing.assert_allclose(
        after.params, state.params - 0.3 * np.linalg.solve(metric, gradient), atol=1e-9
    )


@pytest.mark.parametrize("scale", [1.0, 1e18])
@pytest.mark.parametrize(("n_params", "resamplings"), [(1, 1), (5, 8), (64, 1), (64, 8)])
def test_the_metric_is_the_positive_root_of_its_square(n_params, resamplings, scale):
    core = SecondOrderSPSA(GAINS, "losses", resamplings=resamplings, regularization=1e-3)
    state, rng = core.init(np.zeros(n_params), seed=4), np.random.default_rng(5)
    for step in range(6):
        losses = scale * rng.normal(size=4 * resamplings)
        given = Answer(losses, np.full(len(losses), np.nan))
        gradient, raw = core.estimates(state, given)
        mixed = (1 - 1 / (step + 2)) * state.metric + raw / (step + 2)
        vectors, singular, _ = np.linalg.svd(mixed)
        expected = (vectors * (singular + 1e-3)) @ vectors.T / 1.001
        moved = core.tell(state, given)
        np.testing.assert_allclose(moved.metric, expected, atol=1e-12 * singular.max())
        if scale == 1.0:
            natural = vectors @ ((gradient @ vectors) / (singular + 1e-3)) * 1.001
            np.testing.assert_allclose(state.params - moved.params, 0.3 * natural, rtol=1e-6)
        state = moved
        assert np.isfinite(state.params).all()


@pytest.mark.parametrize(
    ("source", "n_points", "n_pairs"), [("losses", 12, 0), ("overlaps", 6, 12)]
)
def test_it_asks_for_as_many_evaluations_as_it_says(source, n_points, n_pairs):
    core = SecondOrderSPSA(GAINS, source, resamplings=3)
    query = core.ask(core.init(np.zeros(3), seed=1))
    assert query.points.shape == (n_points, 3)
    assert query.pairs.shape == (n_pairs, 2, 3)
    assert np.all(query.pairs[:, 0] == 0)


def test_newtons_method_finds_the_minimum_of_a_quadratic_that_is_badly_scaled():
    scale = np.array([30.0, 1.0, 0.1])

    def valley(x):
        return float(scale @ (x - OFFSET) ** 2)

    core = SecondOrderSPSA(Gains(a=1.0, c=0.1, stability=5.0, alpha=0.6), "losses", 4, max_step=0.2)
    state = core.init(np.zeros(3), seed=2)
    for _ in range(250):
        state = core.tell(state, answer(core.ask(state), valley))
    assert valley(state.params) < 1e-3 * valley(np.zeros(3))


def test_the_metric_stays_positive_where_the_loss_curves_downwards():
    core = SecondOrderSPSA(Gains(a=0.0, c=0.1), "losses", regularization=0.01)
    state = core.init(np.zeros(3), seed=2)
    for _ in range(30):
        state = core.tell(state, answer(core.ask(state), lambda x: -quadratic(x)[0]))
        assert np.linalg.eigvalsh(state.metric).min() >= 0.01 / 1.01 - 1e-12


@pytest.mark.parametrize("source", ["losses", "overlaps"])
def test_a_run_resumed_at_any_step_repeats_the_undisturbed_one(source):
    core = SecondOrderSPSA(GAINS, source, resamplings=2)
    state, trace = core.init([0.1, 0.2, 0.3], seed=8), []
    for _ in range(8):
        state = core.tell(state, answer(core.ask(state), energy))
        trace.append(state)
    for stop in range(7):
        resumed = core.load(json.loads(json.dumps(dump(trace[stop]))))
        for later in trace[stop + 1 :]:
            resumed = core.tell(resumed, answer(core.ask(resumed), energy))
            assert dump(resumed) == dump(later)


def test_an_overlap_that_is_not_a_number_is_refused():
    core = SecondOrderSPSA(GAINS)
    state = core.init(np.zeros(3), seed=1)
    bad = Answer(np.zeros(2), np.zeros(2), overlaps=np.array([1.0, np.nan, 1.0, 1.0]))
    with pytest.raises(NonFiniteLossError, match="step 0"):
        core.tell(state, bad)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"source": "fisher"}, "no metric from 'fisher'"),
        ({"resamplings": 0}, "resamplings is 0"),
        ({"regularization": 0.0}, "regularization 0.0"),
    ],
)
def test_an_option_without_sense_is_named(options, said):
    with pytest.raises(InvalidOptionError, match=said):
        SecondOrderSPSA(GAINS, **options)


def test_the_pairs_of_a_resampling_are_those_of_gacon_and_others():
    core = SecondOrderSPSA(Gains(a=0.1, c=0.5, gamma=0.0))
    offsets = (core.ask(core.init(np.zeros(4), seed=3)).pairs[:, 1]) / 0.5
    both, first, second_less_first, minus_first = offsets
    np.testing.assert_allclose(first, -minus_first)
    np.testing.assert_allclose(both - first, second_less_first + first)
    for signs in itertools.chain(first, both - first):
        assert abs(signs) == pytest.approx(1.0)
