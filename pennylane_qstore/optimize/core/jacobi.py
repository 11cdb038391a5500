"""Rotosolve in one round trip per sweep: all coordinates around one point, and a damped move."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.query import Answer, Query, mean_error
from pennylane_qstore.optimize.core.rotosolve import lowest_points, shifted_points, spectra
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.core.trigonometric import Frequencies, check_frequencies

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class JacobiState:
    """All that a resumed run needs.

    Attributes:
        params: The best point that was measured, shape ``(n_params,)``, read-only.
        step: Number of round trips taken.
        seed: Not used: nothing here is random.
        trial: Where the next step samples.
        offsets: From ``params`` to the lowest point of each coordinate.
        damping: Share of the offsets that is tried.
        best: Loss at ``params`` as measured there, or None.
        best_variance: Its variance, or None where it is not known.
        loss: Loss at the last trial, or None.
        loss_error: Its standard error, or None where it is not known.
    """

    params: FloatArray
    step: int
    seed: int
    trial: FloatArray
    offsets: FloatArray
    damping: float
    best: float | None = None
    best_variance: float | None = None
    loss: float | None = None
    loss_error: float | None = None


@dataclass(frozen=True, slots=True)
class JacobiRotosolve:
    r"""All coordinates sampled around one point, in one batch, and moved a share of their way.

    Moving all parameters to their own lowest points at once is exact only where none interact.
    So only the share ``damping`` of the way is tried. If the loss there, which the next batch
    measures anyway, is higher by more than its standard error, the run goes back and tries half of
    the share; otherwise the share grows by half, up to 1.

    Attributes:
        frequencies: Of each parameter; one entry serves all.
        damping: First share, above 0 and up to 1.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    frequencies: tuple[Frequencies, ...] = ((1.0,),)
    damping: float = 0.5

    def __post_init__(self) -> None:
        checked = tuple(check_frequencies(one) for one in self.frequencies)
        object.__setattr__(self, "frequencies", checked)
        if not 0 < self.damping <= 1:
            raise InvalidOptionError(f"damping is {self.damping}; it has to be above 0 and up to 1")

    def init(self, params: ArrayLike, *, seed: int = 0) -> JacobiState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
            InvalidOptionError: If the frequencies do not fit the parameters.
        """
        check_counters(0, seed)
        start = frozen(params)
        spectra(self.frequencies, start.size)
        return JacobiState(start, 0, seed, start, frozen(np.zeros(start.size)), self.damping)

    def ask(self, state: JacobiState) -> Query:
        """The trial point and the samples of every coordinate around it."""
        own = spectra(self.frequencies, state.trial.size)
        around = [shifted_points(state.trial, i, one) for i, one in enumerate(own)]
        return Query(np.vstack([state.trial[None], *around]))

    def tell(self, state: JacobiState, answer: Answer) -> JacobiState:
        """Accept the trial or go back; then try again.

        Raises:
            InvalidLossError: If there is not one loss per point.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        loss, measured = float(answer.losses[0]), float(answer.variances[0])
        variance = None if np.isnan(measured) else measured
        noise = np.sqrt((variance or 0.0) + (state.best_variance or 0.0))
        after = replace(
            state, step=state.step + 1, loss=loss, loss_error=mean_error(answer.variances[:1])
        )
        if state.best is not None and loss > state.best + noise:
            damping = state.damping / 2
            trial = frozen(state.params + damping * state.offsets)
            return replace(after, trial=trial, damping=damping)
        own = spectra(self.frequencies, state.trial.size)
        offsets, _ = lowest_points(own, answer.losses[1:], loss)
        damping = state.damping if state.best is None else min(1.0, 1.5 * state.damping)
        return replace(
            after,
            params=state.trial,
            trial=frozen(state.trial + damping * offsets),
            offsets=frozen(offsets),
            damping=damping,
            best=loss,
            best_variance=variance,
        )

    def move(self, state: JacobiState, params: ArrayLike) -> JacobiState:
        """Go on from other parameters, with the damping kept."""
        return replace(state, params=frozen(params), trial=frozen(params), best=None)

    def load(self, values: Any) -> JacobiState:
        """The state that ``dump`` wrote."""
        return load(JacobiState, values)
