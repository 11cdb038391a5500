"""What one call of a QNode wants to have run, and what came back."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
from pennylane.devices import Device, MCMConfig
from pennylane.tape import QuantumScript


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A QNode's call at the moment when it needs its device.

    Attributes:
        device: The QNode's own device.
        circuits: What it asks the device, with NumPy parameters and the QNode's shots.
        mcm: How mid-circuit measurements are to be treated.
        differentiates: Whether derivatives are wanted along with the results.
        origin: What was called, where the circuits were built by hand from nothing else.
    """

    device: Device
    circuits: tuple[QuantumScript, ...]
    mcm: MCMConfig
    differentiates: bool = False
    origin: "Origin | None" = None

    def equals(self, other: "Call") -> bool:
        """Whether the other asks the same, to the last bit."""
        if other is self:
            return True
        if self.device is not other.device or self.mcm != other.mcm:
            return False
        if self.differentiates != other.differentiates:
            return False
        return len(self.circuits) == len(other.circuits) and all(
            map(same_content, self.circuits, other.circuits)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """A QNode and its arguments.

    Attributes:
        qnode: What was called.
        numbers: The leaves of its arguments.
        structure: How they were arranged.
        finish: From the results of its circuits to what it returns.
    """

    qnode: qml.QNode
    numbers: tuple[Any, ...]
    structure: Any
    finish: Callable[[Sequence[Any]], Any]

    def is_same(self, qnode: qml.QNode, numbers: Sequence[Any], structure: Any) -> bool:
        """Whether the same was called, to the last bit."""
        if qnode is not self.qnode or structure != self.structure:
            return False
        return all(map(_same_number, numbers, self.numbers))


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """Tapes to run for a call, and how their results answer it.

    Attributes:
        call: What is answered.
        tapes: What has to be run.
        finish: From one result per tape to what the caller waits for.
        spreads: Whether the shots of a sum may be spread over its groups of terms: where the
            optimizer decides how many there are, not where the user did.
        tolerance: Terms of a sum that together scatter by no more than this are measured only by
            the first request of a batch that asks for the same sum at the same place.
        place: How many requests there were before in the same evaluation.
        keeps: Whether these terms are measured for this request, too.
    """

    call: Call
    tapes: tuple[QuantumScript, ...]
    finish: Callable[[Sequence[Any]], Any]
    spreads: bool = False
    tolerance: float = 0.0
    place: int = 0
    keeps: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Readout:
    """Result of one tape.

    Attributes:
        value: The result over all shots.
        without: The results with one group of shots left out each, or None where the shots are not
            divided into groups.
        is_exact: Whether it was computed without shots.
        borrowed: Scatter of those terms of a sum that were taken from another circuit's result.
        whole: The result with these terms as measured on this circuit, where they were, too.
    """

    value: Any
    without: tuple[Any, ...] | None = None
    is_exact: bool = False
    borrowed: float = 0.0
    whole: Any = None


def request_for(
    call: Call,
    gradient_shots: int | None = None,
    only: Sequence[Sequence[int]] | None = None,
    *,
    spreads: bool = False,
    tolerance: float = 0.0,
    place: int = 0,
    keeps: bool = False,
) -> Request:
    """Say what has to be run for a call: its circuits and, where wanted, the shifted ones.

    Args:
        call: What is asked.
        gradient_shots: Repetitions of shifted circuits; None takes those of their circuit.
        only: For each circuit, the places among its trainable parameters whose derivatives are
            wanted; the others are answered as 0. None wants all.
        spreads: See :class:`Request`, as for ``tolerance`` and ``place``; not for calls with
            derivatives.
        tolerance: See ``spreads``.
        place: See ``spreads``.
        keeps: See ``spreads``.
    """
    if not call.differentiates:
        return Request(call, call.circuits, tuple, spreads, tolerance, place, keeps)
    tapes, finishers = list(call.circuits), []
    for i, circuit in enumerate(call.circuits):
        shifted, finish = _shifted(circuit, None if only is None else only[i])
        if gradient_shots is not None:
            shifted = [tape.copy(shots=gradient_shots) for tape in shifted]
        finishers.append((len(tapes), len(tapes) + len(shifted), finish))
        tapes += shifted

    def results_and_derivatives(results: Sequence[Any]) -> tuple[Any, Any]:
        derivatives = tuple(finish(tuple(results[i:j])) for i, j, finish in finishers)
        return tuple(results[: len(call.circuits)]), derivatives

    return Request(call, tuple(tapes), results_and_derivatives)


def _shifted(
    circuit: QuantumScript, only: Sequence[int] | None
) -> tuple[Sequence[QuantumScript], Callable[[Any], Any]]:
    if not circuit.trainable_params:
        return [], lambda _: np.zeros(0)
    with warnings.catch_warnings():
        # Where no derivative is wanted, zeros are what is asked for.
        warnings.filterwarnings("ignore", "No trainable parameters")
        tapes, finish = qml.gradients.param_shift(
            circuit, argnum=None if only is None else list(only)
        )
    return tapes, finish


def same_content(one: QuantumScript, other: QuantumScript) -> bool:
    """Whether two tapes agree in structure and, bit for bit, in every number.

    PennyLane's hash rounds angles and collides for large matrices, and ``qml.equal`` has a
    tolerance; either could hand a circuit the result of another.
    """
    leaves, structure = qml.pytrees.flatten(one)
    other_leaves, other_structure = qml.pytrees.flatten(other)
    if structure != other_structure or len(leaves) != len(other_leaves):
        return False
    return all(map(_same_number, leaves, other_leaves))


def _same_number(one: Any, other: Any) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    return first.dtype == second.dtype and bool(np.array_equal(first, second))
