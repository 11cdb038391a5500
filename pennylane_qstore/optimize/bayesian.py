"""Bayesian optimization with the interface of PennyLane's optimizers."""

import math
from collections.abc import Callable

from pennylane_qstore.optimize.core.bayesian import Bayesian, BayesianState
from pennylane_qstore.optimize.face import Optimizer, StepReport


class BayesianOptimizer(Optimizer[BayesianState]):
    """For up to about ten parameters and few, expensive round trips.

    One step is one batch; the arguments that it returns are the measured point with the lowest
    expected loss, and the cost is that expectation. Needs ``pip install scikit-learn``.

    Args:
        batch: Points of each step after the first.
        bounds: Lower and upper end for every parameter.
        n_initial: Points of the first step; by default ``2 n_params + 2``.
        periodic: Whether parameters are angles in radians.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each step's report.

    Raises:
        InvalidOptionError: If a setting is out of its range.
        InvalidStateError: If the seed is not a non-negative integer.
    """

    method = "bayesian"

    def __init__(
        self,
        batch: int = 4,
        *,
        bounds: tuple[float, float] = (-math.pi, math.pi),
        n_initial: int | None = None,
        periodic: bool = True,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        core = Bayesian(bounds, batch, n_initial, periodic)
        super().__init__(core, seed=seed, callback=callback)
