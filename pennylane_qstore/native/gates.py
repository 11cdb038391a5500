r"""Matrices of IonQ's native gates. Phases and angles are in turns (1 turn = 2π).

With :math:`A(\phi) = \cos(2\pi\phi) X + \sin(2\pi\phi) Y`:

* :math:`GPI(\phi) = A(\phi)`
* :math:`GPI2(\phi) = \exp(-i\frac{\pi}{4} A(\phi))`
* :math:`MS(\phi_0, \phi_1, \theta) = \exp(-i\pi\theta\, A(\phi_0) \otimes A(\phi_1))`
* :math:`ZZ(\theta) = \exp(-i\pi\theta\, Z \otimes Z)`

Every argument may be an array; the matrices then stack along its leading axes. The first qubit of
a two-qubit gate is the left tensor factor.

References:
    IonQ, "Getting started with native gates", documentation of the Quantum Cloud API v0.4.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ComplexArray = NDArray[np.complex128]


def _turn(phase: ArrayLike) -> ComplexArray:
    """``exp(2πi phase)``, elementwise."""
    return np.exp(2j * np.pi * np.asarray(phase, dtype=float))


def gpi_matrix(phase: ArrayLike) -> ComplexArray:
    """GPI: a half turn about the equatorial axis at ``phase``; shape ``(..., 2, 2)``."""
    turn = _turn(phase)
    matrix = np.zeros((*turn.shape, 2, 2), dtype=complex)
    matrix[..., 0, 1] = turn.conj()
    matrix[..., 1, 0] = turn
    return matrix


def gpi2_matrix(phase: ArrayLike) -> ComplexArray:
    """GPI2: a quarter turn about the equatorial axis at ``phase``; shape ``(..., 2, 2)``."""
    return (np.eye(2) - 1j * gpi_matrix(phase)) / np.sqrt(2)


def ms_matrix(phase0: ArrayLike, phase1: ArrayLike, angle: ArrayLike = 0.25) -> ComplexArray:
    """Mølmer-Sørensen gate, fully entangling at ``angle=0.25``; shape ``(..., 4, 4)``."""
    a0, a1, angle = np.broadcast_arrays(
        np.asarray(phase0, dtype=float), np.asarray(phase1, dtype=float), np.asarray(angle)
    )
    theta = np.pi * angle.astype(float)
    plus, minus = _turn(a0 + a1), _turn(a0 - a1)
    cos, sin = np.cos(theta), -1j * np.sin(theta)
    matrix = np.zeros((*theta.shape, 4, 4), dtype=complex)
    for index in range(4):
        matrix[..., index, index] = cos
    matrix[..., 0, 3] = sin * plus.conj()
    matrix[..., 1, 2] = sin * minus.conj()
    matrix[..., 2, 1] = sin * minus
    matrix[..., 3, 0] = sin * plus
    return matrix


def zz_matrix(angle: ArrayLike) -> ComplexArray:
    """ZZ gate, fully entangling at ``angle=0.25``; shape ``(..., 4, 4)``."""
    half = _turn(np.asarray(angle, dtype=float) / 2)
    matrix = np.zeros((*half.shape, 4, 4), dtype=complex)
    for index, value in enumerate((half.conj(), half, half, half.conj())):
        matrix[..., index, index] = value
    return matrix
