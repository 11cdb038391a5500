"""Optimizers that look at single circuits where the objective is a sum over them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pennylane as qml

from pennylane_qstore.optimize.circuit_family import CircuitFamily
from pennylane_qstore.optimize.core.query import Core, S
from pennylane_qstore.optimize.errors import ChangedCircuitsError, InvalidStateError
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import Optimizer, StepReport
from pennylane_qstore.optimize.single_circuits import SingleCircuits, separable_circuits


class SeparatingOptimizer(Optimizer[S], ABC):
    """Has a core for losses, and one for objectives that are sums over circuits.

    Which one it takes is seen in the first step; see
    :func:`~pennylane_qstore.optimize.single_circuits.separable_circuits`.

    Args:
        of_loss: The core that asks for losses.
        of_circuits: The core that asks for single circuits, of which ``init`` needs more than the
            parameters and the seed; None if losses are always asked for.
        most: Parameters up to which it is seen whether the objective is such a sum.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each step's report.

    Raises:
        InvalidStateError: If the seed is not a non-negative integer.
    """

    def __init__(
        self,
        of_loss: Core[Any],
        of_circuits: Any,
        *,
        most: float = np.inf,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        self._of_loss, self._of_circuits, self._most = of_loss, of_circuits, most
        self._family: CircuitFamily | None = None
        super().__init__(of_loss, seed=seed, callback=callback)

    def _evaluator(
        self, objective_fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Evaluator:
        goes_on = self._state is not None and self._core is self._of_circuits
        begins = self._state is None and self._of_circuits is not None
        if self._family is None and (goes_on or begins):
            if not isinstance(objective_fn, qml.QNode):
                self._family = separable_circuits(objective_fn, args, kwargs, most=self._most)
            if self._family is None and goes_on:
                raise ChangedCircuitsError(
                    "the saved state is of single circuits, but this objective is not a sum over "
                    "circuits that share their gates"
                )
        if self._family is None or not (goes_on or begins):
            return super()._evaluator(objective_fn, args, kwargs)
        return SingleCircuits((objective_fn, args, kwargs), self._family)

    def _begin(self, evaluator: Evaluator, params: np.ndarray) -> S:
        if self._family is not None:
            self._core = self._of_circuits
        return self._first(evaluator, params, self._family)

    @abstractmethod
    def _first(self, evaluator: Evaluator, params: np.ndarray, family: CircuitFamily | None) -> S:
        """The first state, of single circuits if there is a family of them."""

    def _load(self, saved: Mapping[str, Any]) -> S:
        core: Any = self._of_circuits if self._is_of_circuits(saved) else self._of_loss
        if core is None:
            raise InvalidStateError(
                "the saved state is of single circuits, which this optimizer does not look at; "
                "build it with the settings it was saved with"
            )
        self._core, self._family = core, None
        return core.load(saved)

    @abstractmethod
    def _is_of_circuits(self, saved: Mapping[str, Any]) -> bool:
        """Whether a saved state is one of single circuits."""
