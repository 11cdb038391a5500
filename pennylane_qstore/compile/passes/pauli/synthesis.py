r"""A half-built circuit: what has been emitted, and the words still to come.

Emitting a Clifford interaction g conjugates all words still to come, :math:`R \to g R g^\dagger`:
rotations, measured words, and the words that stabilise the present state. A rotation may come next
if it commutes with all that stand before it.
"""

from copy import copy
from dataclasses import dataclass
from math import pi
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.form import Local, Operation, Rotation
from pennylane_qstore.compile.passes.pauli.program import Program
from pennylane_qstore.compile.passes.pauli.tableau import (
    AXES,
    Floats,
    Generator,
    Tableau,
    changes,
    tableau_of,
)
from pennylane_qstore.compile.passes.pauli.words import times
from pennylane_qstore.compile.rules import ROTATIONS

_NEGLIGIBLE = 1e-4


@dataclass(frozen=True, slots=True)
class Taste:
    """What a greedy choice looks at.

    Attributes:
        discount: Weight of a layer relative to the one before it.
        tail: Weight of the measured words relative to the first layer.
        power: A word of weight w counts (w - 1) to this power.
        noise: Size of random tie-breaks.
        use_state: Whether free Cliffords on the input are looked for.
        keep_using: Whether they are looked for again after each rotation.
    """

    discount: float = 0.7
    tail: float = 0.0
    power: float = 1.0
    noise: float = 0.0
    use_state: bool = True
    keep_using: bool = True


class Synthesis:
    """A half-built circuit: operations so far, and words still to come."""

    def __init__(self, program: Program, taste: Taste, rng: np.random.Generator) -> None:
        n_words, n = len(program.words), program.n_qubits
        self.taste, self.rng, self.n_qubits = taste, rng, n
        self.observed, self.partnered = list(program.observables), list(program.partners)
        frames = [*program.observables.values(), *program.partners.values()]
        words = [*program.words, *frames, *program.stabilizers]
        self.tableau: Tableau = tableau_of(words, n)
        self.angles = list(program.angles)
        self.operations: list[Operation] = []
        self.n_words, self.n_frames = n_words, len(frames)
        self.stabilizers = list(range(n_words + len(frames), len(words)))
        self.advanced = False
        self.alive = np.ones(n_words, dtype=bool)
        self.order()
        self.worth = np.maximum(np.arange(n + 2) - 1.0, 0) ** taste.power

    def order(self) -> None:
        """Work out which rotations have to follow which."""
        n = self.n_words
        rows = [self.tableau.clashes(k)[:n] for k in range(n)]
        self.clash = np.array(rows, dtype=np.int64).reshape(n, n)
        self.before = np.triu(self.clash, 1).sum(axis=0)
        self.levels = self._levels()

    def _levels(self) -> NDArray[np.int64]:
        """Layer of each rotation: one more than that of the last one it has to follow."""
        levels = np.zeros(self.n_words, dtype=np.int64)
        for k in range(1, self.n_words):
            follows = self.clash[:k, k] > 0
            if follows.any():
                levels[k] = levels[:k][follows].max() + 1
        return levels

    def front(self) -> list[int]:
        """Rotations that may come next."""
        return np.flatnonzero(self.alive & (self.before == 0)).tolist()

    def heaviest(self) -> int:
        """Weight of the longest word among the rotations that are left."""
        letters = self.tableau.letters[: self.n_words][self.alive]
        return int(np.count_nonzero(letters, axis=1).max(initial=0))

    def importance(self) -> Floats:
        """How much the weight of each rotation's and frame's word counts."""
        levels = self.levels[self.alive] if self.alive.any() else np.zeros(1)
        counts = np.zeros(len(self.tableau.minus))
        counts[: self.n_words] = self.taste.discount ** (self.levels - levels.min()) * self.alive
        frames = slice(self.n_words, self.n_words + self.n_frames)
        counts[frames] = max(
            self.taste.tail, self.taste.discount ** (1 + levels.max() - levels.min())
        )
        return counts

    def scores(self, counts: Floats, lone_rise: float = 0.0) -> Floats:
        """How each Clifford interaction changes the weighted sum over words.

        Args:
            counts: How much the weight of each word counts, ``(n_rows,)``.
            lone_rise: What it costs besides if a word of one letter grows.
        """
        rows = np.flatnonzero(counts > _NEGLIGIBLE * counts.max(initial=0.0))
        letters, counts = self.tableau.letters[rows], counts[rows]
        weights = np.count_nonzero(letters, axis=1)
        here = self.worth[weights]
        fall = counts * (self.worth[np.maximum(weights - 1, 0)] - here)
        rise = counts * (self.worth[weights + 1] - here) + lone_rise * (weights == 1)
        total = changes(letters, fall, rise)
        if self.taste.noise:
            total += self.taste.noise * self.rng.random(total.shape)
        return total

    def turn(self, generator: Generator) -> None:
        """Put a Clifford interaction of π/2 into the circuit."""
        self.tableau.turn(generator)
        self._emit(generator, pi / 2)

    def rotate(self, row: int, generator: Generator, *, bent: bool) -> None:
        """Do a rotation of two letters, perhaps with a Clifford about the same letters."""
        angle = self.angle(row)
        self.finish(row)
        if bent:
            forwards = angle <= pi * round(angle / pi)
            self.tableau.turn(generator, backwards=not forwards)
            angle += pi / 2 if forwards else -pi / 2
        self._emit(generator, angle)

    def rotate_alone(self, row: int) -> None:
        """Do a rotation of one letter, or of none."""
        letters = self.tableau.letters[row]
        for qubit in np.flatnonzero(letters).tolist():
            rotation = ROTATIONS[AXES[letters[qubit]]]
            self.operations.append(Local(qubit, rotation(self.angle(row))))
        self.finish(row)

    def _emit(self, generator: Generator, angle: float) -> None:
        pair, axes = generator
        self.operations.append(Rotation(pair, AXES[axes[0]] + AXES[axes[1]], angle))

    def copy(self) -> Self:
        """The same synthesis, to be continued in another way."""
        twin = copy(self)
        twin.tableau = self.tableau.copy()
        twin.angles, twin.operations = list(self.angles), list(self.operations)
        twin.stabilizers = list(self.stabilizers)
        for name in ("alive", "clash", "before", "levels"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def finish(self, row: int) -> None:
        """Take a rotation off the list, and with it the stabilisers it breaks."""
        self.alive[row] = False
        self.advanced = self.taste.keep_using
        self.before -= self.clash[row]
        clashes = self.tableau.clashes(row)
        broken = [s for s in self.stabilizers if clashes[s]]
        if broken:
            self.stabilizers.remove(broken[0])
            first = self.tableau.word(broken[0])
            for s in broken[1:]:
                self.tableau.put(s, times(first, self.tableau.word(s)))

    def weight(self, row: int) -> int:
        """Number of letters of a word other than the identity."""
        return int(np.count_nonzero(self.tableau.letters[row]))

    def generator_at(self, row: int) -> Generator:
        """The two letters of a row of weight two."""
        letters = self.tableau.letters[row]
        a, b = np.flatnonzero(letters).tolist()
        return (a, b), (int(letters[a]), int(letters[b]))

    def angle(self, row: int) -> float:
        """The angle of a rotation about its word without the sign."""
        return -self.angles[row] if self.tableau.minus[row] else self.angles[row]

    def relax(self, row: int) -> None:
        """Make a rotation next in line lighter by what stabilises the state."""
        stabilizers = self.stabilizers
        letters = self.tableau.letters
        options = letters[stabilizers]
        if len(stabilizers) > 1:
            i, j = np.triu_indices(len(stabilizers), 1)
            options = np.concatenate([options, options[i] ^ options[j]])
        word = letters[row]
        clash = np.count_nonzero((options != word) & (options > 0) & (word > 0), axis=1) & 1
        weights = np.count_nonzero(options ^ word, axis=1) + 99 * clash
        best = int(weights.argmin())
        if weights[best] >= np.count_nonzero(word):
            return
        chosen = [best]
        if best >= len(stabilizers):
            chosen = [int(i[best - len(stabilizers)]), int(j[best - len(stabilizers)])]
        self._multiply(row, [stabilizers[c] for c in chosen])
        self.relax(row)

    def _multiply(self, row: int, stabilizers: list[int]) -> None:
        """Multiply a rotation's word by stabilisers, and let it come before what it now clashes."""
        word = self.tableau.word(stabilizers[0])
        for s in stabilizers[1:]:
            word = times(word, self.tableau.word(s))
        self.tableau.put(row, times(self.tableau.word(row), word))
        clash = self.tableau.clashes(row)[: self.n_words].astype(np.int64)
        self.before += clash - self.clash[row]
        self.clash[row] = self.clash[:, row] = clash
