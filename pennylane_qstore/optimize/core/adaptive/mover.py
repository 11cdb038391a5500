"""From a gradient to a move: direction, step size, and what moves tell of the curvature."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.adaptive.learned import Learned
from pennylane_qstore.optimize.core.adaptive.methods import Reading
from pennylane_qstore.optimize.core.adaptive.records import AdaptiveState
from pennylane_qstore.optimize.core.gains import Schedule
from pennylane_qstore.optimize.core.natural import Geometry
from pennylane_qstore.optimize.core.schedules import step_size
from pennylane_qstore.optimize.core.transforms import Chain, Memory, Moment, Transform

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """One displacement.

    Attributes:
        displacement: Shape ``(n_params,)``.
        overlap: What noise of the gradient adds on average to its product with the displacement.
        memory: Of the transform, after it.
    """

    displacement: FloatArray
    overlap: float
    memory: Memory


@dataclass(frozen=True, slots=True)
class Mover:
    r"""Moves along transformed gradients.

    Without a step size of the user's, :math:`\eta` is the one with the largest expected decrease,
    :math:`|g|^2 / (g^T H g + \operatorname{tr} H \Sigma)`, from signal, noise and curvature as
    learned so far. Then no parameter moves by more than ``largest``; before any curvature is known,
    parameters move by ``initial`` (root mean square).

    A natural gradient is not transformed.

    Attributes:
        stepsize: Number or schedule, or None.
        transform: What is done to gradients, such as momentum or Adam.
        lam: Regularization of the metric tensor.
        largest: Largest change of a parameter in a step.
        initial: Size of the change before the curvature is known.

    Raises:
        InvalidOptionError: If a setting is negative or not finite.
    """

    stepsize: float | Schedule | None = None
    transform: Transform = field(default_factory=lambda: Chain(()))
    lam: float = 0.01
    largest: float = 0.5
    initial: float = 0.05

    def __post_init__(self) -> None:
        for name in ("lam", "largest", "initial"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InvalidOptionError(f"{name} is {value}; it has to be finite, from 0")

    def move(
        self, state: AdaptiveState, reading: Reading, learned: Learned, *, metric: Geometry | None
    ) -> Move:
        """The displacement for a gradient.

        Args:
            state: Before the step.
            reading: The gradient.
            learned: With what the reading showed.
            metric: Metric tensor to divide by, or None.
        """
        gradient, variance = reading.gradient, total_variance(reading, learned)
        if metric is not None:
            direction, memory = metric.inverse @ gradient, state.memory
            leaked = float(variance @ np.diag(metric.inverse))
        else:
            moment = Moment(state.params, state.step)
            direction, memory = self.transform.update(gradient, state.memory, moment)
            plain = direction is gradient
            leaked = float(variance.sum()) if plain else 0.0
        if self.stepsize is not None:
            size = step_size(self.stepsize, state.step) * state.scale
        else:
            size = state.scale * self._size(direction, reading, learned, metric=metric)
        return Move(-size * direction, -size * leaked, memory)

    def _size(
        self, direction: FloatArray, reading: Reading, learned: Learned, *, metric: Geometry | None
    ) -> float:
        longest = float(np.abs(direction).max(initial=0))
        if longest == 0:
            return 0.0
        along = learned.along if metric is None else learned.natural_along
        if along is None:
            first = self.initial / float(np.sqrt(np.mean(direction**2)))
            return min(first, self.largest / longest)
        length = direction @ (direction if metric is None else metric.matrix @ direction)
        slope = max(float(direction @ reading.gradient), 0.0)
        size = self._trust(reading, learned) * slope / max(abs(along) * float(length), 1e-300)
        return min(size, self.largest / longest)

    def _trust(self, reading: Reading, learned: Learned) -> float:
        r""":math:`|g|^2 / (|g|^2 + \operatorname{tr}\Sigma\,\bar h / h)`, the share of signal."""
        signal, noise = learned.signal_size, float(total_variance(reading, learned).sum())
        along, across = learned.along, learned.across
        if not signal or along is None or across is None:
            return 0.0 if noise > 0 and signal == 0.0 else 1.0
        return signal / (signal + noise * across / along)


def total_variance(reading: Reading, learned: Learned) -> FloatArray:
    """Variance of a gradient by shots and by random directions; 0 where nothing is known."""
    signal = learned.signal_size or 0.0
    unknown = (learned.point_noise or 0.0) / 2
    noise = np.where(np.isnan(reading.noise), unknown, reading.noise)
    return noise + reading.spread * signal / noise.size


def learn(state: AdaptiveState, reading: Reading, metric: Geometry | None) -> Learned:
    r"""What a reading shows: noise, signal without it, and curvature along the last move.

    The difference of the gradients before and after a move :math:`x` gives :math:`x^T H x`. The
    gradient before is the one that the move followed, so its noise does not cancel in
    :math:`x^T \hat g`; its mean there is known and subtracted. A difference that noise alone could
    make of the usual curvature is left out: moves get short where the curvature seems large, and
    short moves show nothing but noise.

    Args:
        state: Before the step.
        reading: Of the step.
        metric: Metric tensor at hand, or None.
    """
    learned = state.learned.seen("noise", reading.point_noise)
    learned = learned.seen("gradient_noise", reading.whole_noise)
    if reading.bends is not None:
        square = float((reading.bends**2).mean()) - reading.bend_noise
        learned = learned.seen("mean_curvature", float(reading.bends.mean()))
        learned = learned.seen("squared_curvature", square)
    noise = float(np.where(np.isnan(reading.noise), 0.0, reading.noise).sum())
    size = (float(reading.gradient @ reading.gradient) - noise) / (1 + reading.spread)
    learned = learned.seen("signal", size, weight=reading.evidence)
    moved = state.displacement
    length = float(moved @ moved) if moved.size else 0.0
    natural_length = float(moved @ metric.matrix @ moved) if metric and moved.size else 0.0
    if length == 0:
        return learned
    before = float(moved @ state.gradient) - state.overlap
    change = float(moved @ reading.gradient) - before
    here = total_variance(reading, learned)
    there = np.where(np.isnan(state.variance), here, state.variance)
    error = float(moved**2 @ (here + there))
    usual = 4 * (learned.across or 0.25)
    share = 1 - error / (usual * length) ** 2
    if share <= 0:
        return learned
    for name, norm in (("curvature", length), ("natural_curvature", natural_length)):
        if norm > 0:
            square = max((change**2 - error) / norm**2, 0.0)
            learned = learned.seen(name, square, share)
    return learned


def learn_natural(learned: Learned, reading: Reading, metric: Geometry) -> Learned:
    """With the signal and the noise of a natural gradient."""
    noise = float(total_variance(reading, learned) @ np.diag(metric.inverse))
    signal = float(reading.gradient @ metric.inverse @ reading.gradient) - noise
    learned = learned.seen("natural_signal", max(signal, 0.0))
    return learned.seen("natural_noise", noise)
