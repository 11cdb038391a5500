"""PennyLane's ``step_and_cost`` for optimizers whose own points surround the parameters."""

from collections.abc import Callable
from typing import Any

from pennylane_qstore.optimize.core.measured import Measured
from pennylane_qstore.optimize.core.query import Core, S
from pennylane_qstore.optimize.face import Optimizer


class MeasuringOptimizer(Optimizer[S]):
    """Measures the loss at the given arguments in ``step_and_cost``, and only there.

    ``step`` spends no evaluation on it: ``last.loss`` then is the mean of the step's pairs, the
    loss up to the square of the perturbation.
    """

    _measures = False

    def step(self, objective_fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Update the trainable arguments by one step; see :meth:`Optimizer.step`."""
        return super().step_and_cost(objective_fn, *args, **kwargs)[0]

    def step_and_cost(
        self, objective_fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> tuple[Any, float]:
        """Do what :meth:`step` does, and measure the loss at the arguments before the step.

        The measurement is one more evaluation in the same batch.

        Returns:
            The new arguments, and the loss at the given ones; its standard error is in
            ``last.loss_error``.
        """
        self._measures = True
        try:
            return super().step_and_cost(objective_fn, *args, **kwargs)
        finally:
            self._measures = False

    def _stepper(self) -> Core[S]:
        return Measured(self._core) if self._measures else self._core
