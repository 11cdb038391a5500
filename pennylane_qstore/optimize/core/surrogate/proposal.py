"""Where to go on a Gaussian process: the lowest pessimistic loss in a box."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pennylane_qstore.optimize.core.surrogate.process import Posterior

FloatArray = NDArray[np.float64]


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
