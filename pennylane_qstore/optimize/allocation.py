"""A sum measured in parts, its groups of terms: shots for each, and what small ones need not be."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
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
# Of the scatter of a whole sum, that terms which are not measured may amount to.
_MOST = 0.25

Words = tuple[tuple[PauliWord, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Tapes that together measure what one tape would.

    Attributes:
        tapes: One, or one for each group of terms, with shots of its own.
        constant: To be added to the sum of their results.
        words: The sum, where some of its groups may be measured elsewhere.
        n_light: How many groups these are: those of the last tapes, unless there is a lender.
        scatter: Root of their squared coefficients.
        lender: The parts from which their results are taken.
        keeps: Whether there are tapes for them nevertheless.
    """

    tapes: tuple[QuantumScript, ...]
    constant: float = 0.0
    words: Words = ()
    n_light: int = 0
    scatter: float = 0.0
    lender: "Parts | None" = None
    keeps: bool = False

    def joined(self, readouts: Sequence[Readout], borrowed: Sequence[Readout] = ()) -> Readout:
        """The readout of the one tape from those of the parts, and those that the lender has."""
        if len(readouts) + len(borrowed) == 1:
            return readouts[0]
        every = [*readouts, *borrowed]
        value = self.constant + sum(one.value for one in every)
        scatter = self.scatter if borrowed else 0.0
        groups = [one.without for one in every if one.without is not None]
        if len(groups) < len(every):
            return Readout(value, borrowed=scatter)
        without = tuple(self.constant + sum(several) for several in zip(*groups, strict=True))
        return Readout(value, without, borrowed=scatter)


def shared(parts: Sequence[Parts], places: Sequence[Hashable]) -> list[Parts]:
    """Have light groups of the same sum measured once, by the first at its place."""
    lenders: dict[tuple[Hashable, Words, int], Parts] = {}
    found = []
    for part, place in zip(parts, places, strict=True):
        key = (place, part.words, part.n_light)
        lender = lenders.setdefault(key, part) if part.n_light else part
        if lender is not part:
            tapes = part.tapes if part.keeps else part.tapes[: -part.n_light]
            part = replace(part, tapes=tapes, lender=lender)
        found.append(part)
    return found


def joined(parts: Sequence[Parts], readouts: Sequence[Readout]) -> list[Readout]:
    """One readout for each of the parts from those of all their tapes, in order."""
    remaining, lent, found = iter(readouts), {}, []
    for part in parts:
        own = [next(remaining) for _ in part.tapes]
        if part.lender is None:
            lent[part] = own[len(own) - part.n_light :]
            found.append(part.joined(own))
        elif part.keeps:
            with_lent = part.joined(own[: -part.n_light], lent[part.lender])
            found.append(replace(with_lent, whole=part.joined(own).value))
        else:
            found.append(part.joined(own, lent[part.lender]))
    return found


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


def light(sizes: ArrayLike, tolerance: float) -> NDArray[np.int64]:
    """The smallest groups, as many as together scatter by no more than a tolerance.

    Args:
        sizes: Root of the squared coefficients of each group.
        tolerance: In the units of the sizes; 0 for none. A quarter of the scatter of all groups is
            the most.

    Returns:
        Their places, the smallest group last.
    """
    scatters = np.asarray(sizes, dtype=np.float64)
    order = np.argsort(scatters, kind="stable")
    together = np.sqrt(np.cumsum(scatters[order] ** 2))
    most = min(tolerance, _MOST * together[-1])
    return order[: int(np.count_nonzero(together <= most)) if most > 0 else 0][::-1]


def in_parts(
    tape: QuantumScript, *, spreads: bool = True, tolerance: float = 0.0, keeps: bool = False
) -> Parts:
    r"""A tape as one tape for each group of terms, where that is of use.

    For the expectation value of a sum of Pauli words :math:`\sum_i c_i P_i` the value of each group
    of qubit-wise commuting words scatters by :math:`\sqrt{\sum_i c_i^2}` between random states.
    Tapes of anything else, those without shots and those with mid-circuit measurements are left
    alone.

    Args:
        tape: With one measurement.
        spreads: Whether groups get shots in proportion to their scatter. All together get what they
            would at equal shots.
        tolerance: Groups that together scatter by no more than this come last, to be shared.
        keeps: Whether they are to be measured also where another lends their results.
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
    last = light(sizes, tolerance).tolist()
    shots = np.full(len(groups), tape.shots.total_shots)
    if spreads:
        shots = allocate(tape.shots.total_shots * len(groups), sizes)
    if not last and np.all(shots == shots[0]):
        return Parts((tape,))
    order = [i for i in range(len(groups)) if i not in last] + last
    tapes = tuple(
        tape.copy(measurements=[qml.expval(groups[i])], shots=int(shots[i])) for i in order
    )
    constant = sum(float(np.real(c)) for word, c in sentence.items() if not len(word))
    scatter = float(np.linalg.norm([sizes[i] for i in last]))
    return Parts(tapes, constant, words if last else (), len(last), scatter, keeps=keeps)


@lru_cache(maxsize=32)
def _groups(words: Words) -> tuple[list[Operator], list[float]]:
    """Sums of qubit-wise commuting terms, and the root of each one's squared coefficients.

    The largest term opens a group, and each next one joins the first that it commutes with. So the
    large terms gather in few groups, which is what shots by size and light groups live on, while a
    colouring of the graph, as PennyLane does it, scatters them over somewhat fewer groups.

    Remembered, because all points of a batch measure the same sum.

    References:
        Crawford et al., Quantum 5, 385 (2021).
    """
    groups: list[tuple[dict[Hashable, str], list[tuple[PauliWord, float]]]] = []
    for word, coefficient in sorted(words, key=lambda one: -abs(one[1])):
        for basis, members in groups:
            if all(basis.get(wire, letter) == letter for wire, letter in word.items()):
                basis.update(word)
                members.append((word, coefficient))
                break
        else:
            groups.append((dict(word), [(word, coefficient)]))
    sums = [qml.dot([c for _, c in own], [w.operation() for w, _ in own]) for _, own in groups]
    return sums, [float(np.linalg.norm([c for _, c in own])) for _, own in groups]
