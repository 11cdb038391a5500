"""Runs of the local model from other starts, while the answer stays where it is."""

from dataclasses import replace

import numpy as np

from pennylane_qstore.optimize.core.local_model_state import LocalModelState

# Half side of the box in which another start is drawn, as an angle of the gate that turns most.
_TURN = np.pi
# Of what was paid at home, that may have been paid elsewhere when the run leaves again.
_SHARE = 0.1


def may_leave(state: LocalModelState) -> bool:
    """Whether little enough was paid elsewhere so far."""
    return state.elsewhere <= _SHARE * state.paid


def left(state: LocalModelState, radius: float) -> LocalModelState:
    """The state at another start, drawn within a whole turn of each parameter's gates.

    Evaluations far from a random start say nothing about it, so this is a new run that pays its own
    way, with as few repetitions as at first; it only has the old one's evaluations to begin with.

    Args:
        state: About to measure around its next centre, to which it will return.
        radius: Of the first box.
    """
    rng = np.random.default_rng([state.seed, 3, state.step])
    turns = np.abs(state.angles).max(axis=0, initial=0.0)
    width = _TURN / np.where(turns > 0, turns, 1.0)
    start = state.params + rng.uniform(-width, width)
    return replace(
        state, centre=start, former=start[None], trail=start[None], origin=start, gain=0.0,
        anchor=start, radius=radius, stalled=0, level=0, paid=0,
        home=replace(state, stalled=0, explored=False),
    )  # fmt: skip


def compared(
    state: LocalModelState, loss: float, error: float, *, patience: int
) -> tuple[LocalModelState, bool]:
    """What becomes of a run from another start, and whether it goes on there.

    Lower than home by more than the errors of both losses, it becomes the run. If it does not get
    below home any more, or has cost as much as all before it, the run at home goes on.

    Args:
        state: The run from another start.
        loss: The lowest there by its model.
        error: Its standard deviation.
        patience: Rounds without progress to wait for.
    """
    home = state.home
    assert home is not None
    assert state.loss is not None
    assert state.loss_error is not None
    gained = state.loss - loss
    if gained > state.loss_error + error:
        return replace(state, home=None, elsewhere=0, explored=False), True
    if (state.stalled >= patience and gained < 0) or state.paid > home.paid:
        elsewhere = home.elsewhere + state.paid
        return replace(home, step=state.step, taken=state.taken, elsewhere=elsewhere), False
    return state, True
