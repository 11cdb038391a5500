"""What the answers of a run took, and what may still be asked."""

from dataclasses import replace

from pennylane_qstore.optimize.core.adaptive.costs import Bounds, at_least, times
from pennylane_qstore.optimize.core.adaptive.records import AdaptiveState
from pennylane_qstore.optimize.core.query import Counts, Query


def counted(
    state: AdaptiveState, query: Query, counts: Counts, *, components: int | None
) -> AdaptiveState:
    """With what an answer took.

    Args:
        state: Before.
        query: What was asked.
        counts: What the answer took.
        components: Of a sampled gradient, which then tells of a whole one; None where a budget
            wants to know that for certain.
    """
    state = replace(state, spent=state.spent + counts)
    if len(query.points):
        return replace(state, point=at_least(state.point, times(counts, 1 / len(query.points))))
    if query.metric_at is not None:
        return replace(state, natural=at_least(state.natural, counts))
    if query.gradient_of is None:
        return replace(state, whole=at_least(state.whole, counts))
    if components is None:
        return state
    whole = times(counts, state.params.size / components)
    return replace(state, whole=at_least(state.whole, whole))


def known(state: AdaptiveState, bounds: Bounds) -> Bounds:
    """What evaluations take at most: as answers have shown it, else as was said."""
    return Bounds(
        state.point or bounds.point,
        state.whole or bounds.gradient,
        state.natural or bounds.natural,
    )
