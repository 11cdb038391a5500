"""Simultaneous perturbation stochastic approximation: two losses per step, for any dimension."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.optimize.core.gains import Gains
from pennylane_qstore.optimize.errors import (
    InvalidLossError,
    InvalidStateError,
    NonFiniteLossError,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SPSAState:
    """All that a resumed run needs; the gains are settings and stay with :class:`SPSA`.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Together with the step, decides the perturbation.
    """

    params: FloatArray
    step: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON-able values; floats survive the trip bit for bit."""
        return {"params": self.params.tolist(), "step": self.step, "seed": self.seed}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SPSAState":
        """Rebuild a state from :meth:`to_json`.

        Raises:
            InvalidStateError: If an entry is missing, or is not of its kind.
        """
        try:
            params, step, seed = values["params"], values["step"], values["seed"]
        except KeyError as error:
            raise InvalidStateError(f"the saved SPSA state has no entry {error}") from error
        check_counters(step, seed)
        return cls(_frozen(params), step, seed)


def check_counters(step: object, seed: object) -> None:
    """Refuse a step or seed that is not a non-negative integer.

    Raises:
        InvalidStateError: Naming the entry and its value.
    """
    for name, value in (("step", step), ("seed", seed)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidStateError(f"{name} is {value!r}; it has to be an integer from 0")


def _frozen(params: ArrayLike) -> FloatArray:
    """Copy parameters into a flat read-only array, refusing NaN and infinity."""
    array = np.array(params, dtype=np.float64).ravel()
    if not np.isfinite(array).all():
        where = np.flatnonzero(~np.isfinite(array)).tolist()
        raise InvalidStateError(f"the parameters at {where} are not finite; start from numbers")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True)
class SPSA:
    r"""SPSA with one Rademacher direction per step.

    .. math::

        \hat g_k = \frac{L(\theta_k + c_k\Delta_k) - L(\theta_k - c_k\Delta_k)}{2 c_k}\,\Delta_k,
        \qquad \theta_{k+1} = \theta_k - a_k\,\hat g_k

    with independent :math:`\Delta_{k,i} = \pm 1`, for which :math:`1 / \Delta_{k,i} =
    \Delta_{k,i}`. Over :math:`\Delta_k`, :math:`\hat g_k` is the gradient up to
    :math:`O(c_k^2)`, and exactly the gradient of a quadratic.

    All three methods are pure: the caller turns ``ask(state)`` into losses, in one device batch
    where it can, and gives them to ``tell``.

    Attributes:
        gains: The sequences :math:`a_k` and :math:`c_k`.

    References:
        Spall, IEEE Transactions on Automatic Control 37, 332 (1992).
    """

    gains: Gains

    def init(self, params: ArrayLike, *, seed: int) -> SPSAState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
        """
        check_counters(0, seed)
        return SPSAState(_frozen(params), 0, seed)

    def ask(self, state: SPSAState) -> FloatArray:
        """Propose the two points of this step, shape ``(2, n_params)``: plus, then minus."""
        offset = self.gains.perturbation(state.step) * _direction(state)
        return np.stack([state.params + offset, state.params - offset])

    def tell(self, state: SPSAState, losses: ArrayLike) -> SPSAState:
        """Move against the gradient estimated from the losses of :meth:`ask`'s points.

        Args:
            state: The state that was asked.
            losses: The two losses in the order of the points, shape ``(2,)``.

        Returns:
            The state after the step; the argument is left as it was.

        Raises:
            InvalidLossError: If there are not exactly two losses.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        plus, minus = _check_losses(losses, state.step)
        slope = (plus - minus) / (2 * self.gains.perturbation(state.step))
        params = state.params - self.gains.step_size(state.step) * slope * _direction(state)
        return SPSAState(_frozen(params), state.step + 1, state.seed)


def _direction(state: SPSAState) -> FloatArray:
    """Draw the Rademacher direction of a step, shape ``(n_params,)``, from seed and step alone."""
    rng = np.random.default_rng([state.seed, state.step])
    signs = 2 * rng.integers(0, 2, size=state.params.size) - 1
    return signs.astype(np.float64)


def _check_losses(losses: ArrayLike, step: int) -> tuple[float, float]:
    array = np.asarray(losses, dtype=np.float64)
    if array.shape != (2,):
        raise InvalidLossError(f"expected 2 losses, one per point, but got shape {array.shape}")
    plus, minus = array.tolist()
    if not np.isfinite(array).all():
        raise NonFiniteLossError(
            f"the losses of step {step} are {plus} and {minus}; the step was not taken. "
            "Check the objective for logarithms of zero and overflowing readouts",
            losses=(plus, minus),
            step=step,
        )
    return plus, minus
