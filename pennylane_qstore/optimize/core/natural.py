"""The natural gradient: steepest descent by the distance between states."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.optimize.errors import InvalidLossError

FloatArray = NDArray[np.float64]


def natural_gradient(metric: FloatArray, gradient: FloatArray, lam: float) -> FloatArray:
    r""":math:`(F + \lambda I)^{-1} g`.

    A metric tensor has no negative eigenvalue; where shot noise gave it some, they count as 0.

    Args:
        metric: Fubini-Study metric tensor :math:`F`, shape ``(n_params, n_params)``.
        gradient: :math:`g`, shape ``(n_params,)``.
        lam: Regularization :math:`\lambda`. 0 inverts on the range of :math:`F` only.

    Returns:
        Shape ``(n_params,)``.

    References:
        Stokes, Izaac, Killoran and Carleo, Quantum 4, 269 (2020).
    """
    return geometry(metric, lam).inverse @ gradient


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    r"""A regularized metric tensor and its inverse, each of shape ``(n_params, n_params)``.

    Attributes:
        matrix: :math:`F + \lambda I` without the negative eigenvalues of :math:`F`.
        inverse: Its inverse, on its range.
    """

    matrix: FloatArray
    inverse: FloatArray


def geometry(metric: FloatArray, lam: float) -> Geometry:
    """Regularize and invert a metric tensor.

    Raises:
        InvalidLossError: If it is not a square matrix of finite numbers.
    """
    if metric.ndim != 2 or metric.shape[0] != metric.shape[1] or not np.isfinite(metric).all():
        raise InvalidLossError(
            f"expected a square metric tensor of finite numbers, but got shape {metric.shape}"
        )
    values, vectors = np.linalg.eigh((metric + metric.T) / 2)
    kept = np.clip(values, 0, None) + lam
    inverse = np.divide(1, kept, out=np.zeros_like(kept), where=kept > 1e-12 * kept.max(initial=0))
    return Geometry((vectors * kept) @ vectors.T, (vectors * inverse) @ vectors.T)
