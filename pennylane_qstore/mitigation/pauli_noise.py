r"""Pauli channels behind gates, and what undoes them on average.

A channel :math:`\mathcal{E}(\rho) = \sum_Q p_Q\, Q \rho Q` multiplies each Pauli :math:`P` by
:math:`\lambda_P = \sum_Q \pm p_Q`, with + where the two commute. Its inverse multiplies by
:math:`1 / \lambda_P`, and so is :math:`\sum_Q q_Q\, Q \rho Q` with

.. math:: q_Q = 4^{-k} \sum_P \pm \frac{1}{\lambda_P}, \qquad \gamma = \sum_Q |q_Q| \ge 1.

Some :math:`q_Q` are negative: no experiment, but one that draws Paulis with :math:`|q_Q| / \gamma`,
and multiplies results by :math:`\pm \gamma`, averages to it.

Paulis are numbered 0 to 3 for I, X, Y, Z, and pairs ``4 * first + second``; the exclusive or of two
numbers is the number of their product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError, UnknownBackendError
from pennylane_qstore.native import FIGURES

FloatArray = NDArray[np.float64]

_SIGNS = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])


@dataclass(frozen=True, slots=True)
class PauliNoise:
    """Errors behind every native gate: Paulis on the qubits it acts on, with known probabilities.

    Attributes:
        one_qubit: Probabilities of I, X, Y, Z after a gate on one qubit.
        two_qubit: Probabilities of II, IX, IY, IZ, XI, ... ZZ after one on two, in the order of
            its wires; 16 of them.

    Raises:
        InvalidOptionError: If these are not probabilities, or the channel has no inverse.
    """

    one_qubit: tuple[float, ...]
    two_qubit: tuple[float, ...]

    def __post_init__(self) -> None:
        for name, n_qubits in (("one_qubit", 1), ("two_qubit", 2)):
            found = np.asarray(getattr(self, name), dtype=float)
            if found.shape != (4**n_qubits,):
                raise InvalidOptionError(
                    f"{name} has the shape {found.shape}; give {4**n_qubits} probabilities"
                )
            if not (np.all(found >= 0) and abs(found.sum() - 1) < 1e-9):
                raise InvalidOptionError(
                    f"{name} is {found.tolist()}; probabilities are not negative and add up to 1"
                )
            if np.min(_eigenvalues(found)) <= 0:
                raise InvalidOptionError(
                    f"{name} is {found.tolist()}, which leaves nothing to recover of some "
                    "observables: no inverse exists"
                )
            object.__setattr__(self, name, tuple(found.tolist()))

    @classmethod
    def depolarizing(cls, rate_one: float, rate_two: float) -> Self:
        """Depolarizing errors, in the convention of IonQ's noise models.

        Args:
            rate_one: r of one-qubit gates: each of X, Y, Z has the probability r/4.
            rate_two: r of two-qubit gates: each of the 15 Paulis has the probability r/16.
        """
        pairs = ((rate_one, 4), (rate_two, 16))
        return cls(*((1 - rate * (n - 1) / n, *[rate / n] * (n - 1)) for rate, n in pairs))

    @classmethod
    def published(cls, name: str) -> Self:
        """IonQ's published noise model of a machine, such as ``"aria-1"``.

        What a real machine does is not told by it: calibrate, or expect a bias.

        Raises:
            UnknownBackendError: If no figures of it are published.
        """
        if name not in FIGURES:
            raise UnknownBackendError(
                f"no figures are published for {name!r}; there are some for {', '.join(FIGURES)}"
            )
        return cls.depolarizing(*FIGURES[name].rates)

    def quasi_probabilities(self, n_qubits: int) -> FloatArray:
        """The inverse channel's :math:`q_Q` after a gate; shape ``(4**n_qubits,)``, sum 1."""
        return invert(self.one_qubit if n_qubits == 1 else self.two_qubit)


def invert(probabilities: Sequence[float]) -> FloatArray:
    """Quasi-probabilities of the channel that undoes a Pauli channel."""
    eigenvalues = _eigenvalues(probabilities)
    return _signs(len(eigenvalues)) @ (1 / eigenvalues) / len(eigenvalues)


def _eigenvalues(probabilities: ArrayLike) -> FloatArray:
    found = np.asarray(probabilities, dtype=float)
    return _signs(len(found)) @ found


def _signs(size: int) -> NDArray[np.int64]:
    """1 where two Paulis commute, else -1; shape ``(size, size)``."""
    return _SIGNS if size == 4 else np.kron(_SIGNS, _SIGNS)
