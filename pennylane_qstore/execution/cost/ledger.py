"""What was spent, and the budget that is never passed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Lock

from pennylane_qstore.errors import BudgetExceededError, InvalidOptionError
from pennylane_qstore.execution.cost.amount import Cost, is_amount
from pennylane_qstore.execution.cost.rates import Estimate


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for jobs.

    Attributes:
        number: Which reservation of its ledger it is.
        cost: How much.
    """

    number: int
    cost: Cost


class Ledger:
    """Keeps account of costs. Safe to use from several threads.

    Args:
        budget: Largest amount that may be spent, or None for any.
        unit: Currency of the budget; None takes the one in which the first estimate comes.

    Raises:
        InvalidOptionError: If the budget is no amount, or the unit no name.
    """

    def __init__(self, budget: float | None = None, unit: str | None = None) -> None:
        if budget is not None and not is_amount(budget):
            raise InvalidOptionError(f"budget={budget!r}; give an amount, or None for no limit")
        if unit is not None and (not isinstance(unit, str) or not unit):
            raise InvalidOptionError(f"unit={unit!r}; give a currency such as 'usd'")
        self._budget = budget
        self._unit = unit
        self._lock = Lock()
        self._numbers = count()
        self._open: dict[int, Cost] = {}
        self._approve: Callable[[Cost], None] | None = None
        self._spent = self._settled = self._saved = Cost()

    @property
    def budget(self) -> float | None:
        """Largest amount that may be spent, or None."""
        return self._budget

    @property
    def limited(self) -> bool:
        """Whether money may be refused, so that jobs have to be priced before they are sent."""
        return self._budget is not None or self._approve is not None

    @contextmanager
    def approval(self, approve: Callable[[Cost], None]) -> Iterator[None]:
        """Ask before each reservation, until the context ends.

        Args:
            approve: Called with all that would be spent and reserved then; raises to refuse it. It
                must not use the ledger.
        """
        before, self._approve = self._approve, approve
        try:
            yield
        finally:
            self._approve = before

    @property
    def unit(self) -> str | None:
        """Currency of the budget, once it is known."""
        return self._unit

    @property
    def spent(self) -> Cost:
        """What was charged, or where the service did not say so, what was estimated."""
        return self._spent

    @property
    def reserved(self) -> Cost:
        """What jobs that are under way are estimated at."""
        with self._lock:
            return Cost.sum(self._open.values())

    @property
    def estimated(self) -> Cost:
        """What everything that was sent, or is about to be, was estimated at."""
        with self._lock:
            return Cost.sum([self._settled, *self._open.values()])

    @property
    def saved(self) -> Cost:
        """What answers from the cache would have cost."""
        return self._saved

    def reserve(self, estimate: Estimate | Cost) -> Reservation:
        """Set money aside, before anything is sent.

        Raises:
            BudgetExceededError: If it could be more than is left.
            InvalidOptionError: If the budget is in another unit.
            Exception: What :meth:`approval` was given to refuse with.
        """
        cost = estimate.cost if isinstance(estimate, Estimate) else estimate
        with self._lock:
            self._check(cost)
            if self._approve is not None and cost:
                self._approve(self._spent + Cost.sum(self._open.values()) + cost)
            reservation = Reservation(next(self._numbers), cost)
            self._open[reservation.number] = cost
        return reservation

    def settle(self, reservation: Reservation, actual: Cost | None) -> None:
        """Note what was charged; None, where nobody says so, counts as the estimate.

        Raises:
            KeyError: If the reservation was settled or released before.
        """
        with self._lock:
            estimated = self._open.pop(reservation.number)
            self._settled += estimated
            self._spent += estimated if actual is None else actual

    def release(self, reservation: Reservation) -> None:
        """Give back money for what was not sent. Does nothing after ``settle``."""
        with self._lock:
            self._open.pop(reservation.number, None)

    def charge(self, actual: Cost) -> None:
        """Note a cost without a reservation, as of a job that an earlier run submitted."""
        with self._lock:
            self._spent += actual

    def save(self, cost: Cost) -> None:
        """Note what an answer from the cache would have cost."""
        with self._lock:
            self._saved += cost

    def _check(self, cost: Cost) -> None:
        """Refuse a cost that passes the budget."""
        if self._budget is None or not cost:
            return
        reserved = Cost.sum(self._open.values())
        total = self._spent + reserved + cost
        unit = self._unit or cost.units[0]
        if total.units != (unit,):
            raise InvalidOptionError(
                f"the budget is in {unit}, but costs are {total}; give the budget in their unit"
            )
        if total.amount(unit) > self._budget:
            raise BudgetExceededError(
                estimate=cost.amount(unit),
                spent=self._spent.amount(unit),
                reserved=reserved.amount(unit),
                budget=self._budget,
                unit=unit,
            )
        self._unit = unit
