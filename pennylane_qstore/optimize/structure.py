"""Which gate angles of an objective's circuits depend on which parameters."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pennylane.exceptions import ParameterFrequenciesUndefinedError
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.arguments import flatten, rebuild, trainable_positions
from pennylane_qstore.optimize.core.surrogate import AngleKernel
from pennylane_qstore.optimize.errors import UnknownFrequenciesError
from pennylane_qstore.optimize.foresight import Evaluation, Trial
from pennylane_qstore.optimize.frequencies import elementary
from pennylane_qstore.optimize.interception import intercepted
from pennylane_qstore.optimize.request import Call

FloatArray = NDArray[np.float64]
Place = tuple[int, int]

# Gates whose largest frequency is more than so many times the smallest count as so many gates.
_MOST_FREQUENCIES = 8


def gate_angles(
    objective_fn: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> AngleKernel:
    """Read off an objective's circuits how its parameters enter them; nothing is executed.

    The circuits are those of the first trial with made-up results, one for each sequence of gates.
    A gate with frequencies :math:`f, 2f, ..., Rf` counts as ``R`` rotations by ``f`` times its
    angle. Of several circuits, the one with the most gates of an angle decides how many there are.
    Angles that no parameter changes, such as encoded data, do not count; parameters that change
    no angle count as the angle of one gate.

    Args:
        objective_fn: A QNode or any callable that calls QNodes.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        The distinct angles and how many gates have each. Where gate angles are not affine in the
        parameters, or not known, each parameter is taken as the angle of one gate.
    """
    positions = trainable_positions(args)
    start = flatten(args, positions)

    def circuits(point: FloatArray, limit: int | None = None) -> list[list[QuantumScript]]:
        replaced = rebuild(args, positions, point)
        return _circuits(lambda: objective_fn(*replaced, **kwargs), limit)

    places = _representatives(circuits(start))
    if not places:
        return AngleKernel.independent(start.size)
    limit = 1 + max(call for call, _ in places)

    def gates(point: FloatArray) -> list[QuantumScript]:
        found = circuits(point, limit)
        return [elementary(found[call][index]) for call, index in places]

    try:
        tapes = gates(start)
        weights = _weights(gates, tapes, start)
        found = [rotations(*one) for one in zip(tapes, weights, strict=True)]
    except (UnknownFrequenciesError, IndexError):
        return AngleKernel.independent(start.size)
    return _merged(found, start.size)


class _SeenError(BaseException):
    """Breaks off an evaluation of which enough circuits were seen."""


class _Glance(Trial):
    """A trial that ends after some calls.

    Args:
        evaluation: What to try.
        limit: How many calls to see; None for all.
    """

    def __init__(self, evaluation: Evaluation, limit: int | None) -> None:
        super().__init__(evaluation, seed=1)
        self._limit = limit

    def answer(self, call: Call) -> Any:
        made_up = super().answer(call)
        if len(self.requests) == self._limit:
            raise _SeenError
        return made_up


def _circuits(function: Callable[[], Any], limit: int | None) -> list[list[QuantumScript]]:
    """Circuits of each call of a QNode."""
    glance = _Glance(Evaluation(function), limit)
    with intercepted(), suppress(_SeenError):
        glance.run()
    return [list(request.call.circuits) for request in glance.requests]


def _representatives(calls: Sequence[Sequence[QuantumScript]]) -> list[Place]:
    """Call and index of one circuit for each sequence of gates."""
    found: dict[Any, Place] = {}
    for call, tapes in enumerate(calls):
        for index, tape in enumerate(tapes):
            gates = tuple((op.name, tuple(op.wires)) for op in tape.operations)
            found.setdefault(gates, (call, index))
    return list(found.values())


def _weights(
    gates: Callable[[FloatArray], list[QuantumScript]],
    tapes: Sequence[QuantumScript],
    start: FloatArray,
) -> list[FloatArray]:
    """Derivative of each angle by each parameter, ``(n_angles, n_params)`` for each circuit."""
    origin = [gate_angles_of(tape) for tape in tapes]
    columns = [_changes(gates(start + row), origin) for row in np.eye(start.size)]
    weights = [np.stack(list(one), axis=1) for one in zip(*columns, strict=True)]
    change = np.random.default_rng(start.size).uniform(-1, 1, start.size)
    for found, matrix in zip(_changes(gates(start + change), origin), weights, strict=True):
        if not np.allclose(found, matrix @ change, rtol=0, atol=1e-7):
            raise UnknownFrequenciesError("gate angles are not affine in the parameters")
    return weights


def gate_angles_of(tape: QuantumScript) -> FloatArray:
    """Parameters of all gates in order, shape ``(n_angles,)``."""
    found = [np.ravel(one) for op in tape.operations for one in op.parameters]
    return np.concatenate([np.empty(0), *found]).astype(np.float64)


def _changes(tapes: Sequence[QuantumScript], origin: Sequence[FloatArray]) -> list[FloatArray]:
    found = [gate_angles_of(tape) for tape in tapes]
    if [len(one) for one in found] != [len(one) for one in origin]:
        raise UnknownFrequenciesError("the circuit itself changes with the parameters")
    return [new - old for new, old in zip(found, origin, strict=True)]


def rotations(tape: QuantumScript, weights: FloatArray) -> Counter[tuple[float, ...]]:
    """How many Pauli rotations have each angle, as its derivatives by the parameters."""
    counts: Counter[tuple[float, ...]] = Counter()
    row = 0
    for op in tape.operations:
        for place, values in enumerate(op.parameters):
            for _ in range(np.size(values)):
                unit, n_gates = as_rotations(op, place) if weights[row].any() else (0.0, 0)
                if n_gates:
                    counts[_signless(unit * weights[row])] += n_gates
                row += 1
    return counts


def as_rotations(op: Operator, place: int) -> tuple[float, int]:
    """A gate's smallest frequency, and how many rotations of it make its largest.

    Raises:
        UnknownFrequenciesError: If it has none, as gates that depend on a measurement.
    """
    try:
        frequencies = [float(one) for one in op.parameter_frequencies[place]]
    except (ParameterFrequenciesUndefinedError, NotImplementedError) as error:
        raise UnknownFrequenciesError(f"{op.name} has no known frequencies") from error
    if not frequencies:
        return 0.0, 0
    ratio = round(max(frequencies) / min(frequencies))
    return max(frequencies) / min(ratio, _MOST_FREQUENCIES), min(ratio, _MOST_FREQUENCIES)


def _signless(weights: FloatArray) -> tuple[float, ...]:
    """One of an angle and its negative, between which the kernel does not distinguish."""
    rounded = np.round(weights, 9) + 0.0
    first = rounded[np.flatnonzero(rounded)[0]] if rounded.any() else 1.0
    return tuple((rounded * np.sign(first) + 0.0).tolist())


def _merged(each: Sequence[Counter[tuple[float, ...]]], n_params: int) -> AngleKernel:
    total: Counter[tuple[float, ...]] = Counter()
    for counts in each:
        total |= counts
    if not total:
        return AngleKernel.independent(n_params)
    angles = np.array(sorted(total))
    gates = np.array([float(total[tuple(row)]) for row in angles.tolist()])
    unused = np.eye(n_params)[~angles.any(axis=0)]
    return AngleKernel(
        np.concatenate([angles, unused]), np.concatenate([gates, np.ones(len(unused))])
    )
