"""Where to go on a Gaussian process: the lowest pessimistic loss in a box."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pennylane_qstore.optimize.core.surrogate.process import Posterior

FloatArray = NDArray[np.float64]

_TURNS = np.array([-1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0])
_MOST_TURNS = 12


def lowest(
    posterior: Posterior, start: FloatArray, radius: FloatArray, *, caution: float
) -> FloatArray:
    r"""Minimise mean plus ``caution`` standard deviations within a box around ``start``.

    Args:
        posterior: Of the loss.
        start: Centre of the box and where the search begins, shape ``(n_params,)``.
        radius: Half its sides, shape ``(n_params,)``.
        caution: Standard deviations that count as loss; negative is optimism.
    """
    scale = np.sqrt(posterior.hyper.variance)

    def objective(point: FloatArray) -> tuple[float, FloatArray]:
        mean, std, mean_slope, std_slope = posterior.predict_with_gradient(point)
        value = (mean - posterior.mean + caution * std) / scale
        return value, (mean_slope + caution * std_slope) / scale

    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(start - radius, start + radius, strict=True)),
        options={"maxiter": 60},
    )
    return np.asarray(found.x)


def turned(
    posterior: Posterior, start: FloatArray, shifts: FloatArray, *, caution: float
) -> FloatArray:
    r"""Turn one parameter after the other as far as the pessimistic loss falls.

    A loss may be low on the far side of a rotation's circle, which no box reaches, while the
    evaluations at a quarter turn tell it well. Each time the best of all turns of one parameter by
    half a shift to two shifts is taken, as in sequential minimal optimization.

    Args:
        posterior: Of the loss.
        start: Where to begin, shape ``(n_params,)``.
        shifts: A quarter turn of each parameter, shape ``(n_params,)``.
        caution: Standard deviations that count as loss.

    References:
        Nakanishi, Fujii and Todo, Physical Review Research 2, 043158 (2020).
    """
    turns = (np.diag(shifts) * _TURNS[:, None, None]).reshape(-1, len(start))
    point = start
    mean, std = posterior.predict_many(point[None])
    lowest_yet = float(mean[0] + caution * std[0])
    for _ in range(_MOST_TURNS):
        means, stds = posterior.predict_many(point + turns)
        values = means + caution * stds
        best = int(np.argmin(values))
        if values[best] >= lowest_yet:
            break
        point, lowest_yet = point + turns[best], float(values[best])
    return point
