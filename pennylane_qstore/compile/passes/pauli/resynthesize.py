r"""Whole circuits anew from their Pauli rotations.

A circuit is read as Pauli rotations followed by a Clifford (``program``), its rotations are merged
and dropped (``fold``), and what is left is built from two-letter rotations, each one native
interaction (``greedy``), down to the measured letters (``tail``). No weighting of the words is best
for all circuits, so that several are tried and the cheapest result is kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import pi

import numpy as np

from pennylane_qstore.compile.form import Form, Rotation
from pennylane_qstore.compile.passes.pauli.affine import toss_coins
from pennylane_qstore.compile.passes.pauli.basis import Basis
from pennylane_qstore.compile.passes.pauli.fold import fold
from pennylane_qstore.compile.passes.pauli.free_moves import use_state
from pennylane_qstore.compile.passes.pauli.greedy import make, next_moves, synthesize_rotations
from pennylane_qstore.compile.passes.pauli.program import Program, read_program
from pennylane_qstore.compile.passes.pauli.synthesis import Synthesis, Taste
from pennylane_qstore.compile.passes.pauli.tail import lighten_frames, read_off

Score = tuple[float, ...]

TASTES = (
    Taste(discount=0.65, power=1.0),
    Taste(discount=0.5, power=0.75, tail=0.2),
    Taste(discount=0.35, power=1.0, keep_using=False),
    Taste(discount=0.2, power=1.0, keep_using=False),
    Taste(discount=0.8, power=0.5, keep_using=False),
    Taste(discount=0.2, power=0.5, tail=0.3, use_state=False, keep_using=False),
)
"""Weightings whose best results sum up to those of a grid of 108, over 20 benchmark circuits."""


def never() -> bool:
    """A deadline that does not come."""
    return False


def interactions(form: Form) -> Score:
    """Number of interactions and their total angle in units of π/2; a long word counts a ladder."""
    n_interactions, total = 0, 0.0
    for operation in form.operations:
        if isinstance(operation, Rotation) and len(operation.qubits) > 1:
            angle = abs(operation.angle - pi * round(operation.angle / pi)) / (pi / 2)
            if angle > 1e-9:
                ladder = 2 * (len(operation.qubits) - 2)
                n_interactions += 1 + ladder
                total += angle + ladder
    return n_interactions, round(total, 9)


@dataclass(frozen=True, slots=True)
class Search:
    """How hard to look for a cheap circuit.

    Attributes:
        trials: Number of weightings to try, :data:`TASTES` first and then random ones.
        width: Moves that are played to the end before one is taken; 1 takes the best by weights.
        seed: Of the random weightings and tie-breaks.
        deadline: True once time is up; what has been found until then is returned.
        score: What to minimise.
    """

    trials: int = len(TASTES)
    width: int = 1
    seed: int = 0
    deadline: Callable[[], bool] = never
    score: Callable[[Form], Score] = interactions


def resynthesize_paulis(
    form: Form,
    *,
    absorb_tail: bool = False,
    from_ground: bool = True,
    to_measurement: bool = True,
    search: Search | None = None,
) -> Form:
    """Build a circuit anew from its Pauli rotations and its final Clifford.

    Args:
        form: Any form.
        absorb_tail: Whether a bit may be read as the sum modulo two of several outcomes, and be
            inverted; then a trailing network of CNOTs costs nothing.
        from_ground: Whether the input is the ground state; else it may be anything.
        to_measurement: Whether only the distribution of the bits matters; else the unitary is kept,
            up to the permutation of qubits that the readout tells.
        search: How hard to look.

    Returns:
        An equivalent form, with rotations about two letters only; ``form`` itself if it is as good.
    """
    search = search or Search()
    program = fold(read_program(form, from_ground=from_ground, to_measurement=to_measurement))
    if not program.words and from_ground and to_measurement and not absorb_tail:
        tossed = toss_coins(form, program)
        if tossed is not None:
            return min(form, tossed, key=search.score)
    attempt = _Attempt(form, program, absorb_tail and to_measurement, search)
    best, lowest = form, search.score(form)
    for taste, rng in _tastes(search):
        for found in attempt.forms(taste, rng, lowest):
            score = search.score(found)
            if score < lowest:
                best, lowest = found, score
        if search.deadline():
            break
    return best


def _tastes(search: Search) -> Iterator[tuple[Taste, np.random.Generator]]:
    """The weightings to try, each with its own random numbers."""
    for trial in range(search.trials):
        rng = np.random.default_rng((search.seed, trial))
        if trial < len(TASTES):
            yield TASTES[trial], rng
            continue
        yield (
            Taste(
                discount=float(rng.uniform(0.2, 0.9)),
                tail=float(rng.choice([0.0, 0.0, 0.1, 0.3])),
                power=float(rng.uniform(0.4, 1.1)),
                noise=float(rng.choice([0.01, 0.1, 0.3, 0.6])),
                use_state=bool(state := rng.integers(4)),
                keep_using=bool(state > 1),
            ),
            rng,
        )


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What all attempts at one circuit share."""

    form: Form
    program: Program
    sums: bool
    search: Search

    def forms(self, taste: Taste, rng: np.random.Generator, lowest: Score) -> Iterator[Form]:
        """Circuits built by one weighting; move by move with a lookout if that is promising."""
        synthesis = Synthesis(self.program, taste, rng)
        if taste.use_state and synthesis.stabilizers:
            use_state(synthesis, synthesis.importance())
        first = self.complete(synthesis.copy())
        if first is None:
            return
        yield first
        if self.search.width > 1 and self.search.score(first)[0] <= 1.15 * lowest[0] + 1:
            yield from self.lookout(synthesis)

    def complete(self, synthesis: Synthesis) -> Form | None:
        """Finish a synthesis greedily, unless time is up before."""
        if not synthesize_rotations(synthesis, self.search.deadline):
            return None
        basis = Basis(synthesis) if self.sums else None
        lighten_frames(synthesis, basis)
        return read_off(synthesis, self.form, basis)

    def lookout(self, synthesis: Synthesis) -> Iterator[Form]:
        """Take, move by move, the one whose greedy completion is cheapest (the pilot method)."""
        while moves := next_moves(synthesis):
            options = []
            for rank, move in enumerate(sorted(moves)[: self.search.width]):
                branch = synthesis.copy()
                make(branch, move)
                found = self.complete(branch.copy())
                if found is None:
                    return
                yield found
                options.append((self.search.score(found), rank, branch))
            synthesis = min(options, key=lambda option: option[:2])[2]
