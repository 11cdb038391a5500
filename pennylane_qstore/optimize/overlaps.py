"""Overlaps between the states that an objective prepares at two points."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.errors import UnknownStateError
from pennylane_qstore.optimize.foresight import Evaluation, foresee
from pennylane_qstore.optimize.interception import intercepted
from pennylane_qstore.optimize.request import Call, Request, same_content

FloatArray = NDArray[np.float64]
Objective = Callable[[FloatArray], Callable[[], Any]]
"""From parameters to a function without arguments that evaluates the objective there."""


def calls_at(function: Callable[[], Any], *, calls_once: bool = False) -> list[Call]:
    """The calls of QNodes in an evaluation, each with one circuit.

    Raises:
        UnknownStateError: If the first call already depends on something else than the parameters.
    """
    with intercepted():
        requests = foresee(Evaluation(function, calls_once=calls_once)).requests
    if not requests:
        raise UnknownStateError(
            "no circuit of the objective is known before it is run, so there is no state to "
            "compare; call its QNodes by what depends on the parameters only, or use an optimizer "
            "without overlaps and metric"
        )
    return [
        Call(request.call.device, (circuit,), request.call.mcm)
        for request in requests
        for circuit in request.call.circuits
    ]


def overlap_requests(
    evaluate_at: Objective, pairs: FloatArray, *, calls_once: bool = False
) -> list[list[Request]]:
    r"""Circuits that measure overlaps :math:`|\langle\psi(a)|\psi(b)\rangle|^2`.

    Each runs the objective's circuit at :math:`a` and its inverse at :math:`b`; the overlap is the
    probability of finding all wires in 0. Where the objective prepares several states, there is a
    circuit for each different one, and the overlap is to be their mean.

    Args:
        evaluate_at: The objective.
        pairs: Parameters, shape ``(n_pairs, 2, n_params)``.
        calls_once: Whether the objective is known to call one QNode once.

    Returns:
        For each pair one request for each different state.

    Raises:
        UnknownStateError: If the states are not known, or differ in number.
    """
    known: dict[bytes, list[Call]] = {}

    def calls(params: FloatArray) -> list[Call]:
        key = params.tobytes()
        if key not in known:
            known[key] = calls_at(evaluate_at(params), calls_once=calls_once)
        return known[key]

    return [_pair(calls(first), calls(second)) for first, second in pairs]


def overlaps(answers: Sequence[Sequence[Any]]) -> FloatArray:
    """Overlap of each pair, from the probabilities that its requests read out."""
    return np.array([np.mean([np.mean(p[..., 0]) for p in pair]) for pair in answers])


def _pair(first: Sequence[Call], second: Sequence[Call]) -> list[Request]:
    if len(first) != len(second):
        raise UnknownStateError(
            f"the objective prepares {len(first)} states at one point and {len(second)} at another"
        )
    requests: list[Request] = []
    for one, other in zip(first, second, strict=True):
        tape = overlap_tape(one.circuits[0], other.circuits[0])
        if not any(same_content(tape, request.tapes[0]) for request in requests):
            requests.append(Request(Call(one.device, (tape,), one.mcm), (tape,), tuple))
    return requests


def overlap_tape(first: QuantumScript, second: QuantumScript) -> QuantumScript:
    """One circuit, then the inverse of another; shots are those of the first.

    Raises:
        UnknownStateError: If a circuit is not unitary.
    """
    for op in (*first.operations, *second.operations):
        if isinstance(op, qml.operation.Channel | qml.ops.MidMeasure | qml.ops.Conditional):
            raise UnknownStateError(
                f"a circuit with {op.name} has no inverse, so no overlap can be measured; use an "
                "optimizer without overlaps and metric"
            )
    inverse = [qml.adjoint(op, lazy=False) for op in reversed(second.operations)]
    wires = qml.wires.Wires.all_wires([first.wires, second.wires])
    measured = qml.probs(wires=wires)
    return QuantumScript([*first.operations, *inverse], [measured], shots=_total(first))


def _total(tape: QuantumScript) -> int | None:
    return tape.shots.total_shots if tape.shots else None
