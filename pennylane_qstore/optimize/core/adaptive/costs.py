"""What a step costs, and budgets that are never passed."""

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.query import Counts

Measure = Literal["shots", "circuits", "money", "time"]


@dataclass(frozen=True, slots=True)
class Prices:
    """What is paid, in any one unit: money, seconds, or just circuits.

    Attributes:
        circuit: For each circuit.
        shot: For each shot.
        batch: For each round trip.

    Raises:
        InvalidOptionError: If a price is negative or not finite.
    """

    circuit: float = 0.0
    shot: float = 0.0
    batch: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidOptionError(
                    f"the price of a {one.name} is {value}; it is finite, from 0"
                )

    def __call__(self, counts: Counts) -> float:
        """Price of what was counted."""
        return (
            self.circuit * counts.executions
            + self.shot * counts.shots
            + self.batch * counts.batches
        )


def prices_for(cost: Measure, prices: Prices | None) -> Prices:
    """The prices by which progress is judged.

    Raises:
        InvalidOptionError: If the measure is unknown, or is ``"money"`` or ``"time"`` without
            prices.
    """
    if cost not in get_args(Measure):
        raise InvalidOptionError(f"cost is {cost!r}; choose one of {get_args(Measure)}")
    if cost == "circuits":
        return Prices(circuit=1.0)
    if cost == "shots":
        return Prices(shot=1.0)
    if prices is None or prices == Prices():
        raise InvalidOptionError(
            f"cost={cost!r} needs prices=Prices(circuit=…, shot=…, batch=…), in "
            f"{'your currency' if cost == 'money' else 'seconds'}"
        )
    return prices


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits for a whole run; None is none.

    Attributes:
        circuits: Circuits that may be run.
        shots: Repetitions of all of them.
        money: By :class:`Prices`.

    Raises:
        InvalidOptionError: If a limit is negative.
    """

    circuits: int | None = None
    shots: int | None = None
    money: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if value is not None and not value >= 0:
                raise InvalidOptionError(f"the budget of {one.name} is {value}; it is from 0")

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return any(getattr(self, one.name) is not None for one in fields(self))

    def objection(self, spent: Counts, bound: Counts | None, prices: Prices | None) -> str:
        """Why a query may not be sent; empty if it may.

        Args:
            spent: What the run took so far.
            bound: The most that the query may take; None if that is not known.
            prices: For a limit in money.
        """
        if not self.limited:
            return ""
        if bound is None:
            return "what it takes is not known beforehand; tell it in bounds=Bounds(…)"
        after = spent + bound
        money = (prices(spent), prices(bound)) if prices is not None else (0.0, 0.0)
        for limit, total, needed, unit in (
            (self.circuits, after.executions, bound.executions, "circuits"),
            (self.shots, after.shots, bound.shots, "shots"),
            (self.money, sum(money), money[1], "of money"),
        ):
            if limit is not None and total > limit:
                return (
                    f"up to {needed:g} {unit} would be added to {total - needed:g}, past the "
                    f"budget of {limit:g}"
                )
        return ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one evaluation may take, until answers have shown it.

    Attributes:
        point: For one loss. A cost over several QNodes takes one circuit for each measurement basis
            of each QNode.
        gradient: For a whole gradient by parameter shift with its loss: for each gate with a
            trained parameter two or four circuits per measurement basis.
        natural: For that and the metric tensor.
    """

    point: Counts | None = None
    gradient: Counts | None = None
    natural: Counts | None = None


def times(counts: Counts, factor: float) -> Counts:
    """Counts of ``factor`` such evaluations in one batch, rounded up."""
    return Counts(
        math.ceil(counts.executions * factor), math.ceil(counts.shots * factor), counts.batches
    )


def at_least(one: Counts | None, other: Counts) -> Counts:
    """The larger of each count."""
    if one is None:
        return other
    return Counts(
        max(one.executions, other.executions),
        max(one.shots, other.shots),
        max(one.batches, other.batches),
    )
