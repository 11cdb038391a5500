"""Programs bound to whole batches of parameters, by array arithmetic."""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from math import pi

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.affine import Affine
from pennylane_qstore.compile.one_qubit import ATOL, DIGITS, TURN, Unitary
from pennylane_qstore.compile.program import Program
from pennylane_qstore.compile.target import Entangler
from pennylane_qstore.native import BoundGates, Circuit, Gate, Structure

Array = NDArray[np.float64]
_N_PULSES = {0: (), 1: ("gpi",), 2: ("gpi2",), 3: ("gpi2", "gpi2")}


def affine_matrix(angles: Sequence[Affine], n_columns: int) -> tuple[Array, Array]:
    """Weights ``(n_columns, n_angles)`` and offsets ``(n_angles,)`` of affine angles."""
    weights, offsets = np.zeros((n_columns, len(angles))), np.zeros(len(angles))
    for place, angle in enumerate(angles):
        offsets[place] = angle.offset
        for index, scale in angle.terms:
            weights[index, place] = scale
    return weights, offsets


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
        n_free = 1 + max((i.number for i in program.interactions), default=-1)
        layers = [angle for run in program.runs for _, angle in run.layers]
        self._weights, self._offsets = affine_matrix(layers, program.n_params + 2 * n_free)
        self._groups = self._group_runs()
        self._pulses = lru_cache(maxsize=256)(self._order)

    def _group_runs(self) -> list[tuple[NDArray[np.int64], NDArray[np.int64], Array, Array]]:
        """Runs of equal length together: places, layers of each, constants of each."""
        groups = []
        starts = np.cumsum([0, *(len(run.layers) for run in self.program.runs)])
        lengths = np.array([len(run.layers) for run in self.program.runs])
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            columns = starts[places][:, None] + np.arange(length)
            rows = [
                [_special(c) for c in (*(c for c, _ in run.layers), run.last)]
                for run in (self.program.runs[place] for place in places)
            ]
            constants = np.array(rows).reshape(len(places), length + 1, 2)
            groups.append((places, columns, constants[..., 0], constants[..., 1]))
        return groups

    @cached_property
    def _earlier(self) -> Array:
        """Which runs come before which on the same qubit; shape ``(n_runs, n_runs)``."""
        qubits = np.array([run.qubit for run in self.program.runs])
        order = np.arange(len(qubits))
        same = qubits[:, None] == qubits[None, :]
        return (same & (order[:, None] < order[None, :])).astype(float)

    def bind(self, params: Array, angles: Array) -> list[tuple[NDArray[np.int64], Structure, Array]]:
        """Values of all gates, rows of equal structure together.

        Args:
            params: Parameters in radians, then branches (0 or 1); shape ``(batch, n_columns)``.
            angles: Interaction angles in turns, reduced, with their sign; ``(batch, n_inter)``.

        Returns:
            Triples of the places of the rows, their structure, and their values.
        """
        a, b = self._runs(params @ self._weights + self._offsets)
        small_a, small_b = np.abs(a), np.abs(b)
        kinds = np.full(a.shape, 3, dtype=np.int8)
        kinds[np.abs(small_a - small_b) < ATOL] = 2
        kinds[small_a < ATOL] = 1
        kinds[small_b < ATOL] = 0
        values = self._values(a, b, kinds, angles)
        patterns, rows_of = np.unique(kinds, axis=0, return_inverse=True)
        found = []
        for number, pattern in enumerate(patterns):
            structure, columns = self._pulses(pattern.tobytes())
            rows = np.flatnonzero(rows_of.ravel() == number)
            found.append((rows, structure, values[np.ix_(rows, columns)]))
        return found

    def _runs(self, angles: Array) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
        """First rows of the special unitaries of all runs; shapes ``(batch, n_runs)``."""
        half = np.empty(angles.shape, dtype=complex)
        half.real, half.imag = np.cos(angles / 2), -np.sin(angles / 2)
        shape = (len(angles), len(self.program.runs))
        all_a, all_b = np.empty(shape, dtype=complex), np.empty(shape, dtype=complex)
        for places, columns, first, second in self._groups:
            a = np.broadcast_to(first[:, 0], (len(angles), len(places)))
            b = np.broadcast_to(second[:, 0], (len(angles), len(places)))
            for layer in range(columns.shape[1]):
                turn = half[:, columns[:, layer]]
                a, b = a * turn, b * turn
                left, right = first[:, layer + 1], second[:, layer + 1]
                a, b = left * a - right * b.conj(), left * b + right * a.conj()
            all_a[:, places], all_b[:, places] = a, b
        return all_a, all_b

    def _values(
        self,
        a: NDArray[np.complex128],
        b: NDArray[np.complex128],
        kinds: NDArray[np.int8],
        angles: Array,
    ) -> Array:
        """Columns: both pulses of each run, then what each interaction takes; in turns."""
        arg_a, arg_b = np.angle(a), np.angle(b)
        theta = 2 * np.arctan2(np.abs(b), np.abs(a))
        first = (arg_a - arg_b - pi) / TURN  # two pulses: see one_qubit.to_pulses
        second = first - (theta + pi) / TURN
        frame = (-arg_a - arg_b) / TURN - second
        frame = np.where(kinds == 3, frame, -2 * arg_a / TURN)
        frame[kinds == 1] = 0
        first = np.where(kinds == 2, (arg_a - arg_b - pi / 2) / TURN, first)
        first = np.where(kinds == 1, (pi - 2 * arg_b) / 2 / TURN, first)
        before = frame @ self._earlier
        first, second = first - before, second - before
        after = before + frame
        first = np.where(kinds == 1, _wrapped(first, 0.5), _wrapped(first, 1.0))
        columns = [first, _wrapped(second, 1.0)]
        if self.entangler == "ms" and self.program.interactions:
            columns += self._phases(after, angles)
        return np.hstack([*columns, np.round(np.abs(angles), DIGITS)])

    def _phases(self, after: Array, angles: Array) -> list[Array]:
        """Phases of MS on its first and second qubit."""
        interactions = self.program.interactions
        offsets = np.array([interaction.offsets for interaction in interactions])
        runs = np.array([interaction.runs for interaction in interactions])
        return [
            _wrapped(offsets[:, 0] - after[:, runs[:, 0]] + 0.5 * (angles < 0), 1.0),
            _wrapped(offsets[:, 1] - after[:, runs[:, 1]], 1.0),
        ]

    def _order(self, pattern: bytes) -> tuple[Structure, NDArray[np.int64]]:
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


def _wrapped(phases: Array, period: float) -> Array:
    return np.round(phases, DIGITS) % period


def bound_circuit(n_qubits: int, structure: Structure, values: Array) -> Circuit:
    """One row of a bound batch; a circuit without gates becomes a pair of pulses that cancel."""
    if not structure.names:
        return Circuit(n_qubits, (Gate("gpi", (0,), (0.0,)),) * 2)
    return Circuit(n_qubits, BoundGates(structure, values))
