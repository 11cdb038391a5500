"""Gradients from losses alone: simultaneous perturbation and finite differences."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.optimize.core.adaptive.costs import Bounds, times
from pennylane_qstore.optimize.core.adaptive.learned import Learned, mean
from pennylane_qstore.optimize.core.adaptive.methods import Reading, root
from pennylane_qstore.optimize.core.adaptive.records import AdaptiveState
from pennylane_qstore.optimize.core.differences import (
    best_spacing,
    difference_points,
    differences,
)
from pennylane_qstore.optimize.core.query import Answer, Counts, Query

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spsa:
    r"""Simultaneous perturbation: ``amount`` pairs :math:`\theta \pm c\Delta`.

    In the first three steps, every fifth and from four pairs on, the loss at the centre is asked,
    too: with it each pair gives :math:`\Delta^T H \Delta`, by which losses are corrected to the
    centre.

    Attributes:
        perturbation: :math:`c`.
        shots: Repetitions for each loss; None leaves them to the objective.
    """

    perturbation: float = 0.2
    shots: int | None = None
    name: str = "spsa"

    def amounts(self, n_params: int) -> tuple[int, ...]:
        """Powers of two from 2, below the number of parameters."""
        return tuple(2**k for k in range(1, max(2, math.ceil(math.log2(max(n_params, 1))))))

    def query(self, state: AdaptiveState, amount: int) -> Query:
        """All plus, all minus, then the centre if it is due."""
        offsets = self.perturbation * _directions(state, amount)
        points = [state.params + offsets, state.params - offsets]
        if _centred(state.step, amount):
            points.append(state.params[None])
        return _points(np.concatenate(points), self.shots)

    def read(self, state: AdaptiveState, amount: int, answer: Answer) -> Reading:
        """Mean over the directions of slope times direction."""
        n_params, c = state.params.size, self.perturbation
        plus, minus = answer.losses[:amount], answer.losses[amount : 2 * amount]
        variance = answer.variances[: 2 * amount].sum() / (2 * c * amount) ** 2
        bends = None
        if _centred(state.step, amount):
            bends = (plus + minus - 2 * answer.losses[-1]) / (c**2 * n_params)
        loss, error = self._loss(state, amount, answer)
        return Reading(
            ((plus - minus) / (2 * c)) @ _directions(state, amount) / amount,
            np.full(n_params, variance),
            (n_params - 1) / amount,
            loss,
            error,
            point_noise=float(answer.variances.mean()),
            bends=bends,
            bend_noise=6 * float(answer.variances.mean()) / (c**2 * n_params) ** 2,
            evidence=amount / 4,
        )

    def _loss(
        self, state: AdaptiveState, amount: int, answer: Answer
    ) -> tuple[float, float | None]:
        r"""Loss at the centre: asked, or the mean less :math:`\tfrac12 c^2 \operatorname{tr} H`.

        The error of the second is that of the pairs, of the directions
        (:math:`\Delta^T H \Delta` is not :math:`\operatorname{tr} H`), and of the trace as learned.
        """
        if _centred(state.step, amount):
            return float(answer.losses[-1]), root(answer.variances[-1])
        learned, half = state.learned, self.perturbation**2 * state.params.size / 2
        noise = float(answer.variances.mean())
        known = learned.mean_curvature[1]
        variance = noise / (2 * amount) + half**2 * learned.unevenness / amount
        variance += noise / known if known else 0.0
        shift = half * (mean(learned.mean_curvature) or 0.0)
        return float(answer.losses.mean()) - shift, root(variance)

    def expected(self, known: Bounds, n_params: int, amount: int) -> Counts:
        """Two losses for each pair, and sometimes the centre."""
        centre = 1.0 if amount >= 4 else 0.2
        return times(known.point or Counts(1, 0, 1), 2 * amount + centre)

    def bound(self, known: Bounds, state: AdaptiveState, amount: int) -> Counts | None:
        """Two losses for each pair, and the centre if it is due."""
        if known.point is None:
            return None
        return times(known.point, 2 * amount + _centred(state.step, amount))

    def variance(self, learned: Learned, n_params: int, amount: int) -> float:
        r""":math:`[(n - 1)|g|^2 + n\sigma^2 / 2c^2]` over the number of pairs."""
        noise = n_params * (learned.point_noise or 0.0) / (2 * self.perturbation**2)
        return ((n_params - 1) * (learned.signal_size or 0.0) + noise) / amount


@dataclass(frozen=True, slots=True)
class FiniteDifference:
    """Differences with the spacing that balances what is cut off against the noise.

    Attributes:
        order: 4 extrapolates by Richardson from two spacings; 2 is the plain central difference.
        shots: Repetitions for each loss; None leaves them to the objective.
    """

    order: int = 4
    shots: int | None = None
    name: str = "finite_difference"

    def __post_init__(self) -> None:
        best_spacing(None, order=self.order)

    def amounts(self, n_params: int) -> tuple[int, ...]:
        """All parameters."""
        return (n_params,)

    def spacing(self, learned: Learned, n_params: int) -> float:
        """Spacing for the noise and the size of derivatives as learned so far."""
        scale = math.sqrt((learned.signal_size or n_params) / n_params)
        return best_spacing(learned.point_noise, scale, self.order)

    def query(self, state: AdaptiveState, amount: int) -> Query:
        """The points of the differences, then the centre."""
        spacing = self.spacing(state.learned, state.params.size)
        points = difference_points(state.params, spacing, self.order)
        return _points(np.concatenate([points, state.params[None]]), self.shots)

    def read(self, state: AdaptiveState, amount: int, answer: Answer) -> Reading:
        """Derivatives, and the mean curvature by second differences."""
        n_params = state.params.size
        spacing = self.spacing(state.learned, n_params)
        gradient, variance = differences(
            answer.losses[:-1], answer.variances[:-1], spacing, self.order
        )
        second = answer.losses[: 2 * n_params].mean() - answer.losses[-1]
        return Reading(
            gradient,
            variance,
            0.0,
            float(answer.losses[-1]),
            root(answer.variances[-1]),
            point_noise=float(answer.variances.mean()),
            bends=np.array([2 * second / spacing**2]) if spacing > 1e-2 else None,
            evidence=2.0,
        )

    def expected(self, known: Bounds, n_params: int, amount: int) -> Counts:
        """``order`` losses for each parameter, and the centre."""
        return times(known.point or Counts(1, 0, 1), self.order * n_params + 1)

    def bound(self, known: Bounds, state: AdaptiveState, amount: int) -> Counts | None:
        """The same."""
        if known.point is None:
            return None
        return times(known.point, self.order * state.params.size + 1)

    def variance(self, learned: Learned, n_params: int, amount: int) -> float:
        """By the shots; what is cut off is smaller at the best spacing."""
        spacing = self.spacing(learned, n_params)
        factor = 65 / 72 if self.order == 4 else 1 / 2
        return n_params * factor * (learned.point_noise or 0.0) / spacing**2


def _points(points: FloatArray, shots: int | None) -> Query:
    return Query(points, None if shots is None else np.full(len(points), shots, dtype=np.int64))


def _centred(step: int, amount: int) -> bool:
    return amount >= 4 or step < 3 or step % 5 == 0


def _directions(state: AdaptiveState, amount: int) -> FloatArray:
    """Rademacher directions, shape ``(amount, n_params)``, from seed and step alone."""
    rng = np.random.default_rng([state.seed, state.step, 1])
    signs = 2 * rng.integers(0, 2, size=(amount, state.params.size)) - 1
    return signs.astype(np.float64)
