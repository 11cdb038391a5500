"""The adaptive optimizer's core: choose a gradient, ask for it within the budget, move, learn."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.adaptive.accounts import counted, known
from pennylane_qstore.optimize.core.adaptive.catalogue import all_methods, possibilities
from pennylane_qstore.optimize.core.adaptive.costs import (
    Bounds,
    Budget,
    Prices,
)
from pennylane_qstore.optimize.core.adaptive.learned import Learned
from pennylane_qstore.optimize.core.adaptive.methods import (
    GradientMethod,
    Reading,
)
from pennylane_qstore.optimize.core.adaptive.mover import (
    Mover,
    learn,
    learn_natural,
    total_variance,
)
from pennylane_qstore.optimize.core.adaptive.records import AdaptiveState, Choice, Taken, nothing
from pennylane_qstore.optimize.core.adaptive.rules import ProgressRule
from pennylane_qstore.optimize.core.adaptive.trend import Trend
from pennylane_qstore.optimize.core.adaptive.view import (
    METHODS,
    Option,
    Rule,
    View,
    check_method,
    check_significance,
)
from pennylane_qstore.optimize.core.natural import Geometry, geometry
from pennylane_qstore.optimize.core.query import Answer, Counts, Query
from pennylane_qstore.optimize.core.state import check_counters, frozen, load, read_only
from pennylane_qstore.optimize.errors import BudgetReachedError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """A step to come.

    Attributes:
        method: How its gradient is taken.
        amount: How much of it.
        reason: Why.
    """

    method: GradientMethod
    amount: int
    reason: str


@dataclass(frozen=True, slots=True)
class AdaptiveGradient:
    """Descent along a gradient whose kind is chosen anew for each step.

    Where a choice does not fit into the budget, the cheapest gradient that does takes its place;
    where none does, the run is over. The methods are pure.

    A loss that rises significantly over ``patience`` steps halves the step size, which recovers
    over the following twenty steps.

    Attributes:
        rule: Chooses.
        methods: What it may choose from.
        mover: Makes a move of a gradient.
        budget: Limits for the whole run.
        prices: For a budget in money.
        bounds: What evaluations take at most, until answers have shown it. Without them, a run with
            a budget cannot take its first step.
        initial_method: Method of the first step; empty leaves it to the rule.
        patience: Steps over which a rise is looked for; 0 for never.
        significance: Probability to be wrong about a rise.

    Raises:
        InvalidOptionError: If the rule needs a method that is not there, or a setting is out of its
            range.
    """

    rule: Rule = field(default_factory=ProgressRule)
    methods: tuple[GradientMethod, ...] = field(default_factory=all_methods)
    mover: Mover = field(default_factory=Mover)
    budget: Budget = field(default_factory=Budget)
    prices: Prices | None = None
    bounds: Bounds = field(default_factory=Bounds)
    initial_method: str = ""
    patience: int = 4
    significance: float = 0.01

    def __post_init__(self) -> None:
        check_significance(self.significance)
        names = self._names()
        if not names:
            raise InvalidOptionError(f"no method is enabled; enable some of {', '.join(METHODS)}")
        for name in (*self.rule.needs, *([self.initial_method] if self.initial_method else [])):
            check_method(name, names)
        if self.patience and self.patience < 3:
            raise InvalidOptionError(f"patience is {self.patience}; a trend needs 3 steps, or 0")
        if self.budget.money is not None and self.prices is None:
            raise InvalidOptionError("a budget in money needs prices")

    def init(self, params: ArrayLike, *, seed: int) -> AdaptiveState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        check_counters(0, seed)
        start = frozen(params)
        return AdaptiveState(start, 0, seed, self.mover.transform.init(start.size))

    def ask(self, state: AdaptiveState) -> Query:
        """The questions of the gradient that was chosen.

        Raises:
            BudgetReachedError: If no gradient fits into what is left of the budget.
        """
        plan = self.plan(state)
        return plan.method.query(state, plan.amount)

    def tell(self, state: AdaptiveState, answer: Answer) -> AdaptiveState:
        """Learn from the answer and move.

        Raises:
            InvalidLossError: If the answer does not fit the question.
            NonFiniteLossError: If anything in it is NaN or infinite; the state stays.
        """
        plan = self.plan(state)
        query = plan.method.query(state, plan.amount)
        answer.check(query, state.step)
        reading = plan.method.read(state, plan.amount, answer)
        if reading.metric is not None:
            state = replace(
                state, metric=read_only(np.array(reading.metric, dtype=np.float64)), metric_age=0
            )
        metric = geometry(state.metric, self.mover.lam) if state.metric.size else None
        learned = learn(state, reading, metric)
        if metric is not None and reading.spread == 0:
            learned = learn_natural(learned, reading, metric)
        components = None if self.budget.limited else plan.amount
        state = counted(state, query, answer.counts, components=components)
        used = metric if plan.method.name == "natural_gradient" else None
        moved = self._moved(state, reading, learned, metric=used)
        counts = answer.counts
        done = Taken(
            plan.method.name,
            plan.amount,
            plan.reason,
            reading.loss,
            reading.loss_error,
            counts.executions,
            counts.shots,
        )
        return self._calmed(replace(moved, step=state.step + 1, taken=(*state.taken, done)))

    def move(self, state: AdaptiveState, params: ArrayLike) -> AdaptiveState:
        """Go on from elsewhere: what was learned stays, metric tensor and last move do not."""
        return replace(
            state, params=frozen(params), displacement=nothing(), metric=nothing(), metric_age=0
        )

    def load(self, values: Any) -> AdaptiveState:
        """The state that ``dump`` wrote."""
        counts = dict.fromkeys(("spent", "point", "whole", "natural"), Counts)
        return load(AdaptiveState, values, learned=Learned, taken=Taken, **counts)

    def force(self, state: AdaptiveState, method: str) -> AdaptiveState:
        """Take this method from now on; empty gives the choice back to the rule.

        Raises:
            InvalidOptionError: If there is no such method, with those that there are.
        """
        return replace(state, forced=self.forcible(method))

    def forcible(self, method: str) -> str:
        """The name, if it is empty or that of a method here.

        Raises:
            InvalidOptionError: With the names that there are.
        """
        return method and check_method(method, self._names())

    def plan(self, state: AdaptiveState) -> Plan:
        """The step to come.

        Raises:
            BudgetReachedError: If no gradient fits into what is left of the budget.
        """
        options = self.options(state)
        choice = self._choice(state, options)
        method = self._method(choice.method)
        amount = choice.amount or method.amounts(state.params.size)[0]
        objection = self._objection(state, method, amount)
        if not objection:
            return Plan(method, amount, choice.reason)
        price = self.prices or Prices(circuit=1.0, shot=1e-9)
        for option in sorted(options, key=lambda one: price(one.expected)):
            other = self._method(option.method)
            if not self._objection(state, other, option.amount):
                reason = f"{choice.method} does not fit: {objection}"
                return Plan(other, option.amount, reason)
        raise BudgetReachedError(
            f"no gradient fits into the budget at step {state.step}; nothing was sent. "
            f"{choice.method}: {objection}",
            spent=state.spent,
            step=state.step,
        )

    def options(self, state: AdaptiveState) -> tuple[Option, ...]:
        """Every gradient that could be taken, with what is expected of it."""
        bounds = known(state, self.bounds)
        return possibilities(self.methods, state.learned, bounds, state.params.size)

    def _choice(self, state: AdaptiveState, options: tuple[Option, ...]) -> Choice:
        if state.forced:
            return Choice(state.forced, "forced")
        if state.step == 0 and self.initial_method:
            return Choice(self.initial_method, "the initial method")
        view = View(state.step, state.taken, options, state.learned, self._rise(state))
        return self.rule.choose(view)

    def _rise(self, state: AdaptiveState) -> Trend | None:
        """How the loss rose over the last steps, if it surely did and still stands highest."""
        if not self.patience or len(state.taken) < self.patience:
            return None
        recent = View(state.step, state.taken).recent(self.patience)
        losses = [one.loss for one in state.taken[-self.patience :]]
        if recent is None or losses[-1] < max(losses):
            return None
        tiny = 1e-9 * recent.level
        return recent if recent.rises(tiny, self.significance) else None

    def _calmed(self, state: AdaptiveState) -> AdaptiveState:
        """Half the step size after a rise; back to all of it in twenty steps."""
        if state.calm + 1 >= self.patience and self._rise(state) is not None:
            return replace(state, scale=state.scale / 2, calm=0)
        return replace(state, scale=min(1.0, state.scale * 2**0.05), calm=state.calm + 1)

    def _moved(
        self, state: AdaptiveState, reading: Reading, learned: Learned, *, metric: Geometry | None
    ) -> AdaptiveState:
        move = self.mover.move(state, reading, learned, metric=metric)
        known = not np.isnan(reading.noise).any()
        variance = total_variance(reading, learned) if known else reading.noise
        return replace(
            state,
            params=frozen(state.params + move.displacement),
            memory=move.memory,
            learned=learned,
            gradient=frozen(reading.gradient),
            variance=variance,
            displacement=frozen(move.displacement),
            overlap=move.overlap,
            metric_age=state.metric_age + 1,
        )

    def _objection(self, state: AdaptiveState, method: GradientMethod, amount: int) -> str:
        bound = method.bound(known(state, self.bounds), state, amount)
        if bound is not None and method.shots is not None:
            bound = replace(bound, shots=max(bound.shots, bound.executions * method.shots))
        return self.budget.objection(state.spent, bound, self.prices)

    def _method(self, name: str) -> GradientMethod:
        return next(one for one in self.methods if one.name == name)

    def _names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.methods)
