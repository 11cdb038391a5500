from itertools import permutations

import numpy as np
import pytest

from pennylane_qstore.compile.form import Form, Local, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import Unitary, to_pulses
from pennylane_qstore.compile.passes.blocks import rewrite_blocks
from pennylane_qstore.compile.passes.edges import (
    prepare,
    resynthesize_at_edges,
    trim_inputs,
    trim_outputs,
)
from pennylane_qstore.compile.passes.merge import merge_twists
from pennylane_qstore.compile.passes.poles import count_pulses, from_twists
from pennylane_qstore.compile.passes.resynthesis import multiplexed, resynthesize
from pennylane_qstore.compile.passes.twists import TwistForm, to_twists, total_angle
from tests.compile.passes.random_forms import (
    clifford_form,
    distribution,
    form_matrix,
    random_form,
    read_matrix,
    twists_matrix,
)
from tests.oracles import distance_up_to_phase

SEEDS = range(40)


def some_form(seed, **kinds):
    rng = np.random.default_rng(seed)
    if seed % 5 == 0:
        return clifford_form(rng, int(rng.integers(2, 6)), 25)
    return random_form(rng, int(rng.integers(2, 6)), 22, **kinds)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_qubit_gates_move_behind_all_twists(seed):
    form = some_form(seed)
    assert distance_up_to_phase(twists_matrix(to_twists(form)), form_matrix(form)) < 1e-12


def test_wide_rotations_have_to_be_expanded_first():
    form = Form(3, (Rotation((0, 1, 2), "XYZ", 0.3),), plain_readout(3))
    with pytest.raises(ValueError, match=r"\[0, 1, 2\]"):
        to_twists(form)


@pytest.mark.parametrize("entangler", ["zz", "ms"])
@pytest.mark.parametrize("seed", SEEDS)
def test_forms_come_back_from_twists(seed, entangler):
    form = some_form(seed)
    again = from_twists(to_twists(form), entangler)
    assert distance_up_to_phase(form_matrix(again), form_matrix(form)) < 1e-9
    letters = {op.axes for op in again.operations if isinstance(op, Rotation)}
    assert letters <= {"ZZ" if entangler == "zz" else "XX"}


def pulses_of(form):
    """One-qubit pulses of a form as the frames of each qubit lead to them."""
    waiting = [Unitary(1, 0, 0, 1)] * form.n_qubits
    total = 0
    for op in [*form.operations, *(Rotation((q,), "Z", 0) for q in range(form.n_qubits))]:
        if isinstance(op, Local):
            waiting[op.qubit] = Unitary(*op.unitary).after(waiting[op.qubit])
            continue
        for q in op.qubits:
            total += len(to_pulses(waiting[q]).pulses)
            waiting[q] = Unitary(1, 0, 0, 1)
    return total


@pytest.mark.parametrize("entangler", ["zz", "ms"])
@pytest.mark.parametrize("seed", SEEDS)
def test_pulses_are_counted_as_the_poles_move(seed, entangler):
    twists = to_twists(some_form(seed))
    assert pulses_of(from_twists(twists, entangler)) == count_pulses(twists, entangler)


@pytest.mark.parametrize("seed", SEEDS)
def test_merging_keeps_the_unitary_and_bounds_the_angles(seed):
    form = some_form(seed, letters="XZ")
    merged = merge_twists(to_twists(form))
    assert distance_up_to_phase(twists_matrix(merged), form_matrix(form)) < 1e-9
    assert len(merged.twists) <= len(to_twists(form).twists)
    assert all(abs(twist.angle) <= np.pi / 2 + 1e-9 for twist in merged.twists)


def test_equal_words_merge_past_what_commutes_with_them():
    form = Form(
        3,
        (
            Rotation((0, 1), "ZZ", 0.3),
            Rotation((1, 2), "ZX", 0.8),
            Rotation((0, 1), "XZ", 0.1),
            Rotation((1, 0), "ZZ", 0.4),
        ),
        plain_readout(3),
    )
    merged = merge_twists(to_twists(form))
    assert [twist.angle for twist in merged.twists] == pytest.approx([0.3, 0.8, 0.1, 0.4])
    short = Form(3, form.operations[:2] + form.operations[3:], plain_readout(3))
    assert [t.angle for t in merge_twists(to_twists(short)).twists] == pytest.approx([0.7, 0.8])


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_keep_the_unitary_up_to_the_permutation_read(seed, backwards):
    form = some_form(seed)
    short = rewrite_blocks(to_twists(form), resynthesize, backwards=backwards)
    assert distance_up_to_phase(read_matrix(short, twists_matrix(short)), form_matrix(form)) < 1e-9
    before = to_twists(form).twists
    assert len(short.twists) <= len(before)


def two_qubit_form(rng):
    return to_twists(random_form(rng, 2, 12))


@pytest.mark.parametrize("seed", range(20))
def test_any_two_qubit_circuit_takes_three_twists_with_half_the_largest_angle(seed):
    short = rewrite_blocks(two_qubit_form(np.random.default_rng(seed)), resynthesize)
    assert len(short.twists) <= 3
    if len(short.twists) == 3:
        assert total_angle(short.twists) <= 1.5 + 1e-9


def test_three_cnots_that_swap_are_a_relabelling():
    cnot = [Rotation((0, 1), "ZX", -np.pi / 2), Local(0, Unitary(1, 0, 0, 1j))]
    cnot.append(Rotation((1,), "X", np.pi / 2))
    back = [Rotation((1, 0), "ZX", -np.pi / 2), Local(1, Unitary(1, 0, 0, 1j))]
    back.append(Rotation((0,), "X", np.pi / 2))
    form = Form(2, (*cnot, *back, *cnot), plain_readout(2))
    short = rewrite_blocks(to_twists(form), resynthesize)
    assert short.twists == ()
    assert [bit.qubits for bit in short.readout] == [(1,), (0,)]


@pytest.mark.parametrize("signs", [(1, 1, 1), (1, -1, 1), (-1, -1, -1), (1, 1, -1)])
@pytest.mark.parametrize("words", [*permutations(["XY", "YX", "ZZ"]), ("XX", "ZZ", "YY")])
def test_commuting_twists_of_either_handedness_are_mirrored_exactly(words, signs):
    angles = [1.2, 1.35, 1.5]
    operations = tuple(
        Rotation((0, 1), word, sign * angle)
        for word, sign, angle in zip(words, signs, angles, strict=True)
    )
    form = Form(2, operations, plain_readout(2))
    short = rewrite_blocks(to_twists(form), resynthesize)
    assert distance_up_to_phase(read_matrix(short, twists_matrix(short)), form_matrix(form)) < 1e-9
    expected = 3 - sum(angles) / (np.pi / 2)
    assert total_angle(short.twists) == pytest.approx(expected)


def test_a_phase_between_cnots_is_one_twist_without_a_decomposition():
    form = Form(
        2,
        (
            Rotation((0, 1), "ZX", -np.pi / 2),
            Rotation((1,), "Z", 0.7),
            Rotation((0, 1), "ZX", np.pi / 2),
        ),
        plain_readout(2),
    )
    new = multiplexed(to_twists(form).twists)
    assert new is not None
    assert [abs(twist.angle) for twist in new.twists] == pytest.approx([0.7])


@pytest.mark.parametrize("edge_pass", [trim_inputs, trim_outputs])
@pytest.mark.parametrize("seed", SEEDS)
def test_trimming_keeps_the_distribution(seed, edge_pass):
    form = some_form(seed, letters="XZ")
    short = edge_pass(to_twists(form))
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, twists_matrix(short)), expected, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_at_the_edges_keep_the_distribution(seed):
    form = some_form(seed)
    short = rewrite_blocks(to_twists(form), resynthesize_at_edges)
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, twists_matrix(short)), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_a_block_on_the_ground_state_is_one_twist(seed):
    twists = two_qubit_form(np.random.default_rng(seed))
    short = rewrite_blocks(twists, lambda block: prepare(block) if all(block.fresh) else None)
    assert len(short.twists) <= 1
    overlap = np.vdot(twists_matrix(short)[:, 0], twists_matrix(twists)[:, 0])
    assert abs(overlap) == pytest.approx(1, abs=1e-12)


def sandwiched(rng, place):
    """A generic block on qubits 1 and 2, behind or in front of a twist on 0 and 1."""
    block = [Rotation((1, 2), axes, rng.uniform(0.2, 1.3)) for axes in ("XX", "YZ", "ZY", "XZ")]
    for q in (1, 2):
        block.insert(2, Local(q, Unitary(*np.linalg.qr(rng.normal(size=(2, 2)))[0].ravel())))
    other = [Rotation((0, 1), "XX", 0.7), Rotation((0, 1), "YY", 0.4), Rotation((0, 1), "ZZ", 0.2)]
    operations = other + block if place == "last" else block + other
    before = [Rotation((0, 2), "XY", 0.9)] if place == "last" else []
    return Form(3, tuple(before + operations), plain_readout(3))


@pytest.mark.parametrize("seed", range(10))
def test_a_block_with_one_fresh_qubit_takes_two_twists(seed):
    form = sandwiched(np.random.default_rng(seed), "first")
    short = rewrite_blocks(to_twists(form), resynthesize_at_edges)
    assert len(short.twists) <= 1 + 2
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, twists_matrix(short)), expected, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_a_last_block_takes_two_twists(seed):
    form = sandwiched(np.random.default_rng(seed), "last")
    short = rewrite_blocks(to_twists(form), resynthesize_at_edges)
    last = [t for t in short.twists if 0 not in t.qubits or t.qubits == (1, 2)]
    assert len(short.twists) <= 1 + 3 + 2
    assert len(last) <= 2
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, twists_matrix(short)), expected, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_unread_bits_see_is_dropped_without_changing_the_others(seed):
    form = some_form(seed, letters="XZ")
    read = [0]
    short = trim_outputs(to_twists(form), read=read)
    keep = 2 ** (form.n_qubits - 1)
    expected = distribution(form, form_matrix(form)).reshape(2, keep).sum(1)
    found = distribution(short, twists_matrix(short)).reshape(2, keep).sum(1)
    assert np.allclose(found, expected, atol=1e-9)


def test_a_light_cone_ends_where_nothing_is_read():
    form = Form(3, (Rotation((0, 1), "XX", 0.4), Rotation((1, 2), "YX", 0.3)), plain_readout(3))
    assert len(trim_outputs(to_twists(form), read=[0]).twists) == 1
    assert len(trim_outputs(to_twists(form), read=[2]).twists) == 2
    assert isinstance(to_twists(form), TwistForm)


def test_rounding_errors_do_not_grow_with_the_length_of_the_circuit():
    form = random_form(np.random.default_rng(0), 5, 3000)
    short = merge_twists(to_twists(form))
    for backwards in (False, True, False, True):
        short = rewrite_blocks(short, resynthesize, backwards=backwards)
    assert distance_up_to_phase(read_matrix(short, twists_matrix(short)), form_matrix(form)) < 1e-9
