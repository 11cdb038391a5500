"""Steps that made the loss worse are taken back, around any core, without another round trip."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.measured import set_apart, with_point
from pennylane_qstore.optimize.core.query import Answer, Core, Query, S
from pennylane_qstore.optimize.core.state import load

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BlockedState(Generic[S]):
    """State of :class:`Blocked`.

    Attributes:
        params: Where the next step begins, shape ``(n_params,)``: a step not yet judged, or the
            place that a judged one fell back to.
        step: Number of steps taken.
        seed: Of the core inside.
        loss: Loss measured at the parameters before the last step.
        loss_error: Its standard error, or None.
        inner: State of the core inside.
        anchor: Its state at the last accepted place, or None.
        anchor_loss: Loss there.
        anchor_error: Its standard error, or None where it is not known.
        recent: Losses at the last accepted places, oldest first.
        n_rejected: Steps that were taken back.
    """

    params: FloatArray
    step: int
    seed: int
    loss: float | None
    loss_error: float | None
    inner: S
    anchor: S | None = None
    anchor_loss: float = 0.0
    anchor_error: float | None = None
    recent: tuple[float, ...] = ()
    n_rejected: int = 0


@dataclass(frozen=True, slots=True)
class Blocked(Generic[S]):
    r"""Takes a core's step back if the loss rose by more than its noise explains.

    Whether a step was good is known only once the loss after it is measured. That loss joins the
    next step's batch, so judging costs one evaluation but no round trip: if the step turns out bad,
    the next one begins where it began, with the core's state from there and a new direction.

    So the end of a run's last step is not judged. The place judged last is ``state.anchor``; to
    return that instead would leave the first step without a move and give each loss to parameters
    other than those the step began with, unlike PennyLane's optimizers.

    A rise counts if :math:`L_\text{new} > L_\text{old} + z\sqrt{v_\text{new} + v_\text{old}}` with
    the variances of both losses. Where these are not known, the tolerance is :math:`z` times the
    standard deviation of the last accepted losses, as in Qiskit and PennyLane.

    Attributes:
        core: The core whose steps are judged; its state has to be a dataclass with ``step``.
        tolerance: :math:`z`.
        history: Number of accepted losses to remember.
    """

    core: Core[S]
    tolerance: float = 2.0
    history: int = 5

    def __post_init__(self) -> None:
        if not self.tolerance >= 0 or self.history < 1:
            raise InvalidOptionError(
                f"tolerance is {self.tolerance} and history {self.history}; they have to be from 0 "
                "and from 1"
            )

    def init(self, params: ArrayLike, *, seed: int, **more: Any) -> BlockedState[S]:
        """Start at ``params`` (any shape; flattened), with what else the core inside needs."""
        inner = self.core.init(params, seed=seed, **more)
        return BlockedState(inner.params, 0, seed, None, None, inner)

    def ask(self, state: BlockedState[S]) -> Query:
        """What the core inside asks, and the loss where it stands."""
        return with_point(self.core.ask(state.inner), state.inner.params)

    def tell(self, state: BlockedState[S], answer: Answer) -> BlockedState[S]:
        """The core's step, or back to the last accepted place.

        Raises:
            InvalidLossError: If there is not one loss for each point.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        loss, error, rest = set_apart(answer)
        if self._is_worse(state, loss, error):
            return self._back(state, loss, error)
        inner = self.core.tell(state.inner, rest)
        return BlockedState(
            inner.params,
            inner.step,
            inner.seed,
            loss,
            error,
            inner,
            anchor=state.inner,
            anchor_loss=loss,
            anchor_error=error,
            recent=(*state.recent, loss)[-self.history :],
            n_rejected=state.n_rejected,
        )

    def move(self, state: BlockedState[S], params: ArrayLike) -> BlockedState[S]:
        """Go on from other parameters, with which nothing is compared."""
        inner = self.core.move(state.inner, params)
        return replace(state, params=inner.params, inner=inner, anchor=None)

    def load(self, values: Any) -> BlockedState[S]:
        """The state that ``dump`` wrote."""
        if not isinstance(values, Mapping) or not {"inner", "anchor"} <= set(values):
            return load(BlockedState, values)
        outer: BlockedState[S] = load(BlockedState, {**values, "inner": None, "anchor": None})
        anchor = values["anchor"]
        return replace(
            outer,
            inner=self.core.load(values["inner"]),
            anchor=None if anchor is None else self.core.load(anchor),
        )

    def _is_worse(self, state: BlockedState[S], loss: float, error: float | None) -> bool:
        """Whether the step since the anchor is to be taken back; at the anchor itself, never."""
        if state.anchor is None or np.array_equal(state.anchor.params, state.inner.params):
            return False
        if error is None or state.anchor_error is None:
            noise = float(np.std(state.recent))
        else:
            noise = float(np.hypot(error, state.anchor_error))
        return loss > state.anchor_loss + self.tolerance * noise

    def _back(self, state: BlockedState[S], loss: float, error: float | None) -> BlockedState[S]:
        step = state.step + 1
        inner: S = replace(state.anchor, step=step)  # type: ignore[type-var, assignment]
        return replace(
            state,
            params=inner.params,
            step=step,
            loss=loss,
            loss_error=error,
            inner=inner,
            n_rejected=state.n_rejected + 1,
        )
