"""All rules on one circuit, and repairs by what they found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pennylane as qml
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from pennylane_qstore.lint.findings import Finding
from pennylane_qstore.lint.parameters import redundant_parameters
from pennylane_qstore.lint.rules import RULES
from pennylane_qstore.lint.view import reads_all_wires, wires_in_order


@dataclass(frozen=True)
class Repair:
    """A tape without what could be left out.

    Attributes:
        tape: The repaired tape. It measures what the given one does, with the same distribution.
        repaired: What was found and is gone, in the order of the repairs.
        remaining: What is still there and is yours to judge.
    """

    tape: QuantumScript
    repaired: tuple[Finding, ...]
    remaining: tuple[Finding, ...]


@qml.QueuingManager.stop_recording()
def lint(circuit: QuantumScript | qml.QNode, *args: Any, **kwargs: Any) -> tuple[Finding, ...]:
    """Say what is odd about a circuit. Nothing is run or sent.

    A template counts as one gate: what it consists of is not looked at. To have it looked at, give
    ``qml.workflow.construct_tape(qnode, level="device")(*args)``.

    Args:
        circuit: A tape; or a QNode, of which the arguments are looked at too: entries that move no
            gate, or enter in too few combinations (of up to 256 entries; each is varied once).
        *args: The QNode's arguments.
        **kwargs: The QNode's keyword arguments.

    Returns:
        What was found, rule by rule. Empty if nothing was.
    """
    if isinstance(circuit, QuantumScript):
        return tuple(_look(circuit))
    # What the user wrote, before PennyLane's transforms.
    construct = qml.workflow.construct_tape(circuit, level="top")
    found = list(_look(construct(*args, **kwargs)))
    found += redundant_parameters(lambda *values: construct(*values, **kwargs), args)
    return tuple(found)


@qml.QueuingManager.stop_recording()
def repair(tape: QuantumScript) -> Repair:
    """Leave out what changes nothing that is measured.

    Gates that do nothing, undo each other or are seen by no measurement go; neighbouring rotations
    about one axis become one, and rotations by many turns the same within one. Kept are gates with
    a trained parameter that happens to do nothing now, batches of parameters, and all wires, in
    their order, where a measurement names none. Measured distributions stay as they are; a state
    may differ by its phase. Which parameters are trainable is not carried over: positions have
    changed.

    Where nothing is measured, the unitary is kept up to its phase, and in the end probabilities of
    all wires are measured.

    Args:
        tape: Any tape; it is left alone.

    Returns:
        The repaired tape, with what was repaired and what remains.
    """
    repaired: list[Finding] = []
    while True:
        found = tuple(_look(tape))
        done, edited = _all_at_once(tape, [one for one in found if one.code != "unmeasured"])
        if not done:
            break
        repaired, tape = repaired + done, edited
    lacking = [one for one in found if one.code == "unmeasured" and one.is_repairable]
    if lacking:
        tape = tape.copy(measurements=[qml.probs(wires=tape.wires)])
    remaining = tuple(one for one in found if one not in lacking)
    return Repair(tape, (*repaired, *lacking), remaining)


def _all_at_once(
    tape: QuantumScript, found: Sequence[Finding]
) -> tuple[list[Finding], QuantumScript]:
    """Make all edits that are about different operations.

    They do not disturb each other: neighbours stay neighbours where other gates go, and a gate
    that no measurement sees is not seen by fewer gates either.
    """
    edits: dict[int, Sequence[Operator]] = {}
    done, edited = [], tape
    for finding in found:
        if finding.edit is None or edits.keys() & finding.edit.keys():
            continue
        candidate = _edited(tape, edits | dict(finding.edit))
        if candidate is not None:
            edits |= finding.edit
            edited = candidate
            done.append(finding)
    return done, edited


def _look(tape: QuantumScript) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule(tape)


def _edited(tape: QuantumScript, edits: Mapping[int, Sequence[Operator]]) -> QuantumScript | None:
    """The tape with operations replaced, or None if its results would have another shape."""
    operations: list[Operator] = []
    for index, op in enumerate(tape.operations):
        operations += edits.get(index, (op,))
    edited = QuantumScript(operations, tape.measurements, shots=tape.shots)
    keeps_wires = not reads_all_wires(tape) or wires_in_order(edited) == wires_in_order(tape)
    return edited if keeps_wires and edited.batch_size == tape.batch_size else None
