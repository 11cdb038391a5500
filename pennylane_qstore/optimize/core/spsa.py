"""Simultaneous perturbation stochastic approximation: two losses per step, for any dimension."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.optimize.core.gains import Gains
from pennylane_qstore.optimize.core.query import Answer, Query, mean_error
from pennylane_qstore.optimize.core.state import check_counters, frozen, load

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SPSAState:
    """All that a resumed run needs; the gains are settings and stay with :class:`SPSA`.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Together with the step, decides the perturbation.
        loss: Mean loss of the last step's points, or None.
        loss_error: Its standard error, or None where it is not known.
    """

    params: FloatArray
    step: int
    seed: int
    loss: float | None = None
    loss_error: float | None = None


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
        return SPSAState(frozen(params), 0, seed)

    def ask(self, state: SPSAState) -> Query:
        """The two points of this step: plus, then minus."""
        offset = self.gains.perturbation(state.step) * _direction(state)
        return Query(np.stack([state.params + offset, state.params - offset]))

    def tell(self, state: SPSAState, answer: Answer) -> SPSAState:
        """Move against the gradient estimated from the losses of :meth:`ask`'s points.

        Raises:
            InvalidLossError: If there are not exactly two losses.
            NonFiniteLossError: If one of them is NaN or infinite.
        """
        answer.check(self.ask(state), state.step)
        plus, minus = answer.losses
        slope = (plus - minus) / (2 * self.gains.perturbation(state.step))
        params = state.params - self.gains.step_size(state.step) * slope * _direction(state)
        return SPSAState(
            frozen(params),
            state.step + 1,
            state.seed,
            float(answer.losses.mean()),
            mean_error(answer.variances),
        )

    def move(self, state: SPSAState, params: ArrayLike) -> SPSAState:
        """Go on from other parameters."""
        return replace(state, params=frozen(params))

    def load(self, values: Any) -> SPSAState:
        """The state that ``dump`` wrote."""
        return load(SPSAState, values)


def _direction(state: SPSAState) -> FloatArray:
    """Draw the Rademacher direction of a step, shape ``(n_params,)``, from seed and step alone."""
    rng = np.random.default_rng([state.seed, state.step])
    signs = 2 * rng.integers(0, 2, size=state.params.size) - 1
    return signs.astype(np.float64)
