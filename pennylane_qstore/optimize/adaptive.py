"""Descent that chooses its kind of gradient, with the interface of PennyLane's optimizers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.arguments import flatten, trainable_positions
from pennylane_qstore.optimize.core.adaptive import (
    METHODS,
    AdaptiveGradient,
    AdaptiveState,
    Bounds,
    Budget,
    DocumentedRule,
    GradientResult,
    Mover,
    Prices,
    ProgressRule,
    Rule,
    Taken,
    pick,
    prices_for,
)
from pennylane_qstore.optimize.core.adaptive.costs import Measure
from pennylane_qstore.optimize.core.adaptive.methods import GradientMethod
from pennylane_qstore.optimize.core.gains import Schedule
from pennylane_qstore.optimize.core.query import Counts
from pennylane_qstore.optimize.core.transforms import Chain, Transform
from pennylane_qstore.optimize.errors import BudgetReachedError
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import Optimizer, StepReport
from pennylane_qstore.optimize.prediction import Predictor


@dataclass(frozen=True, slots=True)
class GradientReport(StepReport):
    """One step along a gradient.

    Attributes:
        gradient: The estimate and its noise.
    """

    gradient: GradientResult | None = None


class AdaptiveGradientOptimizer(Optimizer[AdaptiveState]):
    """Chooses for each step how its gradient is taken; a step is one round trip.

    The methods are ``"spsa"``, ``"sampled_parameter_shift"`` (of a random part of the parameters),
    ``"parameter_shift"``, ``"natural_gradient"`` and ``"finite_difference"`` (by Richardson's
    extrapolation, with a spacing that suits the shot noise). Which was taken and why is in
    ``last.method`` and ``last.reason``, and for all steps in ``history``; ``last.gradient`` is the
    :class:`GradientResult`.

    A budget is never passed: what a step takes at most is known before anything is sent. For a
    QNode that is counted from its circuits; for a Python function ``bounds`` have to tell it until
    answers have shown it. Where the chosen gradient does not fit, the cheapest that does takes its
    place; where none does, ``is_finished`` is true, and a step raises ``BudgetReachedError``.

    Args:
        rule: ``"progress"``: the largest expected decrease of the loss per unit of cost, from
            signal, noise and curvature as measured. ``"documented"``: the original design's
            schedule (:class:`DocumentedRule`). Or any rule, such as a
            :class:`GradientMethodScheduler`.
        cost: What ``"progress"`` saves: ``"circuits"``, ``"shots"``, ``"money"`` or ``"time"``.
        prices: Needed for money and time.
        methods: Names of the methods to choose from, or methods with settings of their own.
        stepsize: Number or schedule; None takes it from curvature, signal and noise.
        transform: What is done to gradients, such as momentum or Adam; nothing by default.
        lam: Regularization of the metric tensor.
        budget: Limits in circuits, shots and money for the whole run.
        bounds: What evaluations take at most.
        initial_method: Method of the first step.
        method: A method for every step, until :meth:`force` says otherwise.
        seed: Non-negative integer. Drawn from the system if None; ``state`` tells it.
        callback: Called with each :class:`GradientReport`.

    Raises:
        InvalidOptionError: If a name is unknown (the message lists those that there are), or a
            setting is out of its range.
    """

    method = "adaptive_gradient"

    def __init__(
        self,
        rule: str | Rule = "progress",
        *,
        cost: Measure = "circuits",
        prices: Prices | None = None,
        methods: Sequence[str | GradientMethod] = METHODS,
        stepsize: float | Schedule | None = None,
        transform: Transform | None = None,
        lam: float = 0.01,
        budget: Budget | None = None,
        bounds: Bounds | None = None,
        initial_method: str = "",
        method: str = "",
        seed: int | None = None,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        core = AdaptiveGradient(
            rule=_rule(rule, cost, prices),
            methods=_methods(methods),
            mover=Mover(stepsize=stepsize, transform=transform or Chain(()), lam=lam),
            budget=budget or Budget(),
            prices=prices,
            bounds=bounds or Bounds(),
            initial_method=initial_method,
        )
        self._adopt(core, method, seed=seed, callback=callback)

    def _adopt(
        self,
        core: AdaptiveGradient,
        method: str = "",
        *,
        seed: int | None,
        callback: Callable[[StepReport], None] | None,
    ) -> None:
        Optimizer.__init__(self, core, seed=seed, callback=callback)
        self._adaptive = core
        self._told = core.bounds != Bounds() or not core.budget.limited
        self._forced = core.forcible(method)

    @property
    def history(self) -> tuple[Taken, ...]:
        """All steps: method, reason, loss with its error, circuits, shots."""
        return () if self._state is None else self._state.taken

    @property
    def method_history(self) -> tuple[str, ...]:
        """Method of each step."""
        return tuple(one.method for one in self.history)

    @property
    def current_method(self) -> str:
        """Method of the last step; before the first, the one asked for, or empty."""
        history = self.method_history
        return history[-1] if history else self._forced or self._adaptive.initial_method

    @property
    def is_finished(self) -> bool:
        """Whether no further step fits into the budget."""
        if self._state is None:
            return False
        try:
            self._adaptive.plan(self._state)
        except BudgetReachedError:
            return True
        return False

    def force(self, method: str | None) -> None:
        """Take this method from now on; None gives the choice back to the rule.

        Raises:
            InvalidOptionError: If there is no such method, with those that there are.
        """
        self._forced = self._adaptive.forcible(method or "")
        if self._state is not None:
            self._state = self._adaptive.force(self._state, self._forced)

    def step_and_cost(
        self, objective_fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> tuple[Any, float]:
        """Update the trainable arguments, and tell the loss before the step.

        Raises:
            BudgetReachedError: If no step fits into the budget; nothing was sent.
            NonFiniteLossError: If the objective returns NaN or infinity; nothing has moved then.
        """
        if not self._told:
            self._predict(objective_fn, args, kwargs)
        return super().step_and_cost(objective_fn, *args, **kwargs)

    def _predict(
        self, objective_fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        """Count what a QNode's evaluations take at most."""
        names = {one.name for one in self._adaptive.methods}
        bounds = Predictor(objective_fn, args, kwargs).bounds(
            flatten(args, trainable_positions(args)),
            gradient=bool(names & {"parameter_shift", "sampled_parameter_shift"}),
            natural="natural_gradient" in names,
        )
        self._core = self._adaptive = replace(self._adaptive, bounds=bounds)
        self._told = True

    def _begin(self, evaluator: Evaluator, params: np.ndarray) -> AdaptiveState:
        return self._adaptive.force(super()._begin(evaluator, params), self._forced)

    def _report(self, state: AdaptiveState, counts: Counts, seconds: float) -> GradientReport:
        done = state.taken[-1]
        result = GradientResult(
            state.gradient,
            state.variance,
            done.loss,
            done.loss_error,
            counts,
            done.method,
            seconds,
        )
        return GradientReport(
            state.step - 1,
            done.loss,
            done.loss_error,
            counts,
            done.method,
            reason=done.reason,
            seconds=seconds,
            gradient=result,
        )


def _rule(rule: str | Rule, cost: Measure, prices: Prices | None) -> Rule:
    if not isinstance(rule, str):
        return rule
    if rule == "documented":
        return DocumentedRule()
    if rule == "progress":
        return ProgressRule(prices_for(cost, prices), cost)
    raise InvalidOptionError(
        f"rule is {rule!r}; choose 'progress', 'documented', or give one, such as "
        "GradientMethodScheduler([(0, 'spsa'), (50, 'parameter_shift')])"
    )


def _methods(methods: Sequence[str | GradientMethod]) -> tuple[GradientMethod, ...]:
    found: list[GradientMethod] = []
    for one in methods:
        found += pick([one]) if isinstance(one, str) else [one]
    return tuple(found)
