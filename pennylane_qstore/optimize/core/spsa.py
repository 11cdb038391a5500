"""Simultaneous perturbation stochastic approximation: a few losses per step, for any dimension."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.directions import RADEMACHER, Directions
from pennylane_qstore.optimize.core.gains import GainRule, Probe
from pennylane_qstore.optimize.core.moments import limited
from pennylane_qstore.optimize.core.query import Answer, Query, mean_error
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.core.transforms import Chain, Memory, Moment, Transform

FloatArray = NDArray[np.float64]
T = TypeVar("T", bound="SPSAState")


@dataclass(frozen=True, slots=True, eq=False)
class SPSAState:
    """All that a resumed run needs; the settings stay with :class:`SPSA`.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Together with the step, decides the directions.
        loss: Mean loss of the last step's pairs, or None.
        loss_error: Its standard error, or None where it is not known.
        memory: What the transforms remember.
        curvature: Trace of the Hessian, where the gains ask for it.
        drawn: Number of directions so far.
        overlooks: Whether the last step had small terms measured along one direction only.
    """

    params: FloatArray
    step: int
    seed: int
    loss: float | None = None
    loss_error: float | None = None
    memory: Memory = ()
    curvature: float | None = None
    drawn: int = 0
    overlooks: bool = False


@dataclass(frozen=True, slots=True)
class SPSA:
    r"""SPSA with any number of directions per step, all in one batch.

    .. math::

        \hat g_k = \frac1R \sum_r \frac{L(\theta_k + c_k\Delta_{k,r}) -
        L(\theta_k - c_k\Delta_{k,r})}{2 c_k}\,\Delta_{k,r}, \qquad
        \theta_{k+1} = \theta_k - a_k\,T(\hat g_k)

    with directions for which :math:`E[\Delta\Delta^T] = 1`. Over them, :math:`\hat g_k` is the
    gradient up to :math:`O(c_k^2)`, and exactly the gradient of a quadratic. :math:`T` are the
    transforms: averages, momentum, Adam's scaling, clipping.

    All methods are pure: the caller turns ``ask(state)`` into losses, in one device batch where it
    can, and gives them to ``tell``.

    Attributes:
        gains: How far to look, :math:`c_k`, and to move, :math:`a_k`.
        directions: Distribution of the directions.
        resamplings: Directions per step, :math:`R`.
        transforms: From the gradient estimate to a direction, in this order.
        max_step: Longest step, as a root mean square per parameter; None for no limit.
        shots: Repetitions of each evaluation; None leaves them to the objective.
        light_resamplings: Directions per step where a Hamiltonian has small terms, which are
            measured along the first of them only; of the scatter of all terms at most a quarter.
            The estimate stays unbiased. None measures all terms along all directions.

    References:
        Spall, IEEE Transactions on Automatic Control 37, 332 (1992).
    """

    gains: GainRule
    directions: Directions = RADEMACHER
    resamplings: int = 1
    transforms: tuple[Transform, ...] = ()
    max_step: float | None = None
    shots: int | None = None
    light_resamplings: int | None = None

    def __post_init__(self) -> None:
        for name in ("resamplings", "max_step", "shots", "light_resamplings"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidOptionError(f"{name} is {value}; it has to be positive")

    def init(self, params: ArrayLike, *, seed: int) -> SPSAState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        check_counters(0, seed)
        start = frozen(params)
        return SPSAState(start, 0, seed, memory=Chain(self.transforms).init(start.size))

    def ask(self, state: SPSAState) -> Query:
        """The points of this step: all ahead, all behind, and the iterate if the gains want it."""
        offsets = self.radius(state) * self.directions_of(state, state.params.size)
        points = [state.params + offsets, state.params - offsets]
        if self.gains.wants_centre(state.step, state.curvature):
            points.append(state.params[None])
        stacked = np.concatenate(points)
        shots = None if self.shots is None else np.full(len(stacked), self.shots)
        if self.light_resamplings is None:
            return Query(stacked, shots)
        return Query(stacked, shots, tolerance=np.inf, whole_at=(0, len(offsets)))

    def tell(self, state: SPSAState, answer: Answer) -> SPSAState:
        """Move against the gradient estimated from the losses of :meth:`ask`'s points.

        Raises:
            InvalidLossError: If there is not one loss for each point.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        directions = self.directions_of(state, state.params.size)
        count = len(directions)
        plus, minus, centre = np.split(answer.losses, [count, 2 * count])
        measured = float(centre[0]) if len(centre) else None
        probe = Probe(plus, minus, measured, self.radius(state), state.params.size)
        curvature = self.gains.learn(probe, state.curvature)
        ahead, behind = self._light(answer, count)
        slope = (ahead - behind) / (2 * probe.perturbation)
        estimate = probe.slopes @ directions / count + slope * directions[0]
        loss = float(answer.losses[: 2 * count].mean() + (ahead + behind) / 2)
        error = mean_error(answer.shot_noise()[: 2 * count])
        state = replace(state, curvature=curvature, overlooks=answer.overlooked > 0)
        return self.follow(state, estimate, count, loss=loss, error=error)

    def follow(
        self,
        state: T,
        estimate: FloatArray,
        count: int,
        *,
        loss: float | None,
        error: float | None,
    ) -> T:
        """The state after the step that an estimate of the gradient leads to.

        Args:
            state: Before the step, with what it has told of the curvature and of small terms.
            estimate: Shape ``(n_params,)``.
            count: Number of directions that it is of.
            loss: What the step has learned about the loss before it.
            error: Its standard error.
        """
        moment = Moment(state.params, state.step)
        gradient, memory = Chain(self.transforms).update(estimate, state.memory, moment)
        spread = 1 / count + 1 / state.params.size
        size = self.gains.step_size(state.step, state.curvature, spread=spread)
        moved = frozen(state.params - limited(size * gradient, self.max_step))
        step, drawn = state.step + 1, state.drawn + count
        return replace(
            state, params=moved, step=step, drawn=drawn, loss=loss, loss_error=error, memory=memory
        )

    def move(self, state: T, params: ArrayLike) -> T:
        """Go on from other parameters."""
        return replace(state, params=frozen(params))

    def load(self, values: Any) -> SPSAState:
        """The state that ``dump`` wrote."""
        return load(SPSAState, values)

    def _light(self, answer: Answer, count: int) -> tuple[float, float]:
        """What small terms add to the losses ahead and behind along the first direction."""
        if not len(answer.whole):
            return 0.0, 0.0
        ahead, behind = answer.whole - answer.losses[[0, count]]
        return float(ahead), float(behind)

    def radius(self, state: SPSAState) -> float:
        """How far a step looks along each coordinate."""
        return self.gains.perturbation(state.step, state.curvature)

    def directions_of(self, state: SPSAState, n_params: int) -> FloatArray:
        """The directions of a step over some parameters, shape ``(n_directions, n_params)``."""
        wanted = self.light_resamplings if state.overlooks else None
        count = self.gains.pairs(wanted or self.resamplings, state.curvature)
        return self.directions.draw(state.seed, state.drawn, count, n_params)
