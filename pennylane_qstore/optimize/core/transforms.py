"""What is done to a gradient before it is subtracted: small transforms, and chains of them.

Each transform says what it remembers at the start (``init``, a tuple of arrays and tuples) and, for
each gradient, what becomes of it and of the memory (``update``). None of them scales by a step size
except :class:`Scale`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.gains import Schedule
from pennylane_qstore.optimize.core.schedules import step_size

FloatArray = NDArray[np.float64]
Memory = tuple[Any, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What a transform may look at besides the gradient.

    Attributes:
        params: Where the gradient was taken, shape ``(n_params,)``.
        step: Index of the step, from 0.
    """

    params: FloatArray
    step: int


class Transform(Protocol):
    """A gradient to a descent direction, with a memory that is passed along."""

    def init(self, n_params: int) -> Memory:
        """Memory before the first step."""

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Direction, shape ``(n_params,)``, and the memory after it."""


class _WithoutMemory:
    """A transform that remembers nothing."""

    __slots__ = ()

    def init(self, n_params: int) -> Memory:
        """Nothing."""
        return ()


@dataclass(frozen=True, slots=True)
class ClipValue(_WithoutMemory):
    """Each component to at most ``limit`` in size.

    Raises:
        InvalidOptionError: If the limit is not positive.
    """

    limit: float

    def __post_init__(self) -> None:
        _positive("limit", self.limit)

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Clip the components."""
        return np.clip(gradient, -self.limit, self.limit), memory


@dataclass(frozen=True, slots=True)
class ClipNorm(_WithoutMemory):
    """The whole gradient to at most ``limit`` in Euclidean length, its direction kept.

    Raises:
        InvalidOptionError: If the limit is not positive.
    """

    limit: float

    def __post_init__(self) -> None:
        _positive("limit", self.limit)

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Shorten the gradient where it is longer."""
        norm = float(np.linalg.norm(gradient))
        return (gradient if norm <= self.limit else gradient * (self.limit / norm)), memory


@dataclass(frozen=True, slots=True)
class WeightDecay(_WithoutMemory):
    r"""Adds :math:`\lambda\theta`; behind :class:`Adam` in a chain this is AdamW.

    Raises:
        InvalidOptionError: If the rate is not positive.

    References:
        Loshchilov and Hutter, International Conference on Learning Representations (2019).
    """

    rate: float

    def __post_init__(self) -> None:
        _positive("rate", self.rate)

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Pull towards zero."""
        return gradient + self.rate * moment.params, memory


@dataclass(frozen=True, slots=True)
class Momentum:
    r""":math:`v \leftarrow \beta v + g`, which is followed (``nesterov``: :math:`\beta v + g`).

    Raises:
        InvalidOptionError: If beta is not from 0 to below 1.
    """

    beta: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        _share("beta", self.beta)

    def init(self, n_params: int) -> Memory:
        """A velocity of zero."""
        return (np.zeros(n_params),)

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Follow the velocity."""
        velocity = self.beta * memory[0] + gradient
        return (self.beta * velocity + gradient if self.nesterov else velocity), (velocity,)


@dataclass(frozen=True, slots=True)
class Adam:
    r"""Adam's direction, without its step size.

    .. math:: \frac{\hat m}{\sqrt{\hat v} + \varepsilon}, \qquad
        \hat m = \frac{m}{1 - \beta_1^{t}}, \quad \hat v = \frac{v}{1 - \beta_2^{t}}

    with the running means :math:`m` of :math:`g` and :math:`v` of :math:`g^2` after :math:`t`
    gradients.

    Raises:
        InvalidOptionError: If a beta is not from 0 to below 1, or epsilon is not positive.

    References:
        Kingma and Ba, International Conference on Learning Representations (2015).
    """

    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _share("beta1", self.beta1)
        _share("beta2", self.beta2)
        _positive("epsilon", self.epsilon)

    def init(self, n_params: int) -> Memory:
        """Both means and the number of gradients."""
        return np.zeros(n_params), np.zeros(n_params), 0

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Divide the mean by the root of the mean square."""
        mean, square, count = memory
        mean = self.beta1 * mean + (1 - self.beta1) * gradient
        square = self.beta2 * square + (1 - self.beta2) * gradient**2
        count += 1
        unbiased = mean / (1 - self.beta1**count)
        root = np.sqrt(square / (1 - self.beta2**count))
        return unbiased / (root + self.epsilon), (mean, square, count)


@dataclass(frozen=True, slots=True)
class Scale(_WithoutMemory):
    """Multiplies by a number or a schedule.

    Raises:
        InvalidOptionError: On update, if the factor is negative or not finite.
    """

    factor: float | Schedule

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Multiply."""
        return step_size(self.factor, moment.step) * gradient, memory


@dataclass(frozen=True, slots=True)
class Chain:
    """Transforms one after the other; the empty chain leaves the gradient alone."""

    links: tuple[Transform, ...]

    def init(self, n_params: int) -> Memory:
        """The memories of all links."""
        return tuple(link.init(n_params) for link in self.links)

    def update(
        self, gradient: FloatArray, memory: Memory, moment: Moment
    ) -> tuple[FloatArray, Memory]:
        """Pass the gradient through all links."""
        after = []
        for link, own in zip(self.links, memory, strict=True):
            gradient, own = link.update(gradient, own, moment)
            after.append(own)
        return gradient, tuple(after)


def chain(*links: Transform | Iterable[Transform]) -> Chain:
    """Compose transforms; the first sees the gradient, the last gives the direction."""
    flat: list[Transform] = []
    for link in links:
        flat.extend(link if isinstance(link, Iterable) else [link])
    return Chain(tuple(flat))


def _positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InvalidOptionError(f"{name} is {value}; it has to be finite and positive")


def _share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise InvalidOptionError(f"{name} is {value}; it has to be from 0 to below 1")
