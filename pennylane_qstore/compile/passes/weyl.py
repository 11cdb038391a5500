r"""Two-qubit unitaries as three commuting twists and one-qubit gates.

Every :math:`U \in U(4)` is, up to phase, :math:`K F \exp(-\frac{i}{2}\sum_k \theta_k
\sigma_k\otimes\sigma_k) F^\dagger` with one-qubit :math:`F, K` (the Cartan decomposition). In the
magic basis :math:`F, K` are real orthogonal and the middle is diagonal, so the symmetric
unitary :math:`U^T U` is diagonalised by a real orthogonal matrix: its commuting real and
imaginary parts together. Angles are counted modulo :math:`\pi`, which is a pair of Paulis.

References:
    Kraus and Cirac, Phys. Rev. A 63, 062309 (2001).
    Zhang, Vala, Sastry, Whaley, Phys. Rev. A 67, 042313 (2003).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from pennylane_qstore.compile.one_qubit import Unitary
from pennylane_qstore.compile.passes.spins import (
    LETTERS,
    Spin,
    Vector,
    inverse,
    product,
    spin_of,
    turn,
)
from pennylane_qstore.compile.passes.twists import Twist

Matrix = np.ndarray[Any, np.dtype[np.complex128]]

PAULIS: Matrix = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
PAIRS: Matrix = np.einsum("iab,jcd->ijacbd", PAULIS, PAULIS).reshape(9, 16)
"""Row 3 i + j: the matrix of σ_i ⊗ σ_j."""

_MAGIC: Matrix = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]]) / np.sqrt(
    2
)
_DAGGER: Matrix = _MAGIC.conj().T
_EIGENVALUES = np.array(
    [(_DAGGER @ PAIRS[4 * k].reshape(4, 4) @ _MAGIC).diagonal().real for k in range(3)]
)
_MIXTURES = ((0.8, 0.6), (0.28, 0.96), (0.9, -0.43), (0.37, -0.93), (1.0, 0.0), (0.0, 1.0))


class Cartan(NamedTuple):
    """A two-qubit unitary as commuting twists, followed by one-qubit gates.

    Attributes:
        frames: Unitaries that turn X, Y, Z into the directions of the twists on each qubit.
        angles: Angle of the XX, YY and ZZ twist in these frames, in radians.
        after: One-qubit unitaries that follow.
    """

    frames: tuple[Spin, Spin]
    angles: tuple[float, float, float]
    after: tuple[Spin, Spin]


def matrix_of(twists: Iterable[Twist]) -> Matrix:
    """The 4×4 unitary of twists that all have the same qubits in the same order."""
    unitary: Matrix = np.eye(4, dtype=complex)
    for _, (n, m), angle in twists:
        weights = [x * y for x in n for y in m]
        pauli = (np.array(weights) @ PAIRS).reshape(4, 4)
        unitary = np.cos(angle / 2) * unitary - 1j * np.sin(angle / 2) * (pauli @ unitary)
    return unitary


def _orthogonal_basis(symmetric: Matrix) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Real orthogonal columns that diagonalise a symmetric unitary."""
    real, imaginary = symmetric.real, symmetric.imag
    best, best_error = None, np.inf
    for c, s in _MIXTURES:
        vectors = np.linalg.eigh(c * real + s * imaginary)[1]
        diagonal = vectors.T @ symmetric @ vectors
        error = np.abs(diagonal - np.diag(diagonal.diagonal())).max()
        if error < best_error:
            best, best_error = vectors, error
        if error < 1e-13:
            break
    assert best is not None
    if best_error > 1e-12:
        best = _jacobi(symmetric, best)
    if np.linalg.det(best) < 0:
        best[:, 0] = -best[:, 0]
    return best


def _jacobi(
    symmetric: Matrix, vectors: np.ndarray[Any, np.dtype[np.float64]]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Improve a common eigenbasis of real and imaginary part by plane rotations."""
    for _ in range(6):
        for i in range(3):
            for j in range(i + 1, 4):
                d = vectors.T @ symmetric @ vectors
                gap = np.array([(d[i, i] - d[j, j]).real, (d[i, i] - d[j, j]).imag])
                off = 2 * np.array([d[i, j].real, d[i, j].imag])
                angle = 0.25 * np.arctan2(2 * gap @ off, gap @ gap - off @ off)
                c, s = np.cos(angle), np.sin(angle)
                first, second = vectors[:, i].copy(), vectors[:, j].copy()
                vectors[:, i], vectors[:, j] = c * first + s * second, c * second - s * first
    return vectors


def split_product(matrix: Matrix) -> tuple[Spin, Spin]:
    """The factors of a product of one-qubit unitaries."""
    blocks = matrix.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3).reshape(4, 4)
    row, column = divmod(int(np.abs(blocks).argmax()), 4)
    first, second = blocks[:, column].tolist(), blocks[row].tolist()
    return spin_of(Unitary(*first)), spin_of(Unitary(*second))


def cartan(unitary: Matrix) -> Cartan:
    """Decompose a two-qubit unitary.

    Args:
        unitary: Any 4×4 unitary.

    Returns:
        Its commuting twists, with angles of any size, and what follows them.
    """
    turned = _DAGGER @ unitary @ _MAGIC
    basis = _orthogonal_basis(turned.T @ turned)
    columns = turned @ basis
    squares = (columns * columns).sum(axis=0)
    phases = np.angle(squares) / 2
    left = (columns * np.exp(-1j * phases)).real
    if np.linalg.det(left) < 0:
        left[:, 0] = -left[:, 0]
        phases[0] += np.pi
    angles = -(_EIGENVALUES @ phases) / 2
    frames = split_product(_MAGIC @ basis @ _DAGGER)
    after = split_product(_MAGIC @ (left @ basis.T) @ _DAGGER)
    return Cartan(frames, (float(angles[0]), float(angles[1]), float(angles[2])), after)


def directions(frames: tuple[Spin, Spin]) -> list[tuple[Vector, Vector]]:
    """Directions of the three twists in the given frames."""
    return [(turn(frames[0], axis), turn(frames[1], axis)) for axis in LETTERS.values()]


def mirrored(parts: Cartan) -> Cartan:
    r"""The decomposition of ``SWAP · U``.

    ``SWAP`` is three twists by π/2, the same in all frames ``A⊗A``. With :math:`U = (C\otimes D)
    (A\otimes B) N (A\otimes B)^\dagger` it gives :math:`(D B A^\dagger \otimes C A B^\dagger)
    (A\otimes B) N' (A\otimes B)^\dagger`, where every angle of N' is larger by π/2.
    """
    (first, second), (c, d) = parts.frames, parts.after
    angles = tuple(angle + np.pi / 2 for angle in parts.angles)
    after = (
        product(d, product(second, inverse(first))),
        product(c, product(first, inverse(second))),
    )
    return Cartan(parts.frames, (angles[0], angles[1], angles[2]), after)
