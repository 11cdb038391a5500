"""Which gradient to take next: a documented schedule, progress per cost, or a fixed plan."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.adaptive.costs import Prices
from pennylane_qstore.optimize.core.adaptive.records import Choice
from pennylane_qstore.optimize.core.adaptive.view import (
    Option,
    View,
    check_method,
    check_significance,
)


@dataclass(frozen=True, slots=True)
class DocumentedRule:
    """The schedule of the original design, by steps and with tests that know the noise.

    In this order: ``start`` for the first steps; ``exact`` every ``every`` steps, and where the
    loss rose significantly; ``slow`` where it did not surely fall over the last ``window`` steps
    by more than ``least`` of its size; ``start`` otherwise.

    Attributes:
        first: Steps that take ``start``.
        every: Steps from one exact gradient to the next; 0 for never.
        window: Losses that are looked at.
        least: Share of the loss's mean size by which it has to fall.
        significance: Probability to be wrong about a fall.
        start: Method of the first steps.
        exact: Method of every tenth step.
        slow: Method where the loss does not fall.

    Raises:
        InvalidOptionError: If a method is unknown or a number out of its range.
    """

    first: int = 10
    every: int = 10
    window: int = 5
    least: float = 0.01
    significance: float = 0.05
    start: str = "spsa"
    exact: str = "parameter_shift"
    slow: str = "natural_gradient"

    def __post_init__(self) -> None:
        for name in self.needs:
            check_method(name)
        if self.window < 3 or min(self.first, self.every) < 0 or self.least < 0:
            raise InvalidOptionError(
                f"window is {self.window} (from 3), first {self.first}, every {self.every} and "
                f"least {self.least} (from 0)"
            )
        check_significance(self.significance)

    @property
    def needs(self) -> tuple[str, ...]:
        """All three methods."""
        return self.start, self.exact, self.slow

    def choose(self, view: View) -> Choice:
        """Apply the rules in their order."""
        if view.step < self.first:
            return Choice(self.start, f"one of the first {self.first} steps")
        if self.every and view.step % self.every == 0:
            return Choice(self.exact, f"exact every {self.every} steps")
        if view.rise is not None:
            return Choice(self.exact, f"the loss rose by {view.rise}")
        recent = view.recent(self.window)
        if recent is None:
            return Choice(self.start, f"fewer than {self.window} losses to judge")
        due = self.least * recent.level
        what = f"the loss changed by {recent} over {self.window} steps"
        if recent.falls(due, self.significance):
            return Choice(self.start, f"{what}: falling")
        return Choice(self.slow, f"{what}: no significant fall beyond {due:.2g}")


@dataclass(frozen=True, slots=True)
class ProgressRule:
    """The gradient with the largest expected decrease of the loss per unit of cost.

    Where the loss rose significantly, only gradients with less noise than the last one compete.

    Attributes:
        prices: What a step costs.
        unit: What the prices count, for the reasons.
        advantage: Factor by which another method has to be better than the current one.

    Raises:
        InvalidOptionError: If the advantage is below 1.
    """

    prices: Prices = field(default_factory=lambda: Prices(circuit=1.0))
    unit: str = "circuits"
    advantage: float = 1.1

    def __post_init__(self) -> None:
        if not self.advantage >= 1:
            raise InvalidOptionError(f"advantage is {self.advantage}; it is a factor from 1")

    @property
    def needs(self) -> tuple[str, ...]:
        """None: it takes what there is."""
        return ()

    def choose(self, view: View) -> Choice:
        """Compare all options."""
        if view.learned.signal_size is None:
            first = [one for one in view.options if one.amount >= 4] or view.options
            best = min(first, key=lambda one: self.prices(one.expected))
            return Choice(best.method, "nothing is known yet: cheap calibration", best.amount)
        current = view.taken[-1].method if view.taken else ""
        options, why = view.options, ""
        if view.rise is not None:
            options, why = self._more_exact(view), f"the loss rose by {view.rise}; "
        worth = [self._worth(one) for one in options]
        kept = [
            value * (self.advantage if one.method == current else 1)
            for one, value in zip(options, worth, strict=True)
        ]
        index = max(range(len(options)), key=kept.__getitem__)
        best, value = options[index], worth[index]
        others = [(w, one) for w, one in zip(worth, options, strict=True) if one is not best]
        reason = f"{why}expected decrease {value:.3g} per {self._per()}"
        if others:
            second, runner_up = max(others, key=lambda pair: pair[0])
            reason += f", {second:.3g} by {runner_up.method} ({runner_up.amount})"
        return Choice(best.method, reason, best.amount)

    def _worth(self, option: Option) -> float:
        """Where nothing is charged, the progress itself."""
        price = self.prices(option.expected)
        return option.progress / price if price > 0 else option.progress

    def _more_exact(self, view: View) -> tuple[Option, ...]:
        last = view.taken[-1]
        now = [
            one.noise
            for one in view.options
            if (one.method, one.amount) == (last.method, last.amount)
        ]
        if not now:
            return view.options
        better = tuple(one for one in view.options if one.noise < 0.9 * now[0])
        return better or view.options

    def _per(self) -> str:
        return {"shots": "shot", "circuits": "circuit", "money": "unit of money"}.get(
            self.unit, "second"
        )


@dataclass(frozen=True, slots=True)
class GradientMethodScheduler:
    """A plan: from which step on which method.

    Attributes:
        schedule: Pairs of a step and the method from it on, such as
            ``[(0, "spsa"), (50, "parameter_shift")]``.

    Raises:
        InvalidOptionError: If the first step is not 0, the steps do not rise, or a method is
            unknown.
    """

    schedule: Sequence[tuple[int, str]]

    def __post_init__(self) -> None:
        plan = tuple((step, check_method(name)) for step, name in self.schedule)
        steps = [step for step, _ in plan]
        if not steps or steps[0] != 0 or sorted(set(steps)) != steps:
            raise InvalidOptionError(
                f"the steps of the schedule are {steps}; they have to start with 0 and rise"
            )
        object.__setattr__(self, "schedule", plan)

    @property
    def needs(self) -> tuple[str, ...]:
        """All methods of the plan."""
        return tuple(name for _, name in self.schedule)

    def choose(self, view: View) -> Choice:
        """Look the step up."""
        since, name = [one for one in self.schedule if one[0] <= view.step][-1]
        return Choice(name, f"scheduled from step {since} on")
