"""Optimization on a Gaussian process of single circuits' results."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.circuit_model.kernel import (
    CircuitHyperparameters,
    CircuitKernel,
)
from pennylane_qstore.optimize.core.circuit_model.process import (
    CircuitPosterior,
    Results,
    first_guess,
    learn,
)
from pennylane_qstore.optimize.core.circuit_model.proposal import (
    ExpectedLoss,
    Remembered,
    lowest_expected,
    remembered,
)
from pennylane_qstore.optimize.core.circuit_model.state import CircuitModelState
from pennylane_qstore.optimize.core.circuit_results import CircuitResults
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.core.surrogate import AngleKernel, followed
from pennylane_qstore.optimize.core.threads import one_thread
from pennylane_qstore.optimize.core.turns import in_turn
from pennylane_qstore.optimize.errors import InvalidLossError

FloatArray = NDArray[np.float64]

# Half side of the largest box, in natural shifts of a right angle.
_WIDEST = 1.5
# Rounds between two looks at the hyperparameters, and the results that these are learned from: so
# many spread over the window, whose far ones tell the scales, and so many of the newest.
_LEARNS_EVERY, _SPREAD_OUT, _NEWEST = 4, 400, 100
# Of the circuits of a round, those with a shifted parameter; the others scatter about the centre.
_SHIFTED = 0.75
# Half side of the box in which another start is drawn, in natural shifts: a whole turn of a gate.
_ELSEWHERE = 2.0
# By how many of its standard errors a loss has to be lower to count as progress.
_SIGNIFICANT = 0.5
# A variance from few shots may be far too small: no less than this share of the round's mean.
_LEAST_NOISE = 0.1


@dataclass(frozen=True, slots=True)
class CircuitModel:
    r"""Minimise a loss of many circuits by a model of what each of them gives.

    A loss over data is a function of the results of circuits that share their gates, one for each
    sample. Whoever asks for the loss at P + 1 points pays for P + 1 results of each sample; here
    each circuit of a round is run at parameters of its own. A
    :class:`~pennylane_qstore.optimize.core.circuit_model.process.CircuitPosterior` over parameters
    and data learns from all of them, in former rounds with other data, too, and predicts every
    sample's result at every point. The loss follows from the predictions, its curvature counting
    what they do not know, and the next centre is where it is lowest in a box.

    Attributes:
        circuits: To run in each round.
        shots: Repetitions of each; None leaves them to the objective.
        caution: Weight of the predictions' uncertainty in the loss.
        radius: Of the first box, in natural shifts of a right angle.
        scatter: Standard deviation of the circuits about the centre, in the same unit.
        window: Newest results that the model is fitted to.
        memory: Newest circuits that the loss is the mean over, at least those of one round.
        patience: Rounds in which the expected loss does not fall by half its standard error,
            after which another start is drawn within a turn of each gate. The answer stays
            until the expected loss there is lower by as much.
    """

    circuits: int = 64
    shots: int | None = None
    caution: float = 1.0
    radius: float = 0.5
    scatter: float = 0.4
    window: int = 1800
    memory: int = 256
    patience: int = 8

    def __post_init__(self) -> None:
        if self.circuits < 2 or self.radius <= 0 or self.window < self.circuits:
            raise InvalidOptionError(
                f"circuits {self.circuits} have to be 2 or more, radius {self.radius} positive and "
                f"window {self.window} no less than circuits"
            )
        if self.patience < 1:
            raise InvalidOptionError(f"patience {self.patience} has to be at least 1")

    def init(self, params: ArrayLike, *, seed: int, kernel: CircuitKernel) -> CircuitModelState:
        """Start at ``params`` (any shape; flattened).

        Args:
            params: Finite numbers.
            seed: Non-negative integer.
            kernel: How parameters and data enter the circuits.

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        check_counters(0, seed)
        start = frozen(params)
        return CircuitModelState(
            start, 0, seed, kernel.trained, kernel.data, kernel.direct, start, start,
            self.radius,
        )  # fmt: skip

    def ask(self, state: CircuitModelState) -> Query:
        """Single circuits, most with one parameter shifted and the others about the centre."""
        steps = self._steps(state)
        np.random.default_rng([state.seed, 4, state.step]).shuffle(steps)
        return Query(singles=state.centre + steps, single_shots=self.shots, turn=state.turn)

    def tell(self, state: CircuitModelState, answer: Answer) -> CircuitModelState:
        """The state after the round.

        Raises:
            InvalidLossError: If there is not one result per circuit.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        if answer.results is None:
            raise InvalidLossError("expected results of single circuits, but got none")
        answer.results.check(self.circuits, state.step)
        with one_thread():
            return self._learned(state, answer.results)

    def move(self, state: CircuitModelState, params: ArrayLike) -> CircuitModelState:
        """Go on from other parameters; what was run is still known."""
        point = frozen(params)
        return replace(
            state, params=point, centre=point, origin=point, gain=0.0, anchor=None, stalled=0,
            rival=None,
        )  # fmt: skip

    def load(self, values: Any) -> CircuitModelState:
        """The state that ``dump`` wrote."""
        return load(
            CircuitModelState, values, trained=AngleKernel, encoded=AngleKernel, results=Results,
            hyper=CircuitHyperparameters, circuits=Remembered,
        )  # fmt: skip

    # ------------------------------------------------------------------ parts of a round
    def _n_shifted(self, state: CircuitModelState) -> int:
        return round(_SHIFTED * self.circuits) if len(state.kernel.live) else 0

    def _steps(self, state: CircuitModelState) -> FloatArray:
        """Away from the centre: live parameters in turn, to another side at each visit; or all."""
        live, n_shifted = state.kernel.live, self._n_shifted(state)
        steps = np.zeros((self.circuits, len(state.params)))
        if not n_shifted:
            return steps
        chosen, signs = in_turn(
            live,
            visits=range(state.shifted, state.shifted + n_shifted),
            n_params=len(state.params),
            seed=state.seed,
        )
        shifts = state.trained.natural_shifts()
        steps[np.arange(n_shifted), chosen] = signs * shifts[chosen]
        rng = np.random.default_rng([state.seed, 3, state.step])
        scattered = rng.normal(size=(self.circuits - n_shifted, len(live)))
        steps[n_shifted:, live] = self.scatter * scattered * shifts[live] * 2 / np.pi
        return steps

    def _learned(self, state: CircuitModelState, found: CircuitResults) -> CircuitModelState:
        """Fit the model to what is known by now, and move."""
        results = self._joined(state, found)
        hyper = state.hyper or first_guess(state.kernel)
        if state.step % _LEARNS_EVERY == 0:
            hyper = learn(state.kernel, results.sample(_SPREAD_OUT, _NEWEST), hyper)
        posterior = CircuitPosterior(state.kernel, results, hyper)
        predicted = posterior.predict(state.centre, found.data)
        # No further than results go: the loss need not be defined there.
        reference = np.clip(predicted, results.values.min(axis=0), results.values.max(axis=0))
        loss = found.expand(reference)
        loss.check(state.step)
        slope = loss.slope[:, : reference.shape[1]]
        error = posterior.variance_of_sum(state.centre, found.data, slope) ** 0.5
        direct = np.tile(state.centre[state.direct], (len(reference), 1))
        around = np.concatenate([reference, direct], axis=1)
        circuits = remembered(state.circuits, found.data, around, loss)
        n_kept = max(self.memory, len(found.data))
        circuits = circuits.take(np.arange(max(0, len(circuits) - n_kept), len(circuits)))
        state = replace(
            state,
            step=state.step + 1,
            results=results,
            hyper=hyper,
            circuits=circuits,
            shifted=state.shifted + self._n_shifted(state),
            turn=state.turn + self.circuits,
        )
        if state.rival is None:
            state = replace(state, loss=loss.value, loss_error=error)
        return self._moved(state, ExpectedLoss(posterior, circuits, self.caution), error)

    def _moved(
        self, state: CircuitModelState, expected: ExpectedLoss, error: float
    ) -> CircuitModelState:
        """Go to the lowest expected loss nearby, or to another start; and the answer so far."""
        now, _ = expected(state.centre)
        if state.anchor is None or expected(state.anchor)[0] - now > _SIGNIFICANT * error:
            state = replace(state, anchor=state.centre, stalled=0)
        else:
            state = replace(state, stalled=state.stalled + 1)
        if state.stalled >= self.patience:
            return self._elsewhere(state, now)
        real = expected(state.origin)[0] - now
        radius = followed(state.radius, gain=state.gain, real=real, widest=_WIDEST)
        unit = state.trained.natural_shifts() * 2 / np.pi
        end = frozen(lowest_expected(expected, state.centre, radius * unit))
        least = expected(end)[0]
        state = replace(state, centre=end, origin=state.centre, radius=radius, gain=now - least)
        if state.rival is not None and state.rival <= least + _SIGNIFICANT * error:
            return state
        return replace(state, params=end, rival=None)

    def _elsewhere(self, state: CircuitModelState, now: float) -> CircuitModelState:
        """Another start; the better one of the last and the one before stays the answer."""
        if state.rival is None or now < state.rival:
            state = replace(state, params=state.centre, rival=now)
        live = state.kernel.live
        away = np.random.default_rng([state.seed, 5, state.step]).uniform(-1, 1, len(live))
        point = state.centre.copy()
        point[live] += _ELSEWHERE * away * state.trained.natural_shifts()[live]
        start = frozen(point)
        return replace(
            state, centre=start, origin=start, gain=0.0, anchor=None, stalled=0, radius=self.radius
        )

    def _joined(self, state: CircuitModelState, found: CircuitResults) -> Results:
        """Newest results, this round's included."""
        noise = found.variances.mean(axis=1)
        known = noise[np.isfinite(noise)]
        level = float(known.mean()) if len(known) else 0.0
        noise = np.maximum(np.where(np.isfinite(noise), noise, level), _LEAST_NOISE * level)
        new = Results(self.ask(state).singles, found.data[found.circuits], found.values, noise)
        if state.results is None:
            return new.newest(self.window)
        pairs = [(getattr(state.results, name), getattr(new, name)) for name in Results.__slots__]
        return Results(*map(np.concatenate, pairs)).newest(self.window)
