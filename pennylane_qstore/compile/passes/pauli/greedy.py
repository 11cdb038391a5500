r"""Greedy synthesis of Pauli rotations from native ones.

A rotation about a word of two letters is one interaction. Longer words are shortened by Clifford
interactions, rotations of π/2 about two letters, that conjugate all that is still to come. Each is
chosen among those that shorten a word next in line, by the weights of all remaining words, later
layers discounted. After an interaction about W, a rotation of π/2 about W costs nothing, as the
two are one: it is taken wherever it helps.

References:
    de Brugière, Martiel, arXiv 2404.03280 (2024); Paykin et al., arXiv 2305.10966 (2023), PCOAST.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pennylane_qstore.compile.passes.pauli.free_moves import use_state
from pennylane_qstore.compile.passes.pauli.synthesis import Synthesis
from pennylane_qstore.compile.passes.pauli.tableau import (
    Floats,
    Generator,
    generator_of,
    lightening,
)

_LEVEL = 1e-9


class Move(NamedTuple):
    """One interaction that may come next.

    Attributes:
        value: What it does to the weighted sum over words; lower is better.
        generator: Its two letters.
        row: The rotation it does, or -1 for a Clifford.
        bent: Whether a rotation of π/2 about the same letters is taken along.
    """

    value: float
    generator: Generator
    row: int = -1
    bent: bool = False


def synthesize_rotations(synthesis: Synthesis, deadline: Callable[[], bool]) -> bool:
    """Emit all rotations of a synthesis, in place; whether that was done before the deadline."""
    while moves := next_moves(synthesis):
        if deadline():
            return False
        make(synthesis, min(moves))
    return True


def make(synthesis: Synthesis, move: Move) -> None:
    """Put a move into the circuit, in place."""
    if move.row < 0:
        synthesis.turn(move.generator)
    else:
        synthesis.rotate(move.row, move.generator, bent=move.bent)


def next_moves(synthesis: Synthesis) -> list[Move]:
    """Emit what needs no interaction, and list the interactions that may come next.

    Args:
        synthesis: A synthesis; one-letter rotations next in line are taken off it.

    Returns:
        Moves, none if all rotations are done.
    """
    front = _settle(synthesis)
    if front and synthesis.advanced and synthesis.stabilizers and synthesis.heaviest() > 2:
        synthesis.advanced = False
        use_state(synthesis, synthesis.importance())
        front = _settle(synthesis)
    if not front:
        return []
    letters = synthesis.tableau.letters
    weights = np.count_nonzero(letters[front], axis=1)
    lowest = int(weights.min())
    rows = [row for row, weight in zip(front, weights, strict=True) if weight == lowest]
    counts = synthesis.importance()
    scores = _each_once(synthesis.scores(counts))
    if lowest == 2:
        return [move for row in rows for move in _pair_moves(synthesis, row, counts, scores)]
    allowed = lightening(letters[rows[0]])
    for row in rows[1:]:
        allowed |= lightening(letters[row])
    return _best_turns(np.where(allowed, scores, np.inf), synthesis.n_qubits, 6)


def _settle(synthesis: Synthesis) -> list[int]:
    """Emit rotations about fewer than two letters; the others that are next in line."""
    while synthesis.alive.any():
        front = synthesis.front()
        if synthesis.stabilizers:
            for row in front:
                if synthesis.before[row] == 0 and synthesis.weight(row) > 1:
                    synthesis.relax(row)
            front = synthesis.front()
        weights = np.count_nonzero(synthesis.tableau.letters[front], axis=1)
        light = [row for row, weight in zip(front, weights, strict=True) if weight < 2]
        if not light:
            return front
        for row in light:
            synthesis.rotate_alone(row)
    return []


def _pair_moves(synthesis: Synthesis, row: int, counts: Floats, scores: Floats) -> list[Move]:
    """A rotation of two letters as it is or with a Clifford about them, or shortened to one."""
    generator = synthesis.generator_at(row)
    (a, b), (p, q) = generator
    bent = float(scores[3 * a + p - 1, 3 * b + q - 1])
    moves = [Move(min(0.0, bent), generator, row, bent < -_LEVEL)]
    own = counts[row] * (synthesis.worth[1] - synthesis.worth[2])
    allowed = lightening(synthesis.tableau.letters[row])
    for turn in _best_turns(np.where(allowed, scores - own, np.inf), synthesis.n_qubits, 2):
        moves.append(turn._replace(value=turn.value + _LEVEL))
    return moves


def _best_turns(scores: Floats, n_qubits: int, n_best: int) -> list[Move]:
    """The Clifford interactions of lowest score."""
    flat = scores.ravel()
    n_best = min(n_best, len(flat) - 1)
    chosen = np.argpartition(flat, n_best)[:n_best]
    return [
        Move(float(flat[k]), generator_of(int(k), n_qubits)) for k in chosen if np.isfinite(flat[k])
    ]


def _each_once(scores: Floats) -> Floats:
    """The scores with only one of the two entries of each interaction finite."""
    scores[np.tri(len(scores), k=-1, dtype=bool)] = np.inf
    return scores
