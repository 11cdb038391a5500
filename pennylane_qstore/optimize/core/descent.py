"""Descent along a gradient that went through transforms."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.gains import Schedule
from pennylane_qstore.optimize.core.query import Answer, Query, mean_error
from pennylane_qstore.optimize.core.schedules import step_size
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.core.transforms import Memory, Moment, Transform, chain
from pennylane_qstore.optimize.errors import InvalidLossError, NonFiniteLossError

FloatArray = NDArray[np.float64]
Diff = Literal["parameter_shift", "finite_differences"]


@dataclass(frozen=True, slots=True, eq=False)
class DescentState:
    """All that a resumed run needs.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Not used: nothing here is random.
        memory: What the transforms remember.
        gradient: The last gradient that was measured, shape ``(n_params,)``; empty before.
        loss: Loss before the last step that measured, or None.
        loss_error: Its standard error, or None where it is not known.
    """

    params: FloatArray
    step: int
    seed: int
    memory: Memory = ()
    gradient: FloatArray = field(default_factory=lambda: np.empty(0))
    loss: float | None = None
    loss_error: float | None = None


@dataclass(frozen=True, slots=True)
class Descent:
    r""":math:`\theta_{k+1} = \theta_k - \eta_k\, T(\nabla L(\theta_k))`.

    Loss and gradient are asked for together, so a step is one round trip.

    Attributes:
        stepsize: :math:`\eta_k`, a number or a schedule.
        transform: :math:`T`.
        diff: ``"parameter_shift"`` leaves the circuits to whoever answers and is exact.
            ``"finite_differences"`` asks for :math:`L(\theta \pm h e_i)` and :math:`L(\theta)`:
            2 ``n_params`` + 1 points, wrong by :math:`O(h^2)`.
        reuse: Steps that follow one measured gradient. A step that reuses asks for nothing.
        spacing: :math:`h`.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    stepsize: float | Schedule = 0.01
    transform: Transform = field(default_factory=chain)
    diff: Diff = "parameter_shift"
    reuse: int = 1
    spacing: float = 0.1

    def __post_init__(self) -> None:
        if self.diff not in get_args(Diff):
            raise InvalidOptionError(f"diff is {self.diff!r}; choose one of {get_args(Diff)}")
        if self.reuse < 1:
            raise InvalidOptionError(f"reuse is {self.reuse}; a gradient serves at least one step")
        if not (math.isfinite(self.spacing) and self.spacing > 0):
            raise InvalidOptionError(f"spacing is {self.spacing}; it has to be finite and positive")

    def init(self, params: ArrayLike, *, seed: int = 0) -> DescentState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        check_counters(0, seed)
        start = frozen(params)
        return DescentState(start, 0, seed, self.transform.init(start.size))

    def ask(self, state: DescentState) -> Query:
        """Loss and gradient at the parameters; nothing where the last gradient serves again."""
        if not self._measures(state):
            return Query()
        if self.diff == "parameter_shift":
            return Query(gradient_at=state.params)
        offsets = self.spacing * np.eye(state.params.size)
        return Query(np.vstack([state.params, state.params + offsets, state.params - offsets]))

    def tell(self, state: DescentState, answer: Answer) -> DescentState:
        """Move along the transformed gradient.

        Raises:
            InvalidLossError: If the answer holds no gradient, or not one loss per point.
            NonFiniteLossError: If anything in it is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        if self._measures(state):
            state = self._measured(state, answer)
        moment = Moment(state.params, state.step)
        direction, memory = self.transform.update(state.gradient, state.memory, moment)
        params = state.params - step_size(self.stepsize, state.step) * direction
        return replace(state, params=frozen(params), step=state.step + 1, memory=memory)

    def move(self, state: DescentState, params: ArrayLike) -> DescentState:
        """Go on from other parameters, with a gradient measured there."""
        return replace(state, params=frozen(params), gradient=np.empty(0))

    def load(self, values: Any) -> DescentState:
        """The state that ``dump`` wrote."""
        return load(DescentState, values)

    def _measures(self, state: DescentState) -> bool:
        return state.step % self.reuse == 0 or not state.gradient.size

    def _measured(self, state: DescentState, answer: Answer) -> DescentState:
        """The state with the gradient and the loss of an answer."""
        n_params = state.params.size
        if self.diff == "finite_differences":
            plus, minus = answer.losses[1 : n_params + 1], answer.losses[n_params + 1 :]
            gradient, loss = (plus - minus) / (2 * self.spacing), float(answer.losses[0])
            error = mean_error(answer.variances[:1])
            return replace(state, gradient=frozen(gradient), loss=loss, loss_error=error)
        if answer.gradient is None or answer.gradient.shape != (n_params,):
            found = None if answer.gradient is None else answer.gradient.shape
            raise InvalidLossError(
                f"expected a gradient of shape {(n_params,)}, but got {found}; differentiable "
                "objectives only, or use diff='finite_differences'"
            )
        if not np.isfinite(answer.gradient).all():
            raise NonFiniteLossError(
                f"the gradient of step {state.step} is not finite; the step was not taken",
                losses=(),
                step=state.step,
            )
        gradient, error = frozen(answer.gradient), mean_error([answer.gradient_loss_variance])
        return replace(state, gradient=gradient, loss=answer.gradient_loss, loss_error=error)
