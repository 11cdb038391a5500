"""Functions of one angle with known frequencies: from their values to their lowest point."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.state import read_only

FloatArray = NDArray[np.float64]
Frequencies = tuple[float, ...]

_SPACINGS = 400
_POINTS_PER_PERIOD = 32


def check_frequencies(frequencies: Sequence[float]) -> Frequencies:
    """Positive frequencies in rising order, each once.

    Raises:
        InvalidOptionError: If there is none, or one is not finite.
    """
    values = np.unique(np.round(np.abs(np.asarray(frequencies, dtype=np.float64)), 9))
    positive = tuple(values[values > 0].tolist())
    if not positive or not np.isfinite(values).all():
        raise InvalidOptionError(
            f"frequencies are {list(frequencies)}; a parameter needs at least one that is not zero"
        )
    return positive


@lru_cache(maxsize=256)
def sample_shifts(frequencies: Frequencies) -> FloatArray:
    r"""Where to sample a function of :math:`R` frequencies, shape ``(2 R + 1,)``; the first is 0.

    The shifts are equidistant around 0. For equidistant frequencies they are the
    :math:`2\pi\mu / [(2 R + 1) f_1]` that spread the noise evenly; for others the spacing is the
    one with the best conditioned reconstruction.
    """
    order = len(frequencies)
    index = np.concatenate([[0], np.arange(1, order + 1), -np.arange(1, order + 1)])
    largest = 2 * np.pi / ((2 * order + 1) * frequencies[0])
    spacings = largest * np.linspace(1, 0, _SPACINGS, endpoint=False)
    conditions = [np.linalg.cond(_design(frequencies, spacing * index)) for spacing in spacings]
    return read_only(spacings[int(np.argmin(conditions))] * index)


@lru_cache(maxsize=256)
def _rebuilding(frequencies: Frequencies) -> FloatArray:
    """From values at the shifts to coefficients, shape ``(2 R + 1, 2 R + 1)``."""
    inverse = np.linalg.inv(_design(frequencies, sample_shifts(frequencies)))
    return np.asarray(inverse, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    r""":math:`f(x) = a_0 + \sum_r a_r \cos(f_r x) + b_r \sin(f_r x)`.

    Attributes:
        frequencies: :math:`f_r`.
        coefficients: :math:`a_0, a_1, \dots, b_1, \dots`, shape ``(2 R + 1,)``.
    """

    frequencies: Frequencies
    coefficients: FloatArray

    @classmethod
    def through(cls, frequencies: Frequencies, values: FloatArray) -> "Series":
        """The function with these values at :func:`sample_shifts`."""
        return cls(frequencies, _rebuilding(frequencies) @ values)

    def __call__(self, x: FloatArray | float) -> FloatArray:
        """Values at ``x``."""
        return _design(self.frequencies, np.atleast_1d(x)) @ self.coefficients

    def lowest(self) -> tuple[float, float]:
        r"""The lowest point in :math:`[-\pi / f_1, \pi / f_1]` and its value.

        A constant function is lowest at 0. With one frequency the point is
        :math:`\operatorname{atan2}(-b, -a) / f_1`; with more, Newton steps polish the best point
        of a grid.
        """
        order = len(self.frequencies)
        cosines, sines = self.coefficients[1 : order + 1], self.coefficients[order + 1 :]
        scale = float(np.abs(self.coefficients).max())
        if not np.abs(self.coefficients[1:]).max() > 1e-14 * scale:
            return 0.0, float(self.coefficients[0])
        if order == 1:
            point = float(np.arctan2(-sines[0], -cosines[0]) / self.frequencies[0])
            return point, float(self.coefficients[0] - np.hypot(cosines[0], sines[0]))
        return self._polished()

    def _polished(self) -> tuple[float, float]:
        half = np.pi / self.frequencies[0]
        n_points = 1 + int(np.ceil(_POINTS_PER_PERIOD * self.frequencies[-1] / self.frequencies[0]))
        grid, reach = np.linspace(-half, half, n_points, retstep=True)
        values = np.pad(self(grid), 1, constant_values=np.inf)
        lows = grid[values[1:-1] <= np.minimum(values[:-2], values[2:])]
        polished = lows.copy()
        for _ in range(20):
            slope, bend = self._derivatives(polished)
            change = np.divide(slope, bend, out=np.zeros_like(slope), where=bend > 0)
            polished = np.clip(polished - change, lows - reach, lows + reach)
        candidates = np.concatenate([lows, np.clip(polished, -half, half)])
        found = self(candidates)
        best = int(np.argmin(found))
        return float(candidates[best]), float(found[best])

    def _derivatives(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        frequencies = np.array(self.frequencies)
        order = frequencies.size
        cosines, sines = self.coefficients[1 : order + 1], self.coefficients[order + 1 :]
        angles = np.outer(x, frequencies)
        slope = (np.cos(angles) * sines - np.sin(angles) * cosines) @ frequencies
        bend = -(np.cos(angles) * cosines + np.sin(angles) * sines) @ frequencies**2
        return slope, bend


def _design(frequencies: Frequencies, x: FloatArray) -> FloatArray:
    angles = np.outer(x, frequencies)
    return np.hstack([np.ones((len(x), 1)), np.cos(angles), np.sin(angles)])
