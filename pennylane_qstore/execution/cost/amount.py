"""Amounts of money, which never mix currencies."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import total_ordering
from math import isfinite
from numbers import Real
from typing import Any

from pennylane_qstore.errors import InvalidOptionError


def is_amount(value: Any) -> bool:
    """Whether a value is a finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return isfinite(value) and float(value) >= 0
    except OverflowError:
        return False


def exact(amount: float) -> Decimal:
    """The decimal number that an amount was written as, so that ten times 0.1 is 1."""
    return Decimal(repr(float(amount)))


@total_ordering
@dataclass(frozen=True, slots=True)
class Cost:
    """Amounts per unit; the empty one is free.

    Costs of one unit are ordered, and compare with the empty one.

    Attributes:
        amounts: Pairs of a unit (``"usd"``, ``"credit"``) and an amount, sorted by unit, without
            zeros.

    Raises:
        InvalidOptionError: If an amount is negative, infinite or not a number.
    """

    amounts: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        totals: dict[str, Decimal] = {}
        for unit, amount in self.amounts:
            if not is_amount(amount) or not isinstance(unit, str) or not unit:
                raise InvalidOptionError(f"{amount!r} {unit!r} is no amount of money")
            totals[unit] = totals.get(unit, Decimal()) + exact(amount)
        kept = ((unit, float(total)) for unit, total in sorted(totals.items()) if total)
        object.__setattr__(self, "amounts", tuple(kept))

    @classmethod
    def of(cls, amount: float | Decimal, unit: str) -> "Cost":
        """An amount of one unit."""
        return cls(((unit, float(amount) if isinstance(amount, Decimal) else amount),))

    @classmethod
    def sum(cls, costs: Iterable["Cost"]) -> "Cost":
        """All costs together, in each unit."""
        return cls(tuple(pair for cost in costs for pair in cost.amounts))

    @property
    def units(self) -> tuple[str, ...]:
        """Units that it has an amount of."""
        return tuple(unit for unit, _ in self.amounts)

    def amount(self, unit: str) -> float:
        """The amount of one unit."""
        return dict(self.amounts).get(unit, 0.0)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.amounts + other.amounts)

    def __bool__(self) -> bool:
        return bool(self.amounts)

    def __lt__(self, other: "Cost") -> bool:
        units = {*self.units, *other.units}
        if len(units) > 1:
            raise InvalidOptionError(f"{self} and {other} are in different units")
        return any(self.amount(unit) < other.amount(unit) for unit in units)

    def __str__(self) -> str:
        return " + ".join(f"{amount:.10g} {unit}" for unit, amount in self.amounts) or "0"
