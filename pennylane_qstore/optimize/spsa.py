"""SPSA with the interface of PennyLane's optimizers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pennylane_qstore.optimize.arguments import flatten, rebuild, trainable_positions
from pennylane_qstore.optimize.core import SPSA, Gains, Schedule, SPSAState
from pennylane_qstore.optimize.core.spsa import check_counters
from pennylane_qstore.optimize.errors import InvalidStateError
from pennylane_qstore.optimize.evaluate import evaluate


class SPSAOptimizer:
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
        self._spsa = SPSA(Gains(a=scale, c=c, stability=stability, alpha=alpha, gamma=gamma))
        self._step = 0
        self._seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        check_counters(self._step, self._seed)

    @property
    def state(self) -> dict[str, Any]:
        """Step count and seed as JSON-able values; the parameters are the caller's.

        To resume, build the optimizer with the same settings, assign the saved state, and go on
        with the saved parameters.
        """
        return {"optimizer": "spsa", "step": self._step, "seed": self._seed}

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        if values.get("optimizer") != "spsa":
            raise InvalidStateError(
                f"this is the state of optimizer {values.get('optimizer')!r}, not of 'spsa'"
            )
        check_counters(values.get("step"), values.get("seed"))
        self._step, self._seed = values["step"], values["seed"]

    def step(self, objective_fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Update the trainable arguments by one step.

        Args:
            objective_fn: A QNode or any callable that returns one real number.
            args: Its positional arguments; the trainable ones are updated.
            kwargs: Its keyword arguments, never updated.

        Returns:
            The new arguments as a list, or the argument itself if there is only one. Each keeps
            its type and its ``requires_grad``.

        Raises:
            NonFiniteLossError: If the objective returns NaN or infinity; nothing has moved then.
            InvalidLossError: If the objective does not return one real number.
            UntrainableArgumentError: If an argument could be meant either way.
            NothingToTrainError: If no argument is trainable.
        """
        return self.step_and_cost(objective_fn, *args, **kwargs)[0]

    def step_and_cost(
        self, objective_fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> tuple[Any, float]:
        """Do what :meth:`step` does, and estimate the loss at the arguments before the step.

        Returns:
            The new arguments, and the mean of the two losses that the step evaluated.
        """
        positions = trainable_positions(args)
        current = SPSAState(flatten(args, positions), self._step, self._seed)
        points = self._spsa.ask(current)
        losses = evaluate(objective_fn, [rebuild(args, positions, p) for p in points], kwargs)
        following = self._spsa.tell(current, losses)
        self._step = following.step
        new_args = rebuild(args, positions, following.params)
        return (new_args[0] if len(new_args) == 1 else list(new_args)), float(losses.mean())
