"""What all of mitigation needs of tapes: native gates, shots in parts, weighted sums of results."""

from collections.abc import Sequence
from typing import Any

import pennylane_ionq.ops as ionq_ops
from pennylane.measurements import ExpectationMP, ProbabilityMP
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from pennylane_qstore.errors import (
    InvalidShotsError,
    UnsupportedGateError,
    UnsupportedMeasurementError,
)
from pennylane_qstore.ops import ZZ

NATIVE = (ionq_ops.GPI, ionq_ops.GPI2, ionq_ops.MS, ZZ)


def require_native(tape: QuantumScript) -> None:
    """Refuse a tape that a compiler has yet to change.

    Raises:
        UnsupportedGateError: If a gate is not native.
    """
    for op in tape.operations:
        if not isinstance(op, NATIVE):
            raise UnsupportedGateError(
                f"{op.name} on wires {op.wires.tolist()} is not a native gate, and what mitigation "
                "adds would not survive its compilation; apply to_ionq_native first, beneath this "
                "transform"
            )


def require_averages(tape: QuantumScript) -> None:
    """Refuse measurements that no weighted sum over circuits can give.

    Raises:
        UnsupportedMeasurementError: If it is neither an expectation value nor probabilities.
    """
    for mp in tape.measurements:
        if not isinstance(mp, ExpectationMP | ProbabilityMP):
            raise UnsupportedMeasurementError(
                f"{mp} is no average over circuits; expectation values and probabilities can be "
                "mitigated"
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


def combine(weights: Sequence[float], results: Sequence[Any]) -> Any:
    """Weighted sum of results of equal form: of one measurement, several, or for several shots."""
    if isinstance(results[0], tuple | list):
        return tuple(combine(weights, parts) for parts in zip(*results, strict=True))
    return sum(weight * result for weight, result in zip(weights, results, strict=True))


def is_entangler(op: Operator) -> bool:
    """Whether a native gate acts on two qubits."""
    return len(op.wires) == 2
