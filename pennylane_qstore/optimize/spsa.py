"""SPSA with the interface of PennyLane's optimizers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pennylane_qstore.optimize.circuit_family import CircuitFamily
from pennylane_qstore.optimize.core.averaging import Averaged
from pennylane_qstore.optimize.core.blocking import Blocked
from pennylane_qstore.optimize.core.circuit_spsa import CircuitSPSA
from pennylane_qstore.optimize.core.directions import Directions, directions_named
from pennylane_qstore.optimize.core.gains import GainRule, Gains, Schedule
from pennylane_qstore.optimize.core.query import Core, Counts
from pennylane_qstore.optimize.core.spsa import SPSA
from pennylane_qstore.optimize.core.transforms import Adam, Transform
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import StepReport
from pennylane_qstore.optimize.measuring import MeasuringOptimizer
from pennylane_qstore.optimize.separating import SeparatingOptimizer

RECOMMENDED_RESAMPLINGS, LIGHT_RESAMPLINGS = 4, 6
RECOMMENDED_TRANSFORM = Adam(beta1=0.5, beta2=0.95)
RECOMMENDED_POWER = 8.0
FIRST_STEP, STABILITY, DECAY = 0.2, 20.0, 0.7
"""What ``SPSAOptimizer()`` takes: steps of 0.2 rad at first, which fall as ``(k + 21)**-0.7``."""
PAIRS_OF_CIRCUITS, FIRST_STEP_OF_CIRCUITS = 32, 0.4
TRANSFORM_OF_CIRCUITS = Adam(beta1=0.0, beta2=0.9)
"""What it takes where each circuit has directions of its own: many, so with less of a memory."""
MOST_PARAMS = 500
"""Parameters up to which it looks whether the objective is a sum over circuits."""


class SPSAOptimizer(SeparatingOptimizer[Any], MeasuringOptimizer[Any]):
    r"""SPSA that takes the place of ``qml.SPSAOptimizer``.

    The arguments of that class mean the same here, and give the same gains. Where it refuses, with
    neither ``maxiter`` nor ``A`` nor ``a``, this one takes what measured best over the benchmark
    without tuning, **the recommended default** ``SPSAOptimizer()``: four orthogonal directions per
    step that go on from step to step, Adam's scaling, so that the gain is an angle whatever the
    scale of the loss, and the average of the iterates, late ones weighing more, as the answer.
    ``gains=CalibratedGains()`` instead measures the curvature in the first batch.

    Where a Python cost is a sum over circuits that share their gates, as the mean over samples of a
    data set is, the recommended default runs each circuit along directions of its own: 32 pairs of
    circuits a step, the samples taken in turn, which for a mini-batch of 16 is half of what four
    directions take, and sees eight times as many. What the cost has to be like for this is the
    same as for :class:`~pennylane_qstore.optimize.local_model.LocalModelOptimizer`, with up to 500
    parameters; ``last.reason`` says whether it is. Small terms of a Hamiltonian, as most of a
    molecule's are, are measured along the first direction only, which then is one of six. What
    differs:

    * All evaluations of a step leave in one device call, however many directions it takes.
    * ``step_and_cost`` measures the loss at the given arguments in the same batch. ``step`` does
      without; ``last.loss`` then is the mean of the step's pairs,
      :math:`\tfrac12[L(\theta + c\Delta) + L(\theta - c\Delta)] = L(\theta) + O(c^2)`.
    * Randomness comes from ``(seed, step)`` and ``state`` can be saved, so a resumed run repeats
      the undisturbed one bit for bit (given the same losses).
    * Plain arrays, floats and lists are trained too: only ``requires_grad=False`` freezes an
      argument. See :func:`~pennylane_qstore.optimize.arguments.trainable_positions`.

    Mini-batches of data are arguments that change from step to step: all evaluations of a step see
    the same samples, which then cancel from the differences. The same holds for the noise of a
    simulator that draws the same samples for every circuit of a batch (common random numbers); the
    optimizer only has to leave it alone.

    Args:
        maxiter: Expected number of steps; sets ``A`` to a tenth of it if ``A`` is not given.
        alpha: Decay of the step size; the recommended default has its own.
        gamma: Decay of the perturbation.
        c: Scale of the perturbation, or a schedule from step to :math:`c_k`.
        A: Stability constant; 0 if ``maxiter`` is not given either.
        a: Scale of the step size, or a schedule from step to :math:`a_k`; by default such that
            the first step size is 0.05.
        resamplings: Directions per step. By default 1 with PennyLane's gains, else 4.
        directions: ``"hadamard"``, ``"rademacher"``, ``"sphere"``, ``"coordinates"`` or your own.
        gains: Replaces all of the above that concerns gains.
        transforms: What becomes of the gradient estimate before it is followed, such as
            :class:`~pennylane_qstore.optimize.core.moments.GradientAverage` or
            :class:`~pennylane_qstore.optimize.core.transforms.Adam`. By default nothing with given
            gains.
        averaging: Whether the average of the iterates is returned; by default not with PennyLane's
            gains.
        blocking: Whether steps that raise the loss by more than its noise are taken back, at the
            price of one evaluation per step.
        max_step: Longest step, as a root mean square per parameter in their unit.
        shots: Repetitions of each evaluation, if not those of the objective.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each :class:`~pennylane_qstore.optimize.face.StepReport`.

    Raises:
        InvalidStateError: If the seed is not a non-negative integer.
        InvalidOptionError: If an option makes no sense.

    References:
        Spall, IEEE Transactions on Automatic Control 37, 332 (1992), and IEEE Transactions on
        Aerospace and Electronic Systems 34, 817 (1998).
    """

    method = "spsa"

    def __init__(  # PennyLane's six, and one for each part of the composition
        self,
        maxiter: int | None = None,
        alpha: float = 0.602,
        gamma: float = 0.101,
        c: float | Schedule = 0.2,
        A: float | None = None,  # noqa: N803  # Spall's symbol and PennyLane's keyword
        a: float | Schedule | None = None,
        *,
        resamplings: int | None = None,
        directions: str | Directions = "hadamard",
        gains: GainRule | None = None,
        transforms: tuple[Transform, ...] | None = None,
        averaging: bool | None = None,
        blocking: bool = False,
        max_step: float | None = None,
        shots: int | None = None,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        pennylanes = maxiter is not None or A is not None or a is not None
        own = (maxiter, A, a, gains, resamplings, transforms)
        separates = all(one is None for one in own)
        if gains is None and not pennylanes:
            scale = FIRST_STEP * (STABILITY + 1) ** DECAY
            gains = Gains(a=scale, c=c, stability=STABILITY, alpha=DECAY, gamma=gamma)
            transforms = (RECOMMENDED_TRANSFORM,) if transforms is None else transforms
        elif gains is None:
            stability = 0.1 * (maxiter or 0) if A is None else A
            given = 0.05 * (stability + 1) ** alpha if a is None else a
            gains = Gains(a=given, c=c, stability=stability, alpha=alpha, gamma=gamma)
        light = None if pennylanes else resamplings or LIGHT_RESAMPLINGS
        if resamplings is None:
            resamplings = 1 if pennylanes else RECOMMENDED_RESAMPLINGS
        kind = directions_named(directions)
        spsa = SPSA(
            gains, kind, resamplings, transforms or (), max_step, shots, light_resamplings=light
        )

        of_circuits: Any = CircuitSPSA(_of_circuits(spsa)) if separates else None

        def around(core: Core[Any]) -> Core[Any]:
            if blocking:
                core = Blocked(core)
            if averaging or (averaging is None and not pennylanes):
                core = Averaged(core, RECOMMENDED_POWER)
            return core

        super().__init__(
            around(spsa),
            None if of_circuits is None else around(of_circuits),
            most=MOST_PARAMS,
            seed=seed,
            callback=callback,
        )

    def _first(self, evaluator: Evaluator, params: np.ndarray, family: CircuitFamily | None) -> Any:
        core: Any = self._core
        if family is None:
            return core.init(params, seed=self._seed)
        kernel = family.kernel
        return core.init(params, seed=self._seed, live=kernel.live, direct=kernel.direct)

    def _is_of_circuits(self, saved: Mapping[str, Any]) -> bool:
        inner: Any = saved
        while isinstance(inner, Mapping) and "inner" in inner:
            inner = inner["inner"]
        return isinstance(inner, Mapping) and "live" in inner

    def _report(self, state: Any, counts: Counts, seconds: float) -> StepReport:
        report = super()._report(state, counts, seconds)
        separates = self._core is self._of_circuits
        return replace(report, reason="each circuit along directions of its own" * separates)


def _of_circuits(spsa: SPSA) -> SPSA:
    """The same with the gains, the number of directions and the scaling for single circuits."""
    gains: Any = spsa.gains
    ratio = FIRST_STEP_OF_CIRCUITS / FIRST_STEP
    return replace(
        spsa,
        gains=replace(gains, a=gains.a * ratio),
        resamplings=PAIRS_OF_CIRCUITS,
        transforms=(TRANSFORM_OF_CIRCUITS,),
    )
