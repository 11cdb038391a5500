"""Pauli words and what conjugation makes of them, against dense matrices."""

import numpy as np
import pytest

from pennylane_qstore.compile.one_qubit import Unitary
from pennylane_qstore.compile.passes.pauli.program import euler
from pennylane_qstore.compile.passes.pauli.tableau import changes, generator_of, tableau_of
from pennylane_qstore.compile.passes.pauli.words import Word, anticommute, times, turned, word_of
from tests.compile.passes.pauli.dense import PAULIS, matrix_of_word
from tests.oracles import distance_up_to_phase, random_unitary


def dense(word, n):
    """The matrix of a signed word, qubit 0 first."""
    letters = ["IXZY"[(word.x >> q & 1) + 2 * (word.z >> q & 1)] for q in range(n)]
    return (-1) ** word.minus * matrix_of_word(letters)


def rotation(matrix, angle):
    """The rotation about a word."""
    return np.cos(angle / 2) * np.eye(len(matrix)) - 1j * np.sin(angle / 2) * matrix


def random_words(rng, n, size):
    return [
        Word(*(int(v) for v in rng.integers(0, 2**n, 2)), int(rng.integers(2))) for _ in range(size)
    ]


@pytest.mark.parametrize("seed", range(10))
def test_turning_a_word_conjugates_its_matrix(seed):
    rng = np.random.default_rng(seed)
    word, axis = random_words(rng, 3, 2)
    for quarters in (-1, 0, 1, 2, 3):
        clifford = rotation(dense(axis, 3), quarters * np.pi / 2)
        expected = clifford @ dense(word, 3) @ clifford.conj().T
        np.testing.assert_allclose(dense(turned(word, axis, quarters), 3), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_products_and_commutation_are_those_of_matrices(seed):
    first, second = random_words(np.random.default_rng(seed), 3, 2)
    product = dense(first, 3) @ dense(second, 3)
    assert anticommute(first, second) == np.allclose(product, -dense(second, 3) @ dense(first, 3))
    if not anticommute(first, second):
        np.testing.assert_allclose(dense(times(first, second), 3), product, atol=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_a_tableau_turns_as_its_words_do(seed):
    rng = np.random.default_rng(seed)
    words, (axis,) = random_words(rng, 4, 12), random_words(rng, 4, 1)
    tableau = tableau_of(words, 4)
    for backwards in (False, True):
        tableau.turn(((3, 1), (1, 3)), backwards=backwards)
        letters = word_of((3, 1), "XY")
        words = [turned(word, letters, -1 if backwards else 1) for word in words]
        assert [tableau.word(row) for row in range(12)] == words
    tableau.turn_about(axis, -1)
    assert [tableau.word(row) for row in range(12)] == [turned(w, axis, -1) for w in words]


def test_changes_are_the_differences_of_weights():
    rng = np.random.default_rng(1)
    tableau = tableau_of(random_words(rng, 4, 9), 4)
    counts = rng.uniform(0, 1, 9)
    sums = changes(tableau.letters, -counts, counts)
    for index in range(sums.size):
        if not np.isfinite(sums.flat[index]):
            continue
        after = tableau.copy()
        after.turn(generator_of(index, 4))
        difference = counts @ (after.weights() - tableau.weights())
        assert sums.flat[index] == pytest.approx(difference, abs=1e-12)


@pytest.mark.parametrize("preferred", ["X", "Y", "Z"])
@pytest.mark.parametrize("seed", range(5))
def test_euler_angles_multiply_to_the_unitary(seed, preferred):
    unitary = random_unitary(np.random.default_rng(seed), 2)
    product = np.eye(2)
    for axis, angle in euler(Unitary(*np.ravel(unitary).tolist()), preferred):
        product = rotation(PAULIS[axis], angle) @ product
    assert distance_up_to_phase(product, unitary) < 1e-12
