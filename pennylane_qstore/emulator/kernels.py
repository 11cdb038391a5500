"""Array arithmetic on state vectors, in place. The last axis of every array is the batch."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]


def product(left: ComplexArray, right: ComplexArray) -> ComplexArray:
    """Matrix product of stacks of shape ``(2, 2, batch)``."""
    result: ComplexArray = left[:, 0, None] * right[0]
    result += left[:, 1, None] * right[1]
    return result


def halves(state: ComplexArray, axis: int) -> tuple[ComplexArray, ComplexArray]:
    """Views of the state where one qubit is 0, and where it is 1."""
    lead: list[int | slice] = [slice(None)] * axis
    zero: ComplexArray = state[(*lead, 0)]
    one: ComplexArray = state[(*lead, 1)]
    return zero, one


def apply_matrix(
    state: ComplexArray, matrix: ComplexArray, axis: int, workspace: ComplexArray
) -> None:
    """Multiply a ``(2, 2, batch)`` stack into one axis of the state.

    Args:
        state: Amplitudes.
        matrix: Matrices.
        axis: Axis of the qubit.
        workspace: Flat array of at least the size of the state; memory that is used again costs a
            quarter of memory that the system has to provide afresh.
    """
    zero, one = halves(state, axis)
    first = workspace[: zero.size].reshape(zero.shape)
    second = workspace[zero.size : 2 * zero.size].reshape(zero.shape)
    np.multiply(zero, matrix[1, 0], out=first)
    np.multiply(one, matrix[0, 1], out=second)
    zero *= matrix[0, 0]
    zero += second
    one *= matrix[1, 1]
    one += first


def exchange(first: ComplexArray, second: ComplexArray) -> None:
    """Swap the contents of two parts of a state."""
    kept = first.copy()
    first[...] = second
    second[...] = kept


def pauli_exponential(state: ComplexArray, terms: tuple[str, ...], angles: FloatArray) -> None:
    r"""Apply :math:`e^{-i \sum_k \theta_k P_k}` to the leading axes of the state.

    Args:
        state: Amplitudes; the leading axes are the targets in order.
        terms: Pauli strings :math:`P_k`; the last character acts on the first target.
        angles: :math:`\theta_k`; shape ``(batch, n_terms)``.
    """
    if all(commute(a, b) for a in terms for b in terms):
        for term, angle in zip(terms, angles.T, strict=True):
            flipped = pauli_product(state, term)
            flipped *= -1j * np.sin(angle)
            state *= np.cos(angle)
            state += flipped
        return
    n_targets = len(terms[0])
    basis = np.stack([_dense(term) for term in terms])
    energies, vectors = np.linalg.eigh(np.tensordot(angles, basis, axes=1))
    unitary = (vectors * np.exp(-1j * energies)[:, None]) @ vectors.conj().swapaxes(1, 2)
    flat = state.reshape(2**n_targets, -1, state.shape[-1])
    state[...] = np.einsum("bij,jrb->irb", unitary, flat, optimize=True).reshape(state.shape)


def commute(first: str, second: str) -> bool:
    """Whether two Pauli strings commute."""
    return sum(a != b and "I" not in (a, b) for a, b in zip(first, second, strict=True)) % 2 == 0


def pauli_product(state: ComplexArray, term: str) -> ComplexArray:
    """A Pauli string times the state, as a new array; the last character acts on axis 0."""
    letters = term[::-1]
    flips = tuple(slice(None, None, -1 if letter in "XY" else 1) for letter in letters)
    result: ComplexArray = state[flips].copy()
    for axis, letter in enumerate(letters):
        zero, one = halves(result, axis)
        if letter == "Y":
            zero *= -1j
            one *= 1j
        elif letter == "Z":
            one *= -1
    return result


def _dense(term: str) -> ComplexArray:
    """Matrix of a Pauli string whose last character acts on the most significant bit."""
    size = 2 ** len(term)
    columns = np.eye(size, dtype=complex).reshape((2,) * len(term) + (size,))
    return pauli_product(columns, term).reshape(size, size)
