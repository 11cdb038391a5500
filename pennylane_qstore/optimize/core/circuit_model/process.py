"""A Gaussian process of circuits' results, given some of them with their error bars."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from pennylane_qstore.optimize.core.circuit_model.kernel import (
    CircuitHyperparameters,
    CircuitKernel,
)
from pennylane_qstore.optimize.core.surrogate.kernel import (
    LARGEST_SPREAD,
    SMALLEST_SPREAD,
    AngleKernel,
    series,
)
from pennylane_qstore.optimize.core.surrogate.process import factorise

FloatArray = NDArray[np.float64]

# Medians of the priors, and their widths as factors of e: of the mean of the trained angles'
# spreads, and of the spreads about this mean.
_VARIANCE, _SPREAD = 0.3, 4.5
_VARIANCE_WIDTH, _SPREAD_WIDTH, _ABOUT_MEAN = 1.0, 0.6, 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Results that were paid for.

    Attributes:
        points: Parameters of each, shape ``(n, n_params)``.
        data: Its angles that no parameter changes, shape ``(n, n_data)``.
        values: Its expectation values, shape ``(n, n_outputs)``.
        noise: Their mean variance, shape ``(n,)``.
    """

    points: FloatArray
    data: FloatArray
    values: FloatArray
    noise: FloatArray

    def __len__(self) -> int:
        return len(self.noise)

    def newest(self, n: int) -> "Results":
        """The last of them."""
        return self.take(slice(-n, None))

    def sample(self, spread_out: int, newest: int) -> "Results":
        """Some spread evenly over all of them, and the last ones."""
        n = len(self)
        spaced = np.linspace(0, n - 1, min(n, spread_out)).astype(np.int64)
        return self.take(np.union1d(spaced, np.arange(max(0, n - newest), n)))

    def take(self, rows: NDArray[np.int64] | slice) -> "Results":
        """Some of them, in the given order."""
        return Results(self.points[rows], self.data[rows], self.values[rows], self.noise[rows])


class CircuitPosterior:
    """The Gaussian process given results; all outputs of a circuit share its covariance.

    Args:
        kernel: Covariance up to the hyperparameters.
        results: At least one.
        hyper: Variance and spreads.
    """

    def __init__(
        self, kernel: CircuitKernel, results: Results, hyper: CircuitHyperparameters
    ) -> None:
        self.kernel, self.hyper = kernel, hyper
        self.angles = results.points @ kernel.trained.angles.T
        self._data = results.data
        covariance = hyper.variance * (
            kernel.trained.correlation(results.points, results.points, hyper.trained)
            * kernel.data.correlation(results.data, results.data, hyper.data)
        )
        factor = factorise(covariance, results.noise, hyper.variance)
        self.inverse = _inverse(factor)
        self.weights = self.inverse @ results.values

    def circuits(self, data: FloatArray) -> FloatArray:
        """Covariance of given circuits with all results through their data, ``(n, n_results)``."""
        return self.hyper.variance * self.kernel.data.correlation(data, self._data, self.hyper.data)

    def predict(self, point: FloatArray, data: FloatArray) -> FloatArray:
        """Mean results of circuits at a point, shape ``(n_circuits, n_outputs)``."""
        through_point, _ = self.kernel.trained.with_gradient(point, self.angles, self.hyper.trained)
        return (self.circuits(data) * through_point) @ self.weights

    def variance_of_sum(self, point: FloatArray, data: FloatArray, slope: FloatArray) -> float:
        """Variance of a weighted sum of results at a point, ``slope`` like the results."""
        through_point, _ = self.kernel.trained.with_gradient(point, self.angles, self.hyper.trained)
        known = (self.circuits(data) * through_point).T @ slope
        own = self.hyper.variance * self.kernel.data.correlation(data, data, self.hyper.data)
        prior = np.einsum("ik,ij,jk->", slope, own, slope)
        return max(float(prior - np.sum(known * (self.inverse @ known))), 0.0)


def _inverse(factor: FloatArray) -> FloatArray:
    """Of a matrix, from its lower Cholesky factor; a third of the work of solving for it."""
    half, _ = dpotri(factor, lower=1)
    lower = np.tril(half)
    return np.asarray(lower + np.tril(half, -1).T)


def learn(
    kernel: CircuitKernel, results: Results, start: CircuitHyperparameters
) -> CircuitHyperparameters:
    """Hyperparameters of largest posterior probability, found from ``start`` by L-BFGS."""
    evidence = _Evidence(kernel, results)
    centre = first_guess(kernel).logs()
    spreads = (np.log(SMALLEST_SPREAD), np.log(LARGEST_SPREAD))

    def objective(logs: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = evidence(CircuitHyperparameters.of_logs(logs))
        unlikely, slope = _prior(logs - centre)
        return value + unlikely, gradient + slope

    found = minimize(
        objective,
        start.logs(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(centre[0] - 4, centre[0] + 4)] + [spreads] * (len(centre) - 1),
        options={"maxiter": 20},
    )
    return CircuitHyperparameters.of_logs(found.x)


def first_guess(kernel: CircuitKernel) -> CircuitHyperparameters:
    """Medians of the priors."""
    return CircuitHyperparameters(_VARIANCE, np.full(len(kernel.trained.counts), _SPREAD), _SPREAD)


def _prior(away: FloatArray) -> tuple[float, FloatArray]:
    """Negative logarithm of the prior away from its median, with its gradient."""
    common = away[2:].mean() if len(away) > 2 else 0.0
    means = np.concatenate([away[:2], [common]])
    scaled = means / np.array([_VARIANCE_WIDTH, _SPREAD_WIDTH, _SPREAD_WIDTH]) ** 2
    own = (away[2:] - common) / _ABOUT_MEAN**2
    value = 0.5 * float(means @ scaled + own @ (away[2:] - common))
    return value, np.concatenate([scaled[:2], scaled[2] / max(len(own), 1) + own])


class _Evidence:
    """Negative logarithm of the marginal likelihood, with its gradient by the logarithms."""

    def __init__(self, kernel: CircuitKernel, results: Results) -> None:
        self._kernel, self._results = kernel.trained, results
        self._data = _Correlations(kernel.data, results.data)

    def __call__(self, hyper: CircuitHyperparameters) -> tuple[float, FloatArray]:
        points, values = self._results.points, self._results.values
        data, by_data = self._data(hyper.data)
        covariance = hyper.variance * np.exp(data)
        covariance *= self._kernel.correlation(points, points, hyper.trained)
        factor = factorise(covariance, self._results.noise, hyper.variance)
        inverse = _inverse(factor)
        alpha = inverse @ values
        n_outputs = values.shape[1]
        value = 0.5 * np.sum(values * alpha) + n_outputs * np.log(np.diag(factor)).sum()
        weighted = 0.5 * (n_outputs * inverse - alpha @ alpha.T) * covariance
        by_trained = self._kernel.by_spread(points, weighted, hyper.trained)
        gradient = [weighted.sum(), np.sum(weighted * by_data), *by_trained]
        return float(value), np.array(gradient)


class _Correlations:
    """Logarithms of one kernel between all pairs of points, and their slopes by its spread."""

    def __init__(self, kernel: AngleKernel, points: FloatArray) -> None:
        self._kernel, self._points = kernel, points
        self._harmonics = kernel.harmonics(points, points, len(series(_SPREAD)[0]))

    def __call__(self, spread: float) -> tuple[FloatArray, FloatArray]:
        weights, slopes = series(spread)
        if len(weights) > len(self._harmonics):
            self._harmonics = self._kernel.harmonics(self._points, self._points, len(weights))
        used = self._harmonics[: len(weights)]
        return (
            np.tensordot(weights, used, axes=1),
            np.tensordot(slopes * spread, used, axes=1),
        )
