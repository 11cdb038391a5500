"""The model-based optimizer with the interface of PennyLane's optimizers."""

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.local_model import LocalModel
from pennylane_qstore.optimize.core.local_model_state import LocalModelState
from pennylane_qstore.optimize.core.query import Counts
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import Optimizer, StepReport
from pennylane_qstore.optimize.structure import gate_angles

Resource = Literal["circuits", "shots"]

SETTINGS: dict[str, LocalModel] = {
    "circuits": LocalModel(),
    "shots": LocalModel(shots=250, doublings=6, relief=3, resolution=0.1),
}
"""What :class:`LocalModelOptimizer` does to save a resource."""


class LocalModelOptimizer(Optimizer[LocalModelState]):
    """Few evaluations, all of a step in one batch: the recommended optimizer.

    A Gaussian process models the loss as a function of the angles of the circuits' gates and is
    fitted to every evaluation with its error bar. Each step evaluates the loss around the current
    point, one parameter shifted at a time, and goes to the lowest pessimistic loss nearby. The
    angles are read off the circuits of a QNode, or of the QNodes that a Python cost calls.
    Nothing has to be tuned.

    A step with P parameters takes P + 1 evaluations. The time between two
    batches is that of a Gaussian process with some hundred points; see the benchmark.

    Args:
        minimize: What is to be saved. ``"circuits"`` takes the objective's own shots, and up to
            16 times as many where noise hides what is to be gained. ``"shots"`` begins with 250
            shots for each evaluation and doubles them later and up to six times, but takes three of
            the doublings back whenever it tries another basin.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each step's report.
        settings: Settings other than those that ``minimize`` stands for.

    Raises:
        InvalidOptionError: If ``minimize`` is neither of the two.
        InvalidStateError: If the seed is not a non-negative integer.
    """

    method = "local_model"

    def __init__(
        self,
        minimize: Resource = "circuits",
        *,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
        settings: LocalModel | None = None,
    ) -> None:
        if minimize not in get_args(Resource):
            raise InvalidOptionError(
                f"minimize is {minimize!r}; choose one of {get_args(Resource)}"
            )
        self._settings = SETTINGS[minimize] if settings is None else settings
        super().__init__(self._settings, seed=seed, callback=callback)

    def _begin(self, evaluator: Evaluator, params: np.ndarray) -> LocalModelState:
        kernel = gate_angles(*evaluator.objective)
        return self._settings.init(
            params, seed=self._seed, angles=kernel.angles, counts=kernel.counts
        )

    def _report(self, state: LocalModelState, counts: Counts, seconds: float) -> StepReport:
        return StepReport(
            state.step - 1, state.loss, state.loss_error, counts, self.method,
            reason=state.reason, seconds=seconds,
        )  # fmt: skip
