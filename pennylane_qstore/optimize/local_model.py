"""The model-based optimizer with the interface of PennyLane's optimizers."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.circuit_family import CircuitFamily
from pennylane_qstore.optimize.core.circuit_model import CircuitModel, CircuitModelState
from pennylane_qstore.optimize.core.few_shots import FewShots
from pennylane_qstore.optimize.core.local_model import LocalModel
from pennylane_qstore.optimize.core.local_model_state import LocalModelState
from pennylane_qstore.optimize.core.query import Counts
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import StepReport
from pennylane_qstore.optimize.separating import SeparatingOptimizer
from pennylane_qstore.optimize.structure import gate_angles

Resource = Literal["circuits", "shots"]
Settings = LocalModel | CircuitModel
AnyState = LocalModelState | CircuitModelState

SETTINGS: dict[str, tuple[LocalModel, CircuitModel]] = {
    "circuits": (LocalModel(), CircuitModel()),
    "shots": (
        LocalModel(shots=30, few_shots=FewShots(), patience=7, window=1000),
        CircuitModel(shots=100),
    ),
}
"""What :class:`LocalModelOptimizer` does to save a resource, on a loss and on a sum of circuits."""


class LocalModelOptimizer(SeparatingOptimizer[AnyState]):
    """Few evaluations, all of a step in one batch: the recommended optimizer.

    A Gaussian process over the angles of the circuits' gates is fitted to everything that was
    measured, with its error bars. The angles are read off the circuits of a QNode, or of the QNodes
    that a Python cost calls. Nothing has to be tuned. What is modelled depends on the objective:

    - The loss. Each step evaluates it around the current point, one parameter shifted at a time,
      and goes to the lowest pessimistic loss nearby. With P parameters these are P + 1 evaluations.
      Terms of a Hamiltonian that are small beside what a step may gain, as most of a molecule's
      are, are measured at one of them only; ``last.reason`` says so.
    - Where a Python cost is a sum over circuits that share their gates, as the mean over samples of
      a data set is, the result of every single circuit. Each step runs 64 circuits, the samples
      taken in turn, each at parameters of its own, predicts the results of all samples, and goes
      to the lowest expected loss nearby; after 8 steps without progress, to another start, while
      the answer stays until something better is found. The circuits must be known in advance, their
      gates trained or encoding data but not both, and the cost must be differentiable by autograd
      and depend on at most 32 parameters otherwise than through results, such as weights of a
      readout. Otherwise the loss is modelled. To find out, the cost is called with made-up results,
      once for each parameter and some ten times more.

    The time between two batches is that of a Gaussian process with some hundred losses, or up to
    1800 results of circuits; see the benchmark.

    Args:
        minimize: What is to be saved. ``"circuits"`` takes the objective's own shots; a model of
            the loss takes up to 16 times as many where noise hides what is to be gained.
            ``"shots"`` begins with 30 shots for each evaluation and takes, in each later step, at
            least 3 % of all shots before it, up to 10,000 for each evaluation, but 30 again on the
            way to another basin; a model of single circuits takes 100 shots for each.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each step's report.
        settings: Settings other than those that ``minimize`` stands for. Those of a
            ``LocalModel`` always model the loss.

    Raises:
        InvalidOptionError: If ``minimize`` is neither of the two.
        InvalidStateError: If the seed is not a non-negative integer.
        ChangedCircuitsError: If a later step's circuits are not those that are modelled.
    """

    method = "local_model"

    def __init__(
        self,
        minimize: Resource = "circuits",
        *,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
        settings: Settings | None = None,
    ) -> None:
        if minimize not in get_args(Resource):
            raise InvalidOptionError(
                f"minimize is {minimize!r}; choose one of {get_args(Resource)}"
            )
        of_loss, of_circuits = SETTINGS[minimize]
        if isinstance(settings, LocalModel):
            super().__init__(settings, None, seed=seed, callback=callback)
        else:
            super().__init__(of_loss, settings or of_circuits, seed=seed, callback=callback)

    def _first(
        self, evaluator: Evaluator, params: np.ndarray, family: CircuitFamily | None
    ) -> AnyState:
        core: Any = self._core
        if family is not None:
            return core.init(params, seed=self._seed, kernel=family.kernel)
        kernel = gate_angles(*evaluator.objective)
        return core.init(params, seed=self._seed, angles=kernel.angles, counts=kernel.counts)

    def _is_of_circuits(self, saved: Mapping[str, Any]) -> bool:
        return "circuits" in saved

    def _report(self, state: AnyState, counts: Counts, seconds: float) -> StepReport:
        return StepReport(
            state.step - 1, state.loss, state.loss_error, counts, self.method,
            reason=state.reason, seconds=seconds,
        )  # fmt: skip
