r"""Observables carried backwards through a circuit, as sums of Pauli words.

A word :math:`P` measured behind a circuit :math:`U` is the observable :math:`U^\dagger P U` in
front of it. Gate by gate that is a real sum of words. Only what rounding of angles stirs up is left
out, and added up as a bound on the error; a sum that has too many words is given up.

References:
    Rudolph, Jones, Teng, Angrisani, Holmes, "Pauli Propagation: A Computational Framework for
    Simulating Quantum Systems", arXiv:2505.21606 (2025).
"""

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.evolve import Step, fuse
from pennylane_qstore.native import Bit

MAX_QUBITS = 62
"""Widest word: a bit of a 64-bit integer for each qubit."""
WIDEST_STEP = 4
"""Most qubits of a gate that words are carried through."""
LONGEST_WORD = 4
"""Most bits of a parity that is compared."""

_TINY = 4e-12
"""Angles are rounded to 12 decimals of a turn, which makes words of about 3e-12."""
_MAX_DROPPED = 5e-9
_LETTERS = np.array(
    [[[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]]], dtype=complex
)
"""I, Z, X, Y: a letter's number is twice its X bit plus its Z bit."""

Ints = NDArray[np.int64]


class PauliSum(NamedTuple):
    """A real sum of Pauli words; qubit q is bit q.

    Attributes:
        x: Which qubits have X or Y in each word; shape ``(n_words,)``.
        z: Which qubits have Z or Y.
        factors: The words' coefficients.
        dropped: Sum of the coefficients' sizes left out: a bound on the error of any mean.
    """

    x: Ints
    z: Ints
    factors: NDArray[np.float64]
    dropped: float = 0.0

    @property
    def on_ground(self) -> float:
        """Expectation value in the ground state: words of Z are one, others vanish."""
        return float(self.factors[self.x == 0].sum())

    def distance(self, other: "PauliSum") -> float:
        """Largest difference of coefficients."""
        x, z = np.concatenate([self.x, other.x]), np.concatenate([self.z, other.z])
        _, _, sums = _merged(x, z, np.concatenate([self.factors, -other.factors]))
        return float(np.abs(sums).max(initial=0.0))


def z_word(qubits: Iterable[int], *, flip: bool = False) -> PauliSum:
    """The parity of some qubits, from 1 (even) to -1."""
    mask = sum(1 << qubit for qubit in qubits)
    sign = -1.0 if flip else 1.0
    return PauliSum(np.array([0]), np.array([mask], dtype=np.int64), np.array([sign]))


class _Turn(NamedTuple):
    """What a gate makes of each word on its qubits, the images of all words in one list."""

    qubits: tuple[int, ...]
    starts: Ints
    counts: Ints
    x: Ints
    z: Ints
    factors: NDArray[np.float64]


class Propagator:
    """A circuit, prepared to carry words backwards.

    Args:
        steps: Its gates in time order, on at most four qubits each.
        max_terms: Longest sum to keep.
    """

    def __init__(self, steps: Sequence[Step], max_terms: int) -> None:
        self._turns = [_turn(step) for step in reversed(fuse(steps, 2))]
        self._max_terms = max_terms

    def __call__(self, observable: PauliSum) -> PauliSum | None:
        """The observable in front of the circuit, or None if its sum is too long to be exact."""
        for turn in self._turns:
            observable = _carried(observable, turn)
            if len(observable.factors) > self._max_terms or observable.dropped > _MAX_DROPPED:
                return None
        return observable


class Side(NamedTuple):
    """One of two circuits that are compared.

    Attributes:
        steps: Its gates in time order.
        readout: How each bit is read from its qubits.
    """

    steps: Sequence[Step]
    readout: Sequence[Bit]


class Parities(NamedTuple):
    """What comparing the mean parities of bits found.

    Attributes:
        n_words: How many parities were tried.
        n_reached: How many were carried through both circuits.
        unseen: Bits in none of those.
        error: Largest difference.
        worst: Bits of the parity that differs most.
    """

    n_words: int
    n_reached: int
    unseen: tuple[int, ...]
    error: float
    worst: tuple[int, ...]


def compare_parities(
    first: Side,
    second: Side,
    bits: Collection[int],
    *,
    from_ground: bool,
    max_terms: int,
    seed: int,
) -> Parities:
    """Compare every single bit, then as many random parities of two to four bits.

    Args:
        first: One circuit.
        second: The other.
        bits: Bits to look at.
        from_ground: Whether only the ground state counts as input.
        max_terms: Longest sum of words to keep.
        seed: Of the random parities.
    """
    carry = Propagator(first.steps, max_terms), Propagator(second.steps, max_terms)

    def compare(word: Sequence[int]) -> float | None:
        sums = [
            through(_parity(side.readout, word))
            for side, through in zip((first, second), carry, strict=True)
        ]
        if sums[0] is None or sums[1] is None:
            return None
        dropped = sums[0].dropped + sums[1].dropped
        if from_ground:
            return abs(sums[0].on_ground - sums[1].on_ground) + dropped
        return sums[0].distance(sums[1]) + dropped

    errors: dict[tuple[int, ...], float | None] = {(bit,): compare((bit,)) for bit in bits}
    reached = [word[0] for word, error in errors.items() if error is not None]
    rng = np.random.default_rng(seed)
    for _ in range(len(reached) if len(reached) > 1 else 0):
        size = min(len(reached), int(rng.integers(2, LONGEST_WORD + 1)))
        word = tuple(sorted(rng.choice(reached, size, replace=False).tolist()))
        errors[word] = compare(word)
    known = {word: error for word, error in errors.items() if error is not None}
    worst = max(known, key=lambda word: known[word], default=())
    unseen = tuple(bit for bit in bits if (bit,) not in known)
    return Parities(len(errors), len(known), unseen, known.get(worst, 0.0), worst)


def _parity(readout: Sequence[Bit], word: Iterable[int]) -> PauliSum:
    """The parity of some bits, as an observable of the qubits they are read from."""
    qubits: set[int] = set()
    flip = False
    for bit in word:
        qubits ^= set(readout[bit].qubits)
        flip ^= readout[bit].flip
    return z_word(qubits, flip=flip)


def _turn(step: Step) -> _Turn:
    k, matrix = len(step.qubits), step.matrix
    words = np.array(
        [
            reduce(np.kron, [_LETTERS[digit] for digit in np.unravel_index(number, (4,) * k)])
            for number in range(4**k)
        ]
    )
    turned = matrix.conj().T @ words @ matrix
    flat = words.reshape(4**k, -1)
    factors = (turned.reshape(4**k, -1) @ flat.conj().T).real / 2**k
    present, images = np.nonzero(np.abs(factors) > 1e-15)
    counts = np.bincount(present, minlength=4**k)
    x, z = _bits(images, step.qubits)
    return _Turn(step.qubits, np.cumsum(counts) - counts, counts, x, z, factors[present, images])


def _carried(observable: PauliSum, turn: _Turn) -> PauliSum:
    x, z, factors, dropped = observable
    number = np.zeros_like(x)
    for qubit in turn.qubits:
        number = 4 * number + 2 * ((x >> qubit) & 1) + ((z >> qubit) & 1)
    if not number.any():
        return observable
    clear = ~sum(1 << qubit for qubit in turn.qubits)
    counts = turn.counts[number]
    word = np.repeat(np.arange(len(x)), counts)
    ends = np.cumsum(counts)
    image = np.arange(len(word)) + (turn.starts[number] + counts - ends)[word]
    x, z, factors = _merged(
        (x[word] & clear) | turn.x[image],
        (z[word] & clear) | turn.z[image],
        factors[word] * turn.factors[image],
    )
    kept = np.abs(factors) > _TINY
    dropped += float(np.abs(factors[~kept]).sum())
    return PauliSum(x[kept], z[kept], factors[kept], dropped)


def _bits(numbers: Ints, qubits: Sequence[int]) -> tuple[Ints, Ints]:
    """X and Z masks of words given by number."""
    x, z = np.zeros_like(numbers), np.zeros_like(numbers)
    for place, qubit in enumerate(reversed(qubits)):
        letter = (numbers >> (2 * place)) & 3
        x |= (letter >> 1) << qubit
        z |= (letter & 1) << qubit
    return x, z


def _merged(
    x: Ints, z: Ints, factors: NDArray[np.float64]
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Equal words added up."""
    if len(x) == 0:
        return x, z, factors
    order = np.lexsort((z, x))
    x, z = x[order], z[order]
    starts = np.flatnonzero(np.append(True, (np.diff(x) != 0) | (np.diff(z) != 0)))
    return x[starts], z[starts], np.add.reduceat(factors[order], starts)
