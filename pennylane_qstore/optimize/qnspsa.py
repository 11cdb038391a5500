"""Second-order SPSA with the interface of PennyLane's optimizers."""

from collections.abc import Callable
from typing import Any

from pennylane_qstore.optimize.core.blocking import Blocked
from pennylane_qstore.optimize.core.gains import Gains, Schedule
from pennylane_qstore.optimize.core.query import Core
from pennylane_qstore.optimize.core.second_order import SecondOrderSPSA
from pennylane_qstore.optimize.face import StepReport
from pennylane_qstore.optimize.measuring import MeasuringOptimizer


class QNSPSAOptimizer(MeasuringOptimizer[Any]):
    r"""Quantum natural SPSA that takes the place of ``qml.QNSPSAOptimizer``.

    The arguments of that class mean the same here; the gradient is divided by an estimate of the
    Fubini-Study metric (see :class:`~pennylane_qstore.optimize.core.second_order.SecondOrderSPSA`).
    What differs:

    * Everything a step needs leaves in one device call: ``2 * resamplings`` losses and
      ``4 * resamplings`` overlaps, and one loss at the given arguments with blocking or for
      ``step_and_cost``. PennyLane sends two batches, with two more losses for blocking.
    * Blocking therefore judges a step in the batch of the next one. A step that raised the loss
      by more than twice the noise is returned, but the one after it begins where it began. The
      noise is that of both losses where the evaluations know it, else the standard deviation of
      the last ``history_length`` accepted losses.
    * ``step`` with blocking is as good as ``step_and_cost``, so it does not warn.
    * Randomness comes from ``(seed, step)``, and ``state`` can be saved.

    Args:
        stepsize: Step size, or a schedule from step to step size.
        regularization: Added to the metric's eigenvalues.
        finite_diff_step: Perturbation, in the parameters' unit.
        resamplings: Estimates of gradient and metric that are averaged in a step.
        blocking: Whether steps that raise the loss are taken back.
        history_length: Accepted losses whose scatter is the noise where no other is known.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        max_step: Longest step, as a root mean square per parameter in their unit.
        shots: Repetitions of each loss, if not those of the objective.
        callback: Called with each :class:`~pennylane_qstore.optimize.face.StepReport`.

    Raises:
        InvalidStateError: If the seed is not a non-negative integer.
        InvalidOptionError: If an option makes no sense.

    References:
        Gacon, Zoufal, Carleo and Woerner, Quantum 5, 567 (2021).
    """

    method = "qnspsa"

    def __init__(  # PennyLane's seven come first
        self,
        stepsize: float | Schedule = 1e-3,
        regularization: float = 1e-3,
        finite_diff_step: float = 1e-2,
        resamplings: int = 1,
        blocking: bool = True,
        history_length: int = 5,
        seed: int | None = None,
        *,
        max_step: float | None = None,
        shots: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        core: Core[Any] = SecondOrderSPSA(
            Gains(a=stepsize, c=finite_diff_step, alpha=0.0, gamma=0.0),
            "overlaps",
            resamplings,
            regularization,
            max_step,
            shots,
        )
        if blocking:
            core = Blocked(core, history=history_length)
        super().__init__(core, seed=seed, callback=callback)


class SecondOrderSPSAOptimizer(MeasuringOptimizer[Any]):
    r"""SPSA with an estimated Hessian (2-SPSA): close to Newton's method, four losses per step.

    Spall recommends ``a = 1``, because the Hessian sets the scale; before it is known well, steps
    are limited by ``max_step`` and ``blocking``. The loss has to be smooth on the scale of ``c``.

    Args:
        a: Scale of the step size, or a schedule; 1 is Newton's step.
        c: Scale of the perturbation, or a schedule.
        stability: Spall's :math:`A`.
        resamplings: Estimates of gradient and Hessian that are averaged in a step.
        regularization: Added to the Hessian's eigenvalues.
        blocking: Whether steps that raise the loss by more than its noise are taken back.
        max_step: Longest step, as a root mean square per parameter in their unit.
        shots: Repetitions of each loss, if not those of the objective.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each :class:`~pennylane_qstore.optimize.face.StepReport`.

    Raises:
        InvalidStateError: If the seed is not a non-negative integer.
        InvalidOptionError: If an option makes no sense.

    References:
        Spall, IEEE Transactions on Automatic Control 45, 1839 (2000).
    """

    method = "2spsa"

    def __init__(  # one for each part of the composition
        self,
        a: float | Schedule = 1.0,
        c: float | Schedule = 0.2,
        stability: float = 10.0,
        *,
        resamplings: int = 1,
        regularization: float = 1e-2,
        blocking: bool = True,
        max_step: float | None = 0.1,
        shots: int | None = None,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        gains = Gains(a=a, c=c, stability=stability)
        core: Core[Any] = SecondOrderSPSA(
            gains, "losses", resamplings, regularization, max_step, shots
        )
        super().__init__(Blocked(core) if blocking else core, seed=seed, callback=callback)
