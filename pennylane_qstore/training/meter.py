"""What may still be spent: counted, and written down, before a device sends anything."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

from pennylane.devices import Device
from pennylane.devices.qubit.sampling import get_num_shots_and_executions
from pennylane.exceptions import ParameterFrequenciesUndefinedError
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from pennylane_qstore.errors import BudgetExceededError, InvalidOptionError

RUNS = ("execute", "submit", "prewarm")
GRADIENTS = (
    "compute_derivatives",
    "execute_and_compute_derivatives",
    "compute_jvp",
    "execute_and_compute_jvp",
    "compute_vjp",
    "execute_and_compute_vjp",
)
_PLACES = 9
"""Digits after the point of money that count in differences of sums."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Circuits and money, in one unit."""

    circuits: int = 0
    money: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.circuits + other.circuits, math.fsum([self.money, other.money]))


@dataclass(frozen=True, slots=True)
class SearchBudget:
    """What all trials of a study may spend together; give at least one limit.

    Attributes:
        circuits: Circuits, as the device's tracker counts them.
        money: Amount of ``unit``, for a device that keeps a ledger, as ``qstore.ionq`` does.
        unit: Currency of ``money``.

    Raises:
        InvalidOptionError: If there is no limit, or one is negative or not a number.
    """

    circuits: int | None = None
    money: float | None = None
    unit: str = "usd"

    def __post_init__(self) -> None:
        limits = [one for one in (self.circuits, self.money) if one is not None]
        if not limits or not all(0 <= one < math.inf for one in limits):
            raise InvalidOptionError(
                f"circuits={self.circuits}, money={self.money}; give one of them or both, from 0"
            )

    def refuse(self, spent: Spent, more: Spent) -> None:
        """Refuse what would pass a limit.

        Raises:
            BudgetExceededError: If it would.
        """
        after = spent + more
        for limit, total, asked, unit in (
            (self.circuits, after.circuits, more.circuits, "circuits"),
            (self.money, after.money, more.money, self.unit),
        ):
            if limit is not None and round(total, _PLACES) > limit:
                raise BudgetExceededError(
                    estimate=asked, spent=total - asked, reserved=0, budget=limit, unit=unit
                )


class Meter:
    """Watches one device, and refuses batches that could pass what is left of a budget.

    Args:
        device: Where the circuits run.
        budget: The limits.
        before: What was spent elsewhere.
        note: Called with what this device may have spent, before it spends it; and with what it
            really did, after each :meth:`book`.

    Raises:
        InvalidOptionError: If the budget cannot be kept on the device.
    """

    def __init__(
        self,
        device: Device | None,
        budget: SearchBudget,
        *,
        before: Spent,
        note: Callable[[Spent], None],
    ) -> None:
        self._ledger = None if budget.money is None else getattr(device, "ledger", None)
        if device is None or (budget.money is not None and self._ledger is None):
            raise InvalidOptionError(
                f"a budget cannot be kept on device {device}: give the trainer its device, and for "
                "money one that keeps a ledger, such as 'qstore.ionq'"
            )
        self._device, self._budget, self._before, self._note = device, budget, before, note
        self._booked = self._step = self._dearest = Spent()
        self._start = self._ledger_total()
        self._lock, self._inside = threading.Lock(), threading.local()

    @property
    def spent(self) -> Spent:
        """What this device has spent, or may have."""
        return self._booked + self._step

    def book(self, circuits: int | None) -> None:
        """A step has ended.

        Args:
            circuits: What it ran, as the device says; None or 0 counts what was asked of it.
        """
        money = max(0.0, self._ledger_total() - self._start - self._booked.money)
        step = Spent(circuits or self._step.circuits, round(money, _PLACES))
        self._dearest = Spent(
            max(self._dearest.circuits, step.circuits), max(self._dearest.money, step.money)
        )
        self._booked, self._step = self._booked + step, Spent()
        self._note(self.spent)

    def check_another(self) -> None:
        """Refuse one more step that takes as much as the dearest so far.

        Raises:
            BudgetExceededError: If it would pass the budget.
        """
        self._budget.refuse(self._before + self._booked, self._dearest)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Refuse what could pass the budget, until the context ends."""
        with ExitStack() as stack:
            for name in (*RUNS, *GRADIENTS):
                if hasattr(self._device, name):
                    self._intercept(name, stack)
            if self._ledger is not None:
                stack.enter_context(self._ledger.approval(self._approve))
            yield

    def _intercept(self, name: str, stack: ExitStack) -> None:
        """Count the tapes of one of the device's methods before it sees them."""
        original, own = getattr(self._device, name), vars(self._device).get(name)

        @wraps(original)
        def counted(circuits: Any, *args: Any, **kwargs: Any) -> Any:
            # One method of a device may call another for the same circuits.
            if getattr(self._inside, "yes", False):
                return original(circuits, *args, **kwargs)
            tapes = [circuits] if isinstance(circuits, QuantumScript) else list(circuits)
            self._count(n_circuits(tapes, gradient=name in GRADIENTS))
            self._inside.yes = True
            try:
                return original(circuits, *args, **kwargs)
            finally:
                self._inside.yes = False

        setattr(self._device, name, counted)
        if own is None:
            stack.callback(delattr, self._device, name)
        else:
            stack.callback(setattr, self._device, name, own)

    def _count(self, circuits: int) -> None:
        with self._lock:
            self._budget.refuse(self._before + self.spent, Spent(circuits))
            self._step += Spent(circuits)
            self._note(self.spent)

    def _approve(self, total: Any) -> None:
        """Called by the ledger with all that would be spent and reserved on it."""
        if total.units != (self._budget.unit,):
            raise InvalidOptionError(
                f"the budget is in {self._budget.unit}, but the device's costs are {total}"
            )
        with self._lock:
            asked = total.amount(self._budget.unit) - self._start - self._booked.money
            self._budget.refuse(self._before + self._booked, Spent(0, asked))
            # A batch is approved as a whole, and then again job by job.
            if asked > self._step.money:
                self._step = Spent(self._step.circuits, round(asked, _PLACES))
                self._note(self.spent)

    def _ledger_total(self) -> float:
        if self._ledger is None:
            return 0.0
        unit = self._budget.unit
        return float(self._ledger.spent.amount(unit) + self._ledger.reserved.amount(unit))


def n_circuits(tapes: Sequence[QuantumScript], *, gradient: bool = False) -> int:
    """The most circuits that tapes take, their gradients by parameter shift included.

    Args:
        tapes: Tapes as a device receives them.
        gradient: Whether each is differentiated with respect to its trainable parameters, with two
            circuits for each frequency of a parameter and one for the value.
    """
    total = 0
    for tape in tapes:
        circuits, _ = get_num_shots_and_executions(tape)
        total += circuits * (1 + _shifts(tape) if gradient else 1)
    return total


def _shifts(tape: QuantumScript) -> int:
    """Shifted circuits of a gradient."""
    shifts = 0
    for place in range(len(tape.trainable_params)):
        op, _, number = tape.get_operation(place)
        shifts += 2 * _n_frequencies(op, number)
    return shifts


def _n_frequencies(op: Operator, number: int) -> int:
    """Frequencies of a parameter; 1 where there is no shift rule, as for coefficients."""
    try:
        return len(op.parameter_frequencies[number])
    except (AttributeError, ParameterFrequenciesUndefinedError):
        return 1
