r"""The Clifford at the end, as far as it is seen.

What is left after the rotations is the Clifford :math:`D` with :math:`D^\dagger Z_q D = M_q`. It is
done when every :math:`M_q` is one letter: a one-qubit Clifford turns the letter into Z, and the
readout says on which qubit it stands. Diagonal Cliffords and permutations are free by that. Where
outcomes may be added modulo two, only the group of the :math:`M_q` matters, and any basis of it.
"""

from math import pi

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.compile.form import Bit, Form, Local, Operation
from pennylane_qstore.compile.one_qubit import IDENTITY, Unitary, rz
from pennylane_qstore.compile.passes.pauli.basis import Basis
from pennylane_qstore.compile.passes.pauli.free_moves import use_state
from pennylane_qstore.compile.passes.pauli.synthesis import Synthesis
from pennylane_qstore.compile.passes.pauli.tableau import Floats, generator_of, lightening
from pennylane_qstore.compile.passes.pauli.tail_search import shortest_turns
from pennylane_qstore.compile.passes.pauli.words import Word, turned
from pennylane_qstore.compile.rules import ROTATIONS

_PROTECTED = 1e3
_BEAM = 4


def lighten_frames(synthesis: Synthesis, basis: Basis | None) -> None:
    """Make all measured words one letter by Clifford interactions, in place.

    Args:
        synthesis: A synthesis whose rotations are all done.
        basis: How measured words may be multiplied by each other, if they may.
    """
    frames = slice(synthesis.n_words, synthesis.n_words + synthesis.n_frames)
    counts = np.zeros(len(synthesis.tableau.letters))
    counts[frames] = 1.0
    if basis is not None:
        basis.use_state(synthesis)
        _lighten_greedily(synthesis, counts, basis)
        return
    if not synthesis.partnered:
        use_state(synthesis, counts)
    letters = synthesis.tableau.letters[frames].copy()
    before, start = synthesis.copy(), len(synthesis.operations)
    _lighten_greedily(synthesis, counts, None)
    length = len(synthesis.operations) - start
    turns = shortest_turns(letters, _BEAM, length - 1)
    if turns is not None:
        synthesis.tableau, synthesis.operations = before.tableau, before.operations
        for turn in turns:
            synthesis.turn(turn)


def _lighten_greedily(synthesis: Synthesis, counts: Floats, basis: Basis | None) -> None:
    """Take the interaction that lowers the sum of weights most, until it is lowest."""
    patience = 4 * synthesis.n_qubits**2
    while True:
        if not synthesis.partnered:
            use_state(synthesis, counts)
        if basis is not None:
            basis.lighten()
        weights = np.count_nonzero(synthesis.tableau.letters[counts > 0], axis=1)
        if weights.max(initial=0) <= 1:
            return
        patience -= 1
        index = _choice(synthesis, counts, weights, wander=patience > 0)
        synthesis.turn(generator_of(index, synthesis.n_qubits))


def _choice(
    synthesis: Synthesis, counts: Floats, weights: NDArray[np.int64], *, wander: bool
) -> int:
    """The interaction that lowers the sum of weights most and lengthens no single letter.

    If none lowers it, or ``wander`` is off, the lightest word is shortened.
    """
    letters = synthesis.tableau.letters
    scores = synthesis.scores(counts, lone_rise=_PROTECTED)
    index = int(scores.argmin())
    if wander and scores.flat[index] < -1e-9:
        return index
    lightest = synthesis.n_words + int(np.where(weights < 2, _PROTECTED, weights).argmin())
    return int(np.where(lightening(letters[lightest]), scores, np.inf).argmin())


def read_off(synthesis: Synthesis, form: Form, basis: Basis | None) -> Form:
    """Turn measured letters into Z and say where they are read."""
    operations: list[Operation] = list(synthesis.operations)
    places: list[int | None] = []
    flips: list[bool] = []
    for k in range(synthesis.n_frames - len(synthesis.partnered)):
        word = synthesis.tableau.word(synthesis.n_words + k)
        partner = None
        if synthesis.partnered:
            row = synthesis.n_words + len(synthesis.observed) + k
            partner = synthesis.tableau.word(row)
        if not word.weight:
            places.append(None)
            flips.append(bool(word.minus))
            continue
        qubit = (word.x | word.z).bit_length() - 1
        flip = basis is not None and not word.x and bool(word.minus)
        if flip:
            word = Word(word.x, word.z)
        unitary = _upright(word, partner)
        if unitary != IDENTITY:
            operations.append(Local(qubit, unitary))
        places.append(qubit)
        flips.append(flip)
    sums = basis.sums if basis else [1 << k for k in range(len(places))]
    return Form(
        form.n_qubits,
        tuple(operations),
        tuple(_bit(bit, synthesis.observed, sums, places, flips) for bit in form.readout),
    )


def _upright(word: Word, partner: Word | None) -> Unitary:
    """The one-qubit Clifford that turns a letter into Z, and its partner into X if there is one."""
    support = word.x | word.z
    unitary = IDENTITY
    for axis, quarters in (("Y", 1), ("Y", 3), ("X", 1), ("X", 3), ("X", 2)):
        if word == Word(0, support):
            break
        turn = Word(support, support if axis == "Y" else 0)
        if turned(word, turn, quarters) == Word(0, support):
            unitary = ROTATIONS[axis](quarters * pi / 2)
            partner = turned(partner, turn, quarters) if partner else None
            break
    for quarters in range(4):
        if partner and turned(partner, Word(0, support), quarters) == Word(support, 0):
            return rz(quarters * pi / 2).after(unitary)
    return unitary


def _bit(
    bit: Bit, observed: list[int], sums: list[int], places: list[int | None], flips: list[bool]
) -> Bit:
    """A bit of the result in terms of the new measured words."""
    total = 0
    for qubit in bit.qubits:
        total ^= sums[observed.index(qubit)]
    used = [k for k in range(len(places)) if total >> k & 1]
    flip = bit.flip ^ (sum(flips[k] for k in used) % 2 == 1)
    where = sorted(place for k in used if (place := places[k]) is not None)
    return Bit(tuple(where), flip)
