"""SPSA on a sum over circuits, each of which is run along directions of its own."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.optimize.core.circuit_results import CircuitResults
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.core.spsa import SPSA, SPSAState
from pennylane_qstore.optimize.core.state import load
from pennylane_qstore.optimize.errors import InvalidLossError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def _none() -> IntArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class CircuitSPSAState(SPSAState):
    """All that a resumed run needs.

    Attributes:
        live: Indices of the parameters that the circuits' results depend on.
        direct: Indices of those that the loss depends on otherwise than through results.
    """

    live: IntArray = field(default_factory=_none)
    direct: IntArray = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class CircuitSPSA:
    r"""SPSA whose directions are one circuit's each.

    Let the loss be a sum over circuits, :math:`L(\theta) = \sum_i \ell_i(u_i(\theta))`, as a mean
    over samples is. SPSA runs all of them along each direction, and its error is that of few
    directions. Here every pair of evaluations is of one circuit, the circuits taken in turn:

    .. math::

        \hat g = \sum_r \frac{1}{n_{i_r}}\, \ell_{i_r}'(\bar u_{i_r}) \cdot
        \frac{u_{i_r}(\theta + c\Delta_r) - u_{i_r}(\theta - c\Delta_r)}{2c}\,\Delta_r

    with :math:`n_i` pairs of circuit :math:`i` and the mean :math:`\bar u_i` of its results. For as
    many evaluations it sees as many times more directions as there are circuits. By parameters that
    the loss depends on directly, such as a bias, it is differentiated exactly. Where a step has
    fewer pairs than there are circuits, those that were run stand for all.

    Attributes:
        spsa: Gains, directions, transforms, longest step and shots. Its resamplings are the pairs
            of a step.
    """

    spsa: SPSA

    def init(
        self, params: ArrayLike, *, seed: int, live: IntArray, direct: IntArray
    ) -> CircuitSPSAState:
        """Start at ``params`` (any shape; flattened).

        Args:
            params: Finite numbers.
            seed: Non-negative integer.
            live: Indices of the parameters that results depend on.
            direct: Indices of those that the loss depends on otherwise.

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        inner = self.spsa.init(params, seed=seed)
        return CircuitSPSAState(
            inner.params, 0, seed, memory=inner.memory, live=live, direct=direct
        )

    def ask(self, state: CircuitSPSAState) -> Query:
        """Pairs of single circuits, each ahead and behind along a direction."""
        offsets = self.spsa.radius(state) * self._directions(state)
        points = np.stack([state.params + offsets, state.params - offsets], axis=1)
        return Query(
            singles=points.reshape(-1, state.params.size),
            single_shots=self.spsa.shots,
            in_a_row=2,
            turn=state.drawn,
        )

    def tell(self, state: CircuitSPSAState, answer: Answer) -> CircuitSPSAState:
        """Move against the gradient estimated from the results of :meth:`ask`'s circuits.

        Raises:
            InvalidLossError: If there is not one result per circuit.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        found, directions = answer.results, self._directions(state)
        if found is None:
            raise InvalidLossError("expected results of single circuits, but got none")
        found.check(2 * len(directions), state.step)
        pairs = _Pairs(found)
        expansion = found.expand(pairs.reference)
        expansion.check(state.step)
        slopes, by_params = np.split(expansion.slope, [found.values.shape[1]], axis=1)
        along = pairs.shares * (slopes[pairs.circuits] * pairs.differences).sum(axis=1)
        estimate = (along / (2 * self.spsa.radius(state))) @ directions
        estimate[state.direct] += by_params.sum(axis=0)
        loss, error = None, None
        if pairs.covers_all:
            loss, error = expansion.value, pairs.error(slopes)
        return self.spsa.follow(state, estimate, len(directions), loss=loss, error=error)

    def move(self, state: CircuitSPSAState, params: ArrayLike) -> CircuitSPSAState:
        """Go on from other parameters."""
        return self.spsa.move(state, params)

    def load(self, values: Any) -> CircuitSPSAState:
        """The state that ``dump`` wrote."""
        return load(CircuitSPSAState, values)

    def _directions(self, state: CircuitSPSAState) -> FloatArray:
        """The directions of a step, shape ``(n_pairs, n_params)``; 0 where nothing is live."""
        directions = np.zeros((self.spsa.resamplings, state.params.size))
        directions[:, state.live] = self.spsa.directions_of(state, len(state.live))
        return directions


class _Pairs:
    """Results ahead and behind, two entries in a row of the same circuit.

    Attributes:
        circuits: Of each pair, shape ``(n_pairs,)``.
        differences: Ahead less behind, shape ``(n_pairs, n_outputs)``.
        reference: Mean result of each circuit, ``(n_circuits, n_outputs)``; of those that were not
            run, the mean of the others.
        shares: What each pair stands for, in circuits, shape ``(n_pairs,)``.
        covers_all: Whether all circuits were run.
    """

    def __init__(self, found: CircuitResults) -> None:
        self.circuits = found.circuits[::2]
        ahead, behind = found.values[::2], found.values[1::2]
        self.differences = ahead - behind
        n = len(found.data)
        self._times = np.bincount(self.circuits, minlength=n)
        known = self._times > 0
        self.covers_all = bool(known.all())
        self.shares = n / np.count_nonzero(known) / self._times[self.circuits]
        sums = np.zeros((n, ahead.shape[1]))
        np.add.at(sums, self.circuits, (ahead + behind) / 2)
        means = sums / np.maximum(self._times, 1)[:, None]
        self.reference = np.where(known[:, None], means, means[known].mean(axis=0))
        self._variances = found.variances

    def error(self, slopes: FloatArray) -> float | None:
        """Standard error of the loss at the reference; None where a variance is not known."""
        of_pairs = (self._variances[::2] + self._variances[1::2]) / 4
        weights = slopes[self.circuits] / self._times[self.circuits][:, None]
        total = float((weights**2 * of_pairs).sum())
        return float(np.sqrt(total)) if np.isfinite(total) else None
