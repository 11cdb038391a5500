"""The loss at the parameters themselves, asked for along with everything else of a step."""

from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
from numpy.typing import ArrayLike

from pennylane_qstore.optimize.core.query import Answer, Core, Query, S, mean_error


@dataclass(frozen=True, slots=True)
class Measured(Generic[S]):
    """Measures the loss at ``state.params`` in the batch of a core's step.

    The steps are the core's. Its states, which have to be dataclasses, then tell that loss instead
    of what the core makes of its other points. No point is added if the core asks there anyway.

    Attributes:
        core: The core whose losses are measured.
    """

    core: Core[S]

    def init(self, params: ArrayLike, *, seed: int) -> S:
        """Start at ``params`` (any shape; flattened)."""
        return self.core.init(params, seed=seed)

    def ask(self, state: S) -> Query:
        """What the core asks, and the loss where it stands."""
        return self._extended(state)[0]

    def tell(self, state: S, answer: Answer) -> S:
        """The core's step, with the loss before it.

        Raises:
            InvalidLossError: If there is not one loss for each point.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        query, place, is_added = self._extended(state)
        answer.check(query, state.step)
        loss, error = float(answer.losses[place]), mean_error(answer.variances[[place]])
        if is_added:
            answer = replace(answer, losses=answer.losses[:-1], variances=answer.variances[:-1])
        after: Any = self.core.tell(state, answer)
        measured: S = replace(after, loss=loss, loss_error=error)
        return measured

    def move(self, state: S, params: ArrayLike) -> S:
        """Go on from other parameters."""
        return self.core.move(state, params)

    def load(self, values: Any) -> S:
        """The state that ``dump`` wrote."""
        return self.core.load(values)

    def _extended(self, state: S) -> tuple[Query, int, bool]:
        """The query, the place of the loss in it, and whether it is there for that loss only."""
        query = self.core.ask(state)
        if len(query.points):
            same = np.flatnonzero((query.points == state.params).all(axis=1))
            if len(same):
                return query, int(same[0]), False
        before = [query.points] if len(query.points) else []
        points = np.concatenate([*before, state.params[None]])
        shots = query.shots
        if shots is not None:
            shots = np.append(shots, shots.max())
        return replace(query, points=points, shots=shots), len(points) - 1, True
