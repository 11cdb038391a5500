r"""The group of measured words where outcomes may be added modulo two: any basis of it will do.

A measured word M that anticommutes with a word S that stabilises the state is a coin toss: with
:math:`P = M L`, where L is its letter on a qubit on which the two clash, the S-controlled P makes
the letter L of it. A word that stabilises the state is a constant.
"""

import numpy as np

from pennylane_qstore.compile.passes.pauli.fold import lightest
from pennylane_qstore.compile.passes.pauli.free_moves import control
from pennylane_qstore.compile.passes.pauli.synthesis import Synthesis
from pennylane_qstore.compile.passes.pauli.words import Word, anticommute, times


class Basis:
    """A changing basis of the measured group, and the first one in terms of it.

    Attributes:
        sums: For each measured word as it was, a mask of those it is now the product of.
    """

    def __init__(self, synthesis: Synthesis) -> None:
        self._tableau = synthesis.tableau
        self._rows = range(synthesis.n_words, synthesis.n_words + synthesis.n_frames)
        self.sums = [1 << k for k in range(synthesis.n_frames)]

    def lighten(self) -> None:
        """Multiply measured words by each other while that lowers a weight."""
        rows, letters = self._rows, self._tableau.letters[self._rows.start : self._rows.stop]
        while len(rows):
            weights = np.count_nonzero(letters, axis=1)
            products = np.count_nonzero(letters[:, None] ^ letters[None], axis=2)
            np.fill_diagonal(products, 999)
            gains = products - weights[:, None]
            k, by = divmod(int(gains.argmin()), len(rows))
            if gains[k, by] >= 0:
                return
            self._multiply(k, by)

    def use_state(self, synthesis: Synthesis) -> None:
        """Make coin tosses single letters, and drop what is constant; costs no interaction."""
        tableau = self._tableau
        live = list(synthesis.stabilizers)
        for k, row in enumerate(self._rows):
            clashes = tableau.clashes(row)
            broken = [s for s in live if clashes[s]]
            if not broken:
                continue
            self._toss(synthesis, k, broken[0])
            live.remove(broken[0])
            for s in broken[1:]:
                tableau.put(s, times(tableau.word(s), tableau.word(broken[0])))
        stabilizers = [tableau.word(s) for s in live]
        for row in self._rows:
            word = tableau.word(row)
            if not any(anticommute(word, s) for s in stabilizers):
                tableau.put(row, lightest(word, stabilizers))

    def _toss(self, synthesis: Synthesis, k: int, stabilizer: int) -> None:
        """Make one letter of a measured word that anticommutes with a stabiliser."""
        tableau = self._tableau
        word, s = tableau.word(self._rows[k]), tableau.word(stabilizer)
        clash = word.x & s.z ^ word.z & s.x
        bit = clash & -clash
        control(synthesis, s, Word(word.x & ~bit, word.z & ~bit))
        qubit = bit.bit_length() - 1
        for other, row in enumerate(self._rows):
            if other != k and tableau.letters[row, qubit]:
                self._multiply(other, k)

    def _multiply(self, k: int, by: int) -> None:
        """Replace a measured word by its product with another."""
        row = self._rows[k]
        word = times(self._tableau.word(row), self._tableau.word(self._rows[by]))
        self._tableau.put(row, word)
        self.sums = [s ^ (s >> k & 1) << by for s in self.sums]
