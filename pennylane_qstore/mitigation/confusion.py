r"""Which outcomes are read for which states, and the states that best explain what was read.

A confusion matrix :math:`A` has the probability :math:`A_{ij}` of reading :math:`i` in state
:math:`j`. Read frequencies :math:`p` are explained by the distribution

.. math:: x = \arg\min_x \lVert A x - p \rVert^2, \qquad x \ge 0, \quad \sum_j x_j = 1,

which is :math:`A^{-1} p` where that is a distribution already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from pennylane_qstore.errors import InvalidOptionError, TooManyWiresError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DENSE_WIRES = 10
"""Up to here all outcomes of a measurement are candidates, beyond it only those that were read."""

_WORST = 1e6
"""Condition number of a confusion matrix that tells nothing."""
_HEAVY = 1e4
"""Weight of the sum in the search for outcomes that have a probability."""


@dataclass(frozen=True, slots=True)
class ReadoutErrors:
    """Confusion matrices of groups of wires that are read independently of each other.

    Attributes:
        groups: Wires of each group; the first wire is the most significant bit.
        matrices: Of each group, the probability of reading row ``i`` in state ``j``; shape
            ``(2**k, 2**k)`` for a group of ``k`` wires, each column adding up to 1.

    Raises:
        InvalidOptionError: If a wire is in two groups, a matrix has another shape, or a column is
            no distribution.
    """

    groups: tuple[tuple[Any, ...], ...]
    matrices: tuple[FloatArray, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrices", tuple(np.array(one, float) for one in self.matrices))
        wires = [wire for group in self.groups for wire in group]
        if len(set(wires)) < len(wires) or len(self.groups) != len(self.matrices):
            raise InvalidOptionError(
                f"groups {self.groups} and {len(self.matrices)} matrices do not belong together; "
                "give each wire one group, and each group one matrix"
            )
        for group, matrix in zip(self.groups, self.matrices, strict=True):
            size = 2 ** len(group)
            if np.shape(matrix) != (size, size):
                raise InvalidOptionError(
                    f"the matrix of wires {list(group)} has the shape {np.shape(matrix)}; it has "
                    f"to be {(size, size)}"
                )
            if np.min(matrix) < 0 or not np.allclose(np.sum(matrix, axis=0), 1, atol=1e-8):
                raise InvalidOptionError(
                    f"the matrix of wires {list(group)} is {np.asarray(matrix).tolist()}; each "
                    "column has to be the distribution of what is read in one state"
                )
            if np.linalg.cond(matrix) > _WORST:
                raise InvalidOptionError(
                    f"what is read of wires {list(group)} hardly depends on their state; nothing "
                    "can be recovered from it"
                )

    @classmethod
    def of_wires(cls, rates: Mapping[Any, tuple[float, float]]) -> "ReadoutErrors":
        """Errors of single wires.

        Args:
            rates: For each wire, the probability of reading 1 in state 0, and 0 in state 1.
        """
        matrices = [np.array([[1 - up, down], [up, 1 - down]]) for up, down in rates.values()]
        return cls(tuple((wire,) for wire in rates), tuple(matrices))

    def closure(self, wires: Sequence[Any]) -> tuple[Any, ...]:
        """All wires of the groups that some wires are in, in the order of groups.

        Raises:
            InvalidOptionError: If the errors of a wire are not known.
        """
        return tuple(wire for i in self._groups_of(wires) for wire in self.groups[i])

    def matrix(self, wires: Sequence[Any]) -> FloatArray:
        """The confusion matrix of :meth:`closure` of some wires, in that order."""
        found: FloatArray = np.ones((1, 1))
        for i in self._groups_of(wires):
            found = np.asarray(np.kron(found, self.matrices[i]))
        return found

    def among(self, wires: Sequence[Any], outcomes: IntArray) -> FloatArray:
        """Of that matrix, the part between some outcomes, each column divided by its sum."""
        found, shift = np.ones((len(outcomes), len(outcomes))), len(self.closure(wires))
        for i in self._groups_of(wires):
            shift -= len(self.groups[i])
            part = (outcomes >> shift) & (2 ** len(self.groups[i]) - 1)
            found *= self.matrices[i][np.ix_(part, part)]
        return found / found.sum(axis=0)

    def correct(self, frequencies: ArrayLike, wires: Sequence[Any]) -> FloatArray:
        """The distribution that best explains what was read.

        Args:
            frequencies: How often each outcome of ``closure(wires)`` was read, as a share; shape
                ``(2**n,)``.
            wires: Wires that were measured.

        Returns:
            Probabilities of the same outcomes; shape ``(2**n,)``.

        Raises:
            InvalidOptionError: If these are not the frequencies of all outcomes.
            TooManyWiresError: If over 10 wires were read in more than 1024 ways.
        """
        read = np.asarray(frequencies, dtype=float)
        if read.shape != (size := 2 ** len(self.closure(wires)),):
            raise InvalidOptionError(
                f"frequencies have the shape {read.shape}; wires {list(self.closure(wires))} have "
                f"{size} outcomes"
            )
        outcomes, probabilities = self.explain(read, wires)
        found = np.zeros(len(read))
        found[outcomes] = probabilities
        return found

    def explain(self, read: FloatArray, wires: Sequence[Any]) -> tuple[IntArray, FloatArray]:
        """The same, for the candidates alone: outcomes and their probabilities."""
        n_wires = len(self.closure(wires))
        if n_wires <= DENSE_WIRES:
            outcomes = np.arange(2**n_wires)
            matrix = self.matrix(wires)
        else:
            outcomes = np.flatnonzero(read)
            if len(outcomes) > 2**DENSE_WIRES:
                raise TooManyWiresError(
                    f"{n_wires} wires were read in {len(outcomes)} ways, of which at most "
                    f"{2**DENSE_WIRES} can be corrected together; measure words on fewer wires, or "
                    "take fewer shots"
                )
            matrix = self.among(wires, outcomes)
        return outcomes, least_squares(matrix, read[outcomes])

    def _groups_of(self, wires: Sequence[Any]) -> list[int]:
        home = {wire: i for i, group in enumerate(self.groups) for wire in group}
        unknown = [wire for wire in wires if wire not in home]
        if unknown:
            raise InvalidOptionError(
                f"readout errors of wires {unknown} are not known, only of {list(home)}; measure "
                "those of all wires that are read"
            )
        return sorted({home[wire] for wire in wires})


def least_squares(matrix: FloatArray, read: FloatArray) -> FloatArray:
    """The constrained least-squares solution.

    Args:
        matrix: Confusion matrix; shape ``(n, n)``.
        read: Frequencies; shape ``(n,)``.

    Returns:
        Probabilities; shape ``(n,)``.
    """
    found = _on(matrix, read, np.arange(len(read)))
    if np.min(found) < 0:
        heavy = np.vstack([matrix, np.full(len(read), _HEAVY)])
        found = _on(matrix, read, np.flatnonzero(nnls(heavy, np.append(read, _HEAVY))[0]))
    return found


def _on(matrix: FloatArray, read: FloatArray, support: IntArray) -> FloatArray:
    """The least-squares solution that adds up to 1 on some outcomes, and is 0 on the others."""
    k, columns = len(support), matrix[:, support]
    # Where the Lagrangian is stationary: the normal equations and, last, the sum.
    normal = np.zeros((k + 1, k + 1))
    normal[:k, :k], normal[k, :k], normal[:k, k] = columns.T @ columns, 1, 1
    found = np.zeros(len(read))
    found[support] = np.linalg.solve(normal, np.append(columns.T @ read, 1))[:k]
    return found
