"""What all of mitigation needs of tapes: native gates, shots in parts, results of one form."""

from collections.abc import Callable, Sequence
from typing import Any

from pennylane.measurements import ExpectationMP, MeasurementProcess, ProbabilityMP
from pennylane.operation import Operator
from pennylane.tape import QuantumScript
from pennylane.typing import PostprocessingFn

from pennylane_qstore.errors import (
    InvalidShotsError,
    UnsupportedGateError,
    UnsupportedMeasurementError,
)
from pennylane_qstore.ops import NATIVE_OPERATIONS


def require_native(tape: QuantumScript) -> None:
    """Refuse a tape that a compiler has yet to change.

    Raises:
        UnsupportedGateError: If a gate is not native.
    """
    for op in tape.operations:
        if not isinstance(op, NATIVE_OPERATIONS):
            raise UnsupportedGateError(
                f"{op.name} on wires {op.wires.tolist()} is not a native gate, and what mitigation "
                "adds would not survive its compilation; apply to_ionq_native first, beneath this "
                "transform"
            )


def require_averages(tape: QuantumScript) -> None:
    """Refuse measurements that no weighted sum over circuits can give.

    Raises:
        UnsupportedMeasurementError: If it is neither an expectation value nor probabilities of
            named wires.
    """
    for mp in tape.measurements:
        if not isinstance(mp, ExpectationMP | ProbabilityMP):
            raise UnsupportedMeasurementError(
                f"{mp} is no average over circuits; expectation values and probabilities can be "
                "mitigated"
            )
        if isinstance(mp, ProbabilityMP) and not mp.wires:
            raise UnsupportedMeasurementError(
                f"{mp} names no wires; name them, or apply to_ionq_native, which does"
            )


def divide_shots(tape: QuantumScript, n_circuits: int) -> list[int] | None:
    """Shots of each of several circuits that share those of a tape; None where it has none.

    Raises:
        InvalidShotsError: If a circuit would get no shot.
    """
    if not tape.shots:
        return None
    sizes = [int(size) for size in tape.shots]
    if min(sizes) < n_circuits:
        raise InvalidShotsError(
            f"{min(sizes)} shots cannot be divided among {n_circuits} circuits; ask for more "
            "shots, or for fewer circuits"
        )
    return [size // n_circuits for size in sizes]


def first(results: Sequence[Any]) -> Any:
    """The result of the only circuit."""
    return results[0]


def for_each(
    tape: QuantumScript, value: Callable[[MeasurementProcess, list[Any]], Any]
) -> PostprocessingFn:
    """Results of several circuits to one, measurement by measurement.

    Args:
        tape: What was asked for: its measurements, and its copies of shots.
        value: From a measurement, and its results of all circuits, to one result.
    """

    def of_one_copy(results: Sequence[Any]) -> Any:
        if len(tape.measurements) == 1:
            return value(tape.measurements[0], list(results))
        columns = zip(tape.measurements, zip(*results, strict=True), strict=True)
        return tuple(value(mp, list(column)) for mp, column in columns)

    def postprocess(results: Sequence[Any]) -> Any:
        if tape.shots.has_partitioned_shots:
            return tuple(map(of_one_copy, zip(*results, strict=True)))
        return of_one_copy(results)

    return postprocess


def weighted_sum(weights: Sequence[float], values: Sequence[Any]) -> Any:
    """Weighted sum of numbers or arrays."""
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def is_entangler(op: Operator) -> bool:
    """Whether a native gate acts on two qubits."""
    return len(op.wires) == 2
