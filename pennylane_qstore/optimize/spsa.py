"""SPSA with the interface of PennyLane's optimizers."""

from pennylane_qstore.optimize.core import SPSA, Gains, Schedule, SPSAState
from pennylane_qstore.optimize.face import Optimizer


class SPSAOptimizer(Optimizer[SPSAState]):
    r"""SPSA that takes the place of ``qml.SPSAOptimizer``.

    The arguments of that class mean the same here. What differs:

    * Both evaluations of a QNode leave in one device call.
    * ``step_and_cost`` spends no third evaluation: it returns the mean of the step's two losses,
      :math:`\tfrac12[L(\theta + c\Delta) + L(\theta - c\Delta)] = L(\theta) + O(c^2)`, an unbiased
      estimate up to that order at the point *before* the step.
    * Randomness comes from ``(seed, step)`` and ``state`` can be saved, so a resumed run repeats
      the undisturbed one bit for bit (given the same losses).
    * Plain arrays, floats and lists are trained too: only ``requires_grad=False`` freezes an
      argument. See :func:`~pennylane_qstore.optimize.arguments.trainable_positions`.

    Args:
        maxiter: Expected number of steps; sets ``A`` to a tenth of it if ``A`` is not given.
        alpha: Decay of the step size.
        gamma: Decay of the perturbation.
        c: Scale of the perturbation, or a schedule from step to :math:`c_k`.
        A: Stability constant; 0 if ``maxiter`` is not given either.
        a: Scale of the step size, or a schedule from step to :math:`a_k`; by default such that
            the first step size is 0.05.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.

    Raises:
        InvalidStateError: If the seed is not a non-negative integer.

    References:
        Spall, IEEE Transactions on Automatic Control 37, 332 (1992), and IEEE Transactions on
        Aerospace and Electronic Systems 34, 817 (1998).
    """

    method = "spsa"

    def __init__(
        self,
        maxiter: int | None = None,
        alpha: float = 0.602,
        gamma: float = 0.101,
        c: float | Schedule = 0.2,
        A: float | None = None,  # noqa: N803  # Spall's symbol and PennyLane's keyword
        a: float | Schedule | None = None,
        *,
        seed: int | None = None,
    ) -> None:
        stability = 0.1 * (maxiter or 0) if A is None else A
        scale = 0.05 * (stability + 1) ** alpha if a is None else a
        gains = Gains(a=scale, c=c, stability=stability, alpha=alpha, gamma=gamma)
        super().__init__(SPSA(gains), seed=seed)
