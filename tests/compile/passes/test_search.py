from time import monotonic

import numpy as np
import pytest

from pennylane_qstore.compile.form import Form, Local, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import Unitary
from pennylane_qstore.compile.passes.fit import fit
from pennylane_qstore.compile.passes.merge import merge_twists
from pennylane_qstore.compile.passes.residuals import Problem, Target, random_guess
from pennylane_qstore.compile.passes.search import Limits, shorten_windows
from pennylane_qstore.compile.passes.twists import to_twists
from pennylane_qstore.compile.passes.weyl import cartan, directions
from pennylane_qstore.compile.passes.windows import (
    as_guess,
    generic_length,
    replace,
    target_of,
    window_at,
    windows_of,
)
from tests.compile.passes.random_forms import (
    distribution,
    form_matrix,
    random_form,
    twists_matrix,
)


def haar(rng, rows, columns):
    matrix = rng.normal(size=(rows, rows)) + 1j * rng.normal(size=(rows, rows))
    return np.linalg.qr(matrix)[0][:, :columns]


def test_derivatives_are_those_of_differences():
    rng = np.random.default_rng(0)
    target = Target(haar(rng, 8, 2), np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    problem = Problem(target)
    guess = random_guess(np.array([[0, 1, 2, 1], [2, 2, 0, 1]]), 3, rng)
    images = problem.images(guess)
    wanted = problem.wanted(images)
    _, jacobian = problem.jacobian(guess)
    n_params = 5 * 4 + 3 * 3
    for k in range(n_params):
        step = np.zeros((2, jacobian.shape[1]))
        step[:, k] = 1e-6
        moved = problem.images(problem.moved(guess, step))
        assert np.allclose((moved - images) / 1e-6, jacobian[:, k], atol=1e-5)
    assert np.allclose(jacobian[:, n_params:].sum(1), -1j * wanted)


@pytest.mark.parametrize(
    ("width", "columns", "groups", "length"),
    [(3, 1, "one", 3), (3, 1, "all", 2), (3, 2, "one", 5), (4, 1, "all", 5), (4, 1, "one", 7)],
)
def test_generic_targets_are_met_to_rounding(width, columns, groups, length):
    rng = np.random.default_rng(1)
    d = 2**width
    rows = np.zeros(d, dtype=int) if groups == "one" else np.arange(d)
    target = Target(haar(rng, d, columns), rows)
    n_pairs = width * (width - 1) // 2
    structures = (rng.integers(n_pairs, size=(24, 1)) + np.arange(length)) % n_pairs
    found = fit(target, random_guess(structures, width, rng))
    assert found
    assert np.abs(Problem(target).residual(found[0])).max() < 1e-12


def test_lengths_by_counting_parameters():
    assert generic_length(3, 0, 0) == 11
    assert generic_length(4, 4, 0) == 5
    assert generic_length(4, 4, 4) == 3


@pytest.mark.parametrize("seed", range(12))
def test_windows_put_back_leave_the_circuit_as_it_was(seed):
    rng = np.random.default_rng(seed)
    form = random_form(rng, 4, 18, letters="XZ")
    twists = merge_twists(to_twists(form))
    expected = distribution(form, form_matrix(form))
    for window in windows_of(twists, 4):
        guess = as_guess(window)
        assert np.abs(Problem(target_of(window)).residual(guess)).max() < 1e-12
        same = replace(twists, window, guess)
        assert np.allclose(distribution(same, twists_matrix(same)), expected, atol=1e-9)


def test_rows_of_different_outcomes_may_differ_in_phase_and_only_those():
    free, bound = Local(0, Unitary(1, 0, 0, 1)), Rotation((2, 3), "XX", 0.5)
    chain = (Rotation((0, 1), "XX", 0.3), Rotation((1, 2), "XX", 0.4), free)
    whole = Form(3, chain, plain_readout(3))
    part = Form(4, (*chain, bound), plain_readout(4))
    window = window_at(to_twists(whole), 0, frozenset((0, 1, 2)))
    assert sorted(target_of(window).groups) == list(range(8))
    window = window_at(to_twists(part), 0, frozenset((0, 1, 2)))
    assert window.qubits == (0, 1, 2)
    assert target_of(window).groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("seed", range(4))
def test_shortened_circuits_have_the_same_distribution(seed):
    rng = np.random.default_rng(seed)
    form = random_form(rng, int(rng.integers(3, 6)), 24)
    twists = merge_twists(to_twists(form))
    limits = Limits(widest=4, deadline=monotonic() + 1.5, seed=0)
    short = shorten_windows(twists, merge_twists, limits)
    assert len(short.twists) <= len(twists.twists)
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, twists_matrix(short)), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(2))
def test_a_circuit_on_four_qubits_takes_few_twists(seed):
    form = random_form(np.random.default_rng(seed), 4, 60)
    twists = merge_twists(to_twists(form))
    limits = Limits(widest=4, deadline=monotonic() + 10, seed=0)
    short = shorten_windows(twists, merge_twists, limits)
    assert len(twists.twists) > 20
    assert len(short.twists) <= 5
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, twists_matrix(short)), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_the_cartan_decomposition_survives_degenerate_spectra(seed):
    rng = np.random.default_rng(seed)
    angles = rng.choice([0, np.pi / 4, np.pi / 2, 1e-7, 1e-10, rng.uniform(0, 2)], 3)
    exponent = sum(
        angle * np.kron(p, p)
        for angle, p in zip(
            angles,
            ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]),
            strict=True,
        )
    )
    values, vectors = np.linalg.eigh(exponent)
    middle = vectors @ np.diag(np.exp(-0.5j * values)) @ vectors.conj().T
    left = np.kron(haar(rng, 2, 2), haar(rng, 2, 2))
    source = left @ middle @ np.kron(haar(rng, 2, 2), haar(rng, 2, 2))
    assert np.abs(rebuilt(cartan(source), source)).max() < 1e-11


def rebuilt(parts, source):
    """Deviation of a decomposition from its source, with matrices of its own."""
    paulis = [np.array(p) for p in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]

    def turned(vector):
        return sum(x * p for x, p in zip(vector, paulis, strict=True))

    def matrix(spin):
        return spin[0] * np.eye(2) - 1j * turned(spin[1:])

    total = np.eye(4, dtype=complex)
    for (n, m), angle in zip(directions(parts.frames), parts.angles, strict=True):
        word = np.kron(turned(n), turned(m))
        total = np.cos(angle / 2) * total - 1j * np.sin(angle / 2) * (word @ total)
    total = np.kron(matrix(parts.after[0]), matrix(parts.after[1])) @ total
    overlap = np.vdot(total, source)
    return total * (overlap / abs(overlap)) - source
