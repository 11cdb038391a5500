r"""Short circuits of twists side by side, their deviation from a target, and its derivatives.

The twist :math:`\cos\frac{\theta}{2} - i \sin\frac{\theta}{2}\,(n\cdot\sigma)\otimes
(m\cdot\sigma)` is linear in each direction, so the derivatives are as cheap as the circuit: two
along each sphere, one for the angle, three for each last one-qubit unitary. Rows of the target that
belong to different outcomes of qubits measured right afterwards may differ by phases; these are
parameters too.
"""

from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from pennylane_qstore.compile.passes.weyl import PAULIS, Matrix

Real = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.intp]]


class Target(NamedTuple):
    """What a circuit has to do.

    Attributes:
        columns: Images of the possible inputs, of shape ``(2**k, c)``.
        groups: For each row, the number of the outcome it belongs to; rows of different outcomes
            may differ by a phase. All zero if nothing is measured right afterwards.
    """

    columns: Matrix
    groups: Integers


class Guess(NamedTuple):
    """Circuits of the same length, side by side.

    Attributes:
        pairs: Position of the pair of qubits of each twist in :func:`pairs_of`, ``(b, g)``.
        axes: Directions of each twist, ``(b, g, 2, 3)``.
        angles: Angle of each twist, ``(b, g)``.
        finals: Quaternions of the last one-qubit unitaries, ``(b, k, 4)``.
    """

    pairs: Integers
    axes: Real
    angles: Real
    finals: Real


def pairs_of(width: int) -> list[tuple[int, int]]:
    """All pairs of qubits, in the order their positions count."""
    return list(combinations(range(width), 2))


@cache
def _words(width: int) -> tuple[Matrix, Matrix]:
    """Dense Pauli words: of pairs, ``(pairs, 9, d, d)``, and of one qubit, ``(k, 3, d, d)``."""
    eye = np.eye(2, dtype=complex)

    def dense(letters: dict[int, int]) -> Matrix:
        matrix = np.eye(1, dtype=complex)
        for qubit in range(width):
            matrix = np.kron(matrix, PAULIS[letters[qubit]] if qubit in letters else eye)
        return matrix

    pairs = [[dense({a: i, b: j}) for i in range(3) for j in range(3)] for a, b in pairs_of(width)]
    single = [[dense({q: i}) for i in range(3)] for q in range(width)]
    return np.array(pairs), np.array(single)


def _tangents(axes: Real) -> Real:
    """Two unit vectors at right angles to each direction, ``(..., 2, 3)``."""
    other = np.zeros_like(axes)
    smallest = np.abs(axes).argmin(-1)
    np.put_along_axis(other, smallest[..., None], 1.0, -1)
    first = np.cross(axes, other)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(axes, first)], -2)


def _outer(first: Real, second: Real) -> Real:
    """Weights of the nine words σ_i ⊗ σ_j."""
    product = first[..., :, None] * second[..., None, :]
    return product.reshape(*product.shape[:-2], 9)


def _final_matrices(finals: Real, width: int) -> Matrix:
    single = _words(width)[1]
    d = single.shape[-1]
    result = np.broadcast_to(np.eye(d, dtype=complex), (len(finals), d, d))
    for q in range(width):
        spin = np.tensordot(finals[:, q, 1:], single[q], 1)
        result = result @ (finals[:, q, :1, None] * np.eye(d) - 1j * spin)
    return result


def _start(width: int, n_columns: int) -> Matrix:
    """Inputs: the first ``n_columns`` basis states, fresh qubits being the leading ones."""
    return np.eye(2**width, n_columns, dtype=complex)


class Problem:
    """One batch of circuits and their target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        d, self.n_columns = target.columns.shape
        self.width = d.bit_length() - 1
        self.members = np.eye(target.groups.max() + 1)[target.groups]  # (d, groups)

    def gates(self, guess: Guess) -> tuple[Matrix, Matrix]:
        """Matrix of each twist, and of its word."""
        words = _words(self.width)[0][guess.pairs]
        weights = _outer(guess.axes[:, :, 0], guess.axes[:, :, 1])
        word = np.einsum("bgw,bgwxy->bgxy", weights, words, optimize=True)
        half = guess.angles[..., None, None] / 2
        return np.cos(half) * np.eye(word.shape[-1]) - 1j * np.sin(half) * word, word

    def images(self, guess: Guess) -> tuple[Matrix, Matrix, list[Matrix]]:
        """Images of the inputs, the last unitaries, and images in front of each twist."""
        gates = self.gates(guess)[0]
        state = np.broadcast_to(
            _start(self.width, self.n_columns),
            (len(guess.angles), 2**self.width, self.n_columns),
        )
        before = []
        for g in range(gates.shape[1]):
            before.append(state)
            state = gates[:, g] @ state
        finals = _final_matrices(guess.finals, self.width)
        return finals @ state, finals, before

    def wanted(self, images: Matrix) -> Matrix:
        """The target with the phases that suit the images best."""
        overlap = (self.target.columns.conj() * images).sum(-1) @ self.members
        size = np.abs(overlap)
        phases = np.where(size > 1e-14, overlap / np.maximum(size, 1e-14), 1.0)
        return (phases @ self.members.T)[..., None] * self.target.columns

    def residual(self, guess: Guess) -> Matrix:
        """Deviation from the target, ``(b, d, c)``."""
        images = self.images(guess)[0]
        return images - self.wanted(images)

    def jacobian(self, guess: Guess) -> tuple[Matrix, Matrix]:
        """Deviation, and its derivatives ``(b, parameters, d, c)``."""
        images, finals, before = self.images(guess)
        gates, word = self.gates(guess)
        n_batch, n_gates = guess.angles.shape
        suffixes = [finals]
        for g in range(n_gates - 1, 0, -1):
            suffixes.append(suffixes[-1] @ gates[:, g])
        suffix = np.stack(suffixes[::-1], 1) if n_gates else finals[:, None]
        tangents = _tangents(guess.axes)
        n, m = guess.axes[:, :, 0, None], guess.axes[:, :, 1, None]
        weights = np.concatenate([_outer(tangents[:, :, 0], m), _outer(n, tangents[:, :, 1])], 2)
        words = _words(self.width)[0][guess.pairs]
        sideways = np.einsum("bgew,bgwxy->bgexy", weights, words, optimize=True)
        half = guess.angles[..., None, None] / 2
        by_angle = -0.5 * np.sin(half) * np.eye(word.shape[-1]) - 0.5j * np.cos(half) * word
        change = np.concatenate(
            [-1j * np.sin(half)[:, :, None] * sideways, by_angle[:, :, None]], 2
        )
        d = images.shape[1]
        inner = change @ np.stack(before, 1)[:, :, None]
        columns = (suffix[:, :, None] @ inner).reshape(n_batch, 5 * n_gates, d, -1)
        single = _words(self.width)[1].reshape(1, 3 * self.width, d, d)
        turned = -0.5j * (single @ images[:, None])
        wanted = self.wanted(images)
        phases = -1j * self.members.T[None, :, :, None] * wanted[:, None]
        return images - wanted, np.concatenate([columns, turned, phases], 1)

    def moved(self, guess: Guess, step: Real) -> Guess:
        """The circuits after a step along the derivatives."""
        n_batch, n_gates = guess.angles.shape
        twist = step[:, : 5 * n_gates].reshape(n_batch, n_gates, 5)
        along = twist[..., :4].reshape(n_batch, n_gates, 2, 2)
        axes = guess.axes + (along[..., None] * _tangents(guess.axes)).sum(-2)
        axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
        vector = step[:, 5 * n_gates : 5 * n_gates + 3 * self.width].reshape(n_batch, -1, 3) / 2
        finals = _turned(guess.finals, vector)
        return Guess(guess.pairs, axes, guess.angles + twist[..., 4], finals)


def _turned(finals: Real, vector: Real) -> Real:
    """Quaternions after a small rotation ``1 - i vector·σ``."""
    w, v = finals[..., :1], finals[..., 1:]
    scalar = w - (vector * v).sum(-1, keepdims=True)
    moved = np.concatenate([scalar, v + w * vector + np.cross(vector, v)], -1)
    return moved / np.linalg.norm(moved, axis=-1, keepdims=True)


def images_of(guess: Guess, n_columns: int) -> Matrix:
    """Images of the first ``n_columns`` basis states under a batch of one."""
    d = 2 ** guess.finals.shape[1]
    nothing = Target(np.zeros((d, n_columns), dtype=complex), np.zeros(d, dtype=int))
    return Problem(nothing).images(guess)[0][0]


def random_guess(pairs: Integers, width: int, rng: np.random.Generator) -> Guess:
    """Circuits with random directions and angles."""
    shape = pairs.shape
    axes = rng.normal(size=(*shape, 2, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    finals = rng.normal(size=(shape[0], width, 4))
    finals /= np.linalg.norm(finals, axis=-1, keepdims=True)
    angles = np.asarray(rng.uniform(-np.pi / 2, np.pi / 2, shape))
    return Guess(pairs, axes, angles, finals)
