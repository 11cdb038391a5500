"""What a run of the local model knows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.core.surrogate import AngleKernel, Evaluations, Hyperparameters

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LocalModelState:
    """All that a resumed run needs; the settings stay with :class:`LocalModel`.

    Attributes:
        params: The answer so far, shape ``(n_params,)``, read-only.
        step: Number of rounds taken.
        seed: Together with the step, decides all that is random.
        angles: Angles of gates per unit of each parameter, shape ``(n_angles, n_params)``.
        counts: How many gates have each angle, shape ``(n_angles,)``.
        centre: What the next round is about, shape ``(n_params,)``.
        data: Evaluations that the model is fitted to.
        hyper: What was learned besides, or None before the first round.
        former: Centres of former rounds, newest last, shape ``(n_former, n_params)``.
        trail: Centres that the next answer may be a mean of, newest last.
        origin: Where the last step began, and ``gain``, by how much the loss should have fallen.
        gain: See ``origin``; 0 where nothing was predicted.
        by_turn: Whether the last step turned a parameter far.
        turn_caution: Standard deviations that count as loss beyond such a turn.
        anchor: Best point when progress was last significant.
        stalled: Rounds since then.
        exploring: Rounds to go in the neighbourhood.
        explored: Whether that was done since the run last was elsewhere.
        home: Where the run was before it left for another start; None if it has not left.
        elsewhere: What was paid away from home since the best point was found.
        overlooked: Scatter of terms that the last round measured at its centre only.
        radius: Half side of the box of the next step, in natural shifts of a right angle.
        taken: Coordinates shifted so far.
        level: How often the repetitions were doubled.
        own_shots: Repetitions of one circuit as the objective does it; 0 where not known.
        paid: Price of all evaluations since the start that the run is at: their repetitions if
            these are few, else their number.
        loss: Loss at ``params`` before the last step, by the model; that of the answer while the
            run is away from home.
        loss_error: Its standard deviation.
    """

    params: FloatArray
    step: int
    seed: int
    angles: FloatArray
    counts: FloatArray
    centre: FloatArray
    data: Evaluations
    hyper: Hyperparameters | None
    former: FloatArray
    trail: FloatArray
    origin: FloatArray
    gain: float
    anchor: FloatArray
    radius: float
    stalled: int = 0
    exploring: int = 0
    explored: bool = False
    taken: int = 0
    level: int = 0
    own_shots: int = 0
    paid: int = 0
    loss: float | None = None
    loss_error: float | None = None
    home: "LocalModelState | None" = None
    elsewhere: int = 0
    overlooked: float = 0.0
    by_turn: bool = False
    turn_caution: float = 0.0

    @property
    def kernel(self) -> AngleKernel:
        """The correlation of losses."""
        return AngleKernel(self.angles, self.counts)

    @property
    def reason(self) -> str:
        """Why rounds are what they are, where that is not the ordinary."""
        found = []
        if self.overlooked:
            found.append(
                f"terms that amount to {self.overlooked:.2g} were measured at the centre only, as "
                "more was to be gained"
            )
        if self.exploring:
            found.append(f"no progress: the neighbourhood is explored for {self.exploring} rounds")
        if self.home is not None:
            found.append("no progress: another start is tried")
        if self.level:
            found.append(
                f"noise hides the predicted gain of {self.gain:.2g}: {2**self.level} x shots"
            )
        return "; ".join(found)


def joined(state: LocalModelState, query: Query, answer: Answer) -> Evaluations:
    """All evaluations, old and new."""
    old, n = state.data, len(query.points)
    shots = np.full(n, np.nan) if query.shots is None else query.shots
    return Evaluations(
        np.concatenate([old.points, query.points]),
        np.concatenate([old.losses, answer.losses]),
        np.concatenate([old.variances, answer.variances]),
        np.concatenate([old.rounds, np.full(n, state.step)]),
        np.concatenate([old.shots, shots]),
    )
