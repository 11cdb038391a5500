r"""Simplifications that hold at any angle, so that templates can have them.

The circuit ends in a measurement of every qubit, and may be known to start in the ground state. In
that case, with the letters of a rotation's word on qubits that nothing has touched yet:

* a letter Z on such a qubit can be left out, because :math:`Z|0\rangle = |0\rangle`;
* a rotation whose letters all vanish is a global phase;

and from the end, a rotation about a word of Z, or a diagonal local, that only diagonal operations
follow on its qubits is invisible to the measurement. In between, rotations about the same word that
only commuting operations separate are one rotation.
"""

from math import pi, remainder

from pennylane_qstore.compile.affine import Affine
from pennylane_qstore.compile.form import Form, Local, Operation, Rotation
from pennylane_qstore.compile.one_qubit import ATOL


def simplify(form: Form, *, from_ground: bool = False) -> Form:
    """Apply all rules until nothing changes.

    Args:
        form: Operations whose angles are numbers or affine.
        from_ground: Whether the circuit starts in the ground state, so that the rules of the start
            hold as well.

    Returns:
        A form that is never longer: equal up to a final diagonal, or with ``from_ground`` one with
        the same distribution of outcomes from the ground state.
    """
    operations = form.operations
    while True:
        simpler = _without_start(operations) if from_ground else operations
        simpler = _without_end(_merged(simpler))
        if simpler == operations:
            return Form(form.n_qubits, operations, form.readout)
        operations = simpler


def _is_diagonal(operation: Operation) -> bool:
    if isinstance(operation, Rotation):
        return set(operation.axes) <= {"Z"}
    return abs(operation.unitary.b) < ATOL and abs(operation.unitary.c) < ATOL


def _qubits(operation: Operation) -> tuple[int, ...]:
    return operation.qubits if isinstance(operation, Rotation) else (operation.qubit,)


def _without_start(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Leave out what acts trivially on qubits in the ground state."""
    touched: set[int] = set()
    kept: list[Operation] = []
    for operation in operations:
        if isinstance(operation, Rotation):
            letters = [
                (qubit, axis)
                for qubit, axis in zip(operation.qubits, operation.axes, strict=True)
                if axis != "Z" or qubit in touched
            ]
            if not letters:
                continue
            axes = "".join(axis for _, axis in letters)
            operation = Rotation(tuple(qubit for qubit, _ in letters), axes, operation.angle)
        elif operation.qubit not in touched and _is_diagonal(operation):
            continue
        touched.update(_qubits(operation))
        kept.append(operation)
    return tuple(kept)


def _without_end(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Leave out what only changes phases before the measurement."""
    blocked: set[int] = set()
    kept: list[Operation] = []
    for operation in reversed(operations):
        if _is_diagonal(operation) and blocked.isdisjoint(_qubits(operation)):
            continue
        blocked.update(_qubits(operation))
        kept.append(operation)
    return tuple(reversed(kept))


def _merged(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Add rotations about equal words to the earlier one, where what lies between commutes."""
    kept: list[Operation | None] = []
    for operation in operations:
        place = _partner(operation, kept) if isinstance(operation, Rotation) else None
        if place is None or not isinstance(operation, Rotation):
            kept.append(operation)
            continue
        partner = kept[place]
        assert isinstance(partner, Rotation)
        angle = partner.angle + operation.angle
        kept[place] = None if _vanishes(angle) else partner._replace(angle=angle)
    return tuple(operation for operation in kept if operation is not None)


def _vanishes(angle: "float | Affine") -> bool:
    if isinstance(angle, Affine):
        return not angle.terms and _vanishes(angle.offset)
    return abs(remainder(angle, 2 * pi)) < ATOL


def _partner(rotation: Rotation, kept: "list[Operation | None]") -> int | None:
    """Place of the latest rotation about the same word that ``rotation`` can be moved to."""
    word = dict(zip(rotation.qubits, rotation.axes, strict=True))
    for place in range(len(kept) - 1, -1, -1):
        other = kept[place]
        if other is None or word.keys().isdisjoint(_qubits(other)):
            continue
        if isinstance(other, Local):
            return None
        if dict(zip(other.qubits, other.axes, strict=True)) == word:
            return place
        clashes = sum(
            word.get(q, axis) != axis for q, axis in zip(other.qubits, other.axes, strict=True)
        )
        if clashes % 2:
            return None
    return None
