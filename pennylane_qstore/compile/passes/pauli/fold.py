r"""Fewer rotations: merged ones, ones the input does not feel, ones the readout does not see.

A word S that stabilises the input and commutes with all rotations before rotation k still
stabilises the state there, so that :math:`P_k` may be replaced by :math:`\pm P_k S` if the two
commute, because :math:`P_k S |\psi\rangle = P_k |\psi\rangle`. A rotation that commutes with all
later ones and with all measured words is never seen.

References:
    Zhang, Chen, npj Quantum Inf. 5, 59 (2019), merging rotations; Paykin et al. (2023), PCOAST.
"""

from pennylane_qstore.compile.passes.pauli.program import Program, quarters_of
from pennylane_qstore.compile.passes.pauli.words import Word, anticommute, times

_WIDEST_SPAN = 8
_SHIFT = 512


def fold(program: Program) -> Program:
    """Merge and drop rotations until nothing changes.

    Args:
        program: Any program.

    Returns:
        An equivalent program with at most as many rotations, none a Clifford.
    """
    program = program.copy()
    size = -1
    while size != len(program.words):
        size = len(program.words)
        merge_equal(program)
        if program.stabilizers:
            use_input(program)
        drop_unseen(program)
    return program


def merge_equal(program: Program) -> None:
    """Add up rotations about equal words that commute past what lies between, in place."""
    k = 0
    while k < len(program.words):
        word = program.words[k]
        for j in range(k - 1, -1, -1):
            if program.words[j] == word:
                k = _merge(program, k, j)
                break
            if anticommute(program.words[j], word):
                break
        k += 1


def _merge(program: Program, k: int, j: int) -> int:
    """Move rotation k into an equal rotation j before it; the last position that is done."""
    program.angles[j] += program.angles[k]
    del program.words[k], program.angles[k]
    quarters = quarters_of(program.angles[j])
    if quarters is None:
        return k - 1
    axis = program.words[j]
    del program.words[j], program.angles[j]
    program.turn_from(j, axis, -quarters)
    return max(j - 1, -1)


def drop_unseen(program: Program) -> None:
    """Drop rotations that commute with all later ones and with what is measured, in place."""
    later = [*program.observables.values(), *program.partners.values()]
    for k in range(len(program.words) - 1, -1, -1):
        word = program.words[k]
        if any(anticommute(word, other) for other in later):
            later.append(word)
        else:
            del program.words[k], program.angles[k]


def use_input(program: Program) -> None:
    """Drop, merge or lighten rotations by what stabilises the state they meet, in place."""
    stabilizers = list(program.stabilizers)
    k = 0
    while k < len(program.words) and stabilizers:
        if _stabilizing(program.words[k], stabilizers):
            del program.words[k], program.angles[k]
            continue
        partner = _partner(program, k, stabilizers)
        if partner is not None:
            k = _absorb(program, k, *partner)
            stabilizers = remaining(program.stabilizers, program.words[: k + 1])
        else:
            program.set_word(k, lightest(program.words[k], stabilizers))
            stabilizers = remaining(stabilizers, program.words[k : k + 1])
        k += 1


def _absorb(program: Program, k: int, j: int, minus: int) -> int:
    """Merge rotation k into j, whose word is the same here up to sign."""
    if minus:
        program.angles[k] = -program.angles[k]
    return _merge(program, k, j)


def remaining(stabilizers: list[Word], words: list[Word]) -> list[Word]:
    """Independent stabilisers that survive rotations about some words."""
    for word in words:
        broken = [s for s in stabilizers if anticommute(s, word)]
        if broken:
            kept = [s for s in stabilizers if not anticommute(s, word)]
            stabilizers = kept + [times(broken[0], s) for s in broken[1:]]
    return stabilizers


def _reduced(word: Word, stabilizers: list[Word]) -> Word | None:
    """The word modulo stabilisers in echelon form, None if it anticommutes with one it needs."""
    for s in echelon(stabilizers):
        lead = _lead(s)
        if (word.x << _SHIFT | word.z) & lead:
            if anticommute(word, s):
                return None
            word = times(word, s)
    return word


def _lead(word: Word) -> int:
    """Mask of the highest bit of a word."""
    bits = word.x << _SHIFT | word.z
    return 1 << bits.bit_length() - 1


def echelon(words: list[Word]) -> list[Word]:
    """Commuting words as a basis in which each leading bit occurs in no later word."""
    basis: list[Word] = []
    for word in words:
        for b in basis:
            if (word.x << _SHIFT | word.z) & _lead(b):
                word = times(word, b)
        if word.x or word.z:
            basis.append(word)
    return basis


def _stabilizing(word: Word, stabilizers: list[Word]) -> bool:
    """Whether a word is one of the stabilisers' products, up to sign."""
    rest = _reduced(word, stabilizers)
    return rest is not None and not rest.x and not rest.z


def _partner(program: Program, k: int, stabilizers: list[Word]) -> tuple[int, int] | None:
    """An earlier rotation that k can merge into, and whether with opposite sign."""
    basis = echelon(stabilizers)
    word = program.words[k]
    for j in range(k - 1, -1, -1):
        other = program.words[j]
        if anticommute(word, other):
            continue
        rest = _reduced(times(word, other), basis)
        if rest is None or rest.x or rest.z:
            continue
        if not any(anticommute(other, between) for between in program.words[j + 1 : k]):
            return j, rest.minus
    return None


def lightest(word: Word, stabilizers: list[Word]) -> Word:
    """The equivalent word of least weight; the word itself among equals."""
    best = word
    span = [Word(0, 0)]
    if len(stabilizers) <= _WIDEST_SPAN:
        for s in stabilizers:
            span += [times(s, other) for other in span]
    else:
        span += stabilizers
    improved = True
    while improved:
        improved = False
        for s in span:
            if ((best.x ^ s.x) | (best.z ^ s.z)).bit_count() < best.weight and not anticommute(
                best, s
            ):
                best, improved = times(best, s), True
    return best
