"""Templates: a circuit structure compiled once, with free angles, and bound for whole batches."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.affine import Affine, free
from pennylane_qstore.compile.bind import AffineMap, Binder, bound_circuit
from pennylane_qstore.compile.expand import expand_wide_rotations
from pennylane_qstore.compile.form import Bit, Form, Rotation
from pennylane_qstore.compile.instruction import Instruction
from pennylane_qstore.compile.one_qubit import TURN
from pennylane_qstore.compile.program import write_program
from pennylane_qstore.compile.simplify import simplify
from pennylane_qstore.compile.synthesize import synthesize
from pennylane_qstore.compile.tail import absorb_tail
from pennylane_qstore.compile.target import Target
from pennylane_qstore.compile.translate import to_form
from pennylane_qstore.native import Circuit

Array = NDArray[np.float64]
_ATOL = 1e-12


class Slot(NamedTuple):
    """One gate of a structure.

    Attributes:
        name: PennyLane's name of the operation.
        qubits: Indices it acts on.
        n_params: How many parameters it takes.
        word: Pauli word of a ``PauliRot``.
    """

    name: str
    qubits: tuple[int, ...]
    n_params: int
    word: str = ""


Skeleton = tuple[Slot, ...]
"""A structure: gates in time order without their parameters."""


def symbolic_form(
    skeleton: Skeleton, n_qubits: int, *, simplified: bool = True, absorbing: bool = False
) -> tuple[Form, int]:
    """The form of a structure with affine angles, and the number of its parameters."""
    n_params = sum(slot.n_params for slot in skeleton)
    angles = iter(free(n_params))
    instructions = [
        Instruction(
            slot.name,
            slot.qubits,
            tuple(next(angles) for _ in range(slot.n_params)),
            slot.word,
        )
        for slot in skeleton
    ]
    form = to_form(instructions, n_qubits)
    if absorbing:
        form = absorb_tail(simplify(form))
    return expand_wide_rotations(simplify(form) if simplified else form), n_params


@dataclass(frozen=True)
class Template:
    """A compiled structure with free parameters.

    Attributes:
        form: Its form; angles are :class:`~pennylane_qstore.compile.affine.Affine`.
        n_params: Number of parameters, in the order of the gates they belong to.
        target: Gate family it is compiled for.
    """

    form: Form
    n_params: int
    target: Target

    @classmethod
    def of(
        cls,
        skeleton: Skeleton,
        n_qubits: int,
        target: Target,
        *,
        simplified: bool = True,
        absorbing: bool = False,
    ) -> "Template":
        """Compile a structure with its parameters free.

        Args:
            skeleton: The structure.
            n_qubits: Width of the circuit.
            target: Gate family and limits.
            simplified: Whether to merge and drop what can be at any angle.
            absorbing: Whether trailing Clifford gates may go into the readout.
        """
        form, n_params = symbolic_form(
            skeleton, n_qubits, simplified=simplified, absorbing=absorbing
        )
        return cls(form, n_params, target)

    @property
    def readout(self) -> tuple[Bit, ...]:
        """How each qubit of the source is read from the measured qubits."""
        return self.form.readout

    def bind(self, params: Array) -> list[Circuit]:
        """Circuits for a whole batch of parameters.

        Rows whose pulses differ, because an angle is special, get a structure of their own; rows in
        which an interaction vanishes are compiled one by one. So every row is what compiling it
        alone would give.

        Args:
            params: Angles in radians; shape ``(batch, n_params)``.

        Returns:
            One circuit for each row.
        """
        turns = self._interactions(params) / TURN
        halves = np.round(2 * turns)
        rest = turns - halves / 2
        at_edge = np.abs(rest + 0.25) < _ATOL
        rest, halves = np.where(at_edge, 0.25, rest), np.where(at_edge, halves - 1, halves)
        vanishing = (np.abs(rest) < _ATOL).any(axis=1)
        branches = np.stack([halves % 2 == 1, rest < 0], axis=2).astype(float)
        needed = branches if self.target.entangler == "zz" else branches[..., :1]
        branching = needed.any(axis=(1, 2)) & ~vanishing
        columns = np.hstack([params, branches.reshape(len(params), -1)])
        circuits: dict[int, Circuit] = {}
        for has_branches, rows in ((False, ~vanishing & ~branching), (True, branching)):
            self._bind_rows(np.flatnonzero(rows), has_branches, columns, rest, circuits)
        for row in np.flatnonzero(vanishing):
            circuits[int(row)] = synthesize(self.form_at(params[row]), self.target)
        return [circuits[row] for row in range(len(params))]

    def form_at(self, params: Array) -> Form:
        """The form at given parameters; shape ``(n_params,)``."""
        values = params.tolist()
        operations = tuple(
            replace_angle(op, values) if isinstance(op, Rotation) else op
            for op in self.form.operations
        )
        return replace(self.form, operations=operations)

    def _bind_rows(
        self,
        rows: NDArray[np.int64],
        has_branches: bool,
        columns: Array,
        rest: Array,
        circuits: dict[int, Circuit],
    ) -> None:
        if len(rows) == 0:
            return
        binder = self._branching_binder if has_branches else self._plain_binder
        angles = np.empty((len(rows), len(binder.program.interactions)))
        for place, interaction in enumerate(binder.program.interactions):
            if isinstance(interaction.angle, Affine):
                angles[:, place] = rest[rows, interaction.number]
            else:
                angles[:, place] = interaction.angle / TURN
        for places, structure, values in binder.bind(columns[rows], angles):
            for place, row_values in zip(rows[places].tolist(), values, strict=True):
                circuits[place] = bound_circuit(self.form.n_qubits, structure, row_values)

    @cached_property
    def _interactions(self) -> AffineMap:
        """Angles of the free interactions, in time order."""
        rotations = [op for op in self.form.operations if isinstance(op, Rotation)]
        angles = [op.angle for op in rotations if len(op.qubits) == 2]
        return AffineMap([angle for angle in angles if isinstance(angle, Affine)])

    @cached_property
    def _plain_binder(self) -> Binder:
        return self._binder(branching=False)

    @cached_property
    def _branching_binder(self) -> Binder:
        return self._binder(branching=True)

    def _binder(self, *, branching: bool) -> Binder:
        entangler = self.target.entangler
        program = write_program(self.form, entangler, self.n_params, branching=branching)
        return Binder(program, entangler)


def replace_angle(rotation: Rotation, values: Sequence[float]) -> Rotation:
    """The rotation at given parameters."""
    angle = rotation.angle
    return rotation._replace(angle=angle(values)) if isinstance(angle, Affine) else rotation


class TemplateStore:
    """Compiled templates, the most recently used ones kept.

    Args:
        max_entries: How many to keep.
    """

    def __init__(self, max_entries: int = 256) -> None:
        self.max_entries = max_entries
        self.hits = self.misses = 0
        self._entries: OrderedDict[object, Template] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def get(
        self,
        skeleton: Skeleton,
        n_qubits: int,
        target: Target,
        *,
        simplified: bool = True,
        absorbing: bool = False,
    ) -> Template:
        """The template of a structure, compiled the first time it is asked for."""
        key = (skeleton, n_qubits, target, simplified, absorbing)
        with self._lock:
            if key in self._entries:
                self.hits += 1
                self._entries.move_to_end(key)
                return self._entries[key]
            self.misses += 1
        template = Template.of(
            skeleton, n_qubits, target, simplified=simplified, absorbing=absorbing
        )
        with self._lock:
            self._entries[key] = template
            while len(self._entries) > self.max_entries:
                self._entries.popitem(last=False)
        return template

    def clear(self) -> None:
        """Forget all templates."""
        with self._lock:
            self._entries.clear()
