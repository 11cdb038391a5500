"""Rotosolve: parameter by parameter to the lowest point of a trigonometric function."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.query import Answer, Query, mean_error
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.core.trigonometric import (
    Frequencies,
    Series,
    check_frequencies,
    sample_shifts,
)

FloatArray = NDArray[np.float64]
Group = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RotosolveState:
    """All that a resumed run needs.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of round trips taken.
        seed: Not used: nothing here is random.
        position: Which group is next in the sweep.
        value: Loss at ``params`` as the last reconstruction predicts it; None where it has to be
            measured.
        lows: Predicted loss after each parameter of this sweep, in the order of their treatment.
        loss: Measured loss before the sweep, or None.
        loss_error: Its standard error, or None where it is not known.
    """

    params: FloatArray
    step: int
    seed: int
    position: int = 0
    value: float | None = None
    lows: FloatArray = field(default_factory=lambda: np.empty(0))
    loss: float | None = None
    loss_error: float | None = None


@dataclass(frozen=True, slots=True)
class Rotosolve:
    r"""Coordinate descent in which every coordinate is minimised exactly.

    As a function of one parameter with frequencies :math:`f_1 < \dots < f_R` the loss has
    :math:`2 R + 1` coefficients, which as many values fix. A sweep measures the loss once; after
    each group the reconstruction itself predicts the next value at shift 0, so every other
    parameter takes :math:`2 R` evaluations.

    Parameters of one group are sampled in one batch around the same point and moved together.
    This is the sequential result exactly where no two of them interact,
    :math:`\partial_i\partial_j L = 0`: where no term of the observable has both in its light cone.
    Otherwise it may even go up.

    Attributes:
        frequencies: Of each parameter; one entry serves all.
        groups: Indices moved together, in order; each parameter once. None for one at a time.

    Raises:
        InvalidOptionError: If a frequency is not finite or there is none.

    References:
        Vidal and Theis, arXiv:1812.06323 (2018).
        Nakanishi, Fujii and Todo, Physical Review Research 2, 043158 (2020).
        Ostaszewski, Grant and Benedetti, Quantum 5, 391 (2021).
        Wierichs, Izaac, Wang and Lin, Quantum 6, 677 (2022).
    """

    frequencies: tuple[Frequencies, ...] = ((1.0,),)
    groups: tuple[Group, ...] | None = None

    def __post_init__(self) -> None:
        checked = tuple(check_frequencies(one) for one in self.frequencies)
        object.__setattr__(self, "frequencies", checked)

    def init(self, params: ArrayLike, *, seed: int = 0) -> RotosolveState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
            InvalidOptionError: If frequencies or groups do not fit the parameters.
        """
        check_counters(0, seed)
        start = frozen(params)
        self.sweep(start.size)
        spectra(self.frequencies, start.size)
        return RotosolveState(start, 0, seed)

    def sweep(self, n_params: int) -> tuple[Group, ...]:
        """The groups of one sweep, in order.

        Raises:
            InvalidOptionError: If they do not hold each parameter once.
        """
        if self.groups is None:
            return tuple((i,) for i in range(n_params))
        if sorted(i for group in self.groups for i in group) != list(range(n_params)):
            raise InvalidOptionError(
                f"the groups {self.groups} have to hold each of the {n_params} parameters once"
            )
        return self.groups

    def ask(self, state: RotosolveState) -> Query:
        """The next group's points; first the parameters themselves where a sweep starts."""
        group = self.sweep(state.params.size)[state.position]
        start = [state.params[None]] if state.value is None else []
        return Query(np.vstack(start + self._around(state.params, group)))

    def tell(self, state: RotosolveState, answer: Answer) -> RotosolveState:
        """Move the group's parameters to their lowest points.

        Raises:
            InvalidLossError: If there is not one loss per point.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        sweep = self.sweep(state.params.size)
        if state.value is None:
            value, losses = float(answer.losses[0]), answer.losses[1:]
            error = mean_error(answer.variances[:1])
            state = replace(state, loss=value, loss_error=error, lows=np.empty(0))
        else:
            value, losses = state.value, answer.losses
        group = sweep[state.position]
        offsets, drops = lowest_points(self._of(state, group), losses, value)
        params = state.params.copy()
        params[list(group)] += offsets
        position = (state.position + 1) % len(sweep)
        return replace(
            state,
            params=frozen(params),
            step=state.step + 1,
            position=position,
            value=None if position == 0 else value + float(drops.sum()),
            lows=frozen(np.concatenate([state.lows, value + np.cumsum(drops)])),
        )

    def move(self, state: RotosolveState, params: ArrayLike) -> RotosolveState:
        """Go on from other parameters with a new sweep."""
        return replace(state, params=frozen(params), position=0, value=None)

    def load(self, values: Any) -> RotosolveState:
        """The state that ``dump`` wrote."""
        return load(RotosolveState, values)

    def _of(self, state: RotosolveState, group: Group) -> list[Frequencies]:
        own = spectra(self.frequencies, state.params.size)
        return [own[i] for i in group]

    def _around(self, params: FloatArray, group: Group) -> list[FloatArray]:
        own = spectra(self.frequencies, params.size)
        return [shifted_points(params, i, own[i]) for i in group]


def spectra(frequencies: tuple[Frequencies, ...], n_params: int) -> tuple[Frequencies, ...]:
    """Frequencies of each parameter.

    Raises:
        InvalidOptionError: If there is neither one entry nor one for each.
    """
    if len(frequencies) == 1:
        return frequencies * n_params
    if len(frequencies) != n_params:
        raise InvalidOptionError(
            f"frequencies are given for {len(frequencies)} of {n_params} parameters"
        )
    return frequencies


def shifted_points(params: FloatArray, index: int, frequencies: Frequencies) -> FloatArray:
    """Points at which one parameter is sampled besides its own value, shape ``(2 R, n_params)``."""
    shifts = sample_shifts(frequencies)[1:]
    points = np.tile(params, (len(shifts), 1))
    points[:, index] += shifts
    return points


def lowest_points(
    frequencies: "list[Frequencies] | tuple[Frequencies, ...]", losses: FloatArray, value: float
) -> tuple[FloatArray, FloatArray]:
    """Offset to the lowest point of each coordinate, and by how much the loss changes on the way.

    Args:
        frequencies: Of each coordinate.
        losses: At their :func:`shifted_points`, one coordinate after the other.
        value: Loss at shift 0.

    Returns:
        Offsets and changes (negative), each of shape ``(n_coordinates,)``.
    """
    offsets, drops, start = [], [], 0
    for one in frequencies:
        stop = start + 2 * len(one)
        series = Series.through(one, np.concatenate([[value], losses[start:stop]]))
        point, low = series.lowest()
        offsets.append(point)
        drops.append(low - value)
        start = stop
    return np.array(offsets), np.array(drops)
