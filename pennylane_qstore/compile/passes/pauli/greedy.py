r"""Greedy synthesis of Pauli rotations from native ones.

A rotation about a word of two letters is one interaction. Longer words are shortened by Clifford
interactions, rotations of π/2 about two letters, that conjugate all that is still to come. Each is
chosen among those that shorten a word next in line, by the weights of all remaining words, later
layers discounted. After an interaction about W, a rotation of π/2 about W costs nothing, as the
two are one: it is taken wherever it helps.

References:
    de Brugière, Martiel, arXiv 2404.03280 (2024); Huang et al., PCOAST (2023).
"""

from dataclasses import dataclass
from math import pi

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
    generator_of,
    lightening,
    tableau_of,
)
from pennylane_qstore.compile.passes.pauli.words import times
from pennylane_qstore.compile.rules import ROTATIONS


@dataclass(frozen=True, slots=True)
class Taste:
    """What a greedy choice looks at.

    Attributes:
        discount: Weight of a layer relative to the one before it.
        tail: Weight of the measured words relative to the first layer.
        power: A word of weight w counts (w - 1) to this power.
        noise: Size of random tie-breaks.
    """

    discount: float = 0.7
    tail: float = 0.1
    power: float = 1.0
    noise: float = 0.0


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
        self.alive = np.ones(n_words, dtype=bool)
        self.reclash()
        self.worth = np.maximum(np.arange(n + 2) - 1.0, 0) ** taste.power

    def reclash(self) -> None:
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

    def scores(self, counts: Floats) -> Floats:
        """How each Clifford interaction changes the weighted sum over words."""
        weights = self.tableau.weights()
        here = self.worth[weights]
        fall = counts * (self.worth[np.maximum(weights - 1, 0)] - here)
        rise = counts * (self.worth[weights + 1] - here)
        total = changes(self.tableau.letters, fall, rise)
        if self.taste.noise:
            total += self.taste.noise * self.rng.random(total.shape)
        return total

    def turn(self, generator: Generator, angle: float) -> None:
        """Put a Clifford interaction of ±π/2 into the circuit."""
        self.tableau.turn(generator, backwards=angle < 0)
        self._emit(generator, angle)

    def _emit(self, generator: Generator, angle: float) -> None:
        pair, axes = generator
        letters = AXES[axes[0]] + AXES[axes[1]]
        self.operations.append(Rotation(pair, letters, angle))

    def finish(self, row: int) -> None:
        """Take a rotation off the list, and with it the stabilisers it breaks."""
        self.alive[row] = False
        self.before -= self.clash[row]
        clashes = self.tableau.clashes(row)
        broken = [s for s in self.stabilizers if clashes[s]]
        if broken:
            self.stabilizers.remove(broken[0])
            first = self.tableau.word(broken[0])
            for s in broken[1:]:
                self.tableau.put(s, times(first, self.tableau.word(s)))

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


def synthesize_rotations(synthesis: Synthesis) -> None:
    """Emit all rotations of a synthesis, in place."""
    while synthesis.alive.any():
        if synthesis.stabilizers:
            for row in synthesis.front():
                if synthesis.before[row] == 0:
                    synthesis.relax(row)
        front = synthesis.front()
        weights = np.count_nonzero(synthesis.tableau.letters[front], axis=1)
        light = [row for row, weight in zip(front, weights, strict=True) if weight < 2]
        if light:
            for row in light:
                _emit_local(synthesis, row)
        elif weights.min() == 2:
            _emit_pair(synthesis, [r for r, w in zip(front, weights, strict=True) if w == 2])
        else:
            lowest = weights.min()
            _shorten(synthesis, [r for r, w in zip(front, weights, strict=True) if w == lowest])


def _emit_local(synthesis: Synthesis, row: int) -> None:
    """A rotation about one letter is a one-qubit unitary, about none nothing."""
    letters = synthesis.tableau.letters[row]
    for qubit in np.flatnonzero(letters).tolist():
        rotation = ROTATIONS[AXES[letters[qubit]]]
        synthesis.operations.append(Local(qubit, rotation(synthesis.angle(row))))
    synthesis.finish(row)


def _entry(generator: Generator) -> tuple[int, int]:
    """Where a generator stands in an array of changes."""
    (a, b), (p, q) = generator
    return 3 * a + p - 1, 3 * b + q - 1


def _emit_pair(synthesis: Synthesis, rows: list[int]) -> None:
    """Do one rotation of two letters: as it is, with a Clifford about its word, or shortened."""
    counts = synthesis.importance()
    scores = synthesis.scores(counts)
    best, choice, row = np.inf, -1, rows[0]
    for candidate in rows:
        own = counts[candidate] * (synthesis.worth[1] - synthesis.worth[2])
        masked = np.where(lightening(synthesis.tableau.letters[candidate]), scores - own, np.inf)
        index = int(masked.argmin())
        kept = min(0.0, scores[_entry(synthesis.generator_at(candidate))])
        option, value = (index, masked.flat[index]) if masked.flat[index] < kept - 1e-9 else (-1, kept)
        if value < best:
            best, choice, row = value, option, candidate
    if choice >= 0:
        synthesis.turn(generator_of(choice, synthesis.n_qubits), pi / 2)
        return
    generator, angle = synthesis.generator_at(row), synthesis.angle(row)
    synthesis.finish(row)
    if best < -1e-9:
        rest = angle - pi * round(angle / pi)
        synthesis.tableau.turn(generator, backwards=rest > 0)
        angle -= pi / 2 if rest > 0 else -pi / 2
    synthesis._emit(generator, angle)


def _shorten(synthesis: Synthesis, rows: list[int]) -> None:
    """Put in the Clifford interaction that shortens one of some words and helps most."""
    scores = synthesis.scores(synthesis.importance())
    allowed = lightening(synthesis.tableau.letters[rows[0]])
    for row in rows[1:]:
        allowed |= lightening(synthesis.tableau.letters[row])
    index = int(np.where(allowed, scores, np.inf).argmin())
    synthesis.turn(generator_of(index, synthesis.n_qubits), pi / 2)
