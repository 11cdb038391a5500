"""Step sizes that change with the step: small pure callables, usable as any ``stepsize``."""

import math
from dataclasses import dataclass

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.gains import Schedule


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value at every step.

    Raises:
        InvalidOptionError: If the value is negative or not finite.
    """

    value: float

    def __post_init__(self) -> None:
        _not_negative(self, value=self.value)

    def __call__(self, step: int) -> float:
        """Value at ``step``, counted from 0."""
        return self.value


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    r""":math:`\eta_k = \eta_0\, r^{k / n}`, never below ``floor``.

    Attributes:
        start: :math:`\eta_0`.
        rate: :math:`r`, from 0 (not itself) to 1.
        steps: :math:`n`, over which the value falls by the factor ``rate``.
        floor: Smallest value.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    start: float
    rate: float
    steps: int = 1
    floor: float = 0.0

    def __post_init__(self) -> None:
        _not_negative(self, start=self.start, floor=self.floor)
        _positive(self, rate=self.rate, steps=self.steps)
        if self.rate > 1:
            raise InvalidOptionError(f"rate is {self.rate}; a decay needs one up to 1")

    def __call__(self, step: int) -> float:
        """Value at ``step``, counted from 0."""
        return max(self.floor, self.start * self.rate ** (step / self.steps))


@dataclass(frozen=True, slots=True)
class CosineDecay:
    r"""Half a cosine from ``start`` to ``floor``, and ``floor`` from then on.

    .. math:: \eta_k = \eta_\infty + (\eta_0 - \eta_\infty)\,
        \tfrac12\left[1 + \cos(\pi\,\min(k, n) / n)\right]

    Attributes:
        start: :math:`\eta_0`.
        steps: :math:`n`.
        floor: :math:`\eta_\infty`.

    Raises:
        InvalidOptionError: If a setting is out of its range.

    References:
        Loshchilov and Hutter, International Conference on Learning Representations (2017).
    """

    start: float
    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        _not_negative(self, start=self.start, floor=self.floor)
        _positive(self, steps=self.steps)

    def __call__(self, step: int) -> float:
        """Value at ``step``, counted from 0."""
        share = min(step, self.steps) / self.steps
        return self.floor + (self.start - self.floor) * (1 + math.cos(math.pi * share)) / 2


@dataclass(frozen=True, slots=True)
class StepDecay:
    r""":math:`\eta_k = \eta_0\, r^{\lfloor k / n \rfloor}`.

    Attributes:
        start: :math:`\eta_0`.
        rate: :math:`r`.
        steps: :math:`n`, between one fall and the next.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    start: float
    rate: float
    steps: int

    def __post_init__(self) -> None:
        _not_negative(self, start=self.start)
        _positive(self, rate=self.rate, steps=self.steps)

    def __call__(self, step: int) -> float:
        """Value at ``step``, counted from 0."""
        return float(self.start * self.rate ** (step // self.steps))


@dataclass(frozen=True, slots=True)
class WarmUp:
    r"""Rises in equal parts to the first value of another schedule, which then follows.

    .. math:: \eta_k = \frac{k + 1}{n}\, f(0) \quad (k < n), \qquad \eta_k = f(k - n)

    Attributes:
        steps: :math:`n`.
        then: :math:`f`.

    Raises:
        InvalidOptionError: If ``steps`` is not positive.
    """

    steps: int
    then: Schedule

    def __post_init__(self) -> None:
        _positive(self, steps=self.steps)

    def __call__(self, step: int) -> float:
        """Value at ``step``, counted from 0."""
        if step < self.steps:
            return self.then(0) * (step + 1) / self.steps
        return self.then(step - self.steps)


def step_size(schedule: float | Schedule, step: int) -> float:
    """Value of a number or schedule at a step.

    Raises:
        InvalidOptionError: If it is negative or not finite.
    """
    value = schedule(step) if callable(schedule) else schedule
    if not math.isfinite(value) or value < 0:
        raise InvalidOptionError(
            f"the step size is {value} at step {step}; it has to be finite and not negative"
        )
    return float(value)


def _not_negative(owner: object, **settings: float) -> None:
    for name, value in settings.items():
        if not (math.isfinite(value) and value >= 0):
            raise InvalidOptionError(
                f"{name} of {type(owner).__name__} is {value}; it has to be finite and not negative"
            )


def _positive(owner: object, **settings: float) -> None:
    for name, value in settings.items():
        if not (math.isfinite(value) and value > 0):
            raise InvalidOptionError(
                f"{name} of {type(owner).__name__} is {value}; it has to be finite and positive"
            )
