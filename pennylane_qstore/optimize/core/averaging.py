"""The average of the iterates as the answer, around any core."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.query import Answer, Core, Query, S
from pennylane_qstore.optimize.core.state import frozen, load

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class AveragedState(Generic[S]):
    """State of :class:`Averaged`.

    Attributes:
        params: Average of the iterates, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Of the core inside.
        loss: What the last step learned about the loss around the iterate before it.
        loss_error: Its standard error, or None.
        n_averaged: Steps in the average.
        inner: State of the core inside; its parameters are the last iterate.
    """

    params: FloatArray
    step: int
    seed: int
    loss: float | None
    loss_error: float | None
    n_averaged: int
    inner: S


@dataclass(frozen=True, slots=True)
class Averaged(Generic[S]):
    r"""Gives the average of a core's iterates as the answer, late ones weighing more.

    .. math::

        \bar\theta_k = \bar\theta_{k-1} + \frac{p + 1}{k + p}\,(\theta_k - \bar\theta_{k-1})

    which weighs iterate :math:`j` with about :math:`j^p`. The iterates themselves go on with large
    steps; their scatter averages out.

    Attributes:
        core: The core whose iterates are averaged.
        power: :math:`p`; 0 is the plain mean.

    References:
        Polyak and Juditsky, SIAM Journal on Control and Optimization 30, 838 (1992); Shamir and
        Zhang, International Conference on Machine Learning (2013).
    """

    core: Core[S]
    power: float = 3.0

    def __post_init__(self) -> None:
        if not self.power >= 0:
            raise InvalidOptionError(f"the power is {self.power}; it has to be from 0")

    def init(self, params: ArrayLike, *, seed: int, **more: Any) -> AveragedState[S]:
        """Start at ``params`` (any shape; flattened), with what else the core inside needs."""
        return self._around(self.core.init(params, seed=seed, **more))

    def ask(self, state: AveragedState[S]) -> Query:
        """What the core inside asks."""
        return self.core.ask(state.inner)

    def tell(self, state: AveragedState[S], answer: Answer) -> AveragedState[S]:
        """The core's step, and its new iterate in the average."""
        inner = self.core.tell(state.inner, answer)
        count = state.n_averaged + 1
        weight = min(1.0, (self.power + 1) / (count + self.power))
        mean = state.params + weight * (inner.params - state.params)
        return replace(self._around(inner), params=frozen(mean), n_averaged=count)

    def move(self, state: AveragedState[S], params: ArrayLike) -> AveragedState[S]:
        """Go on from other parameters, with a new average."""
        return self._around(self.core.move(state.inner, params))

    def load(self, values: Any) -> AveragedState[S]:
        """The state that ``dump`` wrote."""
        if not isinstance(values, Mapping) or "inner" not in values:
            return load(AveragedState, values)
        outer: AveragedState[S] = load(AveragedState, {**values, "inner": None})
        return replace(outer, inner=self.core.load(values["inner"]))

    def _around(self, inner: S) -> AveragedState[S]:
        seen = inner.loss, inner.loss_error
        return AveragedState(inner.params, inner.step, inner.seed, *seen, 0, inner)
