"""Optimization on a Gaussian process of the loss that knows the angles of its gates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.excursions import compared, left, may_leave
from pennylane_qstore.optimize.core.few_shots import FewShots
from pennylane_qstore.optimize.core.local_model_state import LocalModelState, joined
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.core.surrogate import (
    Evaluations,
    Hyperparameters,
    Posterior,
    doubted,
    first_guess,
    followed,
    learn,
    lowest,
    near,
    turned,
)
from pennylane_qstore.optimize.core.threads import one_thread
from pennylane_qstore.optimize.core.turns import in_turn

FloatArray = NDArray[np.float64]

# Turning a parameter far is taken no less cautiously than this, and more so after turns that did
# not keep what they promised.
_TURN_CAUTION = 1.0
# Where the loss itself differs from round to round by more than this share of its variance, as it
# does between mini-batches, many rounds of few points say more than few rounds of many.
_DRIFTING, _FEW = 0.01, 0.34
# How many former centres may become the best point again, given what is known by now.
_REMEMBERED = 8
# Rounds in the neighbourhood before it is compared with the best point, and how far away it is, in
# natural shifts of a right angle.
_EXPLORED, _KICK = 4, 1.0
# By how many of its standard errors a loss has to be lower to count as progress.
_SIGNIFICANT = 0.5
# How many of the last centres the answer may be a mean of.
_TRAIL = 20


@dataclass(frozen=True, slots=True)
class LocalModel:
    r"""Minimise by a local model of the loss, one batch of evaluations per round.

    Each round shifts parameters one by one around a centre, fits a
    :class:`~pennylane_qstore.optimize.core.surrogate.process.Posterior` to all evaluations, and
    moves the centre to the lowest value of mean plus ``caution`` standard deviations in a box, or
    beyond turns of single parameters. The box, or the caution with turns, follows how well the last
    improvement was predicted. When progress is lost in the
    noise, repetitions are doubled; then the neighbourhood is explored and, if that does not help,
    the run begins anew from another start for a while. The best point is kept.
    Terms of a sum that scatter less than the loss is predicted to fall are measured at the centre
    only. With ``few_shots`` repetitions grow with what has been paid instead, the box is fixed and
    all terms are measured.

    Attributes:
        shots: Repetitions of each evaluation; None leaves them to the objective.
        doublings: How often they may be doubled where the noise hides what is to be gained.
        resolution: Predicted gain, in standard errors of one evaluation, that needs no doubling.
        fraction: Of the parameters to shift in each round but the first.
        caution: Standard deviations that count as loss.
        radius: Of the first box, in natural shifts of a right angle, and ``widest``, of the
            largest.
        widest: See ``radius``.
        patience: Rounds without significant progress after which something else is tried.
        reach: Shifts in units of the box, and ``narrow``, the least of them in natural shifts.
        narrow: See ``reach``.
        overlooked: Scatter of terms that are measured at the centre only, in units of the
            predicted gain; 0 measures all.
        window: Evaluations that the model is fitted to, at least eight for each parameter.
        few_shots: What is different where evaluations are very noisy; needs ``shots``.
    """

    shots: int | None = None
    doublings: int = 4
    resolution: float = 2.0
    fraction: float = 1.0
    caution: float = 1.0
    radius: float = 0.6
    widest: float = 2.0
    patience: int = 4
    reach: float = 2.6
    narrow: float = 0.3
    overlooked: float = 1.0
    window: int = 400
    few_shots: FewShots | None = None

    def __post_init__(self) -> None:
        if (
            not 0 < self.fraction <= 1
            or self.radius <= 0
            or self.patience < 1
            or self.overlooked < 0
        ):
            raise InvalidOptionError(
                f"fraction {self.fraction} has to be in (0, 1], radius {self.radius} positive, "
                f"patience {self.patience} at least 1 and overlooked {self.overlooked} 0 or more"
            )
        if self.few_shots is not None and self.shots is None:
            raise InvalidOptionError("few_shots needs to know with how many shots to begin: shots")

    def init(
        self,
        params: ArrayLike,
        *,
        seed: int,
        angles: ArrayLike | None = None,
        counts: ArrayLike | None = None,
    ) -> LocalModelState:
        """Start at ``params`` (any shape; flattened).

        Args:
            params: Finite numbers.
            seed: Non-negative integer.
            angles: See :class:`LocalModelState`; by default each parameter is one gate's angle.
            counts: See :class:`LocalModelState`.

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        check_counters(0, seed)
        start = frozen(params)
        n = len(start)
        matrix = np.eye(n) if angles is None else np.array(angles, dtype=float)
        gates = np.ones(len(matrix)) if counts is None else np.array(counts, dtype=float)
        none = np.empty(0)
        empty = Evaluations(np.empty((0, n)), none, none, np.empty(0, dtype=np.int64), none)
        return LocalModelState(
            start, 0, seed, matrix, gates, start, empty, None, start[None], start[None], start, 0.0,
            start, self.radius,
        )  # fmt: skip

    def ask(self, state: LocalModelState) -> Query:
        """The centre, and parameters shifted from it, each to one side."""
        chosen, signs = self._shifted(state)
        steps = np.zeros((len(chosen), len(state.params)))
        shifts = state.kernel.natural_shifts() * self._scale(state)
        steps[np.arange(len(chosen)), chosen] = signs * shifts[chosen]
        points = state.centre + np.concatenate([np.zeros((1, len(state.params))), steps])
        if self.few_shots is not None and state.step:
            points = self.few_shots.scattered(points, state.kernel, [state.seed, 4, state.step])
        shots = self._shots(state, len(points))
        repetitions = None if shots is None else np.full(len(points), shots)
        return Query(points, repetitions, tolerance=self._tolerance(state))

    def tell(self, state: LocalModelState, answer: Answer) -> LocalModelState:
        """The state after the round.

        Raises:
            InvalidLossError: If there is not one loss per point.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        query = self.ask(state)
        answer.check(query, state.step)
        with one_thread():
            return self._learned(state, query, answer)

    def _learned(self, state: LocalModelState, query: Query, answer: Answer) -> LocalModelState:
        """Fit the model to what is known by now, and move."""
        kernel = state.kernel
        data = near(joined(state, query, answer), kernel, state.centre, self._window(state))
        used = data if self.few_shots is None else self.few_shots.smoothed(data, kernel)
        hyper = self._hyper(state, used)
        posterior = Posterior(kernel, used, hyper)
        loss, error = state.loss, state.loss_error
        if state.home is None:  # Elsewhere nothing is learned about the answer.
            loss, error = posterior.predict(state.params)
        state = replace(
            state,
            step=state.step + 1,
            taken=state.taken + len(self._shifted(state)[0]),
            data=data,
            hyper=hyper,
            former=np.concatenate([state.former[-_REMEMBERED + 1 :], state.centre[None]]),
            loss=loss,
            loss_error=error,
            paid=state.paid + self._price(query),
            overlooked=answer.overlooked,
        )
        state = self._trusted(state, posterior)
        if not state.own_shots and answer.counts.executions:
            state = replace(state, own_shots=answer.counts.shots // answer.counts.executions)
        return self._louder(self._moved(state, posterior), answer)

    def move(self, state: LocalModelState, params: ArrayLike) -> LocalModelState:
        """Go on from other parameters; what was evaluated is still known."""
        point = frozen(params)
        return replace(
            state, params=point, centre=point, former=point[None], trail=point[None], origin=point,
            gain=0.0, anchor=point, stalled=0, exploring=0, explored=False, home=None, elsewhere=0,
        )  # fmt: skip

    def load(self, values: Any) -> LocalModelState:
        """The state that ``dump`` wrote."""
        parts = {"data": Evaluations, "hyper": Hyperparameters}
        if not isinstance(values, Mapping) or values.get("home") is None:
            return load(LocalModelState, values, **parts)
        away: LocalModelState = load(LocalModelState, {**values, "home": None}, **parts)
        return replace(away, home=self.load(values["home"]))

    # ------------------------------------------------------------------ parts of a round
    def _shots(self, state: LocalModelState, n_points: int) -> int | None:
        """Repetitions of each evaluation; None leaves them to the objective."""
        if self.few_shots is not None and self.shots is not None:
            paid = 0 if state.exploring else state.paid
            return self.few_shots.shots(self.shots, paid, n_points)
        if self.shots is None and not state.level:
            return None
        return (self.shots or state.own_shots) * 2**state.level

    def _tolerance(self, state: LocalModelState) -> float:
        """Scatter of terms that need to be measured at the centre only."""
        if self.few_shots is not None or not self.overlooked:
            return 0.0
        return self.overlooked * state.gain if state.step else np.inf

    def _hyper(self, state: LocalModelState, data: Evaluations) -> Hyperparameters:
        """What is learned of the process besides its values."""
        kernel, centre, start = state.kernel, state.centre, state.hyper or first_guess(data)
        if self.few_shots is None:
            return learn(kernel, near(data, kernel, centre, max(200, 2 * len(centre))), start)
        if not self.few_shots.due(state.step):
            return start
        return learn(kernel, self.few_shots.sample(data, kernel, centre), start)

    def _daring(self, state: LocalModelState) -> float:
        """The caution of the next move."""
        if self.few_shots is None:
            return self.caution
        return self.caution * self.few_shots.relaxation**state.stalled

    def _window(self, state: LocalModelState) -> int:
        return max(self.window, 8 * len(state.params))

    def _scale(self, state: LocalModelState) -> float:
        if state.step == 0:
            return 1.0
        return min(max(self.reach * state.radius / (np.pi / 2), self.narrow), 1.0)

    def _shifted(self, state: LocalModelState) -> tuple[NDArray[np.int64], FloatArray]:
        """Parameters of this round's shifts, and their signs: another side at each visit."""
        n = len(state.params)
        fraction = self.fraction
        if state.hyper is not None and state.hyper.drift > _DRIFTING:
            fraction = min(fraction, _FEW)
        wanted = n if state.step == 0 else max(min(n, 2), round(fraction * n))
        visits = range(state.taken, state.taken + wanted)
        return in_turn(np.arange(n), visits=visits, n_params=n, seed=state.seed)

    def _trusted(self, state: LocalModelState, posterior: Posterior) -> LocalModelState:
        """The box, or the caution with turns, follows how much of the promise came true."""
        if self.few_shots is not None and not state.by_turn:
            return state
        real = posterior.predict(state.origin)[0] - posterior.predict(state.centre)[0]
        outcome = {"gain": state.gain, "real": real, "noise": posterior.predict(state.centre)[1]}
        if state.by_turn:
            caution = doubted(state.turn_caution, **outcome, least=_TURN_CAUTION)
            return replace(state, turn_caution=caution)
        return replace(state, radius=followed(state.radius, **outcome, widest=self.widest))

    def _moved(self, state: LocalModelState, posterior: Posterior) -> LocalModelState:
        """The next centre, and the answer so far."""
        base, caution = self._best(state.former, posterior), self._daring(state)
        state = self._progress(state, posterior, base)
        if state.home is not None:
            state, stays = compared(state, *posterior.predict(base), patience=self.patience)
            if not stays:
                return state
        if state.exploring:
            state = replace(state, exploring=state.exploring - 1)
            state = self._stepped(state, posterior, (base, state.centre), caution)
            return self._settled(state, base)
        if state.home is not None or state.stalled < self.patience:
            return self._stepped(state, posterior, (base, base), caution)
        if state.explored and may_leave(state):
            state = self._settled(self._stepped(state, posterior, (base, base), caution), base)
            if self.few_shots is None:
                loss, error = posterior.predict(base)
                state = replace(state, loss=loss, loss_error=error)
            return left(state, self.radius)
        return self._explored(state, posterior, base, caution)

    def _stepped(
        self,
        state: LocalModelState,
        posterior: Posterior,
        places: tuple[FloatArray, FloatArray],
        caution: float,
    ) -> LocalModelState:
        """To the lowest pessimistic loss about the second place; the first is the best so far."""
        base, origin = places
        centre, by_turn = self._proposed(state, posterior, origin, caution)
        gain = posterior.predict(origin)[0] - posterior.predict(centre)[0]
        state = replace(state, centre=centre, origin=origin, gain=gain, by_turn=by_turn)
        if not state.exploring:
            trail = np.concatenate([state.trail, centre[None]])[-_TRAIL:]
            state = replace(state, trail=trail)
        if state.home is not None:
            return state
        return replace(state, params=frozen(self._answer(state, posterior, base)))

    def _settled(self, state: LocalModelState, base: FloatArray) -> LocalModelState:
        """With the best former centre as the answer, where the next one is a mere hope."""
        if state.home is not None or self.few_shots is not None:
            return state  # With few shots it is the surest point anyway.
        return replace(state, params=frozen(base))

    def _proposed(
        self, state: LocalModelState, posterior: Posterior, origin: FloatArray, caution: float
    ) -> tuple[FloatArray, bool]:
        """The lowest pessimistic loss in the box or beyond a turn, and whether it is the latter."""
        unit = state.kernel.natural_shifts() * 2 / np.pi
        box, doubt = state.radius * unit, max(caution, _TURN_CAUTION, state.turn_caution)
        centre = lowest(posterior, origin, box, caution=caution)
        if state.exploring:
            return centre, False
        start = turned(posterior, origin, unit * np.pi / 2, caution=doubt)
        if np.array_equal(start, origin):
            return centre, False
        far = lowest(posterior, start, box, caution=doubt)
        by_turn = _pessimistic(posterior, far, doubt) < _pessimistic(
            posterior, centre, self.caution
        )
        return (far if by_turn else centre), by_turn

    def _answer(self, state: LocalModelState, posterior: Posterior, base: FloatArray) -> FloatArray:
        """The best point so far, the next centre, or with few shots a mean of the last centres."""
        candidates = np.stack([base, state.centre])
        if self.few_shots is None:
            return self._best(candidates, posterior)
        means = self.few_shots.means(state.trail)
        return self._best(np.concatenate([candidates, means]), posterior, self.few_shots.doubt)

    def _explored(
        self, state: LocalModelState, posterior: Posterior, base: FloatArray, optimism: float
    ) -> LocalModelState:
        """Go where the model hopes for less, and come back after a few rounds if it is not so."""
        rng = np.random.default_rng([state.seed, 3, state.step])
        unit = state.kernel.natural_shifts() * 2 / np.pi
        start = base + rng.uniform(-_KICK, _KICK, len(base)) * unit
        centre = lowest(posterior, start, unit, caution=-optimism)
        return replace(
            state, params=frozen(base), centre=centre, origin=centre, gain=0.0,
            radius=self.radius, stalled=0, exploring=_EXPLORED, explored=True, former=base[None],
        )  # fmt: skip

    def _louder(self, state: LocalModelState, answer: Answer) -> LocalModelState:
        """Double the repetitions if the noise of one evaluation hides what is to be gained."""
        noise = answer.shot_noise()
        known = noise[np.isfinite(noise)]
        if self.few_shots is not None or state.level >= self.doublings:
            return state
        if not len(known) or not (self.shots or state.own_shots):
            return state
        if state.hyper is not None and state.hyper.drift > _DRIFTING:
            return state  # More shots do not average over mini-batches; more rounds do.
        if state.exploring or state.home is not None:
            return state
        if state.gain >= self.resolution * np.sqrt(np.median(known)):
            return state
        return replace(state, level=state.level + 1, stalled=0)

    def _progress(
        self, state: LocalModelState, posterior: Posterior, base: FloatArray
    ) -> LocalModelState:
        before, error = posterior.predict(state.anchor)
        now, error_now = posterior.predict(base)
        if before - now > _SIGNIFICANT * (error + error_now):
            return replace(state, anchor=base, stalled=0)
        return replace(state, stalled=state.stalled + 1)

    def _price(self, query: Query) -> int:
        """What a round costs: repetitions if these are few, else evaluations."""
        if self.few_shots is None or query.shots is None:
            return len(query.points)
        return int(query.shots.sum())

    def _best(
        self, points: FloatArray, posterior: Posterior, doubt: float | None = None
    ) -> FloatArray:
        """The point of lowest pessimistic loss."""
        caution = self.caution if doubt is None else doubt
        values = [_pessimistic(posterior, one, caution) for one in points]
        return np.asarray(points[int(np.argmin(values))])


def _pessimistic(posterior: Posterior, point: FloatArray, caution: float) -> float:
    return float(np.dot(posterior.predict(point), (1.0, caution)))
