"""The loss at one more point, asked for along with everything else of a step."""

from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
from numpy.typing import ArrayLike

from pennylane_qstore.optimize.core.query import Answer, Core, Query, S, mean_error


def with_point(query: Query, point: ArrayLike) -> Query:
    """A query that also asks for the loss at a point, with all its terms."""
    added = np.array(point, dtype=np.float64, ndmin=2)
    points = np.concatenate([query.points, added]) if len(query.points) else added
    shots = None if query.shots is None else np.append(query.shots, query.shots.max())
    whole_at = (*query.whole_at, len(points) - 1) if query.tolerance else ()
    return replace(query, points=points, shots=shots, whole_at=whole_at)


def set_apart(answer: Answer) -> tuple[float, float | None, Answer]:
    """The loss at the point that was added, its standard error, and the answer without it."""
    whole = answer.whole
    loss, error = float((whole if len(whole) else answer.losses)[-1]), answer.shot_noise()[-1:]
    losses, variances = answer.losses[:-1], answer.variances[:-1]
    rest = replace(answer, losses=losses, variances=variances, whole=whole[:-1])
    return loss, mean_error(error), rest


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
        query, place = self._extended(state)
        answer.check(query, state.step)
        if place is None:
            loss, error, answer = set_apart(answer)
        else:
            loss = float(answer.whole[-1] if len(answer.whole) else answer.losses[place])
            error = mean_error(answer.shot_noise()[[place]])
            answer = replace(answer, whole=answer.whole[:-1])
        after: Any = self.core.tell(state, answer)
        measured: S = replace(after, loss=loss, loss_error=error)
        return measured

    def move(self, state: S, params: ArrayLike) -> S:
        """Go on from other parameters."""
        return self.core.move(state, params)

    def load(self, values: Any) -> S:
        """The state that ``dump`` wrote."""
        return self.core.load(values)

    def _extended(self, state: S) -> tuple[Query, int | None]:
        """The query, and the place of the loss where the core asks for it anyway."""
        query = self.core.ask(state)
        if len(query.points):
            same = np.flatnonzero((query.points == state.params).all(axis=1)).tolist()
            if same and query.tolerance:
                query = replace(query, whole_at=(*query.whole_at, same[0]))
            if same:
                return query, same[0]
        return with_point(query, state.params), None
