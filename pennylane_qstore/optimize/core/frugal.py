"""Gradient descent that spends each shot where it is expected to gain most."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.query import Answer, Query, mean_error
from pennylane_qstore.optimize.core.shots import divide_shots
from pennylane_qstore.optimize.core.state import check_counters, frozen, load
from pennylane_qstore.optimize.errors import InvalidLossError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Rule = Literal["icans", "gcans"]


@dataclass(frozen=True, slots=True, eq=False)
class ShotFrugalState:
    r"""All that a resumed run needs.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Not used by the core: nothing in it is random.
        shots: Shots of each circuit of each derivative in the next step, shape ``(n_params,)``.
        frequencies: Number of frequencies of each parameter, shape ``(n_params,)``; empty where
            they are not known.
        lipschitz: :math:`L`.
        mean: Running mean of the gradient, not yet normalised.
        spread: Running mean of the single-shot variance of its components, not yet normalised.
        loss: Loss before the last step, or None.
        loss_error: Its standard error, or None where it is not known.
    """

    params: FloatArray
    step: int
    seed: int
    shots: IntArray
    frequencies: IntArray
    lipschitz: float
    mean: FloatArray
    spread: FloatArray
    loss: float | None = None
    loss_error: float | None = None


@dataclass(frozen=True, slots=True)
class ShotFrugal:
    r"""iCANS and gCANS: shots per derivative from running means of gradient and variance.

    With :math:`\chi_i` and :math:`\xi_i` the (normalised) running means of the derivatives and of
    their single-shot variances, step size :math:`\alpha < 2 / L` and

    .. math::

        \text{iCANS:}\quad s_i = \left\lceil \frac{2 L\alpha}{2 - L\alpha}\,
        \frac{\xi_i}{\chi_i^2 + b\mu^k} \right\rceil \le s_{j^*}, \qquad
        j^* = \arg\max_i \frac1{s_i}\left[\left(\alpha - \tfrac{L\alpha^2}2\right)\chi_i^2
        - \frac{L\alpha^2}{2 s_i}\,\xi_i\right]

        \text{gCANS:}\quad s_i = \left\lceil \frac{2 L\alpha}{2 - L\alpha}\,
        \frac{\sqrt{\xi_i}\,\sum_j\sqrt{\xi_j}}{\lVert\chi\rVert^2 + b\mu^k} \right\rceil

    shots for each circuit of derivative :math:`i` in the next step. All circuits of a step are one
    batch.

    Where the number of frequencies :math:`R_i` of each parameter is known (equidistant: 1, ...,
    :math:`R_i`), the derivative comes from the :math:`2 R_i` points :math:`\theta + x_\mu e_i`,
    each with shots of its own; one gate with one Pauli generator has :math:`R = 1` and the points
    :math:`\pm\pi/2`. Where it is not known, whoever answers is asked for the gradient, and all its
    circuits get the mean of the :math:`s_i`.

    Where an answer does not know its variances, a single shot is taken to vary by
    :math:`L^2 - f^2` at a point with loss :math:`f` (the most that outcomes between :math:`-L` and
    :math:`L` can), and a derivative by :math:`L^2 / 2`.

    Attributes:
        stepsize: :math:`\alpha`; None for :math:`1 / L`.
        lipschitz: :math:`L`, for a Hamiltonian :math:`\sum_i |c_i|`; needed by :meth:`init`.
        frequencies: :math:`R_i`: one number for all, or one each; None if not known.
        rule: Which formula.
        min_shots: Fewest shots, and those of the first step.
        max_shots: Most shots.
        mu: :math:`\mu`, the weight of the past in the running means.
        bias: :math:`b`.
        with_loss: Whether the loss at the parameters is asked for, too, with the mean of the
            :math:`s_i`.

    Raises:
        InvalidOptionError: If a setting is out of its range.

    References:
        Kübler, Arrasmith, Cincio and Coles, Quantum 4, 263 (2020).
        Gu, Lowe, Dub, Coles and Arrasmith, arXiv:2108.10434 (2021).
        Wierichs, Izaac, Wang and Lin, Quantum 6, 677 (2022).
    """

    stepsize: float | None = None
    lipschitz: float | None = None
    frequencies: int | tuple[int, ...] | None = None
    rule: Rule = "icans"
    min_shots: int = 10
    max_shots: int = 10_000
    mu: float = 0.99
    bias: float = 1e-6
    with_loss: bool = True

    def __post_init__(self) -> None:
        if self.rule not in get_args(Rule):
            raise InvalidOptionError(f"rule is {self.rule!r}; choose one of {get_args(Rule)}")
        if not 2 <= self.min_shots <= self.max_shots:
            raise InvalidOptionError(
                f"min_shots is {self.min_shots} and max_shots {self.max_shots}; a variance needs "
                "2 shots, and the most cannot be below the fewest"
            )
        if not 0 <= self.mu < 1:
            raise InvalidOptionError(f"mu is {self.mu}; it has to be from 0 to below 1")
        if not (math.isfinite(self.bias) and self.bias > 0):
            raise InvalidOptionError(f"bias is {self.bias}; it has to be finite and positive")

    def init(self, params: ArrayLike, *, seed: int = 0) -> ShotFrugalState:
        """Start at ``params`` (any shape; flattened).

        Raises:
            InvalidStateError: If a parameter is not finite or the seed is negative.
            InvalidOptionError: If ``lipschitz`` is missing, the step size is not below
                2 / ``lipschitz``, or the frequencies are not one positive number per parameter.
        """
        check_counters(0, seed)
        start = frozen(params)
        lipschitz = self._checked_lipschitz()
        zeros = np.zeros(start.size)
        shots = np.full(start.size, self.min_shots, dtype=np.int64)
        return ShotFrugalState(
            start, 0, seed, shots, self._frequencies(start.size), lipschitz, zeros, zeros
        )

    def ask(self, state: ShotFrugalState) -> Query:
        """The shifted points of all derivatives, each with its shots."""
        mean = math.ceil(state.shots.mean())
        if not state.frequencies.size:
            return Query(gradient_at=state.params, gradient_shots=mean)
        owners, offsets, _ = _shift_rules(tuple(state.frequencies.tolist()))
        shifted = np.tile(state.params, (len(owners), 1))
        shifted[np.arange(len(owners)), owners] += offsets
        shots = np.concatenate([np.full(int(self.with_loss), mean), _divided(state)])
        centre = state.params[None][: int(self.with_loss)]
        return Query(np.concatenate([centre, shifted]), shots)

    def tell(self, state: ShotFrugalState, answer: Answer) -> ShotFrugalState:
        """Step against the gradient, and divide the shots of the next step.

        Raises:
            InvalidLossError: If there is not one loss per point, or no gradient where one was
                asked for.
            NonFiniteLossError: If anything is NaN or infinite.
        """
        query = self.ask(state)
        answer.check(query, state.step)
        if state.frequencies.size:
            gradient, spread = _from_points(state, query, answer, centre=int(self.with_loss))
        else:
            gradient, spread = _from_gradient(state, query, answer)
        rate = self._rate(state.lipschitz)
        loss, loss_error = self._loss(answer)
        after = replace(
            state,
            params=frozen(state.params - rate * gradient),
            step=state.step + 1,
            mean=frozen(self.mu * state.mean + (1 - self.mu) * gradient),
            spread=frozen(self.mu * state.spread + (1 - self.mu) * spread),
            loss=loss,
            loss_error=loss_error,
        )
        return replace(after, shots=self._divide(after))

    def move(self, state: ShotFrugalState, params: ArrayLike) -> ShotFrugalState:
        """Go on from other parameters, with the same shots and means."""
        return replace(state, params=frozen(params))

    def load(self, values: Any) -> ShotFrugalState:
        """The state that ``dump`` wrote."""
        return load(ShotFrugalState, values)

    def _divide(self, state: ShotFrugalState) -> IntArray:
        """Shots of the next step by the rule."""
        rate, past = self._rate(state.lipschitz), self.mu**state.step
        chi, xi = state.mean / (1 - past), state.spread / (1 - past)
        bend, bias = state.lipschitz * rate, self.bias * self.mu ** (state.step - 1)
        factor = 2 * bend / (2 - bend)
        if self.rule == "gcans":
            wanted = factor * np.sqrt(xi) * np.sqrt(xi).sum() / (chi @ chi + bias)
            return self._bounded(wanted, self.max_shots)
        wanted = np.maximum(np.ceil(factor * xi / (chi**2 + bias)), 1.0)
        gain = (rate * (1 - bend / 2) * chi**2 - rate * bend / (2 * wanted) * xi) / wanted
        most = min(self.max_shots, max(wanted[np.argmax(gain)], self.min_shots))
        return self._bounded(wanted, most)

    def _bounded(self, wanted: FloatArray, most: float) -> IntArray:
        return np.clip(np.ceil(wanted), self.min_shots, most).astype(np.int64)

    def _rate(self, lipschitz: float) -> float:
        return 1 / lipschitz if self.stepsize is None else self.stepsize

    def _loss(self, answer: Answer) -> tuple[float | None, float | None]:
        """What the answer says of the loss at the parameters."""
        if answer.gradient is not None:
            error = mean_error([answer.gradient_loss_variance])
            return answer.gradient_loss, error
        if not self.with_loss:
            return None, None
        return float(answer.losses[0]), mean_error(answer.variances[:1])

    def _checked_lipschitz(self) -> float:
        bound = self.lipschitz
        if bound is None or not (math.isfinite(bound) and bound > 0):
            raise InvalidOptionError(
                f"lipschitz is {bound}; give the sum of the absolute coefficients of the observable"
            )
        rate = self._rate(bound)
        if not 0 < rate < 2 / bound:
            raise InvalidOptionError(
                f"the step size {rate} has to lie between 0 and 2 / lipschitz = {2 / bound:g}"
            )
        return bound

    def _frequencies(self, n_params: int) -> IntArray:
        if self.frequencies is None:
            return np.empty(0, dtype=np.int64)
        one_each = np.atleast_1d(np.asarray(self.frequencies))
        if one_each.size == 1:
            one_each = np.full(n_params, one_each[0])
        if one_each.shape != (n_params,) or one_each.dtype.kind != "i" or (one_each < 1).any():
            raise InvalidOptionError(
                f"frequencies are {self.frequencies}; give one positive integer, or one for each "
                f"of the {n_params} parameters"
            )
        return one_each.astype(np.int64)


def _from_points(
    state: ShotFrugalState, query: Query, answer: Answer, *, centre: int
) -> tuple[FloatArray, FloatArray]:
    """Derivatives from shifted points, and their variances at one shot per circuit."""
    assert query.shots is not None
    owners, _, weights = _shift_rules(tuple(state.frequencies.tolist()))
    losses = answer.losses[centre:]
    bound = np.maximum(state.lipschitz**2 - losses**2, 0.0) / query.shots[centre:]
    told = answer.variances[centre:]
    variances = np.where(np.isfinite(told), told, bound)
    n_params = state.params.size
    gradient = np.bincount(owners, weights * losses, minlength=n_params).astype(np.float64)
    spread = np.bincount(owners, weights**2 * variances, minlength=n_params).astype(np.float64)
    return gradient, spread * state.shots


def _divided(state: ShotFrugalState) -> IntArray:
    """Shots of all shifted points, each at least 2."""
    shots: list[int] = []
    for frequencies, each in zip(state.frequencies.tolist(), state.shots.tolist(), strict=True):
        if frequencies == 1:
            shots += [each, each]
            continue
        _, weights = _shift_rule(frequencies)
        shots += np.maximum(divide_shots(2 * frequencies * each, np.abs(weights)), 2).tolist()
    return np.array(shots, dtype=np.int64)


@lru_cache(maxsize=16)
def _shift_rules(frequencies: tuple[int, ...]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Parameter, shift and weight of every shifted point, each of shape ``(n_points,)``."""
    rules = [_shift_rule(one) for one in frequencies]
    owners = np.repeat(np.arange(len(frequencies)), 2 * np.array(frequencies))
    offsets = np.concatenate([offsets for offsets, _ in rules])
    return owners, offsets, np.concatenate([weights for _, weights in rules])


def _from_gradient(
    state: ShotFrugalState, query: Query, answer: Answer
) -> tuple[FloatArray, FloatArray]:
    """The gradient of an answer, and the variances of its components at one shot per circuit."""
    n_params = state.params.size
    if answer.gradient is None or answer.gradient.shape != (n_params,):
        raise InvalidLossError(
            f"expected a gradient of shape {(n_params,)}; where the objective has none, say how "
            "many frequencies each parameter has"
        )
    bound = np.full(n_params, state.lipschitz**2 / 2)
    if answer.gradient_variances is None or query.gradient_shots is None:
        return answer.gradient, bound
    scaled = answer.gradient_variances * query.gradient_shots
    return answer.gradient, np.where(np.isfinite(scaled), scaled, bound)


def _shift_rule(frequencies: int) -> tuple[FloatArray, FloatArray]:
    r"""Shifts and weights for frequencies 1, ..., R: :math:`f'(0) = \sum_\mu w_\mu f(x_\mu)`."""
    index = np.arange(1, 2 * frequencies + 1)
    angles = (2 * index - 1) * np.pi / (2 * frequencies)
    weights = (-1.0) ** (index - 1) / (4 * frequencies * np.sin(angles / 2) ** 2)
    return np.where(angles > np.pi, angles - 2 * np.pi, angles), weights
