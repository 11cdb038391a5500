"""What a rule looks at, and what it answers to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.adaptive.learned import Learned
from pennylane_qstore.optimize.core.adaptive.records import Choice, Taken
from pennylane_qstore.optimize.core.adaptive.trend import Trend, trend
from pennylane_qstore.optimize.core.query import Counts

METHODS = (
    "spsa",
    "sampled_parameter_shift",
    "parameter_shift",
    "natural_gradient",
    "finite_difference",
)


@dataclass(frozen=True, slots=True)
class Option:
    """A gradient that could be taken.

    Attributes:
        method: Name of its method.
        amount: Directions or components.
        expected: What it will take on average.
        noise: Sum of the variances that it will have.
        progress: Expected decrease of the loss.
    """

    method: str
    amount: int
    expected: Counts
    noise: float = 0.0
    progress: float = 0.0


@dataclass(frozen=True, slots=True)
class View:
    """What a rule may look at.

    Attributes:
        step: Index of the step to come, from 0.
        taken: The steps before it.
        options: What could be taken.
        learned: What the steps showed.
        rise: How the loss rose, if it did so significantly; else None.
    """

    step: int
    taken: tuple[Taken, ...] = ()
    options: tuple[Option, ...] = ()
    learned: Learned = field(default_factory=Learned)
    rise: Trend | None = None

    def recent(self, window: int) -> Trend | None:
        """Trend of the last ``window`` losses; None before there are so many."""
        if len(self.taken) < window:
            return None
        last = self.taken[-window:]
        return trend([one.loss for one in last], [one.loss_error for one in last])


class Rule(Protocol):
    """Chooses a method for each step."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Methods that it may choose whatever the options."""

    def choose(self, view: View) -> Choice:
        """The method of the next step, and why."""


def check_method(name: str, among: Sequence[str] = METHODS) -> str:
    """The name, if it is one of a method.

    Raises:
        InvalidOptionError: With the names that there are.
    """
    if name not in among:
        raise InvalidOptionError(
            f"{name!r} is no gradient method here; choose one of {', '.join(among)}"
        )
    return name


def check_significance(value: float) -> None:
    """Refuse what is no probability of an error.

    Raises:
        InvalidOptionError: Unless it is between 0 and 0.5.
    """
    if not 0 < value < 0.5:
        raise InvalidOptionError(f"significance is {value}; it has to be between 0 and 0.5")
