"""State vectors of many circuits that share a structure, in one array.

The batch is the last axis, so that the numbers of a gate (one per circuit) line up with contiguous
memory. One-qubit gates are multiplied into a pending 2x2 matrix per qubit and meet the state only
when an entangling gate needs them. MS, XX and YY are ZZ in a local frame, so they cost two of
those products and a diagonal. A qubit joins the array with its first entangling gate, a swap only
exchanges two names.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.emulator import kernels
from pennylane_qstore.emulator.matrices import frame, one_qubit_matrices
from pennylane_qstore.emulator.prefixes import Prefixes, find_prefixes, parents
from pennylane_qstore.emulator.program import FloatArray, Op, Program

ComplexArray = NDArray[np.complex128]
Errors = Mapping[int, Mapping[int, ComplexArray]]
"""Extra matrices after a gate: gate index to qubit to array of shape ``(2, 2, batch)``."""

CHUNK_AMPLITUDES = 2**16
"""Amplitudes simulated at once (1 MiB), so that state and workspace stay in a core's cache."""


class StoppedError(Exception):
    """The caller no longer wants the result."""


def distributions(
    program: Program,
    values: FloatArray,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> FloatArray:
    """Exact outcome probabilities of every circuit.

    Args:
        program: The common structure.
        values: Numbers of each circuit; shape ``(batch, n_slots)``.
        stopped: Asked now and then; True abandons the calculation.

    Returns:
        Probabilities; shape ``(batch, 2**n)`` for the n qubits of ``program.qubits``, of which the
        first is the least significant bit.

    Raises:
        StoppedError: ``stopped`` returned True.
    """
    result = np.empty((len(values), 2 ** len(program.qubits)))
    for chunk in find_prefixes(program, values).chunks(chunk_rows(program)):
        result[chunk.order] = _distributions(program, values[chunk.order], chunk, stopped)
    return result


def _distributions(
    program: Program, values: FloatArray, prefixes: Prefixes, stopped: Callable[[], bool]
) -> FloatArray:
    """Outcome probabilities of one chunk, whose common beginnings are simulated once."""
    matrices = one_qubit_matrices(program, values)
    stages = prefixes.stages()
    members = stages.pop(0)
    numbers, register = values[members], Register(len(members))
    for index, op in enumerate(program.ops):
        if stopped():
            raise StoppedError
        if index in stages:
            register.branch(parents(members, stages[index]))
            members = stages[index]
            numbers = values[members]
        matrix = matrices.get(index)
        if matrix is not None and matrix.shape[-1] > 1:
            matrix = matrix.take(members, axis=-1)
        register.apply(op, matrix, numbers)
    everyone = np.arange(len(values))
    return register.probabilities(program.qubits)[parents(members, everyone)]


def chunk_rows(program: Program) -> int:
    """Number of circuits to simulate at once."""
    return int(max(1, CHUNK_AMPLITUDES // 2 ** len(program.qubits)))


def simulate(
    program: Program,
    values: FloatArray,
    *,
    errors: Errors | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> "Register":
    """Run all gates on one chunk of circuits."""
    register = Register(len(values))
    matrices = one_qubit_matrices(program, values)
    errors = errors or {}
    for index, op in enumerate(program.ops):
        if stopped():
            raise StoppedError
        register.apply(op, matrices.get(index), values)
        for qubit, matrix in errors.get(index, {}).items():
            register.push(qubit, matrix)
    return register


class Register:
    """Pure states of one batch.

    Attributes:
        batch: Number of circuits.
        order: Qubit of each axis of ``state``.
        state: Amplitudes; shape ``(2, ..., 2, batch)``.
        pending: One-qubit matrices not applied yet; shape ``(2, 2, batch)`` or ``(2, 2, 1)``.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.order: list[int] = []
        self.state: ComplexArray = np.ones(batch, dtype=complex)
        self.pending: dict[int, ComplexArray] = {}
        self._workspace = np.empty(batch, dtype=complex)

    def apply(self, op: Op, matrix: ComplexArray | None, values: FloatArray) -> None:
        """Apply one gate; ``matrix`` is given for those on one target."""
        if op.name == "nop":
            return
        if matrix is not None:
            if op.controls:
                self._controlled(op, matrix)
            else:
                self.push(op.targets[0], matrix)
        elif op.name == "swap":
            self._swap(op)
        elif op.name == "pauliexp":
            self._pauli_exponential(op, values)
        else:
            self._ising(op, values)

    def branch(self, parents: NDArray[np.int64]) -> None:
        """Go on with copies of some circuits: entry k of the new batch is ``parents[k]``."""
        self.batch = len(parents)
        self.state = self.state.take(parents, axis=-1)
        self._workspace = np.empty(self.state.size, dtype=complex)
        for qubit, matrix in self.pending.items():
            if matrix.shape[-1] > 1:
                self.pending[qubit] = matrix.take(parents, axis=-1)

    def push(self, qubit: int, matrix: ComplexArray) -> None:
        """Apply a one-qubit gate, later."""
        before = self.pending.get(qubit)
        self.pending[qubit] = matrix if before is None else kernels.product(matrix, before)

    def flush(self, *qubits: int) -> None:
        """Bring qubits into the array, with all gates that wait for them."""
        for qubit in qubits:
            matrix = self.pending.pop(qubit, None)
            if qubit not in self.order:
                self._join(qubit, matrix)
            elif matrix is not None:
                kernels.apply_matrix(self.state, matrix, self.order.index(qubit), self._workspace)

    def _join(self, qubit: int, matrix: ComplexArray | None) -> None:
        grown = np.zeros((2, *self.state.shape), dtype=complex)
        if matrix is None:
            grown[0] = self.state
        else:
            np.multiply(self.state, matrix[0, 0], out=grown[0])
            np.multiply(self.state, matrix[1, 0], out=grown[1])
        self.state = grown
        self._workspace = np.empty(grown.size, dtype=complex)
        self.order.insert(0, qubit)

    def _view(self, controls: tuple[int, ...], targets: tuple[int, ...]) -> ComplexArray:
        """The part of the state where all controls are 1, with the targets as leading axes."""
        index: list[int | slice] = [slice(None)] * self.state.ndim
        for qubit in controls:
            index[self.order.index(qubit)] = 1
        kept = [qubit for qubit in self.order if qubit not in controls]
        first = [kept.index(qubit) for qubit in targets]
        others = [axis for axis in range(len(kept) + 1) if axis not in first]
        part: ComplexArray = self.state[tuple(index)]
        return part.transpose(first + others)

    def _controlled(self, op: Op, matrix: ComplexArray) -> None:
        self.flush(*op.qubits)
        view = self._view(op.controls, op.targets)
        if op.name == "x":
            kernels.exchange(view[0], view[1])
        elif not matrix[0, 1].any() and not matrix[1, 0].any():
            view[0] *= matrix[0, 0]
            view[1] *= matrix[1, 1]
        else:
            kernels.apply_matrix(view, matrix, 0, self._workspace)

    def _swap(self, op: Op) -> None:
        first, second = op.targets
        if op.controls:
            self.flush(*op.qubits)
            view = self._view(op.controls, op.targets)
            kernels.exchange(view[0, 1], view[1, 0])
            return
        rename = {first: second, second: first}
        self.order = [rename.get(qubit, qubit) for qubit in self.order]
        self.pending = {rename.get(qubit, qubit): m for qubit, m in self.pending.items()}

    def _ising(self, op: Op, values: FloatArray) -> None:
        r"""Apply :math:`e^{-i\theta A \otimes B}` as ZZ between frames ``A = W Z W†``."""
        half, frames = frame(op, values)
        for qubit, matrix in zip(op.targets, frames, strict=False):
            self.push(qubit, matrix.conj().swapaxes(0, 1))
        self.flush(*op.qubits)
        view = self._view(op.controls, op.targets)
        if op.controls:
            even, odd = np.exp(-1j * half), np.exp(1j * half)
            view[0, 0] *= even
            view[1, 1] *= even
        else:
            odd = np.exp(2j * half)
        view[0, 1] *= odd
        view[1, 0] *= odd
        for qubit, matrix in zip(op.targets, frames, strict=False):
            self.push(qubit, matrix)

    def _pauli_exponential(self, op: Op, values: FloatArray) -> None:
        self.flush(*op.qubits)
        view = self._view(op.controls, op.targets)
        angles = values[:, op.slots[:-1]] * values[:, op.slots[-1:]]
        kernels.pauli_exponential(view, op.terms, angles)

    def probabilities(self, qubits: tuple[int, ...]) -> FloatArray:
        """Outcome probabilities; shape ``(batch, 2**n)``, ``qubits[0]`` least significant."""
        self.flush(*(set(self.pending) | set(qubits) - set(self.order)))
        axes = [self.order.index(qubit) for qubit in reversed(qubits)]
        weights = np.square(self.state.real)
        weights += np.square(self.state.imag)
        ordered = weights.transpose((len(axes), *axes))
        return np.ascontiguousarray(ordered).reshape(self.batch, -1)
