"""Finite differences whose spacing balances what is cut off against noise."""

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError

FloatArray = NDArray[np.float64]

_WEIGHTS: dict[int, tuple[float, ...]] = {2: (1 / 2,), 4: (2 / 3, -1 / 12)}
_CUT_OFF = {2: 1 / 6, 4: 1 / 30}
_WIDEST = {2: 0.5, 4: 0.75}
_ROUNDING = float(np.finfo(np.float64).eps)


def difference_points(center: FloatArray, spacing: float, order: int = 4) -> FloatArray:
    r"""Where a loss is wanted for its derivatives.

    Args:
        center: Where the derivatives are wanted, shape ``(n_params,)``.
        spacing: :math:`h`.
        order: 2 for :math:`\theta \pm h e_i`, 4 for :math:`\theta \pm h e_i` and
            :math:`\theta \pm 2 h e_i`.

    Returns:
        Points of shape ``(order * n_params, n_params)``: all ``+h``, all ``-h``, all ``+2h``, all
        ``-2h``.

    Raises:
        InvalidOptionError: If the order is neither 2 nor 4.
    """
    offsets = spacing * np.eye(center.size)
    steps = range(1, len(_stencil(order)) + 1)
    return np.concatenate([center + sign * k * offsets for k in steps for sign in (1, -1)])


def differences(
    losses: FloatArray, variances: FloatArray, spacing: float, order: int = 4
) -> tuple[FloatArray, FloatArray]:
    r"""Central differences, by Richardson's extrapolation for order 4.

    With :math:`D(h) = [L(\theta + h e_i) - L(\theta - h e_i)] / 2h`, order 2 is :math:`D(h)`, and
    order 4 is :math:`[4 D(h) - D(2h)] / 3`, in which the error of order :math:`h^2` cancels.

    Args:
        losses: At :func:`difference_points`, shape ``(order * n_params,)``.
        variances: Of these losses.
        spacing: :math:`h`.
        order: 2 or 4.

    Returns:
        The derivatives and the variances that they inherit, each of shape ``(n_params,)``.

    References:
        Richardson, Philosophical Transactions of the Royal Society A 210, 307 (1911).
    """
    weights = np.array(_stencil(order)) / spacing
    by_step = losses.reshape(len(weights), 2, -1)
    spread = variances.reshape(len(weights), 2, -1).sum(axis=1)
    return weights @ (by_step[:, 0] - by_step[:, 1]), weights**2 @ spread


def best_spacing(noise: float | None, scale: float = 1.0, order: int = 4) -> float:
    r"""The spacing with the least mean square error.

    What is cut off is :math:`b\,M h^p` (:math:`b = 1/6, 1/30` for :math:`p = 2, 4`), what the noise
    adds has the variance :math:`v \sigma^2 / h^2` (:math:`v = 1/2, 65/72`). Their sum is least at

    .. math:: h^{2p + 2} = \frac{v\,\sigma^2}{p\,(b M)^2}

    Args:
        noise: Variance :math:`\sigma^2` of a loss; 0 where it is exact (rounding then takes its
            place), None where it is not known (the widest spacing is returned).
        scale: :math:`M`, the size of the derivative of order :math:`p + 1`. For a loss that is a
            sinusoid of unit frequency in each parameter it is that of the first derivative.
        order: 2 or 4.

    Returns:
        :math:`h`, at most 0.5 for order 2 and 0.75 for order 4: a quarter of the period of a
        Pauli rotation has to hold all points of one side.
    """
    weights = _stencil(order)
    if noise is None:
        return _WIDEST[order]
    amplification = 2 * sum(weight**2 for weight in weights)
    variance = max(noise, (_ROUNDING * scale) ** 2)
    size = max(scale, _ROUNDING)
    spacing = (amplification * variance / (order * (_CUT_OFF[order] * size) ** 2)) ** (
        1 / (2 * order + 2)
    )
    return float(min(spacing, _WIDEST[order]))


def _stencil(order: int) -> tuple[float, ...]:
    if order not in _WEIGHTS:
        raise InvalidOptionError(f"order is {order}; differences are of order 2 or 4")
    return _WEIGHTS[order]
