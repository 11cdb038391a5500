"""The JSON of many circuits to structures and numbers.

A training batch holds hundreds of circuits that differ in their numbers only. The first of them is
read gate by gate; the others are compared with it column by column, which costs a tenth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator.gates import Json, Slot, read_gate
from pennylane_qstore.emulator.program import FloatArray, Op, Program
from pennylane_qstore.emulator.refusal import bad
from pennylane_qstore.emulator.texts import CircuitText, places_of

FIXED_KEYS = ("gate", "target", "targets", "control", "controls", "terms")
_NUMBERS = frozenset({int, float})


@dataclass(eq=False)
class Template:
    """A structure met in a payload, and the numbers of every circuit that has it.

    Attributes:
        program: The structure.
        lengths: Number of keys of each gate.
        columns: Values of each fixed key that occurs, one per gate.
        scalars: Gate indices that have a number under each key.
        vectors: For each key that holds a list: gate indices and lengths of their lists.
        constants: Values of the slots that no key gives.
        rows: Numbers of each circuit.
    """

    program: Program
    lengths: list[int]
    columns: dict[str, list[object]]
    scalars: dict[str, list[int]]
    vectors: dict[str, tuple[list[int], list[int]]]
    constants: list[float]
    rows: list[list[float] | FloatArray] = field(default_factory=list)

    def read(self, circuit: Sequence[Json]) -> list[float] | None:
        """Numbers of a circuit, or None if its structure is another."""
        if list(map(len, circuit)) != self.lengths:
            return None
        for key, column in self.columns.items():
            if [gate.get(key) for gate in circuit] != column:
                return None
        try:
            numbers = self._numbers(circuit)
        except (KeyError, TypeError):
            return None
        return numbers if numbers is not None and set(map(type, numbers)) <= _NUMBERS else None

    def _numbers(self, circuit: Sequence[Json]) -> list[float] | None:
        numbers: list[float] = []
        for key, where in self.scalars.items():
            numbers += [cast(float, circuit[index][key]) for index in where]
        for key, (where, lengths) in self.vectors.items():
            lists = [cast("list[float]", circuit[index][key]) for index in where]
            if list(map(len, lists)) != lengths:
                return None
            numbers += [number for found in lists for number in found]
        return numbers + self.constants

    @cached_property
    def values(self) -> FloatArray:
        """Numbers of all circuits; shape ``(batch, n_slots)``. Read it after the last circuit."""
        return np.array(self.rows, dtype=float).reshape(len(self.rows), -1)

    @cached_property
    def outside(self) -> NDArray[np.bool_]:
        """Whether any number of a circuit is outside its limits; shape ``(batch,)``."""
        low, high = self.program.limits
        outside: NDArray[np.bool_] = (self.values < low) | (self.values > high)
        rows: NDArray[np.bool_] = np.any(outside, axis=1)
        return rows


class _Columns(NamedTuple):
    """Where the numbers of a skeleton go.

    Attributes:
        template: Structure of the circuits with this skeleton.
        base: Numbers of one of them.
        columns: Columns that differ between them.
        places: Which number of the text each of these columns holds.
    """

    template: Template
    base: Sequence[float] | FloatArray
    columns: NDArray[np.int64]
    places: NDArray[np.int64]


class Reader:
    """Collects the circuits of one job by structure.

    Args:
        texts: Circuits that were taken out of the payload: the list in their place holds an index.
    """

    def __init__(self, texts: Sequence[CircuitText] | None = None) -> None:
        self._known: dict[tuple[str, ...], list[Template]] = {}
        self._texts = texts
        self._skeletons: dict[tuple[int, str], _Columns] = {}

    def count(self, circuit: list[object]) -> int:
        """Number of gates of a circuit."""
        if self._texts is None:
            return len(circuit)
        return self._texts[cast(int, circuit[0])].gates

    def read(self, circuit: list[object], gateset: str, where: str) -> tuple[Template, int]:
        """Read one circuit.

        Args:
            circuit: JSON gates in time order.
            gateset: ``"qis"`` or ``"native"``.
            where: Path of the circuit in the payload, for messages.

        Returns:
            The circuit's template, and its row in it.

        Raises:
            RefusalError: A gate violates the schema.
        """
        if self._texts is not None:
            return self._read_text(self._texts[cast(int, circuit[0])], gateset, where)
        return self._read_gates(circuit, gateset, where)

    def _read_text(self, text: CircuitText, gateset: str, where: str) -> tuple[Template, int]:
        """Read one circuit by its numbers, if its skeleton is known."""
        key = (id(text.skeleton), gateset)
        if key not in self._skeletons:
            template, row = self._read_gates(text.parse(), gateset, where)
            marked = template.read(text.parse_marks())
            if marked is not None:
                self._skeletons[key] = _Columns(template, template.rows[row], *places_of(marked))
            return template, row
        found = self._skeletons[key]
        numbers = np.array(found.base, dtype=float)
        numbers[found.columns] = text.numbers[found.places]
        found.template.rows.append(numbers)
        return found.template, len(found.template.rows) - 1

    def _read_gates(self, circuit: list[object], gateset: str, where: str) -> tuple[Template, int]:
        names = (gateset, *[gate.get("gate") if type(gate) is dict else "" for gate in circuit])
        known = self._known.setdefault(cast("tuple[str, ...]", names), [])
        gates = cast("list[Json]", circuit)
        for template in known:
            row = template.read(gates)
            if row is not None:
                template.rows.append(row)
                return template, len(template.rows) - 1
        template = _template(gates, gateset, where)
        row = template.read(gates)
        if row is None:
            raise bad(f"{where} holds gates that cannot be read", where)
        template.rows.append(row)
        known.append(template)
        return template, 0


def _template(circuit: Sequence[Json], gateset: str, where: str) -> Template:
    gates = [read_gate(gate, gateset, f"{where}[{index}]") for index, gate in enumerate(circuit)]
    scalars: dict[str, list[int]] = {}
    vectors: dict[str, tuple[list[int], list[int]]] = {}
    constants: list[float] = []
    for index, gate in enumerate(gates):
        for slot in gate.slots:
            if not slot.key:
                constants.append(slot.default)
            elif slot.offset is None:
                scalars.setdefault(slot.key, []).append(index)
            elif slot.offset == 0:
                places, lengths = vectors.setdefault(slot.key, ([], []))
                places.append(index)
                lengths.append(sum(other.key == slot.key for other in gate.slots))
    numbered = _number_slots([gate.slots for gate in gates], scalars, vectors)
    ops = tuple(
        Op(gate.name, gate.targets, gate.controls, slots, gate.terms)
        for gate, (slots, _) in zip(gates, numbered, strict=True)
    )
    used = {key for gate in circuit for key in FIXED_KEYS if key in gate}
    return Template(
        program=Program(ops, _limits(numbered)),
        lengths=list(map(len, circuit)),
        columns={k: [gate.get(k) for gate in circuit] for k in FIXED_KEYS if k in used},
        scalars=scalars,
        vectors=vectors,
        constants=constants,
    )


Numbered = list[tuple[tuple[int, ...], tuple[Slot, ...]]]


def _number_slots(
    slots: list[tuple[Slot, ...]],
    scalars: dict[str, list[int]],
    vectors: dict[str, tuple[list[int], list[int]]],
) -> Numbered:
    """Columns of each gate's slots: scalar keys first, then lists, then constants."""
    start: dict[str, int] = {}
    total = 0
    for key, where in scalars.items():
        start[key], total = total, total + len(where)
    for key, (_, lengths) in vectors.items():
        start[key], total = total, total + sum(lengths)
    start[""] = total
    numbered: Numbered = []
    for found in slots:
        columns = []
        for slot in found:
            columns.append(start[slot.key])
            start[slot.key] += 1
        numbered.append((tuple(columns), found))
    return numbered


def _limits(numbered: Numbered) -> FloatArray:
    by_column = {
        column: slot
        for columns, slots in numbered
        for column, slot in zip(columns, slots, strict=True)
    }
    ordered = [by_column[column] for column in sorted(by_column)]
    return np.array([[slot.low for slot in ordered], [slot.high for slot in ordered]], dtype=float)
