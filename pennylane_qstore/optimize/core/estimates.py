"""A gradient from slopes along random directions, and how uncertain it is."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def mean_gradient(
    slopes: FloatArray,
    directions: FloatArray,
    noise: FloatArray,
    *,
    population: float = np.inf,
) -> tuple[FloatArray, FloatArray]:
    r"""Average the gradient estimates of several directions.

    With :math:`R > 1` directions, the variance of the mean is the sample variance :math:`s^2` of
    the single estimates over :math:`R`. If the directions are drawn without replacement from
    :math:`N`, and the variance :math:`n` of the slopes from shots is known, then

    .. math:: \operatorname{Var} = \frac{n + (s^2 - n)(1 - R / N)}{R}

    With one direction of signs, :math:`|g|^2` is known but not how it is spread over the
    components: each gets the mean, :math:`\text{slope}^2 (1 - 1 / P) + n / P`.

    Args:
        slopes: Along each direction, shape ``(n_directions,)``.
        directions: Shape ``(n_directions, n_params)``, with the identity as second moment.
        noise: Variance of each slope from shots, shape ``(n_directions,)``, NaN where unknown. The
            variance is an upper bound then.
        population: :math:`N`, or infinity.

    Returns:
        Gradient and variance, shape ``(n_params,)`` each.
    """
    count, n_params = directions.shape
    single = slopes[:, None] * directions
    gradient = single.mean(axis=0)
    shots = float(noise.mean())
    if count == 1:
        square = float(slopes[0] ** 2)
        each = square if np.isnan(shots) else square * (1 - 1 / n_params) + shots / n_params
        return gradient, np.full(n_params, each)
    scatter = single.var(axis=0, ddof=1)
    if np.isnan(shots):
        return gradient, scatter / count
    drawn = 1 - min(1.0, count / population)
    return gradient, (shots + np.maximum(scatter - shots, 0) * drawn) / count
