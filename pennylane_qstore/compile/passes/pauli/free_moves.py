r"""Cliffords that cost nothing because they leave the present state as it is.

If S stabilises the state and P is any word that commutes with S, then the *S-controlled P*,
:math:`V = \exp(i\frac{\pi}{4}(1-S)(1-P))`, acts as the identity on it. So all that is still to come
may be conjugated by V: a word that anticommutes with S is multiplied by P, one that anticommutes
with P by S. CNOTs and diagonals on fresh qubits are instances.
"""

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.passes.pauli.synthesis import Synthesis
from pennylane_qstore.compile.passes.pauli.tableau import Floats, Letters, odd
from pennylane_qstore.compile.passes.pauli.words import Word, times

_LARGEST = 100_000


def use_state(synthesis: Synthesis, counts: Floats) -> None:
    """Conjugate by free Cliffords while that lowers a weighted sum over words, in place."""
    improved = bool(synthesis.stabilizers) and bool(counts.any())
    while improved:
        improved = False
        for row in synthesis.stabilizers:
            gain, letters = _best_control(synthesis, row, counts)
            if gain < -1e-9:
                control(synthesis, synthesis.tableau.word(row), _word(letters))
                improved = True


def control(synthesis: Synthesis, stabilizer: Word, word: Word) -> None:
    """Conjugate all words by the controlled word, in place."""
    synthesis.tableau.turn_about(stabilizer, 1)
    synthesis.tableau.turn_about(word, 1)
    synthesis.tableau.turn_about(times(stabilizer, word), -1)


def _best_control(synthesis: Synthesis, row: int, counts: Floats) -> tuple[float, Letters]:
    """The word whose control by a stabiliser helps most, and what it changes."""
    letters, relevant = synthesis.tableau.letters, counts > 1e-3 * counts.max()
    stabilizer, words, counts = letters[row], letters[relevant], counts[relevant]
    controlled = odd(words, stabilizer)
    options = _options(words, stabilizer, controlled)
    before = counts @ synthesis.worth[np.count_nonzero(words, axis=1)]
    clash = odd(words[None], options[:, None])
    after = words ^ np.where(controlled[:, None], options[:, None], 0)
    after = after ^ np.where(clash[:, :, None], stabilizer, 0).astype(np.uint8)
    gains = synthesis.worth[np.count_nonzero(after, axis=2)] @ counts - before
    best = int(gains.argmin())
    return float(gains[best]), options[best]


def _options(words: Letters, stabilizer: Letters, controlled: NDArray[np.bool_]) -> Letters:
    """Words that commute with a stabiliser: single letters, and what makes a word a single one."""
    n = len(stabilizer)
    single = np.zeros((3 * n, n), dtype=np.uint8)
    single[np.arange(3 * n), np.arange(3 * n) // 3] = np.arange(3 * n) % 3 + 1
    clash = odd(single, stabilizer)
    heavy = words[controlled][: max(1, _LARGEST // (len(words) * n**2))]
    whole = (heavy[:, None] ^ single[clash]).reshape(-1, n)
    return np.concatenate([single[~clash], whole])


def _word(letters: Letters) -> Word:
    x = z = 0
    for q, letter in enumerate(letters.tolist()):
        x |= (letter & 1) << q
        z |= (letter >> 1) << q
    return Word(x, z)
