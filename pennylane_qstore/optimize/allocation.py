"""Shots of a sum, spread over the groups of terms that are measured together."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pennylane as qml
from numpy.typing import ArrayLike, NDArray
from pennylane.measurements import ExpectationMP
from pennylane.operation import Operator
from pennylane.ops import MidMeasure
from pennylane.pauli import PauliWord
from pennylane.tape import QuantumScript

from pennylane_qstore.optimize.request import Readout

LEAST = 20
"""Fewest shots of a group, unless all groups have fewer: enough to see how its value scatters."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Tapes that together measure what one tape would.

    Attributes:
        tapes: One, or one for each group of terms, with shots of its own.
        constant: To be added to the sum of their results.
    """

    tapes: tuple[QuantumScript, ...]
    constant: float = 0.0

    def joined(self, readouts: Sequence[Readout]) -> Readout:
        """The readout of the one tape from those of the parts."""
        if len(readouts) == 1:
            return readouts[0]
        value = self.constant + sum(one.value for one in readouts)
        groups = [one.without for one in readouts if one.without is not None]
        if len(groups) < len(readouts):
            return Readout(value)
        without = tuple(self.constant + sum(several) for several in zip(*groups, strict=True))
        return Readout(value, without)


def allocate(total: int, sizes: ArrayLike, least: int = LEAST) -> NDArray[np.int64]:
    """Divide shots in proportion to the scatter of what they measure.

    Args:
        total: Shots to divide, at least one for each group.
        sizes: Standard deviation of one shot of each group, up to a common factor.
        least: Fewest shots of a group, as far as there are as many.

    Returns:
        Shots of each group; their sum is ``total``.

    References:
        Wecker, Hastings and Troyer, Physical Review A 92, 042303 (2015).
    """
    wanted = np.asarray(sizes, dtype=np.float64)
    least = min(least, total // len(wanted))
    more = wanted > 0
    exact = np.full(len(wanted), total / len(wanted))
    while more.any():
        rest = total - least * np.count_nonzero(~more)
        exact = np.where(more, rest * wanted / wanted[more].sum(), least)
        if not np.any(exact < least):
            break
        more &= exact >= least
    shots = np.floor(exact).astype(np.int64)
    shots[np.argsort(shots - exact, kind="stable")[: total - int(shots.sum())]] += 1
    return shots


def in_parts(tape: QuantumScript) -> Parts:
    r"""A tape as one tape for each group, where that is better than equal shots for all groups.

    For the expectation value of a sum of Pauli words :math:`\sum_i c_i P_i` each group of
    qubit-wise commuting words gets shots in proportion to :math:`\sqrt{\sum_i c_i^2}`, the standard
    deviation of its value in a random state. All groups together get what they would at equal
    shots. Other tapes, and those with mid-circuit measurements, are left alone.
    """
    if len(tape.measurements) != 1 or not tape.shots or tape.shots.has_partitioned_shots:
        return Parts((tape,))
    (measured,) = tape.measurements
    # The expectation value of a mid-circuit measurement has no observable.
    if type(measured) is not ExpectationMP or measured.obs is None:
        return Parts((tape,))
    sentence = measured.obs.pauli_rep
    if sentence is None or any(isinstance(op, MidMeasure) for op in tape.operations):
        return Parts((tape,))
    words = tuple((word, float(np.real(c))) for word, c in sentence.items() if len(word))
    if len(words) < 2:
        return Parts((tape,))
    groups, sizes = _groups(words)
    shots = allocate(tape.shots.total_shots * len(groups), sizes)
    if np.all(shots == shots[0]):
        return Parts((tape,))
    tapes = tuple(
        tape.copy(measurements=[qml.expval(group)], shots=int(n))
        for group, n in zip(groups, shots, strict=True)
    )
    constant = sum(float(np.real(c)) for word, c in sentence.items() if not len(word))
    return Parts(tapes, constant)


@lru_cache(maxsize=32)
def _groups(words: tuple[tuple[PauliWord, float], ...]) -> tuple[list[Operator], list[float]]:
    """Sums of qubit-wise commuting terms, and the root of each one's squared coefficients.

    Remembered, because all points of a batch measure the same sum, and grouping 600 terms
    takes a second.
    """
    grouped = qml.pauli.group_observables([w.operation() for w, _ in words], [c for _, c in words])
    sums = [qml.dot(coefficients, terms) for terms, coefficients in zip(*grouped, strict=True)]
    return sums, [float(np.linalg.norm(coefficients)) for coefficients in grouped[1]]
