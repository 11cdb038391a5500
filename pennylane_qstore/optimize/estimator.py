"""A gradient from few evaluations, with its own uncertainty."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.arguments import (
    flatten,
    rebuild,
    to_numpy,
    trainable_positions,
    trained_leaves,
)
from pennylane_qstore.optimize.core.directions import Directions, directions_named
from pennylane_qstore.optimize.core.estimates import mean_gradient
from pennylane_qstore.optimize.core.query import Answer, Counts, Query
from pennylane_qstore.optimize.core.state import check_counters
from pennylane_qstore.optimize.differentiate import real_number
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.foresight import Evaluation
from pennylane_qstore.optimize.one_batch import evaluate_together

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class GradientEstimate:
    """A gradient as measured.

    Attributes:
        gradient: Shape ``(n_params,)``: the trainable arguments, flattened and in order.
        variance: Variance of each component as an estimate, shape ``(n_params,)``.
        loss: Mean loss of all evaluations: the loss up to the square of the perturbation.
        counts: Circuits, shots and round trips.
        shapes: Shapes of the trainable arrays.
    """

    gradient: FloatArray
    variance: FloatArray
    loss: float
    counts: Counts
    shapes: tuple[tuple[int, ...], ...]

    def split(self) -> tuple[FloatArray, ...]:
        """The gradient with respect to each trainable array, in its shape."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        parts = np.split(self.gradient, ends)
        return tuple(part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True))


class SPSAGradientEstimator:
    r"""All derivatives from two evaluations, or more for less variance, in one device call.

    .. math:: \hat g = \frac1R \sum_r \frac{L(\theta + c\Delta_r) - L(\theta - c\Delta_r)}{2c}
        \Delta_r

    which is the gradient on average, up to :math:`O(c^2)`.

    Args:
        c: Perturbation, in the parameters' unit.
        resamplings: Directions, :math:`R`.
        directions: ``"hadamard"``, ``"rademacher"``, ``"sphere"``, ``"coordinates"`` or your own.
        shots: Repetitions of each evaluation, if not those of the objective.
        seed: Non-negative integer; together with the number of estimates before, it decides the
            directions. Drawn from the system if None.

    Raises:
        InvalidOptionError: If an option makes no sense.
        InvalidStateError: If the seed is not a non-negative integer.

    References:
        Spall, IEEE Transactions on Automatic Control 37, 332 (1992).
    """

    def __init__(
        self,
        c: float = 0.1,
        resamplings: int = 1,
        *,
        directions: str | Directions = "hadamard",
        shots: int | None = None,
        seed: int | None = None,
    ) -> None:
        if not c > 0 or resamplings < 1:
            raise InvalidOptionError(
                f"c is {c} and resamplings {resamplings}; they have to be positive and at least 1"
            )
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        check_counters(0, self.seed)
        self.n_estimates = self._n_directions = 0
        self._c, self._resamplings, self._shots = c, resamplings, shots
        self._directions = directions_named(directions)

    def estimate(
        self, objective_fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> GradientEstimate:
        """Estimate the gradient with respect to the trainable arguments.

        Args:
            objective_fn: A QNode or any callable that returns one real number.
            args: Its positional arguments.
            kwargs: Its keyword arguments.

        Raises:
            NonFiniteLossError: If the objective returns NaN or infinity.
            InvalidLossError: If it does not return one real number.
            NothingToTrainError: If no argument is trainable.
        """
        positions = trainable_positions(args)
        params = flatten(args, positions)
        directions = self._draw(self._resamplings, params.size)
        offsets = self._c * directions
        points = np.concatenate([params + offsets, params - offsets])
        shots = None if self._shots is None else np.full(len(points), self._shots)
        query = Query(points, shots)
        answer = Evaluator(objective_fn, args, kwargs)(query)
        answer.check(query, self.n_estimates)
        population = self._directions.population(params.size)
        return self._finish(answer, directions, population, _shapes(args, positions))

    def estimate_batch(
        self,
        objective_fn: Callable[..., Any],
        *args: Any,
        samples: Sequence[tuple[Any, ...]],
        subsample: int | None = None,
    ) -> GradientEstimate:
        """Estimate the gradient of the mean of ``objective_fn(*args, *sample)`` over samples.

        Every sample gets a direction of its own and two evaluations, all in one device call. So the
        error of the directions falls with the number of samples, too.

        Args:
            objective_fn: A QNode or any callable that returns one real number.
            args: Its first positional arguments, which may be trainable.
            samples: Its further positional arguments, never trained, for each sample.
            subsample: How many samples, drawn without replacement, to evaluate; the estimate is
                unbiased for the mean of all. None evaluates all.

        Returns:
            The estimate. Its variance contains the scatter among samples, so it is too large by at
            most a share of ``subsample / len(samples)`` of that.

        Raises:
            InvalidOptionError: If there are no samples, or fewer than ``subsample``.
            NonFiniteLossError: If the objective returns NaN or infinity.
            InvalidLossError: If it does not return one real number.
        """
        count = len(samples) if subsample is None else subsample
        if not 1 <= count <= len(samples):
            raise InvalidOptionError(
                f"cannot take {count} of {len(samples)} samples; take at least one and at most all"
            )
        positions = trainable_positions(args)
        params = flatten(args, positions)
        rng = np.random.default_rng([self.seed, self.n_estimates])
        chosen = np.sort(rng.choice(len(samples), size=count, replace=False))
        directions = self._draw(count, params.size)
        offsets = self._c * directions
        points = np.concatenate([params + offsets, params - offsets])

        def evaluation(point: FloatArray, index: int) -> Evaluation:
            there = rebuild(args, positions, point)
            return Evaluation(
                lambda: objective_fn(*there, *samples[index]),
                shots=self._shots,
                calls_once=isinstance(objective_fn, qml.QNode),
            )

        indices = [*chosen.tolist(), *chosen.tolist()]
        outcomes, _, counts = evaluate_together(
            [evaluation(point, index) for point, index in zip(points, indices, strict=True)]
        )
        losses = Answer.of([real_number(outcome.value) for outcome in outcomes])
        losses.check(Query(points), self.n_estimates)
        answer = Answer(losses.losses, losses.variances, counts=counts)
        return self._finish(answer, directions, np.inf, _shapes(args, positions))

    def _finish(
        self,
        answer: Answer,
        directions: FloatArray,
        population: float,
        shapes: tuple[tuple[int, ...], ...],
    ) -> GradientEstimate:
        plus, minus = np.split(answer.losses, 2)
        ahead, behind = np.split(answer.variances, 2)
        noise = (ahead + behind) / (4 * self._c**2)
        slopes = (plus - minus) / (2 * self._c)
        gradient, variance = mean_gradient(slopes, directions, noise, population=population)
        self.n_estimates += 1
        loss = float(answer.losses.mean())
        return GradientEstimate(gradient, variance, loss, answer.counts, shapes)

    def _draw(self, count: int, n_params: int) -> FloatArray:
        start, self._n_directions = self._n_directions, self._n_directions + count
        return self._directions.draw(self.seed, start, count, n_params)


class spsa_grad:  # noqa: N801  # a verb like qml.grad, which it can stand in for
    """The gradient of an objective by SPSA, as a function like that of ``qml.grad``.

    It can be the ``grad_fn`` of PennyLane's optimizers:
    ``opt.step(cost, params, grad_fn=spsa_grad(cost, resamplings=4))``.

    Args:
        objective_fn: A QNode or any callable that returns one real number.
        options: Those of :class:`SPSAGradientEstimator`.

    Attributes:
        last: The last :class:`GradientEstimate`, with its variance and counts; None before.
    """

    def __init__(self, objective_fn: Callable[..., Any], **options: Any) -> None:
        self._objective_fn = objective_fn
        self._estimator = SPSAGradientEstimator(**options)
        self.last: GradientEstimate | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> FloatArray | tuple[FloatArray, ...]:
        """The gradient for one trainable argument, or a tuple of those for several."""
        self.last = self._estimator.estimate(self._objective_fn, *args, **kwargs)
        parts = self.last.split()
        return parts[0] if len(parts) == 1 else parts


def _shapes(args: Sequence[Any], positions: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    return tuple(np.shape(to_numpy(leaf)) for leaf in trained_leaves(args, positions))
