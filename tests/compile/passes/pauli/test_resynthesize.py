"""Resynthesis from Pauli rotations, against dense matrices."""

import numpy as np
import pytest

from pennylane_qstore.compile.form import Bit, Form, Local, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import FIXED, ry
from pennylane_qstore.compile.passes.pauli import Search, interactions, resynthesize_paulis
from tests.compile.passes.pauli.dense import (
    distribution,
    form_matrix,
    permutation_of,
    random_form,
)
from tests.oracles import distance_up_to_phase

ALWAYS = Search(score=lambda form: (1.0,) if any_wide(form) else (0.0, *interactions(form)))
"""A search that prefers any result to an input with a long word or no entangler to compare."""


def any_wide(form):
    """Whether a form has a rotation that is not native, or the mark of an input."""
    return any(isinstance(op, Rotation) and len(op.qubits) != 2 for op in form.operations)


def marked(form):
    """The same circuit with an idle one-qubit rotation, so that it is never returned itself."""
    idle = Rotation((0,), "Z", 0.0)
    return Form(form.n_qubits, (idle, *form.operations), form.readout)


@pytest.mark.parametrize("absorb_tail", [False, True])
@pytest.mark.parametrize("seed", range(24))
def test_distribution_is_kept(seed, absorb_tail):
    rng = np.random.default_rng(seed)
    form = marked(random_form(rng, 2 + seed % 5, int(rng.integers(1, 25))))
    new = resynthesize_paulis(form, absorb_tail=absorb_tail, search=ALWAYS)
    assert not any_wide(new)
    np.testing.assert_allclose(distribution(new), distribution(form), atol=1e-9)
    if not absorb_tail:
        assert all(len(bit.qubits) == 1 and not bit.flip for bit in new.readout)


@pytest.mark.parametrize("seed", range(20))
def test_clifford_circuits_keep_their_distribution(seed):
    rng = np.random.default_rng(seed)
    form = marked(random_form(rng, 2 + seed % 5, 25, clifford=True))
    strict = resynthesize_paulis(form, search=ALWAYS)
    np.testing.assert_allclose(distribution(strict), distribution(form), atol=1e-9)
    summed = resynthesize_paulis(form, absorb_tail=True, search=ALWAYS)
    np.testing.assert_allclose(distribution(summed), distribution(form), atol=1e-9)
    assert interactions(summed)[0] == 0


@pytest.mark.parametrize("clifford", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_unitary_is_kept_between_other_circuits(seed, clifford):
    rng = np.random.default_rng(seed)
    form = marked(random_form(rng, 2 + seed % 4, int(rng.integers(1, 25)), clifford=clifford))
    new = resynthesize_paulis(form, from_ground=False, to_measurement=False, search=ALWAYS)
    assert not any_wide(new)
    unitary = permutation_of(new) @ form_matrix(new)
    assert distance_up_to_phase(unitary, form_matrix(form)) < 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_state_is_kept_if_what_follows_may_be_anything(seed):
    rng = np.random.default_rng(seed)
    form = marked(random_form(rng, 2 + seed % 4, int(rng.integers(1, 20))))
    new = resynthesize_paulis(form, to_measurement=False, search=ALWAYS)
    state = (permutation_of(new) @ form_matrix(new))[:, 0]
    assert abs(abs(np.vdot(state, form_matrix(form)[:, 0])) - 1) < 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_distribution_is_kept_from_every_input(seed):
    rng = np.random.default_rng(seed)
    form = marked(random_form(rng, 2 + seed % 3, int(rng.integers(1, 20))))
    new = resynthesize_paulis(form, from_ground=False, absorb_tail=seed % 2 == 1, search=ALWAYS)
    before, after = form_matrix(form), form_matrix(new)
    for state in range(len(before)):
        np.testing.assert_allclose(
            distribution(new, after, state), distribution(form, before, state), atol=1e-9
        )


@pytest.mark.parametrize("seed", range(10))
def test_search_with_lookout_and_noise_keeps_the_distribution(seed):
    rng = np.random.default_rng(seed)
    form = marked(random_form(rng, 3, 10))
    search = Search(trials=9, width=2, seed=seed, score=ALWAYS.score)
    new = resynthesize_paulis(form, search=search)
    np.testing.assert_allclose(distribution(new), distribution(form), atol=1e-9)
    assert new == resynthesize_paulis(form, search=search)


@pytest.mark.parametrize("seed", range(10))
def test_sums_of_some_outcomes_are_kept(seed):
    rng = np.random.default_rng(seed)
    form = marked(random_form(rng, 4, 10))
    form = Form(4, form.operations, (Bit((0, 2), True), Bit((3,)), Bit((2, 3))))
    for absorb_tail in (False, True):
        new = resynthesize_paulis(form, absorb_tail=absorb_tail, search=ALWAYS)
        np.testing.assert_allclose(distribution(new), distribution(form), atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_no_result_is_longer_than_the_input(seed):
    rng = np.random.default_rng(seed)
    form = random_form(rng, 4, 12)
    assert interactions(resynthesize_paulis(form)) <= interactions(form)


def test_a_form_that_cannot_be_improved_is_returned_itself():
    form = Form(2, (Local(0, ry(0.3)), Rotation((0, 1), "XX", 0.7)), plain_readout(2))
    assert resynthesize_paulis(form, from_ground=False) is form


def test_an_empty_form_is_returned_itself():
    form = Form(3, (), plain_readout(3))
    assert resynthesize_paulis(form) is form


def test_search_stops_at_the_deadline():
    asked = []

    def deadline():
        asked.append(True)
        return len(asked) > 1

    form = marked(random_form(np.random.default_rng(3), 4, 20))
    search = Search(trials=50, deadline=deadline, score=ALWAYS.score)
    assert resynthesize_paulis(form, search=search) is form
    assert len(asked) == 3


HADAMARD = FIXED["Hadamard"]


def cnot(control, target):
    """A CNOT, up to one-qubit Cliffords that do not matter here."""
    return (
        Local(target, HADAMARD),
        Rotation((control, target), "ZZ", np.pi / 2),
        Rotation((control,), "Z", -np.pi / 2),
        Rotation((target,), "Z", -np.pi / 2),
        Local(target, HADAMARD),
    )


def test_ghz_is_read_from_one_qubit():
    n = 6
    chain = [op for q in range(n - 1) for op in cnot(q, q + 1)]
    form = Form(n, (Local(0, HADAMARD), *chain), plain_readout(n))
    summed = resynthesize_paulis(form, absorb_tail=True)
    assert interactions(summed)[0] == 0
    strict = resynthesize_paulis(form)
    assert interactions(strict)[0] == n - 1
    for new in (summed, strict):
        np.testing.assert_allclose(distribution(new), distribution(form), atol=1e-9)


def test_a_double_excitation_of_a_basis_state_is_one_rotation():
    words = ("XXXY", "XXYX", "XYXX", "YXXX", "YYYX", "YYXY", "YXYY", "XYYY")
    signs = (1, 1, -1, -1, -1, -1, 1, 1)
    flips = tuple(Rotation((q,), "X", np.pi) for q in (0, 1))
    excitation = tuple(
        Rotation((0, 1, 2, 3), axes, 0.1 * sign) for axes, sign in zip(words, signs, strict=True)
    )
    form = Form(4, flips + excitation, plain_readout(4))
    new = resynthesize_paulis(form, absorb_tail=True)
    assert interactions(new)[0] == 0
    assert max(distribution(form)) < 0.9
    np.testing.assert_allclose(distribution(new), distribution(form), atol=1e-9)


def test_three_letter_phases_become_two_clifford_interactions_and_one_partial():
    form = Form(3, (Rotation((0, 1, 2), "ZZZ", 0.4),), plain_readout(3))
    new = resynthesize_paulis(form, from_ground=False, to_measurement=False)
    assert interactions(new)[0] == 3


def test_the_ladder_of_a_word_at_the_end_is_not_uncomputed_if_sums_are_read():
    form = Form(3, (Rotation((0, 1, 2), "XXX", 0.4),), plain_readout(3))
    new = resynthesize_paulis(form, from_ground=False, absorb_tail=True)
    assert interactions(new)[0] <= 3
    np.testing.assert_allclose(distribution(new), distribution(form), atol=1e-9)
