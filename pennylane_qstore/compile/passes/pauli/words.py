r"""Pauli words with a sign, as bit masks.

A word is :math:`\pm i^{x \cdot z} X^x Z^z` with one bit of ``x`` and ``z`` for each qubit, so that
``Y`` is both bits. Products need only exclusive-or and bit counts.

References:
    Aaronson, Gottesman, Phys. Rev. A 70, 052328 (2004), stabiliser tableaux.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Word(NamedTuple):
    """A Hermitian Pauli word.

    Attributes:
        x: Bit q is set if the letter on qubit q is X or Y.
        z: Bit q is set if the letter on qubit q is Z or Y.
        minus: 1 if the word is negated, else 0.
    """

    x: int
    z: int
    minus: int = 0

    @property
    def weight(self) -> int:
        """Number of letters other than the identity."""
        return (self.x | self.z).bit_count()


IDENTITY_WORD = Word(0, 0)


def word_of(qubits: Iterable[int], axes: str) -> Word:
    """The word with the given letters on the given qubits."""
    x = z = 0
    for qubit, axis in zip(qubits, axes, strict=True):
        x |= (axis != "Z") << qubit
        z |= (axis != "X") << qubit
    return Word(x, z)


def letters_of(word: Word) -> tuple[tuple[int, ...], str]:
    """Qubits, ascending, and letters of a word; the sign is left out."""
    support = word.x | word.z
    qubits = tuple(q for q in range(support.bit_length()) if support >> q & 1)
    return qubits, "".join("_XZY"[(word.x >> q & 1) + 2 * (word.z >> q & 1)] for q in qubits)


def anticommute(first: Word, second: Word) -> bool:
    """Whether two words anticommute."""
    return ((first.x & second.z).bit_count() + (first.z & second.x).bit_count()) % 2 == 1


def _product(first: Word, second: Word) -> tuple[int, int, int]:
    """The product as ``x``, ``z`` and the power of i in front of the unsigned word."""
    x, z = first.x ^ second.x, first.z ^ second.z
    power = (first.x & first.z).bit_count() + (second.x & second.z).bit_count()
    power += 2 * ((first.z & second.x).bit_count() + first.minus + second.minus)
    return x, z, (power - (x & z).bit_count()) % 4


def times(first: Word, second: Word) -> Word:
    """The product of two commuting words."""
    x, z, power = _product(first, second)
    return Word(x, z, power // 2)


def turned(word: Word, axis: Word, quarters: int) -> Word:
    r"""The word conjugated by a Clifford rotation about another.

    For anticommuting words :math:`V R V^\dagger = i^q R W^q` with
    :math:`V = \exp(-i q \frac{\pi}{4} W)`, and :math:`R` for commuting ones.

    Args:
        word: The word R.
        axis: The word W.
        quarters: The angle of V in quarter turns, q.
    """
    if quarters % 4 == 0 or not anticommute(word, axis):
        return word
    if quarters % 4 == 2:
        return Word(word.x, word.z, word.minus ^ 1)
    x, z, power = _product(word, axis)
    return Word(x, z, (power + quarters) % 4 // 2)


def image(word: Word, images_x: list[Word], images_z: list[Word]) -> Word:
    """What a Clifford makes of a word, from what it makes of each X and each Z."""
    result, power = IDENTITY_WORD, 2 * word.minus
    for qubit in range((word.x | word.z).bit_length()):
        x, z = word.x >> qubit & 1, word.z >> qubit & 1
        power += x & z
        for factor in [images_x[qubit]] * x + [images_z[qubit]] * z:
            new_x, new_z, more = _product(result, factor)
            result, power = Word(new_x, new_z), power + more
    return Word(result.x, result.z, power % 4 // 2)
