"""The circuits of a loss over data: the gates that they share, and how each is moved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
from numpy.typing import NDArray
from pennylane.measurements import ExpectationMP, MeasurementProcess, ProbabilityMP
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.core.circuit_model import CircuitKernel
from pennylane_qstore.optimize.core.surrogate import AngleKernel
from pennylane_qstore.optimize.errors import UnknownFrequenciesError
from pennylane_qstore.optimize.foresight import MOST_CALLS, Evaluation, Trial
from pennylane_qstore.optimize.frequencies import elementary, reaching
from pennylane_qstore.optimize.interception import intercepted
from pennylane_qstore.optimize.request import Request
from pennylane_qstore.optimize.structure import as_rotations, gate_angles_of, rotations

FloatArray = NDArray[np.float64]
Order = tuple[tuple[str, Any], ...]

_TOLERANCE = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class CircuitFamily:
    """Circuits of the same gates, whose angles are affine in the parameters.

    Attributes:
        kernel: How parameters and data enter the results.
        weights: All numbers of a circuit per unit of each parameter, ``(n_numbers, n_params)``.
        gates: Angles of its elementary gates per unit of each parameter, ``(n_angles, n_params)``.
        encoded: Those of them that no parameter changes and that reach a measured wire.
        n_outputs: Numbers that each circuit gives.
        order: Names and wires of its elementary gates.
    """

    kernel: CircuitKernel
    weights: FloatArray
    gates: FloatArray
    encoded: NDArray[np.int64]
    n_outputs: int
    order: Order

    def data(self, circuits: Sequence[QuantumScript]) -> FloatArray:
        """Angles that no parameter changes, shape ``(n_circuits, n_data)``."""
        return np.stack([gate_angles_of(elementary(one))[self.encoded] for one in circuits])

    def fits(
        self, before: Sequence[QuantumScript], after: Sequence[QuantumScript], by: FloatArray
    ) -> bool:
        """Whether circuits are of this family, given how they look with parameters changed."""
        if len(before) != len(after) or len({_form(one) for one in (*before, *after)}) > 1:
            return False
        try:
            gates, moved = ([elementary(one) for one in side] for side in (before, after))
        except UnknownFrequenciesError:
            return False
        if {_order(one) for one in (*gates, *moved)} != {self.order}:
            return False
        angles = np.stack([gate_angles_of(one) for one in gates])
        trained = angles[:, self.gates.any(axis=1)]
        turns = np.stack([gate_angles_of(one) for one in moved]) - angles
        numbers = np.stack([_numbers(one) for one in before])
        changes = np.stack([_numbers(one) for one in after]) - numbers
        return (
            changes.shape[1] == len(self.weights)
            and np.allclose(changes, self.weights @ by, rtol=0, atol=_TOLERANCE)
            and np.allclose(turns, self.gates @ by, rtol=0, atol=_TOLERANCE)
            and np.allclose(trained, trained[0], rtol=0, atol=_TOLERANCE)
        )

    def moved(self, circuit: QuantumScript, by: FloatArray) -> QuantumScript:
        """A circuit with the parameters changed."""
        leaves, form = qml.pytrees.flatten(circuit)
        change, new, start = self.weights @ by, [], 0
        for leaf in leaves:
            size = _values(leaf).size
            part = change[start : start + size]
            # What is complex, such as a matrix, is never affine in an angle.
            new.append(leaf + part.reshape(np.shape(leaf))[()] if part.any() else leaf)
            start += size
        return qml.pytrees.unflatten(new, form)


def separated(requests: Sequence[Request]) -> list[tuple[Request, QuantumScript]]:
    """Circuits without broadcasting, each with the request that it comes from."""
    found = []
    for request in requests:
        for tape in request.tapes:
            found += [(request, one) for one in qml.transforms.broadcast_expand(tape)[0]]
    return found


def family_of(
    at: Callable[[FloatArray], Callable[[], Any]], start: FloatArray
) -> CircuitFamily | None:
    """Find out whether an objective is a function of several circuits that share their gates.

    Nothing is executed: the objective is called with made-up results, once or twice at ``start``,
    once with all parameters changed, and up to its first circuits once for each parameter.

    Args:
        at: From parameters to the objective there.
        start: Parameters, shape ``(n_params,)``.

    Returns:
        None if the circuits depend on results, are all alike, differ in anything but numbers,
        measure anything but expectation values and probabilities, or if gate angles are not known,
        not affine in the parameters, or depend on parameters and data at once.
    """
    first = try_out(at(start))
    second = try_out(at(start), seed=2, before=first.requests)
    if not (first.ended and second.ended and second.n_alike == len(first.requests)):
        return None
    circuits = [tape for _, tape in separated(first.requests)]
    if len(circuits) < 2 or not all(_is_known(mp) for mp in circuits[0].measurements):
        return None

    def circuits_at(point: FloatArray, most: int = MOST_CALLS) -> list[QuantumScript]:
        return [tape for _, tape in separated(try_out(at(point), most=most).requests)]

    try:
        shifted = [circuits_at(start + row, most=1)[0] for row in np.eye(start.size)]
        family = _family(circuits[0], shifted)
    except (ValueError, IndexError, UnknownFrequenciesError):
        return None
    change = np.random.default_rng(start.size).uniform(-1, 1, start.size)
    if not family.fits(circuits, circuits_at(start + change), change):
        return None
    return family if len(np.unique(family.data(circuits), axis=0)) > 1 else None


def try_out(
    function: Callable[[], Any],
    shots: int | None = None,
    *,
    seed: int = 1,
    before: Sequence[Request] = (),
    most: int = MOST_CALLS,
) -> Trial:
    """Call an objective with made-up results, to see what it asks for."""
    trial = Trial(Evaluation(function, shots=shots), seed=seed, before=before, most=most)
    with intercepted():
        trial.run()
    return trial


def _is_known(measurement: Any) -> bool:
    return type(measurement) in (ExpectationMP, ProbabilityMP)


def _family(circuit: QuantumScript, shifted: Sequence[QuantumScript]) -> CircuitFamily:
    gates = elementary(circuit)
    weights = np.stack([_numbers(one) - _numbers(circuit) for one in shifted], axis=1)
    origin = gate_angles_of(gates)
    turns = np.stack([gate_angles_of(elementary(one)) - origin for one in shifted], axis=1)
    turns[np.abs(turns) < 1e-12] = 0.0
    reached = np.zeros(len(turns), dtype=bool)
    wires = {wire for mp in circuit.measurements for wire in mp.wires or circuit.wires}
    reached[reaching(gates, wires)] = True
    counts = rotations(gates, np.where(reached[:, None], turns, 0.0))
    trained = AngleKernel(
        np.array(sorted(counts)).reshape(-1, len(shifted)),
        np.array([float(counts[row]) for row in sorted(counts)]),
    )
    units = [as_rotations(op, i) for op in gates.operations for i, one in enumerate(op.parameters)
             for _ in range(np.size(one))]  # fmt: skip
    known = np.array([n > 0 for _, n in units], dtype=bool)
    encoded = np.flatnonzero(reached & known & ~turns.any(axis=1))
    data = AngleKernel(
        np.diag([units[i][0] for i in encoded]), np.array([float(units[i][1]) for i in encoded])
    )
    n_outputs = sum(int(np.prod(output_shape(mp, circuit))) for mp in circuit.measurements)
    kernel = CircuitKernel(trained, data, np.empty(0, dtype=np.int64))
    return CircuitFamily(kernel, weights, turns, encoded, n_outputs, _order(gates))


def output_shape(measurement: MeasurementProcess, circuit: QuantumScript) -> tuple[int, ...]:
    """Shape of a result without broadcasting: ``()`` for an expectation value."""
    return tuple(measurement.shape(shots=None, num_device_wires=len(circuit.wires)))


def _numbers(circuit: QuantumScript) -> FloatArray:
    leaves = qml.pytrees.flatten(circuit)[0]
    return np.concatenate([np.empty(0), *map(_values, leaves)])


def _values(leaf: Any) -> FloatArray:
    """A leaf's numbers; none where it holds something else, such as None."""
    array = np.ravel(np.asarray(leaf))
    if array.dtype.kind == "c":
        array = np.concatenate([array.real, array.imag])
    return array.astype(np.float64) if array.dtype.kind in "fiub" else np.empty(0)


def _form(circuit: QuantumScript) -> tuple[str, tuple[float, ...]]:
    """All but the numbers in the gates."""
    _, form = qml.pytrees.flatten(circuit)
    measured = QuantumScript([], circuit.measurements)
    return str(form), tuple(_numbers(measured).tolist())


def _order(gates: QuantumScript) -> Order:
    return tuple((op.name, op.wires) for op in gates.operations)
