"""Any core, with the shots of its points decided by a plan."""

from dataclasses import dataclass, replace
from typing import Any, Generic

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.optimize.core.query import Answer, Core, Query, S
from pennylane_qstore.optimize.core.shots import Memory, Plan
from pennylane_qstore.optimize.core.state import frozen
from pennylane_qstore.optimize.errors import InvalidStateError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PlannedState(Generic[S]):
    """State of a core that is given a plan.

    Attributes:
        inner: The core's own state.
        memory: The plan's memory.
    """

    inner: S
    memory: Memory

    @property
    def params(self) -> FloatArray:
        """The core's answer so far."""
        return self.inner.params

    @property
    def step(self) -> int:
        """Number of steps taken."""
        return self.inner.step

    @property
    def seed(self) -> int:
        """The core's seed."""
        return self.inner.seed

    @property
    def loss(self) -> float | None:
        """What the core learned about the loss."""
        return self.inner.loss

    @property
    def loss_error(self) -> float | None:
        """Its standard error."""
        return self.inner.loss_error


@dataclass(frozen=True, slots=True)
class Planned(Generic[S]):
    """Any core, with the shots of its points decided by a plan.

    Shots that the core sets itself are left alone. With a plan's shots all terms of a Hamiltonian
    are measured at all points: from few of them, small terms of one pair are mostly noise.

    Attributes:
        core: What decides the points.
        plan: What decides their shots.
    """

    core: Core[S]
    plan: Plan

    def init(self, params: ArrayLike, *, seed: int) -> PlannedState[S]:
        """Start at ``params``."""
        return PlannedState(self.core.init(params, seed=seed), self.plan.init())

    def ask(self, state: PlannedState[S]) -> Query:
        """The core's questions with the plan's shots."""
        query = self.core.ask(state.inner)
        shots = self.plan.shots(state.memory, state.step)
        if query.shots is None and len(query.points):
            planned = np.full(len(query.points), shots, dtype=np.int64)
            query = replace(query, shots=planned, tolerance=0.0, whole_at=())
        if query.gradient_shots is None and query.gradient_at is not None:
            query = replace(query, gradient_shots=shots)
        return query

    def tell(self, state: PlannedState[S], answer: Answer) -> PlannedState[S]:
        """The core's step; the plan learns from the same answer."""
        query = self.ask(state)
        inner = self.core.tell(state.inner, answer)
        return PlannedState(inner, self.plan.learn(state.memory, query, answer))

    def move(self, state: PlannedState[S], params: ArrayLike) -> PlannedState[S]:
        """Go on from other parameters."""
        return replace(state, inner=self.core.move(state.inner, frozen(params)))

    def load(self, values: Any) -> PlannedState[S]:
        """The state that ``dump`` wrote.

        Raises:
            InvalidStateError: If it is not the state of a core with a plan.
        """
        try:
            inner, memory = values["inner"], tuple(float(one) for one in values["memory"])
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidStateError(
                f"this is not the state of a core with a plan: {error}"
            ) from None
        if len(memory) != len(self.plan.init()):
            raise InvalidStateError(
                f"the saved plan remembers {len(memory)} numbers, this one {len(self.plan.init())}"
            )
        return PlannedState(self.core.load(inner), memory)
