"""Spall's gain sequences."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError

FloatArray = NDArray[np.float64]
Schedule = Callable[[int], float]


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What the losses of one step say about the objective around the iterate.

    Attributes:
        plus: Losses ahead along each direction, shape ``(n_directions,)``.
        minus: Losses behind, shape ``(n_directions,)``.
        centre: Loss at the iterate, or None if it was not asked for.
        perturbation: How far ahead and behind, in the parameters' unit per coordinate.
        n_params: Number of parameters.
    """

    plus: FloatArray
    minus: FloatArray
    centre: float | None
    perturbation: float
    n_params: int

    @property
    def slopes(self) -> FloatArray:
        """Central differences along each direction, shape ``(n_directions,)``."""
        slopes: FloatArray = (self.plus - self.minus) / (2 * self.perturbation)
        return slopes


class GainRule(Protocol):
    """Decides how far SPSA looks and moves, perhaps from what it has measured of the curvature."""

    def perturbation(self, step: int, curvature: float | None = None) -> float:
        """How far to look at a step."""

    def pairs(self, resamplings: int, curvature: float | None = None) -> int:
        """How many pairs of losses to ask for."""

    def wants_centre(self, step: int, curvature: float | None = None) -> bool:
        """Whether the loss at the iterate is needed, too."""

    def learn(self, probe: Probe, curvature: float | None) -> float | None:
        """The curvature after a step's losses; None if the rule does not need it."""

    def step_size(self, step: int, curvature: float | None = None, *, spread: float = 1.0) -> float:
        """How far to move against the gradient.

        ``spread`` is the inverse of the number of directions plus that of the parameters.
        """


@dataclass(frozen=True, slots=True)
class Gains:
    r"""How far SPSA moves and how far it looks, at step :math:`k = 0, 1, \dots`.

    .. math:: a_k = \frac{a}{(k + 1 + A)^\alpha}, \qquad c_k = \frac{c}{(k + 1)^\gamma}

    A callable ``a`` or ``c`` replaces the whole formula: it takes :math:`k` and returns the gain.

    Attributes:
        a: Scale of the step size, or a schedule.
        c: Scale of the perturbation (in the parameters' unit), or a schedule.
        stability: :math:`A`, which keeps the first steps small; about a tenth of all steps.
        alpha: Decay of the step size.
        gamma: Decay of the perturbation.
        smallest_c: Below this the perturbation does not fall, because the noise of a difference
            is divided by it.

    References:
        Spall, IEEE Transactions on Aerospace and Electronic Systems 34, 817 (1998).
    """

    a: float | Schedule
    c: float | Schedule = 0.2
    stability: float = 0.0
    alpha: float = 0.602
    gamma: float = 0.101
    smallest_c: float = 0.0

    def step_size(self, step: int, curvature: float | None = None, *, spread: float = 1.0) -> float:
        """Return :math:`a_k`.

        Raises:
            InvalidOptionError: If it is negative, NaN or infinite.
        """
        offset = step + 1 + self.stability
        value = self.a(step) if callable(self.a) else self.a / offset**self.alpha
        if not math.isfinite(value) or value < 0:
            raise InvalidOptionError(
                f"the step size a_k is {value} at step {step}; it has to be finite and not negative"
            )
        return float(value)

    def perturbation(self, step: int, curvature: float | None = None) -> float:
        """Return :math:`c_k`.

        Raises:
            InvalidOptionError: If it is not positive and finite, because SPSA divides by it.
        """
        value = self.c(step) if callable(self.c) else self.c / (step + 1) ** self.gamma
        if not math.isfinite(value) or value <= 0:
            raise InvalidOptionError(
                f"the perturbation c_k is {value} at step {step}; it has to be finite and positive"
            )
        return max(float(value), self.smallest_c)

    def pairs(self, resamplings: int, curvature: float | None = None) -> int:
        """As many as there are resamplings."""
        return resamplings

    def wants_centre(self, step: int, curvature: float | None = None) -> bool:
        """Never."""
        return False

    def learn(self, probe: Probe, curvature: float | None) -> float | None:
        """Nothing."""
        return None
