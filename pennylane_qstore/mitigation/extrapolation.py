"""From results under scaled noise to one without: zero-noise extrapolation."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pennylane as qml
from numpy.polynomial import polynomial
from numpy.typing import ArrayLike, NDArray
from pennylane.measurements import MeasurementProcess, ProbabilityMP
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn
from scipy.optimize import minimize_scalar

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.mitigation.folding import fold, noise_scale
from pennylane_qstore.mitigation.tapes import (
    divide_shots,
    first,
    for_each,
    require_averages,
    require_native,
    weighted_sum,
)

Fit = Literal["decay"] | int | Callable[[Sequence[float], Sequence[Any]], Any]

FASTEST = 0.5
"""Largest rate of decay: at its own noise, a circuit keeps 61 % of its signal or more."""

_RATES = np.linspace(0, FASTEST, 101)


@qml.transform
def extrapolate_noise(
    tape: QuantumScript, scale_factors: Sequence[float] = (1, 3), fit: Fit = "decay"
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    r"""Measure a native circuit at several scales of noise, and follow a fit back to no noise.

    The circuits are :func:`~.fold_native` of the tape, in one batch. They divide its shots, so that
    a mitigated value costs as many shots as a plain one, though more gates.

    Under ever more noise a value tends to that of the maximally mixed state, :math:`c`, which is
    known. ``"decay"`` fits :math:`c + a e^{-b \lambda}` to the values at :math:`\lambda` by least
    squares, with :math:`0 \le b \le 1/2`: without this bound, values near :math:`c` would be
    followed to anywhere. A polynomial fit is a weighted sum of the values; see
    :func:`extrapolation_weights` for what it does to the variance.

    Probabilities may leave :math:`[0, 1]`, and with ``"decay"`` not add up to 1. A circuit without
    gates has no noise to scale and is measured as it is.

    Args:
        tape: Native gates; expectation values and probabilities.
        scale_factors: Factors of the noise, at least 1 and different.
        fit: ``"decay"``; the degree of a polynomial (1 for a line, one less than there are factors
            for Richardson's extrapolation); or a function of factors and values to the value at 0,
            such as ``qml.noise.exponential_extrapolate``.

    Raises:
        InvalidOptionError: If a factor is below 1, or there are too few for the fit, also because
            the circuit has too few gates to tell them apart.
        InvalidShotsError: If the shots do not suffice for all circuits.
        UnsupportedGateError: If a gate is not native.
        UnsupportedMeasurementError: If something else is measured.

    **Example**

    >>> from pennylane_qstore import to_ionq_native
    >>> device = qml.device("qstore.ionq", wires=2, noise_model="aria-1", noise_seed=1)
    >>> @extrapolate_noise
    ... @to_ionq_native(level=2)
    ... @qml.qnode(device, shots=6000)
    ... def circuit(x):
    ...     qml.RX(x, wires=0)
    ...     qml.CNOT(wires=[0, 1])
    ...     return qml.expval(qml.Z(1))
    >>> value = circuit(0.3)  # two circuits of 3000 shots in one job

    References:
        Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017).
        Endo, Benjamin and Li, Phys. Rev. X 8, 031027 (2018): exponential fits.
        Giurgica-Tiron, Hindy, LaRose, Mari and Zeng, IEEE QCE (2020).
    """
    require_native(tape)
    require_averages(tape)
    if isinstance(fit, str) and fit != "decay":
        raise InvalidOptionError(f'fit is {fit!r}; give "decay", a degree, or a function')
    folded = [fold(tape, factor) for factor in scale_factors]
    if not tape.operations:
        return [tape], first
    factors = [noise_scale(tape, one) for one in folded]
    value = _fitting(fit, factors)
    shots = divide_shots(tape, len(folded))
    return [one.copy(shots=shots) for one in folded], for_each(tape, value)


def _fitting(fit: Fit, factors: list[float]) -> Callable[[MeasurementProcess, list[Any]], Any]:
    """From a measurement's values at each factor to that without noise."""
    if isinstance(fit, int):
        weights = extrapolation_weights(factors, fit).tolist()
        return lambda _, values: weighted_sum(weights, values)
    if fit == "decay":
        _require_factors(factors, 2, "a decay")
        return lambda mp, values: extrapolate_decay(factors, values, mixed_value(mp))

    def number_by_number(_: MeasurementProcess, values: list[Any]) -> Any:
        rows = qml.math.stack(values)
        if qml.math.ndim(rows) == 1:
            return fit(factors, rows)
        columns = [fit(factors, rows[:, i]) for i in range(qml.math.shape(rows)[1])]
        return qml.math.stack(columns)

    return number_by_number


def extrapolation_weights(scale_factors: Sequence[float], degree: int = 1) -> NDArray[np.float64]:
    r"""Weights :math:`w_i` of the values at each factor, in a polynomial fit's value at 0.

    At an equal total of shots, divided evenly among :math:`k` circuits whose shots scatter alike,
    the variance is :math:`k \sum_i w_i^2` times that of a plain average.

    Args:
        scale_factors: :math:`\lambda_i`; shape ``(k,)``.
        degree: Degree of the polynomial.

    Returns:
        Weights; shape ``(k,)``, adding up to 1.

    Raises:
        InvalidOptionError: If different factors do not outnumber the degree.
    """
    if degree < 0:
        raise InvalidOptionError(f"no polynomial has the degree {degree}; give 0 or more")
    _require_factors(scale_factors, degree + 1, f"a polynomial of degree {degree}")
    powers = polynomial.polyvander(np.asarray(scale_factors, dtype=float), degree)
    return np.linalg.pinv(powers)[0]


def extrapolate_decay(
    scale_factors: Sequence[float], values: ArrayLike, asymptote: float
) -> NDArray[np.float64]:
    r"""The value at 0 of :math:`c + a e^{-b \lambda}`, fitted with :math:`0 \le b \le 1/2`.

    Args:
        scale_factors: :math:`\lambda_i`; shape ``(k,)``.
        values: Shape ``(k, ...)``; each number is fitted for itself.
        asymptote: :math:`c`.

    Returns:
        Shape ``(...)``.
    """
    factors = np.asarray(scale_factors, dtype=float)
    signal = np.asarray(values, dtype=float) - asymptote
    columns = signal.reshape(len(factors), -1).T
    found = np.array([_fit_decay(factors, column) for column in columns])
    return np.asarray(asymptote + found.reshape(signal.shape[1:]))


def _fit_decay(factors: NDArray[np.float64], signal: NDArray[np.float64]) -> float:
    """The amplitude of the best decay to 0."""

    def amplitude(rate: Any) -> Any:
        decays = np.exp(-np.multiply.outer(rate, factors))
        return (decays @ signal) / np.sum(decays**2, axis=-1)

    def misfit(rate: Any) -> Any:
        decays = np.exp(-np.multiply.outer(rate, factors))
        return np.sum((np.multiply.outer(amplitude(rate), [1]) * decays - signal) ** 2, axis=-1)

    best = int(np.argmin(misfit(_RATES)))
    bounds = _RATES[max(best - 1, 0)], _RATES[min(best + 1, len(_RATES) - 1)]
    refined = minimize_scalar(misfit, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x
    candidates = np.array([_RATES[best], refined])
    return float(amplitude(candidates[np.argmin(misfit(candidates))]))


def mixed_value(mp: MeasurementProcess) -> float:
    """What a measurement gives in the maximally mixed state."""
    if isinstance(mp, ProbabilityMP):
        return 0.5 ** len(mp.wires)
    if mp.obs is not None and mp.obs.pauli_rep is not None:
        return float(np.real(mp.obs.pauli_rep.trace()))
    return float(np.real(np.mean(mp.eigvals())))


def _require_factors(factors: Sequence[float], needed: int, what: str) -> None:
    different = len(set(factors))
    if different < needed:
        raise InvalidOptionError(
            f"{what} needs {needed} different factors, and of "
            f"{[round(float(factor), 3) for factor in factors]} there are {different}; ask for "
            "another fit, or for factors further apart"
        )
