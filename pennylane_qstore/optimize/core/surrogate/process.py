"""A Gaussian process of the loss, given all evaluations with their error bars."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from pennylane_qstore.optimize.core.surrogate.kernel import (
    LARGEST_SPREAD,
    SMALLEST_SPREAD,
    TYPICAL_SPREAD,
    AngleKernel,
    series,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Widths of the priors as factors of e; their medians are the first guess.
_WIDTHS = {"variance": 1.5, "spread": 0.6, "noise": 4.0, "drift": 2.0}
# Losses drift where that makes each of them likelier by this factor of e in the mean: mini-batches
# of 16 samples by 0.4 after three rounds and 0.8 after a dozen, what the kernel cannot express
# hardly ever by 0.3. Few evaluations have to say so all the more clearly.
_CLEARLY, _IN_ALL = 0.3, 15.0
_DRIFT = 0.03
# Rounds between two looks for drift, as each is a second fit.
_LOOKS = 4
# Relative to the variance of the process; what rounding needs on exact losses.
_JITTER = 1e-9
_SMALLEST_DRIFT, _LARGEST_DRIFT = 1e-7, 1e2


@dataclass(frozen=True, slots=True, eq=False)
class Evaluations:
    """Losses that were paid for.

    Attributes:
        points: Shape ``(n, n_params)``.
        losses: Shape ``(n,)``.
        variances: Of each loss; NaN where not known. Shape ``(n,)``.
        rounds: Step that asked for each, shape ``(n,)``.
        shots: Repetitions of each; NaN where the objective decided. Shape ``(n,)``.
    """

    points: FloatArray
    losses: FloatArray
    variances: FloatArray
    rounds: IntArray
    shots: FloatArray

    def __len__(self) -> int:
        return len(self.losses)

    def take(self, rows: IntArray) -> "Evaluations":
        """Some of them."""
        return Evaluations(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    r"""What is learned of the process besides its values.

    Attributes:
        variance: Prior variance :math:`\sigma^2` of the loss around its mean.
        spread: Of the :class:`~pennylane_qstore.optimize.core.surrogate.kernel.AngleKernel`.
        noise: Variance of losses that came without one.
        drift: How much the loss function of one round differs from that of another, relative
            to the variance: what mini-batches of data and drifting devices do. Zero for most.
    """

    variance: float
    spread: float
    noise: float
    drift: float


NAMES = tuple(one.name for one in fields(Hyperparameters))


class Posterior:
    r"""The Gaussian process given evaluations.

    .. math::

        L \sim \mathcal{GP}(\mu, \sigma^2 R), \qquad
        \mathrm{cov}(y_i, y_j) = \sigma^2 R_{ij}\,(1 + \rho\,[r_i = r_j]) + \delta_{ij} v_i

    where :math:`r_i` is the round of evaluation :math:`i`, and :math:`\mu` has a flat prior.

    Args:
        kernel: :math:`R`.
        data: Evaluations, at least one.
        hyper: :math:`\sigma^2`, the spread, :math:`\rho` and the noise.

    References:
        Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 2.7.
    """

    def __init__(self, kernel: AngleKernel, data: Evaluations, hyper: Hyperparameters) -> None:
        self.kernel, self.hyper = kernel, hyper
        self._points = data.points
        self._angles = data.points @ kernel.angles.T
        correlation = kernel.correlation(data.points, data.points, hyper.spread)
        same = data.rounds[:, None] == data.rounds
        covariance = hyper.variance * correlation * (1 + hyper.drift * same)
        self._factor = factorise(covariance, known_noise(data, hyper.noise), hyper.variance)
        self._ones = cho_solve((self._factor, True), np.ones(len(data)), check_finite=False)
        solved = cho_solve((self._factor, True), data.losses, check_finite=False)
        self._precision = float(self._ones.sum())
        self.mean = float(solved.sum()) / self._precision
        self._weights = solved - self.mean * self._ones

    def predict(self, point: FloatArray) -> tuple[float, float]:
        """Mean and standard deviation of the loss at a point."""
        mean, std, _, _ = self.predict_with_gradient(point)
        return mean, std

    def predict_many(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and standard deviations at several points, shape ``(n_points,)`` each."""
        values = self.hyper.variance * self.kernel.correlation(
            self._points, points, self.hyper.spread
        )
        solved = solve_triangular(self._factor, values, lower=True, check_finite=False)
        missing = 1 - self._ones @ values
        variances = self.hyper.variance - (solved**2).sum(axis=0) + missing**2 / self._precision
        stds = np.sqrt(np.maximum(variances, 1e-14 * self.hyper.variance))
        return self.mean + self._weights @ values, stds

    def predict_with_gradient(
        self, point: FloatArray
    ) -> tuple[float, float, FloatArray, FloatArray]:
        """Mean and standard deviation at a point, and their gradients, ``(n_params,)`` each."""
        values, slopes = self.kernel.with_gradient(point, self._angles, self.hyper.spread)
        values = self.hyper.variance * values
        slopes = values[:, None] * slopes
        mean = self.mean + float(values @ self._weights)
        solved = cho_solve((self._factor, True), values, check_finite=False)
        missing = 1 - float(self._ones @ values)
        variance = self.hyper.variance - float(values @ solved) + missing**2 / self._precision
        std = np.sqrt(max(variance, 1e-14 * self.hyper.variance))
        by_value = -(solved + missing / self._precision * self._ones) / std
        gradients = np.stack([self._weights, by_value]) @ slopes @ self.kernel.angles
        return mean, float(std), gradients[0], gradients[1]


def known_noise(data: Evaluations, noise: float) -> FloatArray:
    """Variances of the evaluations, ``noise`` where they came without one."""
    return np.where(np.isnan(data.variances), noise, data.variances)


def factorise(covariance: FloatArray, noise: FloatArray, variance: float) -> FloatArray:
    """The lower Cholesky factor, with as little added to the diagonal as rounding allows."""
    jitter = _JITTER * variance
    while True:
        try:
            return np.asarray(
                cholesky(covariance + np.diag(noise + jitter), lower=True, check_finite=False)
            )
        except LinAlgError:
            jitter *= 10


def learn(
    kernel: AngleKernel, data: Evaluations, start: Hyperparameters, *, max_iterations: int = 30
) -> Hyperparameters:
    """Hyperparameters of largest posterior probability, found from ``start`` by L-BFGS.

    The priors are wide and follow the units of the losses. The noise is only learned from
    evaluations without a variance, and losses are only taken to drift where more than one round
    says so clearly: a drift explains whatever the kernel cannot, at any point of a round. Whether
    they do is asked where the newest round is one of the first or a multiple of four, and each time
    once they do.
    """
    evidence = Evidence(kernel, data)
    free = ["variance", "spread"]
    if np.isnan(data.variances).any():
        free.append("noise")
    still = _likeliest(evidence, data, replace(start, drift=0.0), free, max_iterations)
    newest = int(data.rounds.max())
    looks = start.drift or newest < _LOOKS or newest % _LOOKS == 0
    if len(np.unique(data.rounds)) == 1 or not looks:
        return still
    begin = start if start.drift else replace(first_guess(data), drift=_DRIFT)
    drifting = _likeliest(evidence, data, begin, [*free, "drift"], max_iterations)
    gained = evidence(still)[0] - evidence(drifting)[0]
    return drifting if gained > max(_CLEARLY * len(data), _IN_ALL) else still


def _likeliest(
    evidence: "Evidence",
    data: Evaluations,
    start: Hyperparameters,
    free: list[str],
    max_iterations: int,
) -> Hyperparameters:
    """The likeliest hyperparameters that differ from ``start`` in some only."""
    scale, guess = float(np.log(_size(data))), first_guess(data)
    bounds = {
        "variance": (scale - 5, scale + 9),
        "spread": (np.log(SMALLEST_SPREAD), np.log(LARGEST_SPREAD)),
        "noise": (scale - 25, scale + 3),
        "drift": (np.log(_SMALLEST_DRIFT), np.log(_LARGEST_DRIFT)),
    }
    limits = [bounds[name] for name in free]
    centre = np.log([_DRIFT if name == "drift" else getattr(guess, name) for name in free])
    width = np.array([_WIDTHS[name] for name in free])
    rows = [NAMES.index(name) for name in free]

    def objective(logs: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = evidence(_with(start, free, logs))
        away = (logs - centre) / width
        return value + 0.5 * float(away @ away), gradient[rows] + away / width

    begin = np.log([getattr(start, name) for name in free])
    found = minimize(
        objective,
        np.clip(begin, *np.array(limits).T),
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        options={"maxiter": max_iterations},
    )
    return _with(start, free, found.x)


def _with(start: Hyperparameters, free: list[str], logs: FloatArray) -> Hyperparameters:
    return replace(start, **dict(zip(free, np.exp(logs).tolist(), strict=True)))


class Evidence:
    """Negative logarithm of the marginal likelihood, the mean integrated out, with its gradient.

    Args:
        kernel: Correlation of losses.
        data: Evaluations.
    """

    def __init__(self, kernel: AngleKernel, data: Evaluations) -> None:
        self._data = data
        self._same = (data.rounds[:, None] == data.rounds).astype(float)
        self._harmonics = kernel.harmonics(data.points, data.points, len(series(8.0)[0]))
        self._kernel = kernel
        self._unknown = np.isnan(data.variances).astype(float)

    def __call__(self, hyper: Hyperparameters) -> tuple[float, FloatArray]:
        """The value, and its derivatives by the logarithms of the hyperparameters, as in NAMES."""
        weights, slopes = series(hyper.spread)
        if len(weights) > len(self._harmonics):
            points = self._data.points
            self._harmonics = self._kernel.harmonics(points, points, len(weights))
        used = self._harmonics[: len(weights)]
        plain = hyper.variance * np.exp(np.tensordot(weights, used, axes=1))
        covariance = plain * (1 + hyper.drift * self._same)
        noise = known_noise(self._data, hyper.noise)
        factor = factorise(covariance, noise, hyper.variance)
        inverse = cho_solve((factor, True), np.eye(len(noise)), check_finite=False)
        ones, total = inverse.sum(axis=0), float(inverse.sum())
        mean = float(ones @ self._data.losses) / total
        residual = self._data.losses - mean
        alpha = inverse @ residual
        value = 0.5 * residual @ alpha + np.log(np.diag(factor)).sum() + 0.5 * np.log(total)
        by_covariance = 0.5 * (inverse - np.outer(alpha, alpha) - np.outer(ones, ones) / total)
        log_slope = np.tensordot(slopes * hyper.spread, used, axes=1)
        weighted = by_covariance * covariance
        gradient = np.array([
            weighted.sum() + _JITTER * hyper.variance * np.trace(by_covariance),
            np.sum(weighted * log_slope),
            hyper.noise * float(np.diag(by_covariance) @ self._unknown),
            hyper.drift * np.sum(by_covariance * plain * self._same),
        ])  # fmt: skip
        return float(value), gradient


def first_guess(data: Evaluations) -> Hyperparameters:
    """Medians of the priors, in the units of the losses."""
    size = _size(data)
    return Hyperparameters(2 * size, TYPICAL_SPREAD, 0.0025 * size, 0.0)


def _size(data: Evaluations) -> float:
    """Variance of the losses, or what rounding leaves of equal ones."""
    rounding = 1e-24 * float(np.max(np.abs(data.losses))) ** 2
    return max(float(np.var(data.losses)), rounding, 1e-60)


def near(data: Evaluations, kernel: AngleKernel, point: FloatArray, n_points: int) -> Evaluations:
    """The evaluations most correlated with a point, in the order in which they came."""
    if len(data) <= n_points:
        return data
    return data.take(kernel.nearest(data.points, point, n_points))
