"""SPSA with a metric: the Hessian from losses, or the Fubini-Study metric from overlaps."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky
from scipy.linalg.lapack import dsyevr

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.directions import signs
from pennylane_qstore.optimize.core.gains import Gains
from pennylane_qstore.optimize.core.moments import limited
from pennylane_qstore.optimize.core.query import Answer, Query, mean_error
from pennylane_qstore.optimize.core.state import check_counters, frozen, load, read_only

FloatArray = NDArray[np.float64]
MetricSource = Literal["overlaps", "losses"]
_SIGNS = np.array([1.0, -1.0, -1.0, 1.0])
_LOWEST = float(np.finfo(float).min)


@dataclass(frozen=True, slots=True, eq=False)
class SecondOrderState:
    """State of :class:`SecondOrderSPSA`.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Together with the step, decides the directions.
        loss: Mean loss of the last gradient pairs, or None.
        loss_error: Its standard error, or None where it is not known.
        metric: Smoothed and positive, shape ``(n_params, n_params)``; the identity at first.
    """

    params: FloatArray
    step: int
    seed: int
    loss: float | None
    loss_error: float | None
    metric: FloatArray


@dataclass(frozen=True, slots=True)
class SecondOrderSPSA:
    r"""SPSA whose gradient is divided by an estimated metric; everything in one batch.

    With two directions :math:`\Delta, \Delta'` for each resampling, a function :math:`f` gives

    .. math::

        \hat M = \frac{\delta f}{4 c^2} (\Delta\Delta'^T + \Delta'\Delta^T), \quad \delta f =
        f(\theta + c\Delta + c\Delta') - f(\theta + c\Delta) - f(\theta - c\Delta + c\Delta')
        + f(\theta - c\Delta)

    which is its Hessian on average, up to :math:`O(c^2)`. With ``"losses"``, :math:`f` is the loss
    and the step approaches Newton's: two of the four points are those of the gradient, so four
    losses per resampling. With ``"overlaps"``, :math:`f = -\frac12
    |\langle\psi(\theta)|\psi(\cdot)\rangle|^2`, whose Hessian is the Fubini-Study metric, and the
    step approaches the quantum natural gradient: two losses and four overlaps.

    Estimates are averaged over the steps, the identity counting as the first, and made positive:

    .. math:: M_k = \frac{|\frac{k}{k+1} M_{k-1} + \frac1{k+1} \hat M_k| + \beta 1}{1 + \beta},
        \qquad \theta_{k+1} = \theta_k - a_k M_k^{-1} \hat g_k

    where :math:`|\cdot|` takes the absolute value of every eigenvalue.

    Attributes:
        gains: How far to look and to move.
        source: What the metric is made of.
        resamplings: Gradient and metric estimates per step, averaged.
        regularization: :math:`\beta`.
        max_step: Longest step, as a root mean square per parameter; None for no limit.
        shots: Repetitions of each loss; None leaves them to the objective.

    References:
        Spall, IEEE Transactions on Automatic Control 45, 1839 (2000); Gacon, Zoufal, Carleo and
        Woerner, Quantum 5, 567 (2021).
    """

    gains: Gains
    source: MetricSource = "overlaps"
    resamplings: int = 1
    regularization: float = 1e-3
    max_step: float | None = None
    shots: int | None = None

    def __post_init__(self) -> None:
        if self.source not in ("overlaps", "losses"):
            raise InvalidOptionError(
                f"no metric from {self.source!r}; choose overlaps for the quantum natural gradient "
                "or losses for Newton's method"
            )
        if self.resamplings < 1 or not self.regularization > 0:
            raise InvalidOptionError(
                f"resamplings is {self.resamplings} and regularization {self.regularization}; they "
                "have to be at least 1 and positive"
            )

    def init(self, params: ArrayLike, *, seed: int) -> SecondOrderState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        check_counters(0, seed)
        start = frozen(params)
        return SecondOrderState(start, 0, seed, None, None, read_only(np.eye(start.size)))

    def ask(self, state: SecondOrderState) -> Query:
        """All points, and all pairs of states, of this step."""
        radius = self.gains.perturbation(state.step)
        slopes, first, second = self._directions(state)
        here = state.params
        points = [here + radius * slopes, here - radius * slopes]
        pairs = np.empty((0, 2, here.size))
        if self.source == "losses":
            points += [here + radius * (slopes + second), here + radius * (second - slopes)]
        else:
            offsets = np.concatenate([first + second, first, second - first, -first])
            there = here + radius * offsets
            pairs = np.stack([np.broadcast_to(here, there.shape), there], axis=1)
        stacked = np.concatenate(points)
        shots = None if self.shots is None else np.full(len(stacked), self.shots)
        return Query(stacked, shots, pairs)

    def tell(self, state: SecondOrderState, answer: Answer) -> SecondOrderState:
        """Update the metric and move against the gradient it is divided into.

        Raises:
            InvalidLossError: If there is not one loss for each point.
            NonFiniteLossError: If a loss or an overlap is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        gradient, raw = self.estimates(state, answer)
        weight = 1 / (state.step + 2)
        mixed = (1 - weight) * state.metric + weight * raw
        metric, natural = _divided(mixed, gradient, self.regularization)
        moved = -self.gains.step_size(state.step) * natural
        pairs = slice(None, 2 * self.resamplings)
        return SecondOrderState(
            frozen(state.params + limited(moved, self.max_step)),
            state.step + 1,
            state.seed,
            float(answer.losses[pairs].mean()),
            mean_error(answer.variances[pairs]),
            read_only(metric),
        )

    def estimates(self, state: SecondOrderState, answer: Answer) -> tuple[FloatArray, FloatArray]:
        """The step's own gradient and metric, before smoothing.

        Returns:
            Shapes ``(n_params,)`` and ``(n_params, n_params)``; each unbiased up to :math:`O(c^2)`.
        """
        radius = self.gains.perturbation(state.step)
        slopes, first, second = self._directions(state)
        losses = answer.losses.reshape(-1, self.resamplings)
        gradient = (losses[0] - losses[1]) / (2 * radius) @ slopes / self.resamplings
        if self.source == "losses":
            bends = losses[2] - losses[0] - losses[3] + losses[1]
        else:
            bends = -0.5 * _SIGNS @ answer.overlaps.reshape(4, self.resamplings)
        half = (first.T * (bends / (4 * radius**2 * self.resamplings))) @ second
        return gradient, half + half.T

    def move(self, state: SecondOrderState, params: ArrayLike) -> SecondOrderState:
        """Go on from other parameters, keeping the metric."""
        return replace(state, params=frozen(params))

    def load(self, values: Any) -> SecondOrderState:
        """The state that ``dump`` wrote."""
        return load(SecondOrderState, values)

    def _directions(self, state: SecondOrderState) -> tuple[FloatArray, FloatArray, FloatArray]:
        """For the gradient, and the two for the metric, each ``(resamplings, n_params)``."""
        rng = np.random.default_rng([state.seed, state.step])
        drawn = signs(rng, (3 * self.resamplings, state.params.size))
        slopes, first, second = np.split(drawn, 3)
        return (slopes, slopes, second) if self.source == "losses" else (slopes, first, second)


def _divided(
    metric: FloatArray, gradient: FloatArray, regularization: float
) -> tuple[FloatArray, FloatArray]:
    """A metric made positive, and the gradient divided by it."""
    ridge = regularization * np.eye(len(metric))
    try:
        positive = (_absolute(metric) + ridge) / (1 + regularization)
        return positive, _solved(positive, gradient)
    except LinAlgError:
        values, vectors = np.linalg.eigh(metric)
        values = (np.abs(values) + regularization) / (1 + regularization)
        return (vectors * values) @ vectors.T, vectors @ ((gradient @ vectors) / values)


def _absolute(metric: FloatArray) -> FloatArray:
    """With every eigenvalue's absolute value.

    A step's estimate makes only a few of them negative, and no others are looked for. LAPACK is
    called directly: with the larger workspace of ``scipy.linalg.eigh`` it uses threads, which on a
    busy machine wait for each other for a hundred times longer than this takes.
    """
    try:
        cholesky(metric, lower=True, check_finite=False)
    except LinAlgError:
        values, vectors, count, _, failed = dsyevr(metric, range="V", vl=_LOWEST, vu=0.0)
        if failed:
            raise LinAlgError("no eigenvalues") from None
        scaled = vectors[:, :count] * np.sqrt(-2 * values[:count])
        return metric + scaled @ scaled.T
    return metric


def _solved(positive: FloatArray, right: FloatArray) -> FloatArray:
    """``right`` divided by a positive matrix."""
    factor = cho_factor(positive, lower=True, check_finite=False)
    return cho_solve(factor, right, check_finite=False)
