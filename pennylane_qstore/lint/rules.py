"""Rules about the gates of a tape."""

from collections.abc import Iterator

import numpy as np
import pennylane as qml
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from pennylane_qstore.lint.findings import Finding, place_of
from pennylane_qstore.lint.view import (
    is_diagonal,
    is_frozen,
    is_identity,
    is_unitary,
    matrix_of,
    neighbours,
    reads_all_wires,
    reads_basis_states_only,
)

# f(a) f(b) = f(a + b).
_ADDITIVE = frozenset(
    (
        *("RX", "RY", "RZ", "PhaseShift", "IsingXX", "IsingYY", "IsingZZ"),
        *("CRX", "CRY", "CRZ", "ControlledPhaseShift"),
    )
)
# Half a turn of the target is a phase of the control: the period is two turns.
_HALF_ANGLES_COUNT = frozenset(("CRX", "CRY", "CRZ"))
_SYMMETRIC = frozenset(("IsingXX", "IsingYY", "IsingZZ", "ControlledPhaseShift"))


def empty(tape: QuantumScript) -> Iterator[Finding]:
    """Nothing happens before the measurement, or nothing that has an effect."""
    if not tape.operations:
        message = "nothing is done: every outcome is 0; add gates, or do not send this"
        yield Finding("empty-circuit", message, "the circuit")
        return
    matrices = (matrix_of(op, op.wires) for op in tape.operations)
    if all(matrix is not None and is_identity(matrix) for matrix in matrices):
        message = "no gate does anything: every outcome is 0; check the angles"
        yield Finding("identity-circuit", message, "the circuit")


def unused_wires(tape: QuantumScript) -> Iterator[Finding]:
    """A wire is measured, and nothing was done to it."""
    used = {wire for op in tape.operations for wire in op.wires}
    for wire in qml.wires.Wires.all_wires([mp.wires for mp in tape.measurements]):
        if wire not in used and not _has_mid_circuit(tape):
            message = "is measured, but no gate acts on it: always 0; measure fewer wires"
            yield Finding("unused-wire", message, f"wire {wire!r}")


def idle_gates(tape: QuantumScript) -> Iterator[Finding]:
    """A gate that is the identity, up to a phase of the whole state."""
    for index, op in enumerate(tape.operations):
        matrix = matrix_of(op, op.wires)
        if matrix is not None and is_identity(matrix):
            message = "does nothing; leave it out"
            yield Finding("identity-gate", message, place_of(index, op), index, {index: ()})


def inverse_pairs(tape: QuantumScript) -> Iterator[Finding]:
    """Two gates next to each other whose product is the identity, up to a phase."""
    for first, second in neighbours(tape.operations):
        a, b = tape.operations[first], tape.operations[second]
        before, after = (matrix_of(op, a.wires) for op in (a, b))
        if before is not None and after is not None and is_identity(after @ before):
            message = f"undoes {place_of(first, a)}; leave both out"
            edit: dict[int, tuple[Operator, ...]] = {first: (), second: ()}
            yield Finding("inverse-pair", message, place_of(second, b), second, edit)


def repeated_rotations(tape: QuantumScript) -> Iterator[Finding]:
    """Two rotations about one axis next to each other."""
    for first, second in neighbours(tape.operations):
        a, b = tape.operations[first], tape.operations[second]
        same_wires = a.wires == b.wires or a.name in _SYMMETRIC
        if a.name == b.name and a.name in _ADDITIVE and same_wires:
            merged = type(a)(a.data[0] + b.data[0], wires=a.wires)
            message = f"repeats {place_of(first, a)}; one rotation by both angles does the same"
            edit = {first: (), second: (merged,)}
            yield Finding("repeated-rotation", message, place_of(second, b), second, edit)


def many_turns(tape: QuantumScript) -> Iterator[Finding]:
    """A rotation by more than its period, up to a phase of the whole state."""
    for index, op in enumerate(tape.operations):
        if op.name not in _ADDITIVE or not is_frozen(op):
            continue
        angle = float(op.data[0])
        turns = 2.0 if op.name in _HALF_ANGLES_COUNT else 1.0
        if np.isfinite(angle) and abs(angle) > 2 * np.pi * turns * (1 + 1e-9):
            # Sine and cosine reduce by the true π, not by its double.
            reduced = turns * np.arctan2(np.sin(angle / turns), np.cos(angle / turns))
            message = f"turns by {angle:.6g} rad, which {reduced:.6g} rad does as well"
            edit = {index: (type(op)(reduced, wires=op.wires),)}
            yield Finding("many-turns", message, place_of(index, op), index, edit)


def unmeasured(tape: QuantumScript) -> Iterator[Finding]:
    """Nothing is measured."""
    if not tape.measurements:
        message = "nothing is measured, so nothing can be sent; measure probabilities, say"
        edit: dict[int, tuple[Operator, ...]] | None = {} if tape.wires else None
        yield Finding("unmeasured", message, "the circuit", edit=edit)


def unseen_gates(tape: QuantumScript) -> Iterator[Finding]:
    """Gates that no measurement can tell from none.

    Backwards in time, a wire is *seen* if what happens to it can reach a measurement, and *raw* as
    long as only its phases were changed until a measurement of basis states.
    """
    if not tape.measurements or _has_mid_circuit(tape):
        return
    everything = reads_all_wires(tape)
    seen = {wire for mp in tape.measurements for wire in mp.wires}
    seen |= set(tape.wires) if everything else set()
    raw = set(tape.wires) if reads_basis_states_only(tape) else set()
    for index in range(len(tape.operations) - 1, -1, -1):
        op = tape.operations[index]
        wires = set(op.wires)
        edit = {index: ()} if op.batch_size is None else None
        if is_unitary(op) and wires and not wires & seen:
            message = "acts where no measurement sees it; leave it out, or measure its wires"
            yield Finding("outside-light-cone", message, place_of(index, op), index, edit)
        elif is_diagonal(op) and wires and wires <= raw:
            message = "changes phases only, right before a measurement that does not see them"
            yield Finding("unseen-phase", message, place_of(index, op), index, edit)
        elif wires or not is_unitary(op):  # What names no wire and is no phase looks at all.
            seen |= wires or set(tape.wires)
            raw -= wires or set(tape.wires)


def invalid_data(tape: QuantumScript) -> Iterator[Finding]:
    """NaN or an infinity among the parameters of an operation."""
    for index, op in enumerate(tape.operations):
        values = [value for value in op.data if not qml.math.is_abstract(value)]
        if not all(np.all(np.isfinite(qml.math.toarray(value))) for value in values):
            message = "has a parameter that is NaN or infinite; look at the step that made it"
            yield Finding("invalid-data", message, place_of(index, op), index)


def wrapped_data(tape: QuantumScript) -> Iterator[Finding]:
    """Features of an angle embedding that spread, from zero, over more than one turn."""
    for index, op in enumerate(tape.operations):
        if op.name != "AngleEmbedding" or qml.math.is_abstract(op.data[0]):
            continue
        features = qml.math.toarray(op.data[0])
        if not features.size or not np.all(np.isfinite(features)):
            continue
        low, high = min(float(features.min()), 0.0), max(float(features.max()), 0.0)
        if high - low > 2 * np.pi * (1 + 1e-9):
            message = (
                f"embeds angles from {low:.3g} to {high:.3g} rad: x and x + 2π give the same "
                "state; scale the features into one turn first"
            )
            yield Finding("angle-out-of-range", message, place_of(index, op), index)


def _has_mid_circuit(tape: QuantumScript) -> bool:
    return any(
        not isinstance(op, Operator) or op.name in ("MidMeasureMP", "PauliMeasure", "Conditional")
        for op in tape.operations
    )


RULES = (
    empty,
    invalid_data,
    wrapped_data,
    unmeasured,
    unused_wires,
    idle_gates,
    inverse_pairs,
    repeated_rotations,
    many_turns,
    unseen_gates,
)
