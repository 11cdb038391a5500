"""What a QNode's circuit tells about its parameters: frequencies, and which of them interact."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.devices.preprocess import decompose
from pennylane.exceptions import DeviceError, ParameterFrequenciesUndefinedError
from pennylane.measurements import ExpectationMP
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.arguments import flatten, rebuild, trainable_positions
from pennylane_qstore.optimize.core.rotosolve import Group
from pennylane_qstore.optimize.core.trigonometric import Frequencies
from pennylane_qstore.optimize.errors import UnknownFrequenciesError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """How the parameters of a QNode enter its circuit.

    Attributes:
        frequencies: Of each parameter; empty for one without any effect.
        interacting: Pairs of parameters, the smaller index first, that share the light cone of a
            term of the observable.
        lipschitz: Sum of the absolute coefficients of the observable.
    """

    frequencies: tuple[Frequencies, ...]
    interacting: frozenset[tuple[int, int]]
    lipschitz: float

    def equidistant(self) -> tuple[int, ...] | None:
        """Number of frequencies of each parameter where all are 1, 2, ..., else None."""
        counts = []
        for own in self.frequencies:
            count = max(1, round(max(own, default=1.0)))
            if not set(own) <= {float(n) for n in range(1, count + 1)}:
                return None
            counts.append(count)
        return tuple(counts)

    def groups(self) -> tuple[Group, ...]:
        """Parameters that can be moved at once without any change of the sequential result.

        A parameter comes one group after the last earlier parameter that it interacts with.
        """
        levels: list[int] = []
        for j in range(len(self.frequencies)):
            before = [levels[i] for i in range(j) if (i, j) in self.interacting]
            levels.append(1 + max(before, default=-1))
        depth = max(levels, default=-1) + 1
        return tuple(
            tuple(i for i, level in enumerate(levels) if level == at) for at in range(depth)
        )


def examine(qnode: qml.QNode, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Structure:
    """Read frequencies, interactions and the size of the observable off a QNode's circuit.

    Args:
        qnode: Returns one expectation value.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Raises:
        UnknownFrequenciesError: If the QNode returns anything but one expectation value, a gate
            has no known frequencies, or gate angles are not affine in the parameters.
    """
    positions = trainable_positions(args)
    start = flatten(args, positions)
    args = _in_double_precision(args, positions)
    build = qml.workflow.construct_tape(qnode, level="top")

    def tape_at(point: FloatArray) -> QuantumScript:
        return elementary(build(*rebuild(args, positions, point), **kwargs))

    tape = tape_at(start)
    if len(tape.measurements) != 1 or not isinstance(tape.measurements[0], ExpectationMP):
        raise UnknownFrequenciesError(
            f"the circuit measures {tape.measurements}; frequencies are known for one expectation "
            "value only, so give them"
        )
    weights = _weights(tape_at, tape, start)
    terms = _terms(tape.measurements[0].obs)
    pairs = (
        pair
        for _, term in terms
        for pair in combinations(sorted(_light_cone(tape, weights, term)), 2)
    )
    return Structure(
        _frequencies(tape, weights),
        frozenset(pairs),
        float(sum(abs(coefficient) for coefficient, _ in terms)),
    )


def _in_double_precision(args: Sequence[Any], positions: Iterable[int]) -> tuple[Any, ...]:
    """The arguments with trainable arrays as NumPy's, whose differences are exact enough."""
    plain = list(args)
    for i in positions:
        if not isinstance(args[i], list | tuple):
            plain[i] = flatten(args, [i]).reshape(qml.math.shape(args[i]))
    return tuple(plain)


def elementary(tape: QuantumScript) -> QuantumScript:
    """The circuit in gates whose frequencies are known."""
    try:
        (expanded,), _ = decompose(tape, _is_elementary, skip_initial_state_prep=False)
    except DeviceError as error:
        raise UnknownFrequenciesError(
            f"a gate has no known frequencies and cannot be decomposed ({error}); give the "
            "frequencies"
        ) from error
    return expanded


def _is_elementary(op: Any) -> bool:
    if not isinstance(op, Operator) or not op.parameters:
        return True
    try:
        return bool(op.parameter_frequencies)
    except (ParameterFrequenciesUndefinedError, NotImplementedError):
        return False


def _angles(tape: QuantumScript) -> FloatArray:
    found = [np.ravel(one) for op in tape.operations for one in op.parameters]
    return np.concatenate([np.empty(0), *found]).astype(np.float64)


def _weights(
    tape_at: Callable[[FloatArray], QuantumScript], tape: QuantumScript, start: FloatArray
) -> FloatArray:
    """Derivative of each gate angle by each parameter, shape ``(n_angles, n_params)``."""
    origin = _angles(tape)
    shifted = [_compared(tape_at(start + row), tape) for row in np.eye(start.size)]
    weights = np.array([angles - origin for angles in shifted]).T.reshape(-1, start.size)
    rng = np.random.default_rng(start.size)
    for _ in range(2):
        change = rng.uniform(-1, 1, start.size)
        found = _compared(tape_at(start + change), tape)
        if not np.allclose(found, origin + weights @ change, rtol=0, atol=1e-8):
            raise UnknownFrequenciesError(
                "the gate angles are not affine in the parameters, so no frequencies exist; use "
                "another optimizer"
            )
    weights[np.abs(weights) < 1e-12] = 0.0
    return weights


def _compared(tape: QuantumScript, reference: QuantumScript) -> FloatArray:
    gates = [(op.name, op.wires) for op in tape.operations]
    same = gates == [(op.name, op.wires) for op in reference.operations]
    if not same or tape.measurements != reference.measurements:
        raise UnknownFrequenciesError(
            "the circuit itself or its observable changes with the parameters, so no frequencies "
            "exist; use another optimizer"
        )
    return _angles(tape)


def _frequencies(tape: QuantumScript, weights: FloatArray) -> tuple[Frequencies, ...]:
    """Positive frequencies of each parameter: all sums of those of its gates, scaled."""
    sums: list[set[float]] = [{0.0} for _ in range(weights.shape[1])]
    row = 0
    for op in tape.operations:
        for place in range(sum(np.size(one) for one in op.parameters)):
            for i in np.flatnonzero(weights[row]).tolist():
                own = [float(weights[row, i] * one) for one in _own_frequencies(op, place)]
                around = {0.0, *own, *(-one for one in own)}
                sums[i] = {round(a + b, 9) for a in sums[i] for b in around}
            row += 1
    return tuple(tuple(sorted(one for one in found if one > 0)) for found in sums)


def _own_frequencies(op: Operator, place: int) -> Iterable[float]:
    if _is_elementary(op):
        return op.parameter_frequencies[place]
    raise UnknownFrequenciesError(
        f"{op.name} has no known frequencies; give those of its parameter"
    )


def _terms(observable: Operator) -> list[tuple[float, Any]]:
    """Coefficients and wires of an observable's terms."""
    words = observable.pauli_rep
    if words is not None:
        return [(float(np.real(c)), word.wires) for word, c in words.items() if len(word.wires)]
    norm = float(np.abs(qml.eigvals(observable)).max())
    return [(norm, observable.wires)]


def _light_cone(tape: QuantumScript, weights: FloatArray, wires: Iterable[Any]) -> set[int]:
    """Parameters that can influence what is measured on some wires."""
    rows = reaching(tape, wires)
    return set(np.flatnonzero(weights[rows].any(axis=0)).tolist())


def reaching(tape: QuantumScript, wires: Iterable[Any]) -> list[int]:
    """Angles, numbered in the order of the gates, that can influence what is measured on wires."""
    cone, found = set(wires), list[int]()
    row = sum(np.size(one) for op in tape.operations for one in op.parameters)
    for op in reversed(tape.operations):
        stop = row
        row -= sum(np.size(one) for one in op.parameters)
        if cone.isdisjoint(op.wires):
            continue
        cone.update(op.wires)
        found += range(row, stop)
    return sorted(found)
