"""Spall's gain sequences."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from pennylane_qstore.errors import InvalidOptionError

Schedule = Callable[[int], float]


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

    References:
        Spall, IEEE Transactions on Aerospace and Electronic Systems 34, 817 (1998).
    """

    a: float | Schedule
    c: float | Schedule = 0.2
    stability: float = 0.0
    alpha: float = 0.602
    gamma: float = 0.101

    def step_size(self, step: int) -> float:
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

    def perturbation(self, step: int) -> float:
        """Return :math:`c_k`.

        Raises:
            InvalidOptionError: If it is not positive and finite, because SPSA divides by it.
        """
        value = self.c(step) if callable(self.c) else self.c / (step + 1) ** self.gamma
        if not math.isfinite(value) or value <= 0:
            raise InvalidOptionError(
                f"the perturbation c_k is {value} at step {step}; it has to be finite and positive"
            )
        return float(value)
