"""Averages of gradients, and a limit for steps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.transforms import Memory, Moment

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class GradientAverage:
    r"""Exponential average of the gradients, corrected for starting at zero.

    .. math:: m_k = \beta m_{k-1} + (1 - \beta) g_k, \qquad \hat m_k = m_k / (1 - \beta^k)

    Unlike :class:`~pennylane_qstore.optimize.core.transforms.Momentum` it keeps the gradient's
    scale, so the step size means the same with and without it.

    Attributes:
        decay: :math:`\beta`.
    """

    decay: float = 0.9

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise InvalidOptionError(f"decay is {self.decay}; it has to be from 0 to below 1")

    def init(self, n_params: int) -> Memory:
        """A zero average, and the number of gradients in it."""
        return np.zeros(n_params), 0

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Average so far, shape ``(n_params,)``."""
        mean, count = memory
        mean = self.decay * mean + (1 - self.decay) * gradient
        return mean / (1 - self.decay ** (count + 1)), (mean, count + 1)


def limited(step: FloatArray, largest: float | None) -> FloatArray:
    """Shorten a step to a root mean square of ``largest`` per parameter, if it is longer."""
    if largest is None:
        return step
    size = float(np.sqrt(np.mean(step**2)))
    return step if size <= largest else step * (largest / size)
