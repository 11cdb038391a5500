"""From results under scaled noise to one without: zero-noise extrapolation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pennylane as qml
from numpy.polynomial import polynomial
from numpy.typing import NDArray
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.mitigation.folding import fold, noise_scale
from pennylane_qstore.mitigation.tapes import (
    combine,
    divide_shots,
    require_averages,
    require_native,
)

Fit = int | Callable[[Sequence[float], Sequence[Any]], Any]


@qml.transform
def extrapolate_noise(
    tape: QuantumScript, scale_factors: Sequence[float] = (1, 3, 5), fit: Fit = 1
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    r"""Measure a native circuit at several scales of noise, and follow a fit back to no noise.

    The circuits are :func:`~.fold_native` of the tape, in one batch. They divide its shots, so that
    a mitigated value costs as many shots as a plain one, though more gates. A polynomial fit is a
    weighted sum :math:`\sum_i w_i E_i` of their results; see :func:`extrapolation_weights` for what
    it does to the variance. Probabilities add up to 1, but may leave :math:`[0, 1]`.

    A circuit without gates has no noise to scale and is measured as it is.

    Args:
        tape: Native gates; expectation values and probabilities.
        scale_factors: Factors of the noise, at least 1 and different.
        fit: Degree of a polynomial (1 for a line, one less than there are factors for Richardson's
            extrapolation), or a function of factors and values to the value at 0, such as
            ``qml.noise.exponential_extrapolate``.

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
    >>> value = circuit(0.3)  # three circuits of 2000 shots in one job

    References:
        Temme, Bravyi and Gambetta, Phys. Rev. Lett. 119, 180509 (2017).
        Giurgica-Tiron, Hindy, LaRose, Mari and Zeng, IEEE QCE (2020).
    """
    require_native(tape)
    require_averages(tape)
    folded = [fold(tape, factor) for factor in scale_factors]
    if not tape.operations:
        return [tape], lambda results: results[0]
    factors = [noise_scale(tape, one) for one in folded]
    if isinstance(fit, int):
        weights = extrapolation_weights(factors, fit)

        def postprocess(results: Sequence[Any]) -> Any:
            return combine(weights.tolist(), results)
    else:

        def postprocess(results: Sequence[Any]) -> Any:
            return _fit_each(fit, factors, results)

    shots = divide_shots(tape, len(folded))
    return [one.copy(shots=shots) for one in folded], postprocess


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
    different = len(set(scale_factors))
    if not 0 <= degree < different:
        raise InvalidOptionError(
            f"a polynomial of degree {degree} needs {degree + 1} different factors, and of "
            f"{[round(float(factor), 3) for factor in scale_factors]} there are {different}; ask "
            "for a lower degree or for factors further apart"
        )
    powers = polynomial.polyvander(np.asarray(scale_factors, dtype=float), degree)
    return np.linalg.pinv(powers)[0]


def _fit_each(
    fit: Callable[[Sequence[float], Sequence[Any]], Any],
    factors: Sequence[float],
    results: Sequence[Any],
) -> Any:
    """Extrapolate every number of the results for itself."""
    if isinstance(results[0], tuple | list):
        parts = zip(*results, strict=True)
        return tuple(_fit_each(fit, factors, part) for part in parts)
    rows = qml.math.stack(list(results))
    if qml.math.ndim(rows) == 1:
        return fit(factors, rows)
    columns = [fit(factors, rows[:, i]) for i in range(qml.math.shape(rows)[1])]
    return qml.math.stack(columns)
