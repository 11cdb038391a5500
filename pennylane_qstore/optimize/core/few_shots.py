"""What a local model does differently where each evaluation has very few shots."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.surrogate import AngleKernel, Evaluations
from pennylane_qstore.optimize.core.surrogate.kernel import TYPICAL_SPREAD

FloatArray = NDArray[np.float64]

# The first rounds after each of which the model is learned anew, and by which factor their number
# has to grow later on.
_FIRST, _LATER = 8, 1.15
# Evaluations that hyperparameters are learned from: over the whole window, and about the centre.
_OVER_ALL, _ABOUT = 200, 100
# Numbers of last centres whose means may be the answer.
_MEANS = (1, 3, 5, 8, 12, 20)


@dataclass(frozen=True, slots=True)
class FewShots:
    r"""How :class:`~pennylane_qstore.optimize.core.local_model.LocalModel` lives with much noise.

    Attributes:
        growth: A round takes at least this share of all shots before it, so that rounds get
            dearer only as fast as there is something to lose. Rounds in another basin do not.
        most: Most shots of an evaluation.
        scatter: Standard deviation of random shifts of parameters that turn several gates, in
            their natural shifts. No single shift tells such a parameter's slope.
        relaxation: Factor of the caution for each round without significant progress. The answer
            is still chosen with full caution.
        doubt: Standard deviations that count as loss when the answer is chosen. The model thinks
            too well of the point that it likes best; means of the last centres are surer.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    growth: float = 0.03
    most: int = 10_000
    scatter: float = 0.2
    relaxation: float = 0.75
    doubt: float = 3.0

    def __post_init__(self) -> None:
        if (
            min(self.growth, self.scatter, self.doubt) < 0
            or self.most < 1
            or not 0 < self.relaxation <= 1
        ):
            raise InvalidOptionError(
                f"growth {self.growth}, scatter {self.scatter} and doubt {self.doubt} have to be 0 "
                f"or more, most {self.most} at least 1 and relaxation {self.relaxation} in (0, 1]"
            )

    def shots(self, least: int, paid: int, n_points: int) -> int:
        """Repetitions of each evaluation of a round, given those of all evaluations so far."""
        return max(least, min(self.most, int(self.growth * paid / n_points)))

    def scattered(self, points: FloatArray, kernel: AngleKernel, seed: list[int]) -> FloatArray:
        """The points but the first, which is the centre, shifted at random."""
        squares = kernel.angles**2
        several = kernel.counts @ squares > squares.max(axis=0, initial=0.0) * (1 + 1e-9)
        shifts = np.random.default_rng(seed).normal(size=points.shape) * several
        shifts[0] = 0.0
        return points + self.scatter * kernel.natural_shifts() * shifts

    def means(self, trail: FloatArray) -> FloatArray:
        """Means of the last centres, shape ``(n_means, n_params)``."""
        return np.stack([trail[-n:].mean(axis=0) for n in _MEANS])

    def smoothed(self, data: Evaluations, kernel: AngleKernel) -> Evaluations:
        """The evaluations with the variance of one shot averaged over all, weighted by nearness.

        Few shots tell a variance badly, and those that were lucky tell one too small, so that a
        model that believed them would follow the luckiest.
        """
        known = np.isfinite(data.variances)
        if not known.any():
            return data
        weights = kernel.correlation(data.points, data.points[known], TYPICAL_SPREAD)
        one_shot = weights @ (data.variances * data.shots)[known] / weights.sum(axis=1)
        return replace(data, variances=np.where(known, one_shot / data.shots, np.nan))

    def due(self, step: int) -> bool:
        """Whether hyperparameters are learned anew at this step."""
        if step < _FIRST:
            return True
        now, before = np.log([step + 1, step]) / np.log(_LATER)
        return int(now) != int(before)

    def sample(self, data: Evaluations, kernel: AngleKernel, centre: FloatArray) -> Evaluations:
        """What hyperparameters are learned from: those over all, with far ones, tell the scales."""
        n = len(data)
        spaced = np.linspace(0, n - 1, min(n, _OVER_ALL)).astype(np.int64)
        return data.take(np.union1d(spaced, kernel.nearest(data.points, centre, _ABOUT)))
