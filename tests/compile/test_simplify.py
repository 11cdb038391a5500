import numpy as np
import pytest

from pennylane_qstore.compile.affine import Affine
from pennylane_qstore.compile.form import Form, Local, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import FIXED
from pennylane_qstore.compile.simplify import simplify
from tests.oracles import distance_up_to_diagonal, form_matrix


def random_form(seed):
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(1, 5))
    operations = []
    for _ in range(rng.integers(1, 25)):
        size = int(rng.integers(1, n_qubits + 1))
        qubits = tuple(int(qubit) for qubit in rng.permutation(n_qubits)[:size])
        angle = float(rng.choice([rng.uniform(-7, 7), rng.integers(-4, 5) * np.pi / 2]))
        if rng.integers(4) == 0:
            operations.append(Local(qubits[0], FIXED[str(rng.choice(list(FIXED)))]))
        else:
            axes = "".join(rng.choice(list("XYZZZ"), size))
            operations.append(Rotation(qubits, axes, angle))
    return Form(n_qubits, tuple(operations), plain_readout(n_qubits))


def probabilities(form):
    return np.abs(form_matrix(form)[:, 0]) ** 2


@pytest.mark.parametrize("seed", range(300))
def test_simplifying_keeps_the_distribution_and_never_lengthens(seed):
    form = random_form(seed)
    simpler = simplify(form, from_ground=True)
    assert len(simpler.operations) <= len(form.operations)
    np.testing.assert_allclose(probabilities(simpler), probabilities(form), atol=1e-10)


@pytest.mark.parametrize("seed", range(300))
def test_without_a_known_start_the_unitary_is_kept_up_to_a_final_diagonal(seed):
    form = random_form(seed)
    simpler = simplify(form)
    assert len(simpler.operations) <= len(form.operations)
    assert distance_up_to_diagonal(form_matrix(simpler), form_matrix(form)) < 1e-10


def simplified(*operations, n_qubits=3):
    form = Form(n_qubits, operations, plain_readout(n_qubits))
    return simplify(form, from_ground=True).operations


def test_a_controlled_gate_with_a_control_in_the_ground_state_is_none():
    cnot = [Rotation((0, 1), "ZX", -np.pi / 2), Rotation((1,), "X", np.pi / 2)]
    assert simplified(*cnot) == ()


def test_diagonals_before_the_measurement_are_dropped_and_others_are_not():
    start = [Rotation((q,), "Y", 0.3 + q) for q in range(3)]
    tail = [Rotation((0, 1), "ZZ", 0.4), Rotation((1, 2), "ZZ", 0.3), Local(2, FIXED["T"])]
    assert simplified(*start, *tail) == tuple(start)
    blocked = [Rotation((0, 1), "ZZ", 0.4), Rotation((1,), "X", 0.3)]
    assert simplified(*start[:2], *blocked) == (*start[:2], *blocked)


def test_rotations_about_equal_words_add_up_past_commuting_ones():
    x = Affine(((0, 1.0),))
    start = tuple(Rotation((q,), "Y", 0.3) for q in range(3))
    pair = Rotation((0, 1), "XX", x)
    between = Rotation((1, 2), "XX", 0.5)
    found = simplified(*start, pair, between, Rotation((1, 0), "XX", 2 * x))
    assert found == (*start, Rotation((0, 1), "XX", 3 * x), between)
    found = simplified(*start, pair, between, Rotation((1, 0), "XX", -x))
    assert found == (*start, between)


def test_rotations_do_not_move_past_what_does_not_commute():
    start = tuple(Rotation((q,), "Y", 0.3) for q in range(2))
    clash = (Rotation((0,), "X", 0.2), Rotation((0, 1), "ZX", 0.5), Rotation((0,), "X", 0.4))
    assert simplified(*start, *clash, n_qubits=2) == (*start, *clash)
