"""Programs bound to whole batches of parameters, by array arithmetic."""

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from math import pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.affine import Affine
from pennylane_qstore.compile.one_qubit import ATOL, DIGITS, TURN, Unitary
from pennylane_qstore.compile.program import Program
from pennylane_qstore.compile.target import Entangler
from pennylane_qstore.native import BoundGates, Circuit, Gate, Structure

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
_CHUNK = 256
"""Rows bound at once: the arrays of a chunk stay in the processor's cache."""
_N_PULSES = {0: (), 1: ("gpi",), 2: ("gpi2",), 3: ("gpi2", "gpi2")}


class Bound(NamedTuple):
    """Rows of a batch that share a structure.

    Attributes:
        rows: Their places in the batch.
        structure: Names and qubits of their gates.
        values: Values of their gates, in turns; shape ``(len(rows), n_values)``.
    """

    rows: NDArray[np.int64]
    structure: Structure
    values: Array


class AffineMap:
    """Several affine angles at once. Almost all have one term, so columns are gathered, not mixed.

    Args:
        angles: The angles.
    """

    def __init__(self, angles: Sequence[Affine]) -> None:
        first = [angle.terms[0] if angle.terms else (0, 0.0) for angle in angles]
        self._indices = np.array([index for index, _ in first], dtype=np.int64)
        self._scales = np.array([scale for _, scale in first])
        self._offsets = np.array([angle.offset for angle in angles])
        self._more = [
            (place, index, scale)
            for place, angle in enumerate(angles)
            for index, scale in angle.terms[1:]
        ]

    def __call__(self, columns: Array) -> Array:
        """Angles in radians, shape ``(batch, n_angles)``, from ``(batch, n_columns)``."""
        if len(self._indices) == 0:
            return np.empty((len(columns), 0))
        angles = columns[:, self._indices] * self._scales + self._offsets
        for place, index, scale in self._more:
            angles[:, place] += scale * columns[:, index]
        return angles


def _special(unitary: Unitary) -> tuple[complex, complex]:
    """First row of a unitary scaled to determinant one, which determines it."""
    root = np.sqrt(complex(unitary.a * unitary.d - unitary.b * unitary.c))
    return complex(unitary.a / root), complex(unitary.b / root)


class Binder:
    """A program, prepared for arrays.

    Args:
        program: What to bind.
        entangler: The native two-qubit gate.
    """

    def __init__(self, program: Program, entangler: Entangler) -> None:
        self.program, self.entangler = program, entangler
        self._angles = AffineMap([angle for run in program.runs for _, angle in run.layers])
        lengths = np.array([len(run.layers) for run in program.runs])
        self._varying, self._fixed = np.flatnonzero(lengths), np.flatnonzero(lengths == 0)
        self._groups = self._group_runs(lengths)
        self._fixed_kinds, self._fixed_values = self._fix_runs()
        self._generic_pattern = self._fixed_kinds.tobytes()
        self._order = lru_cache(maxsize=256)(self._order_gates)

    def _group_runs(
        self, lengths: NDArray[np.int64]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Complex, Complex]]:
        """Varying runs of equal length together: places, layers of each, constants of each."""
        groups = []
        starts = np.cumsum([0, *lengths])
        for length in np.unique(lengths[lengths > 0]):
            places = np.flatnonzero(lengths == length)
            columns = starts[places][:, None] + np.arange(length)
            runs = [self.program.runs[place] for place in places]
            constants = np.array(
                [[_special(c) for c in (*(c for c, _ in run.layers), run.last)] for run in runs]
            )
            among = np.searchsorted(self._varying, places)
            groups.append((among, columns, constants[..., 0], constants[..., 1]))
        return groups

    def _fix_runs(self) -> tuple[NDArray[np.int8], Array]:
        """Kinds of all runs, where varying ones count as generic, and the fixed ones' pulses."""
        rows = [_special(self.program.runs[place].last) for place in self._fixed]
        a, b = np.array(rows, dtype=complex).reshape(-1, 2).T
        kinds = np.full(len(self.program.runs), 3, dtype=np.int8)
        fixed = _kinds(np.abs(a) ** 2, np.abs(b) ** 2)
        kinds[self._fixed] = 3 if fixed is None else fixed
        theta = np.arctan2(np.abs(b), np.abs(a)) / pi
        return kinds, _pulses(np.angle(a) / TURN, np.angle(b) / TURN, theta, fixed)

    @cached_property
    def _by_qubit(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Runs ordered by qubit and time, each one's place in that order, its qubit's first."""
        qubits = np.array([run.qubit for run in self.program.runs])
        order = np.argsort(qubits, kind="stable")
        firsts = np.searchsorted(qubits[order], qubits)
        return order, np.argsort(order), firsts

    def _sum_earlier(self, frame: Array) -> Array:
        """Sum of the frames of earlier runs on the same qubit; shape ``(batch, n_runs)``."""
        order, places, firsts = self._by_qubit
        sums = np.zeros((len(frame), len(order) + 1))
        np.cumsum(frame[:, order], axis=1, out=sums[:, 1:])
        return sums[:, places] - sums[:, firsts]

    def bind(self, params: Array, angles: Array) -> Iterator[Bound]:
        """Values of all gates, rows of equal structure together.

        Args:
            params: Parameters in radians, then branches (0 or 1); shape ``(batch, n_columns)``.
            angles: Interaction angles in turns, reduced, with their sign; ``(batch, n_inter)``.
        """
        for start in range(0, len(params), _CHUNK):
            part = slice(start, start + _CHUNK)
            for rows, structure, values in self._bind_chunk(params[part], angles[part]):
                yield Bound(rows + start, structure, values)

    def _bind_chunk(self, params: Array, angles: Array) -> Iterator[Bound]:
        a, b = self._varying_runs(self._angles(params))
        weight_a, weight_b = a.real**2 + a.imag**2, b.real**2 + b.imag**2
        kinds = _kinds(weight_a, weight_b)
        values = self._values(np.angle(a), np.angle(b), weight_a, weight_b, kinds, angles)
        if kinds is None:
            structure, columns = self._order(self._generic_pattern)
            yield Bound(np.arange(len(params)), structure, values[:, columns])
            return
        patterns = np.broadcast_to(self._fixed_kinds, (len(params), len(self.program.runs))).copy()
        patterns[:, self._varying] = kinds
        if (patterns == patterns[0]).all():  # np.unique would sort
            structure, columns = self._order(patterns[0].tobytes())
            yield Bound(np.arange(len(params)), structure, values[:, columns])
            return
        distinct, rows_of = np.unique(patterns, axis=0, return_inverse=True)
        for number, pattern in enumerate(distinct):
            structure, columns = self._order(pattern.tobytes())
            rows = np.flatnonzero(rows_of.ravel() == number)
            yield Bound(rows, structure, values[np.ix_(rows, columns)])

    def _varying_runs(self, angles: Array) -> tuple[Complex, Complex]:
        """First rows of the special unitaries of the runs with free angles."""
        half = np.empty(angles.shape, dtype=complex)
        half.real, half.imag = np.cos(angles / 2), -np.sin(angles / 2)
        shape = (len(angles), len(self._varying))
        all_a, all_b = np.empty(shape, dtype=complex), np.empty(shape, dtype=complex)
        for places, columns, first, second in self._groups:
            a, b = first[:, 0], second[:, 0]
            for layer in range(columns.shape[1]):
                turn = half[:, columns[:, layer]]
                a, b = a * turn, b * turn
                left, right = first[:, layer + 1], second[:, layer + 1]
                a, b = left * a - right * b.conj(), left * b + right * a.conj()
            all_a[:, places], all_b[:, places] = a, b
        return all_a, all_b

    def _values(
        self,
        arg_a: Array,
        arg_b: Array,
        weight_a: Array,
        weight_b: Array,
        kinds: NDArray[np.int8] | None,
        angles: Array,
    ) -> Array:
        """Columns: both pulses of each run, then what each interaction takes; in turns."""
        batch, n_runs = len(angles), len(self.program.runs)
        theta = np.arctan2(np.sqrt(weight_b), np.sqrt(weight_a)) / pi
        pulses = _pulses(arg_a / TURN, arg_b / TURN, theta, kinds)
        full = np.empty((3, batch, n_runs))
        full[:, :, self._fixed] = self._fixed_values[:, None, :]
        full[:, :, self._varying] = pulses
        first, second, frame = full
        before = self._sum_earlier(frame)
        columns = [first - before, second - before]
        if self.entangler == "ms" and self.program.interactions:
            columns += self._phases(before + frame, angles)
        values = np.hstack([*columns, np.abs(angles)])
        values = np.round(values - np.floor(values), DIGITS)
        values[values == 1] = 0
        return values

    def _phases(self, after: Array, angles: Array) -> list[Array]:
        """Phases of MS on its first and second qubit."""
        interactions = self.program.interactions
        offsets = np.array([interaction.offsets for interaction in interactions])
        runs = np.array([interaction.runs for interaction in interactions])
        return [
            offsets[:, 0] - after[:, runs[:, 0]] + 0.5 * (angles < 0),
            offsets[:, 1] - after[:, runs[:, 1]],
        ]

    def _order_gates(self, pattern: bytes) -> tuple[Structure, NDArray[np.int64]]:
        """Gates in time order for one pattern of pulses, and the column of each value."""
        kinds = np.frombuffer(pattern, dtype=np.int8)
        n_runs, n_interactions = len(kinds), len(self.program.interactions)
        names: list[str] = []
        qubits: list[tuple[int, ...]] = []
        columns: list[int] = []

        def emit(run: int) -> None:
            for pulse, name in enumerate(_N_PULSES[int(kinds[run])]):
                names.append(name)
                qubits.append((self.program.runs[run].qubit,))
                columns.append(run + pulse * n_runs)

        emitted = 0
        for place, interaction in enumerate(self.program.interactions):
            for run in interaction.runs:
                emit(run)
            emitted = max(interaction.runs) + 1
            names.append(self.entangler)
            qubits.append(interaction.qubits)
            n_values = 3 if self.entangler == "ms" else 1
            columns += [2 * n_runs + place + n_interactions * k for k in range(n_values)]
        for run in range(emitted, n_runs):
            emit(run)
        return Structure(tuple(names), tuple(qubits)), np.array(columns, dtype=np.int64)


def _kinds(weight_a: Array, weight_b: Array) -> NDArray[np.int8] | None:
    """How many pulses of which kind each run needs; None where all need two."""
    near_pole, near_equator = weight_b < ATOL**2, weight_a < ATOL**2
    between = np.abs(weight_a - weight_b) < ATOL
    if not (near_pole.any() or near_equator.any() or between.any()):
        return None
    kinds = np.full(weight_a.shape, 3, dtype=np.int8)
    kinds[between], kinds[near_equator], kinds[near_pole] = 2, 1, 0
    return kinds


def _pulses(arg_a: Array, arg_b: Array, theta: Array, kinds: NDArray[np.int8] | None) -> Array:
    """Both pulses and the frame of runs, in turns, as in ``one_qubit.to_pulses``; stacked."""
    first = arg_a - arg_b - 0.5
    second = first - theta - 0.5
    frame = -arg_a - arg_b - second
    if kinds is not None:
        first = np.where(kinds == 2, arg_a - arg_b - 0.25, first)
        first = np.where(kinds == 1, np.round(0.25 - arg_b, DIGITS) % 0.5, first)
        frame = np.where(kinds == 3, frame, np.where(kinds == 1, 0.0, -2 * arg_a))
    return np.stack([first, second, frame])


def bound_circuit(n_qubits: int, structure: Structure, values: Array) -> Circuit:
    """One row of a bound batch; a circuit without gates becomes a pair of pulses that cancel."""
    if not structure.names:
        return Circuit(n_qubits, (Gate("gpi", (0,), (0.0,)),) * 2)
    return Circuit(n_qubits, BoundGates(structure, values))
