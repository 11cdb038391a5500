"""What passes between an optimizer and whoever evaluates: one batch of questions, its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.optimize.core.circuit_results import CircuitResults
from pennylane_qstore.optimize.errors import InvalidLossError, NonFiniteLossError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def _none() -> FloatArray:
    return np.empty((0, 0))


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    r"""One batch of questions about an objective :math:`L`, answered in one round trip.

    Attributes:
        points: Where :math:`L` is wanted, shape ``(n_points, n_params)``.
        shots: Repetitions for each point, shape ``(n_points,)``; None leaves them to the objective.
            Those of each circuit; where several measure a sum, their mean.
        pairs: Parameters between whose states the overlap
            :math:`|\langle\psi(a)|\psi(b)\rangle|^2` is wanted, shape ``(n_pairs, 2, n_params)``.
        gradient_at: Where the gradient by parameter shift is wanted, shape ``(n_params,)``, or
            None. Whoever answers gives the loss there, too.
        gradient_of: Indices of the parameters whose derivatives are wanted, shape ``(n_wanted,)``;
            None for all. The other components are answered as 0 and not paid for.
        metric_at: Where the Fubini-Study metric tensor is wanted, shape ``(n_params,)``, or
            None.
        gradient_shots: Repetitions of each shifted circuit; None leaves them to the objective.
        singles: Where one circuit of the objective each is wanted, the circuits taken in turn,
            shape ``(n_singles, n_params)``.
        single_shots: Repetitions of each of these; None leaves them to the objective.
        in_a_row: How many of these each circuit gets before it is the next one's turn.
        turn: Which circuit the first of them is, modulo their number.
        tolerance: What losses at all points but the first may be uncertain by beyond their shot
            noise. Terms of a sum that scatter less than this may be measured at the first point
            only and be taken for the same at the others. See :attr:`Answer.overlooked`.
        whole_at: Indices of points at which these terms are measured, too: the loss with them there
            is in :attr:`Answer.whole`.
    """

    points: FloatArray = field(default_factory=_none)
    shots: IntArray | None = None
    pairs: FloatArray = field(default_factory=lambda: np.empty((0, 2, 0)))
    gradient_at: FloatArray | None = None
    metric_at: FloatArray | None = None
    gradient_shots: int | None = None
    gradient_of: IntArray | None = None
    singles: FloatArray = field(default_factory=_none)
    single_shots: int | None = None
    in_a_row: int = 1
    turn: int = 0
    tolerance: float = 0.0
    whole_at: tuple[int, ...] = ()

    def in_turn(self, n_circuits: int) -> IntArray:
        """Which circuit each of the singles is of, shape ``(n_singles,)``."""
        return (self.turn + np.arange(len(self.singles)) // self.in_a_row) % n_circuits


@dataclass(frozen=True, slots=True)
class Counts:
    """What answers took, in the words of ``qml.Tracker``.

    Attributes:
        executions: Circuits that were run, each with one measurement basis.
        shots: Repetitions of all of them.
        batches: Round trips: calls of a device.
    """

    executions: int = 0
    shots: int = 0
    batches: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.executions + other.executions,
            self.shots + other.shots,
            self.batches + other.batches,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """Answers to a :class:`Query`.

    Attributes:
        losses: Loss at each point, shape ``(n_points,)``; with a tolerance, all with the small
            terms of the first.
        variances: Variance of each loss as an estimate, shape ``(n_points,)``: 0 where it is exact,
            NaN where it is not known.
        overlaps: Overlap of each pair, shape ``(n_pairs,)``.
        gradient: Gradient at ``gradient_at``, shape ``(n_params,)``, or None.
        gradient_variances: Variance of its components, shape ``(n_params,)``, NaN where unknown.
        gradient_loss: Loss at ``gradient_at``.
        gradient_loss_variance: Variance of ``gradient_loss``, NaN where it is not known.
        metric: Metric tensor at ``metric_at``, shape ``(n_params, n_params)``, or None.
        results: Results of the single circuits, or None where none are wanted.
        overlooked: Scatter of the terms that were measured at the first point only. Its square is
            part of the other points' variances.
        whole: Losses at the points ``whole_at`` with the small terms of their own, or none where no
            terms are small.
        counts: What all this took.
    """

    losses: FloatArray
    variances: FloatArray
    overlaps: FloatArray = field(default_factory=lambda: np.empty(0))
    gradient: FloatArray | None = None
    gradient_variances: FloatArray | None = None
    gradient_loss: float | None = None
    gradient_loss_variance: float = float("nan")
    metric: FloatArray | None = None
    results: CircuitResults | None = None
    overlooked: float = 0.0
    whole: FloatArray = field(default_factory=lambda: np.empty(0))
    counts: Counts = Counts()

    @classmethod
    def of(cls, losses: ArrayLike, variances: ArrayLike | None = None) -> "Answer":
        """An answer that holds losses only; without variances they are not known."""
        values = np.array(losses, dtype=np.float64).ravel()
        known = np.full(values.shape, np.nan) if variances is None else np.asarray(variances)
        return cls(values, np.array(known, dtype=np.float64).ravel())

    def shot_noise(self) -> FloatArray:
        """Variances of the losses without what was overlooked, shape ``(n_points,)``."""
        overlooked = np.full(len(self.variances), self.overlooked**2)
        overlooked[:1] = 0.0
        return self.variances - overlooked

    def check(self, query: Query, step: int) -> None:
        """Refuse an answer from which no step can be derived.

        Raises:
            InvalidLossError: If there is not one loss for each point.
            NonFiniteLossError: If a loss is NaN or infinite.
        """
        if self.losses.shape != (len(query.points),):
            raise InvalidLossError(
                f"expected {len(query.points)} losses, one per point, but got shape "
                f"{self.losses.shape}"
            )
        if len(self.whole) not in (0, len(query.whole_at)):
            raise InvalidLossError(
                f"expected losses with all terms at {len(query.whole_at)} points, but got "
                f"{len(self.whole)}"
            )
        asked = [
            self.losses,
            self.whole,
            self.overlaps,
            self.gradient,
            self.gradient_loss,
            self.metric,
        ]
        if not all(np.isfinite(one).all() for one in asked if one is not None):
            found = tuple(self.losses.tolist())
            shown = ", ".join(f"{loss:g}" for loss in found[:8]) + (", …" if len(found) > 8 else "")
            raise NonFiniteLossError(
                f"the answers of step {step} are not all finite (losses {shown}); the step was not "
                "taken. Check the objective for logarithms of zero and overflowing readouts",
                losses=found,
                step=step,
            )


class State(Protocol):
    """All that a resumed run needs; settings stay with the core."""

    @property
    def params(self) -> FloatArray:
        """The answer so far, shape ``(n_params,)``, read-only."""

    @property
    def step(self) -> int:
        """Number of steps taken."""

    @property
    def seed(self) -> int:
        """Together with the step, decides all that is random."""

    @property
    def loss(self) -> float | None:
        """What the last step learned about the loss before it, or None."""

    @property
    def loss_error(self) -> float | None:
        """Standard error of ``loss``, or None where it is not known."""


S = TypeVar("S", bound=State)


class Core(Protocol[S]):
    """An optimizer as pure functions: ``ask``, have the query answered, ``tell``, again."""

    def init(self, params: ArrayLike, *, seed: int) -> S:
        """Start at ``params`` (any shape; flattened)."""

    def ask(self, state: S) -> Query:
        """What has to be known for the next step."""

    def tell(self, state: S, answer: Answer) -> S:
        """The state after the step; the argument is left as it was."""

    def move(self, state: S, params: ArrayLike) -> S:
        """The state of somebody who goes on from other parameters than ``state.params``."""

    def load(self, values: Any) -> S:
        """The state that :func:`~pennylane_qstore.optimize.core.state.dump` wrote."""


def mean_error(variances: Sequence[float] | FloatArray) -> float | None:
    """Standard error of the mean of independent estimates; None where a variance is not known."""
    known = np.asarray(variances, dtype=np.float64)
    if not len(known) or not np.isfinite(known).all():
        return None
    return float(np.sqrt(known.sum()) / len(known))
