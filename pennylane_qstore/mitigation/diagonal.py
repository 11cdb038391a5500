"""Values of measurements in the computational basis, from a distribution over outcomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pennylane.measurements import ExpectationMP, MeasurementProcess, ProbabilityMP, VarianceMP

from pennylane_qstore.errors import UnsupportedMeasurementError

Bits = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Probabilities of outcomes.

    Attributes:
        wires: The first is the most significant bit.
        outcomes: Shape ``(n_outcomes,)``.
        probabilities: Of the same shape.
    """

    wires: tuple[Any, ...]
    outcomes: NDArray[np.int64]
    probabilities: FloatArray

    def bits(self, wires: Sequence[Any]) -> Bits:
        """Bits of some wires in every outcome; shape ``(n_outcomes, len(wires))``."""
        shifts = [len(self.wires) - 1 - self.wires.index(wire) for wire in wires]
        return self.outcomes[:, None] >> np.array(shifts, dtype=np.int64) & 1


@dataclass(frozen=True, slots=True)
class Part:
    """A value, or a summand of one, that depends on some wires alone.

    Attributes:
        wires: These wires.
        of: From their bits in every outcome, and the probabilities of outcomes, to the value.
    """

    wires: tuple[Any, ...]
    of: Callable[[Bits, FloatArray], Any]

    def value(self, distribution: Distribution) -> Any:
        """The value in a distribution over these wires, and maybe others."""
        return self.of(distribution.bits(self.wires), distribution.probabilities)


def parts_of(mp: MeasurementProcess) -> list[Part]:
    """Parts whose sum a measurement is.

    Raises:
        UnsupportedMeasurementError: If it is no expectation value, variance or probabilities of
            basis states.
    """
    wires = tuple(mp.wires)
    if isinstance(mp, ProbabilityMP) and mp.obs is None and wires:
        return [Part(wires, _probabilities)]
    if isinstance(mp, ExpectationMP) and mp.obs is not None and mp.obs.pauli_rep is not None:
        words = mp.obs.pauli_rep.items()
        if all(_is_diagonal(word) for word, _ in words):
            return [
                Part(tuple(word), partial(_mean_of_word, coefficient))
                for word, coefficient in words
            ]
    elif isinstance(mp, ExpectationMP | VarianceMP) and not mp.diagonalizing_gates():
        kind = _mean if isinstance(mp, ExpectationMP) else _variance
        return [Part(wires, partial(kind, np.real(mp.eigvals())))]
    raise UnsupportedMeasurementError(
        f"{mp} cannot be corrected: expectation values, variances and probabilities of basis "
        "states of named wires can; apply to_ionq_native, which rotates the others to them"
    )


def _is_diagonal(word: Mapping[Any, str]) -> bool:
    return set(word.values()) <= {"Z"}


def _index(bits: Bits) -> NDArray[np.int64]:
    return bits @ (1 << np.arange(bits.shape[1])[::-1])


def _mean_of_word(coefficient: Any, bits: Bits, probabilities: FloatArray) -> Any:
    return coefficient * np.dot(1 - 2 * (bits.sum(axis=1) % 2), probabilities)


def _mean(eigenvalues: FloatArray, bits: Bits, probabilities: FloatArray) -> Any:
    return np.dot(eigenvalues[_index(bits)], probabilities)


def _variance(eigenvalues: FloatArray, bits: Bits, probabilities: FloatArray) -> Any:
    squares = _mean(eigenvalues**2, bits, probabilities)
    return squares - _mean(eigenvalues, bits, probabilities) ** 2


def _probabilities(bits: Bits, probabilities: FloatArray) -> Any:
    return np.bincount(_index(bits), probabilities, minlength=2 ** bits.shape[1])
