"""Quantum natural gradient descent with the interface of PennyLane's optimizers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pennylane_qstore.optimize.adaptive import AdaptiveGradientOptimizer
from pennylane_qstore.optimize.core.adaptive import (
    AdaptiveGradient,
    GradientMethodScheduler,
    Mover,
    NaturalGradient,
)
from pennylane_qstore.optimize.core.gains import Schedule
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import StepReport
from pennylane_qstore.optimize.metric import Approximation


class QNGOptimizer(AdaptiveGradientOptimizer):
    r"""Takes the place of ``qml.QNGOptimizer``: :math:`\theta - \eta (F + \lambda I)^{-1} g`.

    Loss, gradient and metric tensor leave in one device call, where PennyLane takes three round
    trips.

    Args:
        stepsize: :math:`\eta`, a number or a schedule; None takes it from the measured curvature.
        approx: Which entries of the metric tensor are measured: ``"block-diag"``, ``"diag"``, or
            all (None).
        lam: :math:`\lambda`.
        reuse: Steps that one metric tensor serves.
        seed: Non-negative integer; nothing here is random.
        callback: Called with each report.

    Raises:
        InvalidOptionError: If a setting is out of its range.

    References:
        Stokes, Izaac, Killoran and Carleo, Quantum 4, 269 (2020).
    """

    method = "quantum_natural_gradient"

    def __init__(
        self,
        stepsize: float | Schedule | None = 0.01,
        approx: Approximation = "block-diag",
        lam: float = 0.0,
        *,
        reuse: int = 1,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        core = AdaptiveGradient(
            rule=GradientMethodScheduler([(0, "natural_gradient")]),
            methods=(NaturalGradient(reuse=reuse),),
            mover=Mover(stepsize=stepsize, lam=lam),
            patience=0,
        )
        self._approx = approx
        self._adopt(core, seed=seed, callback=callback)

    def _evaluator(
        self, objective_fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Evaluator:
        return Evaluator(objective_fn, args, kwargs, approx=self._approx)
