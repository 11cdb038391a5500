"""Many points of one ansatz at once: states, sampled measurement groups, gradients, metric tensors.

A circuit of Pauli rotations and fixed gates is compiled to alternating dense matrices and diagonal
phases, so that a batch of points is a few matrix products. Shot noise is drawn exactly, from the
multinomial distribution of each measurement group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

_S = np.sqrt(0.5)
# Columns of the inverse are eigenvectors: BASIS[P] @ P @ BASIS[P]^dagger = Z.
_BASIS = {
    "X": np.array([[_S, _S], [_S, -_S]], dtype=complex),
    "Y": np.array([[_S, -1j * _S], [_S, 1j * _S]]),
    "Z": np.eye(2, dtype=complex),
}
_FIXED = {
    "Hadamard": np.array([[_S, _S], [_S, -_S]], dtype=complex),
    "PauliX": np.array([[0, 1], [1, 0]], dtype=complex),
    "CNOT": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], dtype=complex),
    "CZ": np.diag([1, 1, 1, -1]).astype(complex),
}
_AXIS = {"RX": "X", "RY": "Y", "RZ": "Z", "IsingXX": "X", "IsingYY": "Y", "IsingZZ": "Z"}


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate by its PennyLane name; its angle is ``scale * parameter`` or a feature.

    Attributes:
        name: ``RX``, ``RY``, ``RZ``, ``IsingXX``, ``IsingYY``, ``IsingZZ``, or a fixed gate.
        wires: Where it acts; wire 0 is the most significant bit.
        param: Index of its parameter, or None.
        scale: Radians per unit of the parameter.
        feature: Index of the data feature that is its angle, or None.
    """

    name: str
    wires: tuple[int, ...]
    param: int | None = None
    scale: float = 1.0
    feature: int | None = None

    @property
    def has_angle(self) -> bool:
        return self.name in _AXIS


def _embed(matrix: ComplexArray, wires: Sequence[int], n_qubits: int) -> ComplexArray:
    """The matrix of a gate on all qubits."""
    k = len(wires)
    rest = [wire for wire in range(n_qubits) if wire not in wires]
    full = np.kron(matrix, np.eye(2 ** (n_qubits - k)))
    order = [*wires, *rest]
    position = [order.index(wire) for wire in range(n_qubits)]
    axes = [*position, *(n_qubits + p for p in position)]
    return full.reshape((2,) * (2 * n_qubits)).transpose(axes).reshape(2**n_qubits, 2**n_qubits)


def _everywhere(letters: str) -> ComplexArray:
    """The product over all qubits of the changes from Z to the basis of each letter."""
    return reduce(np.kron, [_BASIS["Z" if one == "I" else one] for one in letters])


def _parity(wires: Sequence[int], n_qubits: int) -> FloatArray:
    """Eigenvalues of the product of Z on some wires, shape ``(2**n_qubits,)``."""
    index = np.arange(2**n_qubits)
    bits = sum((index >> (n_qubits - 1 - wire)) & 1 for wire in wires)
    return 1.0 - 2.0 * (bits % 2)


class _Matrix:
    """A matrix to apply to many states, as a product of two halves where it is one."""

    def __init__(self, dense: ComplexArray, n_qubits: int) -> None:
        left, right = 2 ** (n_qubits // 2), 2 ** (n_qubits - n_qubits // 2)
        self.first_column = dense[:, 0].copy()
        self._dense, self._halves = dense.T.copy(), None
        if n_qubits < 4:
            return
        # Van Loan: a Kronecker product has rank one when rows are blocks.
        blocks = dense.reshape(left, right, left, right).transpose(0, 2, 1, 3)
        u, s, v = np.linalg.svd(blocks.reshape(left**2, right**2), full_matrices=False)
        if s[1] < 1e-9 * s[0]:
            scale = np.sqrt(s[0])
            self._halves = (
                (scale * u[:, 0]).reshape(left, left),
                (scale * v[0]).reshape(right, right).T.copy(),
            )

    def __call__(self, states: ComplexArray) -> ComplexArray:
        """The matrix times each state, shape ``(n_points, 2**n_qubits)``."""
        if self._halves is None:
            return states @ self._dense
        left, right = self._halves
        shaped = states.reshape(len(states), len(left), len(right))
        return (left @ shaped @ right).reshape(states.shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Apply ``before``, then the phases of commuting rotations whose generators are diagonal."""

    before: _Matrix
    eigenvalues: FloatArray
    angles: slice


class Simulator:
    """States of one circuit for many sets of its angles.

    Args:
        n_qubits: Width.
        gates: In time order; those with an angle are numbered in this order.
    """

    def __init__(self, n_qubits: int, gates: Sequence[Gate]) -> None:
        self.n_qubits = n_qubits
        self.blocks: list[_Block] = []
        dense = np.eye(2**n_qubits, dtype=complex)
        axis, pending, start = "", [], 0

        def close() -> None:
            nonlocal dense, pending, start
            if pending:
                stop = start + len(pending)
                basis = _everywhere(axis * n_qubits)
                self.blocks.append(
                    _Block(_Matrix(basis @ dense, n_qubits), np.array(pending), slice(start, stop))
                )
                dense, pending, start = basis.conj().T, [], stop

        for gate in gates:
            if not gate.has_angle:
                close()
                dense = _embed(_FIXED[gate.name], gate.wires, n_qubits) @ dense
                continue
            if axis != _AXIS[gate.name]:
                close()
            axis = _AXIS[gate.name]
            pending.append(_parity(gate.wires, n_qubits))
        close()
        self.n_angles = start
        self.after = _Matrix(dense, n_qubits)

    def states(self, angles: FloatArray) -> ComplexArray:
        """Final states, shape ``(n_points, 2**n_qubits)``, for angles ``(n_points, n_angles)``."""
        psi = self._until(angles, len(self.blocks))
        return self.after(psi)

    def _until(self, angles: FloatArray, n_blocks: int) -> ComplexArray:
        """The states after the first blocks, in the basis of the last of them."""
        psi = np.zeros((len(angles), 2**self.n_qubits), dtype=complex)
        psi[:, 0] = 1
        for index, block in enumerate(self.blocks[:n_blocks]):
            # The first product acts on |0...0> alone.
            if index == 0:
                psi = np.tile(block.before.first_column, (len(angles), 1))
            else:
                psi = block.before(psi)
            psi = psi * np.exp(-0.5j * (angles[:, block.angles] @ block.eigenvalues))
        return psi

    def generator_probabilities(self, angles: FloatArray, block: int) -> FloatArray:
        """Outcomes before a block, measured in the basis of its generators, ``(2**n_qubits,)``."""
        psi = self._until(angles[None], block)
        if block == 0:
            return np.abs(self.blocks[0].before.first_column) ** 2
        return np.abs(self.blocks[block].before(psi)[0]) ** 2


class Observable:
    """A sum of Pauli words, measured in groups of qubit-wise commuting ones, the largest first.

    Args:
        terms: Coefficients of words such as ``"XXIZ"``; the identity is a constant.
    """

    def __init__(self, terms: Sequence[tuple[float, str]]) -> None:
        self.terms = tuple(terms)
        self.constant = float(sum(c for c, word in terms if set(word) == {"I"}))
        groups: list[tuple[list[str], list[tuple[float, str]]]] = []
        for coefficient, word in sorted(terms, key=lambda term: -abs(term[0])):
            if set(word) == {"I"}:
                continue
            for letters, members in groups:
                if all(a == b or "I" in (a, b) for a, b in zip(letters, word, strict=True)):
                    letters[:] = [b if a == "I" else a for a, b in zip(letters, word, strict=True)]
                    members.append((coefficient, word))
                    break
            else:
                groups.append((list(word), [(coefficient, word)]))
        for _, members in groups:
            members.sort(key=self.terms.index)
        self.n_groups = len(groups)
        self.sizes = [float(np.linalg.norm([c for c, _ in members])) for _, members in groups]
        self._changes = [_everywhere("".join(letters)).T.copy() for letters, _ in groups]
        self._in_z = [set(letters) <= {"I", "Z"} for letters, _ in groups]
        self._values = [
            sum(
                c * _parity([i for i, p in enumerate(word) if p != "I"], len(word))
                for c, word in members
            )
            for _, members in groups
        ]

    def exact(self, states: ComplexArray) -> FloatArray:
        """Expectations, shape ``(n_points,)``."""
        parts = [
            p @ values for p, values in zip(self._probabilities(states), self._values, strict=True)
        ]
        return np.asarray(self.constant + sum(parts))

    def sample(
        self, states: ComplexArray, shots: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Sampled means of each group and their variances as estimated from the same shots.

        Args:
            states: Shape ``(n_points, 2**n_qubits)``.
            shots: Repetitions of each group for each point, shape ``(n_points, n_groups)``; a group
                without any has a mean and a variance of 0.
            rng: Where the outcomes come from.

        Returns:
            Shape ``(n_points, n_groups)`` each, without the constant.
        """
        means, variances = [], []
        for p, values, own in zip(self._probabilities(states), self._values, shots.T, strict=True):
            frequencies = rng.multinomial(own, p) / np.maximum(own, 1)[:, None]
            means.append(frequencies @ values)
            spread = (frequencies @ values**2 - means[-1] ** 2).clip(0)
            variances.append(spread / np.maximum(own - 1, 1))
        return np.stack(means, axis=1), np.stack(variances, axis=1)

    def single_shots(
        self, states: ComplexArray, shots: int, rng: np.random.Generator
    ) -> FloatArray:
        """Values from one shot of each group, shape ``(n_points, shots)``."""
        total = np.full((len(states), shots), self.constant)
        for p, values in zip(self._probabilities(states), self._values, strict=True):
            edges = np.cumsum(p, axis=1)
            for row, edge in enumerate(edges):
                where = np.searchsorted(edge, rng.random(shots) * edge[-1], side="right")
                total[row] += values[where.clip(max=len(values) - 1)]
        return total

    def _probabilities(self, states: ComplexArray) -> list[FloatArray]:
        out = []
        for change, in_z in zip(self._changes, self._in_z, strict=True):
            rotated = states if in_z else states @ change
            p = rotated.real**2 + rotated.imag**2
            out.append(p / p.sum(axis=1, keepdims=True))
        return out
