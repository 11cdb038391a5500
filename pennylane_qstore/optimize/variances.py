"""Variances of losses that were each seen in a few groups of shots."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def pool(variances: ArrayLike, shots: ArrayLike, n_groups: int) -> FloatArray:
    r"""Steady noisy variances by what the other points of the batch say.

    A variance from :math:`g` groups has a relative error of :math:`\sqrt{2 / (g - 1)}`, 47 % for
    ten. Scaled to one shot, the variances :math:`s_i` of nearby points are much alike. Each is
    drawn towards their mean :math:`\bar s` by the part of their scatter that the error explains:

    .. math::
        s_i \to \bar s + \left(1 - \frac{\tau}{v}\right)_{+} (s_i - \bar s), \qquad
        \tau = \frac{2}{g + 1} \overline{s^2}, \quad v = \overline{(s - \bar s)^2}

    where :math:`\overline{(\cdot)}` is the mean over the points. The mean over the points stays
    what it was, and points that truly differ stay apart.

    Args:
        variances: Variance of each point's mean, shape ``(n_points,)``; NaN and 0 are left alone.
        shots: Repetitions of each point, or anything proportional to them.
        n_groups: Groups of shots that each variance comes from.

    Returns:
        The variances, shape ``(n_points,)``.

    References:
        Efron and Morris, Journal of the American Statistical Association 68, 117 (1973).
    """
    pooled = np.array(variances, dtype=np.float64)
    weight = np.broadcast_to(np.asarray(shots, dtype=np.float64), pooled.shape)
    sampled = np.isfinite(pooled) & (pooled > 0)
    if np.count_nonzero(sampled) < 2:
        return pooled
    single = pooled[sampled] * weight[sampled]
    scatter = np.var(single, ddof=1)
    explained = 2 / (n_groups + 1) * np.mean(single**2)
    kept = max(0.0, 1 - explained / scatter) if scatter > 0 else 0.0
    pooled[sampled] = (single.mean() + kept * (single - single.mean())) / weight[sampled]
    return pooled
