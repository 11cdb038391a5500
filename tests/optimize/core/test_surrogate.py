"""The Gaussian process over gate angles, against its textbook formulas."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pennylane_qstore.optimize.core.surrogate import (
    AngleKernel,
    Evaluations,
    Hyperparameters,
    Posterior,
    doubted,
    first_guess,
    learn,
    lowest,
    near,
    process,
    turned,
)
from pennylane_qstore.optimize.core.surrogate.process import NAMES, Evidence

ANGLES = np.array([[1.0, 0, 0], [0, -2.0, 0], [0, 0.5, 0.5], [0, 0, 1.0]])
COUNTS = np.array([1.0, 2.0, 3.0, 1.0])
KERNEL = AngleKernel(ANGLES, COUNTS)
HYPER = Hyperparameters(variance=1.7, spread=3.5, noise=0.04, drift=0.2)


def data(seed=0, n=25, known=True):
    rng = np.random.default_rng(seed)
    variances = rng.uniform(0.01, 0.1, n)
    if not known:
        variances[::3] = np.nan
    points, losses = rng.normal(size=(n, 3)), rng.normal(size=n)
    return Evaluations(points, losses, variances, np.arange(n) // 9, np.full(n, 100.0))


def product_by_hand(left, right, spread):
    values = np.ones((len(left), len(right)))
    for i, x in enumerate(left):
        for j, y in enumerate(right):
            for row, count, g in zip(ANGLES, COUNTS, np.broadcast_to(spread, 4), strict=True):
                values[i, j] *= ((g - 1 + np.cos(row @ x - row @ y)) / g) ** count
    return values


def covariance_by_hand(evaluations, hyper):
    plain = hyper.variance * product_by_hand(evaluations.points, evaluations.points, hyper.spread)
    for i in range(len(plain)):
        for j in range(len(plain)):
            if evaluations.rounds[i] == evaluations.rounds[j]:
                plain[i, j] *= 1 + hyper.drift
        v = evaluations.variances[i]
        plain[i, i] += hyper.noise if np.isnan(v) else v
    return plain


def predict_by_hand(evaluations, hyper, point):
    """Ordinary kriging: the mean is estimated by generalised least squares."""
    covariance = covariance_by_hand(evaluations, hyper)
    cross = hyper.variance * product_by_hand(evaluations.points, point[None], hyper.spread)[:, 0]
    ones = np.ones(len(covariance))
    mean = ones @ np.linalg.solve(covariance, evaluations.losses)
    mean /= ones @ np.linalg.solve(covariance, ones)
    value = mean + cross @ np.linalg.solve(covariance, evaluations.losses - mean)
    missing = 1 - ones @ np.linalg.solve(covariance, cross)
    variance = hyper.variance - cross @ np.linalg.solve(covariance, cross)
    variance += missing**2 / (ones @ np.linalg.solve(covariance, ones))
    return value, np.sqrt(variance)


@pytest.mark.parametrize("spread", [2.2, 3.0, 20.0, 1e4, np.array([2.2, 5.0, 40.0, 3.0])])
def test_the_correlation_is_the_product_over_gates(spread):
    left, right = data(1).points, data(2, n=7).points
    expected = product_by_hand(left, right, spread)
    np.testing.assert_allclose(KERNEL.correlation(left, right, spread), expected, atol=1e-9)
    values, _ = KERNEL.with_gradient(right[0], left @ ANGLES.T, spread)
    np.testing.assert_allclose(values, expected[:, 0], atol=1e-12)


def test_what_the_logarithm_of_the_correlation_owes_to_each_spread():
    points, rng = data(1, n=70).points, np.random.default_rng(3)
    spreads, weights = rng.uniform(2.3, 8, len(ANGLES)), rng.normal(size=(70, 70))

    def total(logs):
        return np.sum(weights * np.log(KERNEL.correlation(points, points, np.exp(logs))))

    steps = 1e-6 * np.eye(len(ANGLES))
    found = [(total(np.log(spreads) + s) - total(np.log(spreads) - s)) / 2e-6 for s in steps]
    np.testing.assert_allclose(KERNEL.by_spread(points, weights, spreads), found, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), spread=st.floats(2.2, 1e3), n_params=st.integers(1, 6))
def test_correlations_of_any_points_are_positive_semidefinite(seed, spread, n_params):
    rng = np.random.default_rng(seed)
    kernel = AngleKernel(
        rng.integers(-2, 3, (5, n_params)).astype(float), rng.integers(1, 5, 5).astype(float)
    )
    points = rng.uniform(-np.pi, np.pi, (20, n_params))
    assert np.linalg.eigvalsh(kernel.correlation(points, points, spread)).min() > -1e-7


def test_three_points_on_a_line_fix_the_loss_of_one_pauli_rotation_everywhere_on_it():
    kernel = AngleKernel.independent(2)
    shifts = np.array([0.0, np.pi / 2, -np.pi / 2])
    points = np.stack([0.3 + shifts, np.full(3, 0.7)], axis=1)

    def loss(x):
        return 0.4 - 0.8 * np.cos(x[..., 0] + 0.1)

    evaluations = Evaluations(points, loss(points), np.zeros(3), np.zeros(3, dtype=int), np.ones(3))
    posterior = Posterior(kernel, evaluations, Hyperparameters(1.0, 3.0, 1e-6, 1e-7))
    for angle in np.linspace(-3, 3, 9):
        mean, std = posterior.predict(np.array([angle, 0.7]))
        assert mean == pytest.approx(loss(np.array([angle])), abs=1e-3)
        assert std < 1e-3


@pytest.mark.parametrize("known", [True, False])
def test_mean_and_deviation_are_the_textbooks(known):
    evaluations = data(known=known)
    posterior = Posterior(KERNEL, evaluations, HYPER)
    for point in data(3, n=6).points:
        expected = predict_by_hand(evaluations, HYPER, point)
        np.testing.assert_allclose(posterior.predict(point), expected, rtol=1e-5)


def test_gradients_of_mean_and_deviation_are_the_finite_differences():
    posterior = Posterior(KERNEL, data(), HYPER)
    point = np.array([0.2, -0.4, 1.1])
    _, _, by_mean, by_std = posterior.predict_with_gradient(point)
    steps = 1e-5 * np.eye(3)
    ahead = np.array([posterior.predict(point + step) for step in steps])
    behind = np.array([posterior.predict(point - step) for step in steps])
    expected = (ahead - behind) / 2e-5
    np.testing.assert_allclose(np.stack([by_mean, by_std], axis=1), expected, atol=1e-7)


def test_the_evidence_is_the_restricted_likelihood_of_the_textbook():
    evaluations = data(known=False)
    covariance = covariance_by_hand(evaluations, HYPER)
    ones = np.ones(len(covariance))
    inverse = np.linalg.inv(covariance)
    mean = ones @ inverse @ evaluations.losses / (ones @ inverse @ ones)
    residual = evaluations.losses - mean
    expected = 0.5 * (
        residual @ inverse @ residual
        + np.linalg.slogdet(covariance)[1]
        + np.log(ones @ inverse @ ones)
    )
    assert Evidence(KERNEL, evaluations)(HYPER)[0] == pytest.approx(expected, rel=1e-6)


def test_the_gradient_of_the_evidence_is_its_finite_difference():
    evidence = Evidence(KERNEL, data(known=False))
    found = evidence(HYPER)[1]
    for name, slope in zip(NAMES, found, strict=True):
        value = getattr(HYPER, name)
        ahead = evidence(replace(HYPER, **{name: value * np.exp(1e-5)}))[0]
        behind = evidence(replace(HYPER, **{name: value * np.exp(-1e-5)}))[0]
        assert slope == pytest.approx((ahead - behind) / 2e-5, rel=1e-4, abs=1e-6)


def test_unknown_noise_is_learned_from_repeated_evaluations():
    rng = np.random.default_rng(5)
    points = np.repeat(rng.uniform(-1, 1, (12, 3)), 10, axis=0)
    losses = np.cos(points).sum(axis=1) + rng.normal(0, 0.1, 120)
    evaluations = Evaluations(
        points, losses, np.full(120, np.nan), np.zeros(120, dtype=int), np.ones(120)
    )
    noise = learn(KERNEL, evaluations, first_guess(evaluations)).noise
    # 108 degrees of freedom: the relative error of the variance is sqrt(2 / 108).
    assert noise == pytest.approx(0.01, rel=5 * np.sqrt(2 / 108))


def test_the_lowest_point_stays_in_its_box_and_is_not_above_its_start():
    posterior = Posterior(KERNEL, data(), HYPER)
    start = np.array([0.1, 0.2, 0.3])
    radius = np.array([0.2, 0.1, 0.4])
    found = lowest(posterior, start, radius, caution=1.0)
    assert np.all(np.abs(found - start) <= radius + 1e-12)
    assert sum(posterior.predict(found)) < sum(posterior.predict(start))


def test_the_nearest_evaluations_are_kept_in_their_order():
    evaluations = data(n=40)
    kept = near(evaluations, KERNEL, np.zeros(3), 10)
    correlation = product_by_hand(evaluations.points, np.zeros((1, 3)), 4.0)[:, 0]
    expected = np.sort(np.argsort(-correlation)[:10])
    np.testing.assert_array_equal(kept.losses, evaluations.losses[expected])


def test_several_points_are_predicted_as_one_by_one():
    posterior = Posterior(KERNEL, data(known=False), HYPER)
    points = data(4, n=5).points
    means, stds = posterior.predict_many(points)
    expected = np.array([predict_by_hand(data(known=False), HYPER, point) for point in points])
    np.testing.assert_allclose(np.stack([means, stds], axis=1), expected, rtol=1e-5)


def test_a_parameter_is_turned_to_the_far_side_of_its_circle():
    kernel = AngleKernel.independent(2)
    points = np.array([[0.0, 0], [np.pi / 2, 0], [-np.pi / 2, 0], [0, np.pi / 2], [0, -np.pi / 2]])
    losses = np.cos(points[:, 0]) - np.cos(points[:, 1])
    evaluations = Evaluations(points, losses, np.full(5, 1e-6), np.zeros(5, dtype=int), np.ones(5))
    posterior = Posterior(kernel, evaluations, Hyperparameters(1.0, 4.0, 1e-6, 1e-7))
    found = turned(posterior, np.zeros(2), np.full(2, np.pi / 2), caution=1.0)
    np.testing.assert_allclose(found, [np.pi, 0.0])


def test_no_turn_raises_the_pessimistic_loss():
    posterior = Posterior(KERNEL, data(), HYPER)
    start = np.array([0.1, 0.2, 0.3])
    found = turned(posterior, start, KERNEL.natural_shifts(), caution=1.0)
    assert sum(posterior.predict(found)) <= sum(posterior.predict(start))


def rounds_of(loss, seed, *, drift=0.0, n_rounds=5, n=6):
    """Coordinate shifts about centres that move, as the local model asks for them."""
    rng = np.random.default_rng(seed)
    centre, points, losses, rounds = rng.uniform(-1, 1, n), [], [], []
    for index in range(n_rounds):
        shifts = np.concatenate([np.zeros((1, n)), 0.5 * np.diag(rng.choice([-1.0, 1.0], n))])
        own = centre + shifts
        changed = drift * rng.normal() * np.sin(own[:, 0] + rng.uniform(0, 6))
        points.append(own)
        losses.append(loss(own) + changed + rng.normal(0, 0.01, n + 1))
        rounds += [index] * (n + 1)
        centre = centre + rng.normal(0, 0.25, n)
    size = len(rounds)
    return Evaluations(
        np.concatenate(points), np.concatenate(losses), np.full(size, 1e-4), np.array(rounds),
        np.full(size, np.nan),
    )  # fmt: skip


def test_what_the_kernel_hardly_expresses_is_not_taken_for_drift(monkeypatch):
    def drifts():
        rounds = [rounds_of(lambda x: np.cos(x.sum(axis=1)), seed) for seed in range(6)]
        kernel = AngleKernel.independent(6)
        return [learn(kernel, one, first_guess(one)).drift for one in rounds]

    assert not any(drifts())
    monkeypatch.setattr(process, "_CLEARLY", 0.0)
    monkeypatch.setattr(process, "_IN_ALL", 0.0)
    assert any(drifts())


@pytest.mark.parametrize("seed", range(3))
def test_losses_that_differ_from_round_to_round_drift(seed):
    evaluations = rounds_of(lambda x: np.cos(x).sum(axis=1), seed, drift=1.0)
    kernel = AngleKernel.independent(6)
    first = learn(kernel, evaluations, first_guess(evaluations))
    assert first.drift > 0.01
    assert learn(kernel, evaluations, first).drift == pytest.approx(first.drift, rel=0.2)
    one_round = evaluations.take(np.flatnonzero(evaluations.rounds == 0))
    assert learn(kernel, one_round, first).drift == 0


@pytest.mark.parametrize(
    ("caution", "gain", "real", "noise", "expected"),
    [
        (1.0, 1.0, 0.1, 0.0, 2.0),  # a broken promise
        (2.0, 1.0, -0.5, 0.6, 4.0),
        (2.0, 1.0, 0.1, 0.2, 2.0),  # noise may hide that it was kept
        (4.0, 1.0, 0.8, 0.0, 2.0),  # kept
        (1.0, 1.0, 0.8, 0.0, 1.0),  # never below the least
        (4.0, 1.0, 0.5, 0.0, 4.0),
        (4.0, 0.0, -1.0, 0.0, 4.0),  # nothing was promised
        (0.0, 1.0, 0.1, 0.0, 2.0),  # before the first turn
    ],
)
def test_caution_with_turns_follows_how_they_kept_their_promises(
    caution, gain, real, noise, expected
):
    assert doubted(caution, gain=gain, real=real, noise=noise, least=1.0) == expected


def test_drift_is_looked_for_in_some_rounds_only_unless_it_was_found():
    evaluations = rounds_of(lambda x: np.cos(x).sum(axis=1), 0, drift=1.0)
    kernel, start = AngleKernel.independent(6), first_guess(evaluations)

    def found(by, start=start):
        later = replace(evaluations, rounds=evaluations.rounds + by)
        return learn(kernel, later, start).drift

    assert found(0) > 0.01
    assert found(1) == 0
    assert found(1, replace(start, drift=0.05)) > 0.01
    assert found(4) > 0.01
