"""The natural gradient: steepest descent by the distance between states."""

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
    return pseudoinverse(regularized(metric, lam)) @ gradient


def regularized(metric: FloatArray, lam: float) -> FloatArray:
    r""":math:`F + \lambda I` without the negative eigenvalues of :math:`F`.

    Raises:
        InvalidLossError: If the metric is not a square matrix of finite numbers.
    """
    if metric.ndim != 2 or metric.shape[0] != metric.shape[1] or not np.isfinite(metric).all():
        raise InvalidLossError(
            f"expected a square metric tensor of finite numbers, but got shape {metric.shape}"
        )
    values, vectors = np.linalg.eigh((metric + metric.T) / 2)
    kept = np.clip(values, 0, None) + lam
    return np.asarray((vectors * kept) @ vectors.T, dtype=np.float64)


def pseudoinverse(matrix: FloatArray) -> FloatArray:
    """Inverse on the range of a positive matrix."""
    inverse = np.linalg.pinv(matrix, rcond=1e-12, hermitian=True)
    return np.asarray(inverse, dtype=np.float64)
