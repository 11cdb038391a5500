"""PennyLane's interface for every optimizer: ``step`` and ``step_and_cost`` around a NumPy core."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np

from pennylane_qstore.optimize.arguments import flatten, rebuild, trainable_positions
from pennylane_qstore.optimize.core.query import Core, Counts, S
from pennylane_qstore.optimize.core.state import check_counters, dump
from pennylane_qstore.optimize.errors import InvalidStateError
from pennylane_qstore.optimize.evaluate import Evaluator


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of an optimizer.

    Attributes:
        step: Index of the step, from 0.
        loss: What the step learned about the loss before it, or None.
        loss_error: Standard error of ``loss``; None where it is not known.
        counts: Circuits, shots and round trips of the step.
        method: How the step was taken, such as ``"spsa"``.
        reason: Why so, where there was a choice; else empty.
        seconds: Time of the step that was not spent in evaluations.
    """

    step: int
    loss: float | None
    loss_error: float | None
    counts: Counts
    method: str
    reason: str = ""
    seconds: float = 0.0


class Optimizer(Generic[S]):
    """An optimizer with PennyLane's interface; subclasses say which core it has.

    One step is one round trip wherever the mathematics allows. What it took is in ``last`` (a
    :class:`StepReport`) and, summed, in ``counts``.

    Args:
        core: What decides the steps.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each :class:`StepReport`.

    Raises:
        InvalidStateError: If the seed is not a non-negative integer.
    """

    method = ""

    def __init__(
        self,
        core: Core[S],
        *,
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        self._core = core
        self._seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        check_counters(0, self._seed)
        self._callback = callback
        self._state: S | None = None
        self.counts = Counts()
        self.last: StepReport | None = None

    @property
    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, as JSON-able values.

        To resume, build the optimizer with the same settings, assign the saved state, and go on
        with the saved parameters.
        """
        own = None if self._state is None else dump(self._state)
        return {"optimizer": self.method, "seed": self._seed, "state": own}

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        if values.get("optimizer") != self.method or "state" not in values:
            raise InvalidStateError(
                f"this is the state of optimizer {values.get('optimizer')!r}, not of "
                f"{self.method!r}"
            )
        check_counters(0, values.get("seed"))
        saved = values["state"]
        self._state = None if saved is None else self._load(saved)
        self._seed = values["seed"]

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
            The new arguments, and what the step learned about the loss before it; its standard
            error is in ``last.loss_error``.
        """
        started = time.perf_counter()
        positions = trainable_positions(args)
        params = flatten(args, positions)
        evaluator = self._evaluator(objective_fn, args, kwargs)
        if self._state is None:
            self._state = self._begin(evaluator, params)
        elif not np.array_equal(self._state.params, params):
            self._state = self._core.move(self._state, params)
        core, counts = self._stepper(), Counts()
        for _ in range(self._rounds(self._state)):
            answer = evaluator(core.ask(self._state))
            self._state = core.tell(self._state, answer)
            self.counts += answer.counts
            counts += answer.counts
        self.last = self._report(
            self._state, counts, time.perf_counter() - started - evaluator.seconds
        )
        if self._callback is not None:
            self._callback(self.last)
        new = rebuild(args, positions, self._state.params)
        loss = float("nan") if self._state.loss is None else self._state.loss
        return (new[0] if len(new) == 1 else list(new)), loss

    def _evaluator(
        self, objective_fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Evaluator:
        """Who answers; a subclass may have wishes."""
        return Evaluator(objective_fn, args, kwargs)

    def _begin(self, evaluator: Evaluator, params: np.ndarray) -> S:
        """The first state; a subclass may look at the objective first."""
        return self._core.init(params, seed=self._seed)

    def _stepper(self) -> Core[S]:
        """What takes the step; a subclass may have it ask for more."""
        return self._core

    def _load(self, saved: Mapping[str, Any]) -> S:
        """The state that was saved; a subclass may have to see which core it is of."""
        return self._core.load(saved)

    def _rounds(self, state: S) -> int:
        """Queries of one step; more than one where a step is a sweep by definition."""
        return 1

    def _report(self, state: S, counts: Counts, seconds: float) -> StepReport:
        """What happened; a subclass may know more."""
        return StepReport(
            state.step - 1, state.loss, state.loss_error, counts, self.method, seconds=seconds
        )
