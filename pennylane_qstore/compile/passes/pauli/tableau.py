r"""Many Pauli words side by side, conjugated by two-qubit rotations and scored by them.

Letters are numbers: I 0, X 1, Z 2, Y 3, so that the product of letters is their exclusive-or. A
rotation :math:`g = \exp(-i\frac{\pi}{4} P_a Q_b)` changes the words that anticommute with it: one
of whose letters on a and b anticommutes with P or Q. The other letter decides what becomes of the
weight: it falls if that letter is the generator's, it grows if that letter is the identity.
Summing over words, the change is :math:`K + K^T` with :math:`K_{aP,bQ} = \sum_r A_{r,aP} (f_r
E_{r,bQ} + g_r I_{r,b})`, one matrix product for all pairs and axes.

References:
    de Brugière, Martiel, arXiv 2404.03280 (2024).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.passes.pauli.words import Word, anticommute, turned

Letters = NDArray[np.uint8]
Floats = NDArray[np.float64]

Generator = tuple[tuple[int, int], tuple[int, int]]
"""Two qubits and their letters, 1 to 3."""
AXES = "IXZY"


def _tables() -> tuple[Letters, Letters]:
    """New letters (4 a + b) and sign flips for the nine generators and sixteen letter pairs."""
    new, flip = np.zeros((16, 16), dtype=np.uint8), np.zeros((16, 16), dtype=np.uint8)
    for generator in range(16):
        for code in range(16):
            result = turned(_pair(code), _pair(generator), 1)
            a = (result.x & 1) + 2 * (result.z & 1)
            new[generator, code] = 4 * a + (result.x >> 1) + 2 * (result.z >> 1)
            flip[generator, code] = result.minus
    return new, flip


def _pair(code: int) -> Word:
    """The word of two letters with a code."""
    a, b = divmod(code, 4)
    return Word(a & 1 | (b & 1) << 1, a >> 1 | (b >> 1) << 1)


_NEW, _FLIP = _tables()
_CLASH = np.array(
    [[anticommute(_pair(c), _pair(g)) for c in range(16)] for g in range(16)], dtype=np.uint8
)
_POWER = np.array([[0, 0, 0, 0], [0, 0, 3, 1], [0, 1, 0, 3], [0, 3, 1, 0]])
"""Power of i in front of the product of two letters: X Z = -i Y, X Y = i Z."""
_LETTER = np.array([1, 2, 3], dtype=np.uint8)


@dataclass(slots=True)
class Tableau:
    """Signed words as rows of letters.

    Attributes:
        letters: Letter of each word on each qubit, ``(n_words, n_qubits)``.
        minus: 1 where a word is negated.
    """

    letters: Letters
    minus: Letters

    def copy(self) -> "Tableau":
        """The same words in arrays of their own."""
        return Tableau(self.letters.copy(), self.minus.copy())

    def turn(self, generator: Generator, *, backwards: bool = False) -> None:
        """Conjugate all words by the rotation of ±π/2 about two letters, in place."""
        (a, b), axes = generator
        code = 4 * self.letters[:, a] + self.letters[:, b]
        index = 4 * axes[0] + axes[1]
        new = _NEW[index][code]
        self.letters[:, a], self.letters[:, b] = new >> 2, new & 3
        self.minus ^= _FLIP[index][code]
        if backwards:
            self.minus ^= _CLASH[index][code]

    def turn_about(self, axis: Word, quarters: int) -> None:
        """Conjugate all words by a Clifford rotation about any word, in place."""
        letters = letters_of(axis, self.letters.shape[1])
        clash = odd(self.letters, letters)
        power = _POWER[self.letters[clash], letters].sum(axis=1) + 2 * axis.minus + quarters
        self.letters[clash] ^= letters
        self.minus[clash] ^= (power % 4 // 2).astype(np.uint8)

    def clashes(self, row: int) -> Letters:
        """1 for each word that anticommutes with one of them."""
        return odd(self.letters, self.letters[row]).astype(np.uint8)

    def weights(self) -> NDArray[np.int64]:
        """Number of letters other than the identity of each word."""
        return np.count_nonzero(self.letters, axis=1)

    def word(self, row: int) -> Word:
        """One row as a word."""
        x = z = 0
        for q, letter in enumerate(self.letters[row].tolist()):
            x |= (letter & 1) << q
            z |= (letter >> 1) << q
        return Word(x, z, int(self.minus[row]))

    def put(self, row: int, word: Word) -> None:
        """Replace one row by a word."""
        self.letters[row] = letters_of(word, self.letters.shape[1])
        self.minus[row] = word.minus


def letters_of(word: Word, n_qubits: int) -> Letters:
    """The letters of a word, without its sign."""
    letters = [(word.x >> q & 1) + 2 * (word.z >> q & 1) for q in range(n_qubits)]
    return np.array(letters, dtype=np.uint8)


def odd(letters: Letters, other: Letters) -> NDArray[np.bool_]:
    """Which words anticommute with another: those that clash on an odd number of qubits."""
    clash = (letters != other) & (letters > 0) & (other > 0)
    return np.count_nonzero(clash, axis=-1) % 2 == 1


def tableau_of(words: list[Word], n_qubits: int) -> Tableau:
    """Put words side by side."""
    tableau = Tableau(
        np.zeros((len(words), n_qubits), dtype=np.uint8), np.zeros(len(words), dtype=np.uint8)
    )
    for row, word in enumerate(words):
        tableau.put(row, word)
    return tableau


def changes(letters: Letters, fall: Floats, rise: Floats) -> Floats:
    """What every two-qubit rotation of π/2 would change in a sum over words.

    Args:
        letters: Words, ``(n_words, n_qubits)``.
        fall: What a word adds if its weight falls by one, ``(n_words,)``.
        rise: What a word adds if its weight grows by one, ``(n_words,)``.

    Returns:
        Sums, ``(3 n_qubits, 3 n_qubits)``; row 3 a + p - 1 is letter p on qubit a. Blocks of one
        qubit with itself are infinite.
    """
    n_words, n = letters.shape
    equal = letters[:, :, None] == _LETTER
    clash = (~equal & (letters > 0)[:, :, None]).reshape(n_words, 3 * n).astype(np.float64)
    weighted = equal * fall[:, None, None] + (letters == 0)[:, :, None] * rise[:, None, None]
    half = clash.T @ weighted.reshape(n_words, 3 * n)
    total: Floats = half + half.T
    for q in range(n):
        total[3 * q : 3 * q + 3, 3 * q : 3 * q + 3] = np.inf
    return total


def lightening(letters: Letters) -> NDArray[np.bool_]:
    """Which two-qubit rotations lower the weight of one word, shaped as in :func:`changes`."""
    equal = letters[:, None] == _LETTER
    clash = (~equal & (letters > 0)[:, None]).reshape(-1)
    half = np.outer(clash, equal.reshape(-1))
    allowed: NDArray[np.bool_] = half | half.T
    return allowed


def generator_of(index: int, n_qubits: int) -> Generator:
    """Qubits and letters of an entry of :func:`changes`."""
    row, column = divmod(index, 3 * n_qubits)
    return (row // 3, column // 3), (row % 3 + 1, column % 3 + 1)
