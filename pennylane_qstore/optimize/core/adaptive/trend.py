"""Whether a loss fell or rose, as a test that knows the noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit


@dataclass(frozen=True, slots=True)
class Trend:
    """The change of a loss over a window, by a straight line through it.

    Attributes:
        change: End of the line minus its start.
        error: Standard error of ``change``.
        freedom: Degrees of freedom behind ``error``; infinite where the noise was known.
        level: Mean size of the losses.
    """

    change: float
    error: float
    freedom: float
    level: float

    def falls(self, by: float = 0.0, significance: float = 0.05) -> bool:
        """Whether the loss surely fell by more than ``by``."""
        return -self.change - by > self._quantile(significance) * self.error

    def rises(self, by: float = 0.0, significance: float = 0.05) -> bool:
        """Whether the loss surely rose by more than ``by``."""
        return self.change - by > self._quantile(significance) * self.error

    def _quantile(self, significance: float) -> float:
        if math.isinf(self.freedom):
            return float(-ndtri(significance))
        return float(-stdtrit(self.freedom, significance))

    def __str__(self) -> str:
        return f"{self.change:+.3g} ± {self.error:.2g}"


def trend(losses: Sequence[float], errors: Sequence[float | None]) -> Trend | None:
    """Fit a straight line to at least three successive losses.

    The error is the larger of what the losses' own standard errors say, and of what their scatter
    about the line does: a loss may vary by more than shot noise. Where a standard error is not
    known, the scatter alone counts. Student's distribution goes with the scatter.

    Returns:
        None for fewer than three losses.
    """
    count = len(losses)
    if count < 3:
        return None
    values = np.asarray(losses, dtype=np.float64)
    offsets = np.arange(count) - (count - 1) / 2
    square, span = float(offsets @ offsets), count - 1
    level = float(np.abs(values).mean())
    slope = float(offsets @ values) / square
    left = values - values.mean() - slope * offsets
    scatter = span * math.sqrt(float(left @ left) / (count - 2) / square)
    by_scatter = Trend(span * slope, scatter, count - 2, level)
    if any(error is None for error in errors):
        return by_scatter
    noise = np.array(errors, dtype=np.float64) ** 2
    known = span * math.sqrt(float(offsets**2 @ noise)) / square
    if known == 0.0 or known >= scatter:
        return Trend(span * slope, known, math.inf, level)
    return by_scatter
