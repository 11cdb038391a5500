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

from pennylane_qstore.compile.passes.weyl import PAIRS, PAULIS, Matrix

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
def _orders(width: int) -> tuple[Integers, Integers]:
    """For each pair: basis states ordered by the outcome of the pair, and the inverse order."""
    states = np.arange(2**width)
    rows = []
    for a, b in pairs_of(width):
        outcome = 2 * ((states >> (width - 1 - a)) & 1) + ((states >> (width - 1 - b)) & 1)
        rows.append(np.argsort(outcome, kind="stable"))
    orders = np.array(rows)
    return orders, np.argsort(orders, axis=1)


def _tangents(axes: Real) -> Real:
    """Two unit vectors at right angles to each direction, ``(..., 2, 3)``."""
    other = np.zeros_like(axes)
    smallest = np.abs(axes).argmin(-1)
    np.put_along_axis(other, smallest[..., None], 1.0, -1)
    first = np.cross(axes, other)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    return np.stack([first, np.cross(axes, first)], -2)


def _words(first: Real, second: Real) -> Matrix:
    """The 4×4 matrices ``(n·σ) ⊗ (m·σ)``."""
    weights = first[..., :, None] * second[..., None, :]
    flat = weights.reshape(*weights.shape[:-2], 9)
    return (flat @ PAIRS).reshape(*weights.shape[:-2], 4, 4)


def _on_qubit(matrices: Matrix, columns: Matrix, qubit: int) -> Matrix:
    """2×2 matrices ``(..., 2, 2)`` applied to one qubit of columns ``(..., d, c)``."""
    d, c = columns.shape[-2:]
    split = columns.reshape(*columns.shape[:-2], 2**qubit, 2, d // 2 ** (qubit + 1) * c)
    result = matrices[..., None, :, :] @ split
    return result.reshape(*result.shape[:-3], d, c)


class Problem:
    """What a batch of circuits is compared with."""

    def __init__(self, target: Target) -> None:
        self.target = target
        d, self.n_columns = target.columns.shape
        self.width = d.bit_length() - 1
        self.members = np.eye(target.groups.max() + 1)[target.groups]  # (d, groups)

    def _through(self, guess: Guess, *, with_changes: bool) -> Matrix:
        """Images of the inputs and, if wanted, derivatives by twist, ``(b, d, columns)``."""
        n_batch, n_gates = guess.angles.shape
        d, c = 2**self.width, self.n_columns
        gates, changes = _gates(guess)
        orders, inverse = (table[guess.pairs] for table in _orders(self.width))
        batch = np.arange(n_batch)[:, None]
        # inputs: the first basis states, fresh qubits being the leading ones
        columns: Matrix = np.broadcast_to(np.eye(d, c, dtype=complex), (n_batch, d, c))
        for g in range(n_gates):
            sorted_rows = columns[batch, orders[:, g]].reshape(n_batch, 4, -1)
            moved = (gates[:, g] @ sorted_rows).reshape(n_batch, d, -1)
            if with_changes:
                state = sorted_rows.reshape(n_batch, 4, d // 4, -1)[..., :c]
                new = changes[:, g] @ state.reshape(n_batch, 1, 4, -1)
                new = new.reshape(n_batch, 5, d, c).transpose(0, 2, 1, 3)
                moved = np.concatenate([moved, new.reshape(n_batch, d, -1)], -1)
            columns = moved[batch, inverse[:, g]]
        for qubit in range(self.width):
            columns = _on_qubit(_spin_matrices(guess.finals[:, qubit]), columns, qubit)
        return columns

    def images(self, guess: Guess) -> Matrix:
        """Images of the inputs, ``(b, d, c)``."""
        return self._through(guess, with_changes=False)

    def wanted(self, images: Matrix) -> Matrix:
        """The target with the phases that suit the images best."""
        overlap = (self.target.columns.conj() * images).sum(-1) @ self.members
        size = np.abs(overlap)
        phases = np.where(size > 1e-14, overlap / np.maximum(size, 1e-14), 1.0)
        return (phases @ self.members.T)[..., None] * self.target.columns

    def residual(self, guess: Guess) -> Matrix:
        """Deviation from the target, ``(b, d, c)``."""
        images = self.images(guess)
        return images - self.wanted(images)

    def jacobian(self, guess: Guess) -> tuple[Matrix, Matrix]:
        """Deviation, and its derivatives ``(b, parameters, d, c)``."""
        every = self._through(guess, with_changes=True)
        n_batch, d, _ = every.shape
        every = every.reshape(n_batch, d, -1, self.n_columns).transpose(0, 2, 1, 3)
        images, columns = every[:, 0], every[:, 1:]
        turned = [_on_qubit(-0.5j * PAULIS, images[:, None], qubit) for qubit in range(self.width)]
        wanted = self.wanted(images)
        phases = -1j * self.members.T[None, :, :, None] * wanted[:, None]
        return images - wanted, np.concatenate([columns, *turned, phases], 1)

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


def _gates(guess: Guess) -> tuple[Matrix, Matrix]:
    """4×4 matrices of the twists ``(b, g, 4, 4)`` and their derivatives ``(b, g, 5, 4, 4)``."""
    tangents = _tangents(guess.axes)
    n, m = guess.axes[:, :, 0], guess.axes[:, :, 1]
    word = _words(n, m)
    half = guess.angles[..., None, None] / 2
    gates = np.cos(half) * np.eye(4) - 1j * np.sin(half) * word
    by_angle = -0.5 * np.sin(half) * np.eye(4) - 0.5j * np.cos(half) * word
    first = _words(tangents[:, :, 0], m[:, :, None])
    second = _words(n[:, :, None], tangents[:, :, 1])
    sideways = -1j * np.sin(half)[:, :, None] * np.concatenate([first, second], 2)
    return gates, np.concatenate([sideways, by_angle[:, :, None]], 2)


def _spin_matrices(spins: Real) -> Matrix:
    """2×2 matrices of quaternions."""
    turned = np.tensordot(spins[..., 1:], PAULIS, 1)
    return spins[..., :1, None] * np.eye(2) - 1j * turned


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
    return Problem(nothing).images(guess)[0]


def random_guess(pairs: Integers, width: int, rng: np.random.Generator) -> Guess:
    """Circuits with random directions and angles."""
    shape = pairs.shape
    axes = rng.normal(size=(*shape, 2, 3))
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    finals = rng.normal(size=(shape[0], width, 4))
    finals /= np.linalg.norm(finals, axis=-1, keepdims=True)
    angles = np.asarray(rng.uniform(-np.pi / 2, np.pi / 2, shape))
    return Guess(pairs, axes, angles, finals)
