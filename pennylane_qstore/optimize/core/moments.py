"""What happens to a gradient estimate before it becomes a step: averages, momentum, scaling.

Each transform is a frozen value with a pure ``apply``; its memory is a tuple of arrays that the
state of the optimizer carries. Transforms compose in the order they are given.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError

FloatArray = NDArray[np.float64]
Memory = tuple[FloatArray, ...]


class Transform(Protocol):
    """A step of the way from a gradient estimate to a direction of descent."""

    def start(self, n_params: int) -> Memory:
        """Memory before the first gradient."""

    def apply(self, gradient: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        """The transformed gradient, shape ``(n_params,)``, and the new memory."""


@dataclass(frozen=True, slots=True)
class GradientAverage:
    r"""Exponential average of the gradients, corrected for starting at zero.

    .. math:: m_k = \beta m_{k-1} + (1 - \beta) g_k, \qquad \hat m_k = m_k / (1 - \beta^k)

    Attributes:
        decay: :math:`\beta`.
    """

    decay: float = 0.9

    def __post_init__(self) -> None:
        _check_decay(self.decay)

    def start(self, n_params: int) -> Memory:
        """A zero average, and the weight it lacks."""
        return np.zeros(n_params), np.ones(1)

    def apply(self, gradient: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        """Average, shape ``(n_params,)``."""
        mean, missing = memory
        mean = self.decay * mean + (1 - self.decay) * gradient
        missing = missing * self.decay
        return mean / (1 - missing), (mean, missing)


@dataclass(frozen=True, slots=True)
class Momentum:
    r"""Heavy ball: :math:`v_k = \beta v_{k-1} + g_k`.

    A constant gradient is taken :math:`1 / (1 - \beta)` times.

    Attributes:
        decay: :math:`\beta`.

    References:
        Polyak, USSR Computational Mathematics and Mathematical Physics 4, 1 (1964).
    """

    decay: float = 0.9

    def __post_init__(self) -> None:
        _check_decay(self.decay)

    def start(self, n_params: int) -> Memory:
        """At rest."""
        return (np.zeros(n_params),)

    def apply(self, gradient: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        """Velocity, shape ``(n_params,)``."""
        velocity = self.decay * memory[0] + gradient
        return velocity, (velocity,)


@dataclass(frozen=True, slots=True)
class AdamMoments:
    r"""Adam's scaling: the averaged gradient over the root of the averaged square.

    .. math:: \hat m_k / (\sqrt{\hat v_k} + \epsilon)

    The result has entries of about one at most, so the step size is an angle.

    Attributes:
        decay: :math:`\beta_1` of the gradient.
        square_decay: :math:`\beta_2` of its square.
        epsilon: Added to the root.

    References:
        Kingma and Ba, International Conference on Learning Representations (2015).
    """

    decay: float = 0.9
    square_decay: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _check_decay(self.decay)
        _check_decay(self.square_decay)

    def start(self, n_params: int) -> Memory:
        """Zero moments, and the weights they lack."""
        return np.zeros(n_params), np.zeros(n_params), np.ones(2)

    def apply(self, gradient: FloatArray, memory: Memory) -> tuple[FloatArray, Memory]:
        """Scaled gradient, shape ``(n_params,)``."""
        mean, square, missing = memory
        mean = self.decay * mean + (1 - self.decay) * gradient
        square = self.square_decay * square + (1 - self.square_decay) * gradient**2
        missing = missing * [self.decay, self.square_decay]
        scale = np.sqrt(square / (1 - missing[1])) + self.epsilon
        return mean / (1 - missing[0]) / scale, (mean, square, missing)


def limited(step: FloatArray, largest: float | None) -> FloatArray:
    """Shorten a step to a root mean square of ``largest`` per parameter, if it is longer."""
    if largest is None:
        return step
    size = float(np.sqrt(np.mean(step**2)))
    return step if size <= largest else step * (largest / size)


def _check_decay(decay: float) -> None:
    if not 0 <= decay < 1:
        raise InvalidOptionError(f"the decay is {decay}; it has to be from 0 to below 1")
