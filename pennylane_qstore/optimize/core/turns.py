"""Which parameters are shifted, in turn, and to which side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def in_turn(
    places: Sequence[int] | NDArray[np.int64], *, visits: range, n_params: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The places that some visits go to, and the sides.

    Each sweep over all places has an order of its own, and each parameter is shifted to the other
    side than in the sweep before.

    Args:
        places: Indices of the parameters that are visited.
        visits: Numbers of the visits, counted from the first sweep on.
        n_params: Number of parameters.
        seed: Decides orders and first sides.

    Returns:
        Index of the parameter and side, -1 or 1, of each visit, shape ``(n_visits,)`` each.
    """
    sweeps, ranks = np.divmod(np.asarray(visits), len(places))
    orders = {n: np.random.default_rng([seed, 1, n]).permutation(places) for n in set(sweeps)}
    chosen = np.array([orders[n][rank] for n, rank in zip(sweeps, ranks, strict=True)])
    first = np.random.default_rng([seed, 2]).choice([-1.0, 1.0], n_params)
    return chosen, first[chosen] * (-1.0) ** sweeps
