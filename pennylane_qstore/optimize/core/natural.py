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
    values, vectors = spectrum(metric, lam)
    return vectors @ ((vectors.T @ gradient) * values)


def spectrum(metric: FloatArray, lam: float) -> tuple[FloatArray, FloatArray]:
    r"""Eigenvalues of :math:`(F + \lambda I)^{-1}` and the eigenvectors as columns.

    Raises:
        InvalidLossError: If the metric is not a square matrix of finite numbers.
    """
    if metric.ndim != 2 or metric.shape[0] != metric.shape[1] or not np.isfinite(metric).all():
        raise InvalidLossError(
            f"expected a square metric tensor of finite numbers, but got shape {metric.shape}"
        )
    values, vectors = np.linalg.eigh((metric + metric.T) / 2)
    shifted = np.clip(values, 0, None) + lam
    cut = values.size * np.finfo(np.float64).eps * max(float(shifted.max(initial=0)), 1e-300)
    inverse = np.divide(1, shifted, out=np.zeros_like(shifted), where=shifted > cut)
    return inverse, vectors
