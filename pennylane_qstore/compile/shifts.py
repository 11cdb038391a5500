r"""Parameter-shift rules bound on a template: one tape to all the circuits of its gradient.

For a gate parameter with frequencies :math:`\Omega`, the derivative of anything linear in the
outcome distribution is :math:`\sum_i c_i f(x + s_i)`, with two terms for one frequency and four for
two.

References:
    Schuld, Bergholm, Gogolin, Izaac, Killoran, Phys. Rev. A 99, 032331 (2019);
    Wierichs, Izaac, Wang, Lin, Quantum 6, 677 (2022).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pennylane.gradients import generate_shift_rule
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from pennylane_qstore.compile.lower import NO_GATE, Source, native_name
from pennylane_qstore.compile.translate import TRANSLATABLE


@dataclass(frozen=True)
class ShiftPlan:
    """The circuits of one gradient, and how to combine what they give.

    Attributes:
        source: Row 0 is the circuit itself, the others are shifted.
        weights: Derivative with respect to each trainable parameter as weights of the rows; shape
            ``(n_trainable, n_rows)``.
    """

    source: Source
    weights: NDArray[np.float64]


def has_shift_rule(op: Operator) -> bool:
    """Whether every parameter of ``op`` can be shifted as it stands."""
    return op.name in TRANSLATABLE and native_name(op) is None


@lru_cache(maxsize=1024)
def _rule(frequencies: tuple[float, ...]) -> NDArray[np.float64]:
    """Rows of coefficient and shift."""
    return np.asarray(generate_shift_rule(tuple(sorted(frequencies))), dtype=float)


def plan_shifts(tape: QuantumScript, source: Source) -> ShiftPlan:
    """All circuits that the derivatives of a tape need.

    Args:
        tape: A tape of gates for which :func:`has_shift_rule` holds.
        source: The same tape, taken apart; one row.

    Returns:
        The circuit itself and its shifted copies.
    """
    trainable = list(tape.trainable_params)
    base = source.params[0]
    rows, terms = [base], []
    column = place = 0
    for op in tape.operations:
        for number in range(op.num_params):
            if place in trainable and op.name not in NO_GATE:
                for coefficient, shift in _rule(op.parameter_frequencies[number]):
                    shifted = base.copy()
                    shifted[column + number] += shift
                    terms.append((trainable.index(place), len(rows), coefficient))
                    rows.append(shifted)
            place += 1
        column += 0 if op.name in NO_GATE else op.num_params
    weights = np.zeros((len(trainable), len(rows)))
    for parameter, row, coefficient in terms:
        weights[parameter, row] = coefficient
    return ShiftPlan(source._replace(params=np.array(rows)), weights)
