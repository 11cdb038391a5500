"""Ways to a gradient: what each asks, how it reads the answers, what it takes, how noisy it is."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.adaptive.costs import Bounds, times
from pennylane_qstore.optimize.core.adaptive.learned import Learned, mean
from pennylane_qstore.optimize.core.adaptive.records import AdaptiveState
from pennylane_qstore.optimize.core.query import Answer, Counts, Query
from pennylane_qstore.optimize.errors import InvalidLossError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    r"""What a method read from an answer.

    Attributes:
        gradient: Estimate, shape ``(n_params,)``.
        noise: Variance of its components by shots, NaN where it is not known.
        spread: Sum of its variances by random directions, in units of :math:`|g|^2`.
        loss: Loss at the parameters.
        loss_error: Its standard error, or None.
        point_noise: Variance of a single loss, NaN where none was asked or it is not known.
        whole_noise: Sum of the variances of a whole gradient by parameter shift, NaN likewise.
        bends: Estimates of :math:`\operatorname{tr} H / n`, or None.
        bend_noise: Variance of each by shots.
        evidence: Weight of what it says of the size of the gradient.
        metric: Metric tensor, or None.
    """

    gradient: FloatArray
    noise: FloatArray
    spread: float
    loss: float
    loss_error: float | None
    point_noise: float = math.nan
    whole_noise: float = math.nan
    bends: FloatArray | None = None
    bend_noise: float = 0.0
    evidence: float = 2.0
    metric: FloatArray | None = None


class GradientMethod(Protocol):
    """One way to a gradient; ``amount`` is how much of it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def shots(self) -> int | None:
        """Repetitions that it asks for; None leaves them to the objective."""

    def amounts(self, n_params: int) -> tuple[int, ...]:
        """What may be chosen as amount; the first is the default."""

    def query(self, state: AdaptiveState, amount: int) -> Query:
        """What to ask; a function of the state alone."""

    def read(self, state: AdaptiveState, amount: int, answer: Answer) -> Reading:
        """The gradient in an answer to :meth:`query`."""

    def expected(self, known: Bounds, n_params: int, amount: int) -> Counts:
        """What it will take, in the mean; a guess where nothing is known."""

    def bound(self, known: Bounds, state: AdaptiveState, amount: int) -> Counts | None:
        """The most that it can take, or None where that is not known."""

    def variance(self, learned: Learned, n_params: int, amount: int) -> float:
        """Sum of the variances that the estimate is going to have."""


@dataclass(frozen=True, slots=True)
class ParameterShift:
    """Shifted circuits for every gate with a trained parameter.

    Attributes:
        sampled: Whether only a random half or quarter of the parameters is differentiated each
            step, scaled up so that the estimate has no bias.
        shots: Repetitions of each shifted circuit; None leaves them to the objective.
    """

    sampled: bool = False
    shots: int | None = None
    name: str = "parameter_shift"

    def amounts(self, n_params: int) -> tuple[int, ...]:
        """All parameters, or half and a quarter of them."""
        if not self.sampled:
            return (n_params,)
        return tuple(sorted({max(1, n_params // 4), max(1, n_params // 2)}))

    def query(self, state: AdaptiveState, amount: int) -> Query:
        """The gradient of all or of the sampled parameters."""
        wanted = _subset(state, amount) if self.sampled else None
        return Query(gradient_at=state.params, gradient_of=wanted, gradient_shots=self.shots)

    def read(self, state: AdaptiveState, amount: int, answer: Answer) -> Reading:
        """The gradient as answered, the sampled part scaled up."""
        gradient, variance, loss = _gradient(answer, state.params.size)
        share, n_params = 1.0, state.params.size
        if self.sampled:
            share = amount / n_params
            kept = np.zeros(n_params)
            kept[_subset(state, amount)] = 1 / share
            gradient, variance = gradient * kept, variance * kept**2
        whole = float(variance.sum()) * share
        return Reading(
            gradient,
            variance,
            1 / share - 1,
            loss,
            root(answer.gradient_loss_variance),
            point_noise=answer.gradient_loss_variance,
            whole_noise=whole,
            evidence=2 * share,
        )

    def expected(self, known: Bounds, n_params: int, amount: int) -> Counts:
        """The share of a whole gradient."""
        return times(_whole(known, n_params), amount / n_params if self.sampled else 1.0)

    def bound(self, known: Bounds, state: AdaptiveState, amount: int) -> Counts | None:
        """A whole gradient: which parameters cost most is not known."""
        return known.gradient

    def variance(self, learned: Learned, n_params: int, amount: int) -> float:
        r"""Of the whole gradient, over the share, and :math:`(n / m - 1)|g|^2` by sampling."""
        share = amount / n_params if self.sampled else 1.0
        signal = learned.signal_size or 0.0
        return _shift_noise(learned, n_params) / share + (1 / share - 1) * signal


@dataclass(frozen=True, slots=True)
class NaturalGradient:
    """Parameter shift together with the metric tensor, which then serves ``reuse`` steps.

    Attributes:
        reuse: Steps per metric tensor.
        shots: Repetitions of each shifted circuit; None leaves them to the objective.
    """

    reuse: int = 5
    shots: int | None = None
    name: str = "natural_gradient"

    def __post_init__(self) -> None:
        if self.reuse < 1:
            raise InvalidOptionError(f"reuse is {self.reuse}; a metric serves one step at least")

    def amounts(self, n_params: int) -> tuple[int, ...]:
        """All parameters."""
        return (n_params,)

    def query(self, state: AdaptiveState, amount: int) -> Query:
        """The gradient, and the metric tensor where none serves any longer."""
        return Query(
            gradient_at=state.params,
            metric_at=state.params if self._due(state) else None,
            gradient_shots=self.shots,
        )

    def read(self, state: AdaptiveState, amount: int, answer: Answer) -> Reading:
        """Gradient and metric tensor as answered.

        Raises:
            InvalidLossError: If one that was asked for is missing or of another shape.
        """
        gradient, variance, loss = _gradient(answer, state.params.size)
        metric = answer.metric if self._due(state) else None
        if self._due(state) and (metric is None or metric.shape != (gradient.size,) * 2):
            raise InvalidLossError(
                f"expected a metric tensor of shape {(gradient.size,) * 2}, but got "
                f"{None if metric is None else metric.shape}; leave out 'natural_gradient' for "
                "objectives without one"
            )
        return Reading(
            gradient,
            variance,
            0.0,
            loss,
            root(answer.gradient_loss_variance),
            point_noise=answer.gradient_loss_variance,
            whole_noise=float(variance.sum()),
            metric=metric,
        )

    def expected(self, known: Bounds, n_params: int, amount: int) -> Counts:
        """A gradient and its share of a metric tensor."""
        gradient, whole = _whole(known, n_params), known.natural
        if whole is None:
            whole = gradient + times(known.point or Counts(1, 0, 1), n_params)
        extra = max(whole.executions - gradient.executions, 0), max(whole.shots - gradient.shots, 0)
        return gradient + times(Counts(*extra), 1 / self.reuse)

    def bound(self, known: Bounds, state: AdaptiveState, amount: int) -> Counts | None:
        """The gradient, with the metric tensor where it is due."""
        return known.natural if self._due(state) else known.gradient

    def variance(self, learned: Learned, n_params: int, amount: int) -> float:
        """Of the gradient by parameter shift."""
        return _shift_noise(learned, n_params)

    def _due(self, state: AdaptiveState) -> bool:
        return not state.metric.size or state.metric_age >= self.reuse


def _subset(state: AdaptiveState, amount: int) -> NDArray[np.int64]:
    rng = np.random.default_rng([state.seed, state.step, 2])
    return np.sort(rng.choice(state.params.size, amount, replace=False))


def _gradient(answer: Answer, n_params: int) -> tuple[FloatArray, FloatArray, float]:
    if answer.gradient is None or answer.gradient.shape != (n_params,):
        found = None if answer.gradient is None else answer.gradient.shape
        raise InvalidLossError(
            f"expected a gradient of shape {(n_params,)}, but got {found}; for objectives "
            "without parameter shift leave methods=('spsa', 'finite_difference')"
        )
    if answer.gradient_loss is None:
        raise InvalidLossError("expected the loss together with the gradient, but got none")
    unknown = np.full(n_params, np.nan)
    known = unknown if answer.gradient_variances is None else answer.gradient_variances
    return answer.gradient, known, answer.gradient_loss


def _whole(known: Bounds, n_params: int) -> Counts:
    """A whole gradient; two circuits per parameter are guessed before one was taken."""
    if known.gradient is not None:
        return known.gradient
    return times(known.point or Counts(1, 0, 1), 2 * n_params + 1)


def _shift_noise(learned: Learned, n_params: int) -> float:
    """Of a whole gradient; half a loss's variance per component before one was taken."""
    known = mean(learned.gradient_noise)
    return n_params * (learned.point_noise or 0.0) / 2 if known is None else known


def root(variance: float) -> float | None:
    """Standard error for a variance; None for NaN."""
    return math.sqrt(variance) if variance >= 0 else None
