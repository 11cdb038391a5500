import numpy as np
import pytest

from pennylane_qstore.compile.form import Form, Local, Rotation, plain_readout
from pennylane_qstore.compile.one_qubit import PAULI_X, Unitary
from pennylane_qstore.compile.passes.merge import merge_twists
from pennylane_qstore.compile.passes.poles import count_pulses, from_twists
from pennylane_qstore.compile.passes.tail import (
    absorb_entanglers,
    absorb_flips,
    split_clifford_tail,
)
from pennylane_qstore.compile.passes.twists import to_twists
from tests.compile.passes.random_forms import (
    clifford_form,
    distribution,
    form_matrix,
    random_form,
    twists_matrix,
)
from tests.oracles import distance_up_to_phase

HADAMARD = Unitary(0.5**0.5, 0.5**0.5, 0.5**0.5, -(0.5**0.5))


def cnot(control, target):
    return (
        Rotation((control, target), "ZX", -np.pi / 2),
        Local(control, Unitary(1, 0, 0, 1j)),
        Rotation((target,), "X", np.pi / 2),
    )


def some_form(seed):
    rng = np.random.default_rng(seed)
    if seed % 2:
        return clifford_form(rng, int(rng.integers(2, 6)), 20)
    return random_form(rng, int(rng.integers(2, 6)), 14, letters="XZ")


@pytest.mark.parametrize("absorb", [absorb_entanglers, absorb_flips])
@pytest.mark.parametrize("seed", range(40))
def test_absorbing_keeps_the_distribution_of_the_bits(seed, absorb):
    form = some_form(seed)
    short = absorb(merge_twists(to_twists(form)))
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, twists_matrix(short)), expected, atol=1e-9)


def test_a_chain_of_cnots_before_the_measurement_needs_no_gate():
    n = 5
    chain = [op for q in range(n - 1) for op in cnot(q, q + 1)]
    form = Form(n, (Local(0, HADAMARD), *chain), plain_readout(n))
    short = absorb_entanglers(to_twists(form))
    assert short.twists == ()
    assert [bit.qubits for bit in short.readout] == [tuple(range(q + 1)) for q in range(n)]


def test_a_last_pauli_x_is_an_inverted_bit():
    form = Form(1, (Local(0, PAULI_X),), plain_readout(1))
    short = absorb_flips(to_twists(form))
    assert short.readout[0].flip
    assert count_pulses(short, "zz") == 0


@pytest.mark.parametrize("seed", range(40))
def test_a_clifford_tail_is_split_off_exactly(seed):
    form = some_form(seed)
    head, tail = split_clifford_tail(merge_twists(to_twists(form)))
    whole = from_twists(head)
    whole = Form(whole.n_qubits, whole.operations + tail, whole.readout)
    assert distance_up_to_phase(form_matrix(whole), form_matrix(form)) < 1e-9
    assert all(abs(op.angle) == pytest.approx(np.pi / 2) for op in tail)


def test_a_clifford_tail_is_found():
    form = Form(3, (Rotation((0, 1), "XX", 0.3), *cnot(0, 1), *cnot(1, 2)), plain_readout(3))
    head, tail = split_clifford_tail(merge_twists(to_twists(form)))
    assert len(head.twists) == 1
    assert len(tail) == 2
