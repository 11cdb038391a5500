import numpy as np
import pytest

from pennylane_qstore.compile.form import Form, Rotation, plain_readout
from pennylane_qstore.compile.optimize import optimize
from pennylane_qstore.errors import InvalidOptionError
from tests.compile.passes.random_forms import (
    clifford_form,
    distribution,
    form_matrix,
    random_form,
)


def count(form):
    """Rotations of pairs that are there at all."""
    return sum(
        isinstance(op, Rotation)
        and len(op.qubits) == 2
        and abs(op.angle - np.pi * round(op.angle / np.pi)) > 1e-9
        for op in form.operations
    )


def some_form(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    if seed % 4 == 0:
        return clifford_form(rng, n, 30)
    return random_form(rng, n, int(rng.integers(3, 30)), widest=4)


def assert_same(short, form):
    expected = distribution(form, form_matrix(form))
    assert np.allclose(distribution(short, form_matrix(short)), expected, atol=1e-9)


@pytest.mark.parametrize("absorb_tail", [False, True])
@pytest.mark.parametrize("entangler", ["zz", "ms"])
@pytest.mark.parametrize("seed", range(20))
def test_level_1_keeps_the_distribution_and_is_never_longer(seed, entangler, absorb_tail):
    form = some_form(seed)
    short = optimize(form, entangler=entangler, absorb_tail=absorb_tail)
    assert_same(short, form)
    assert count(short) <= count(optimize(form, level=0))


@pytest.mark.parametrize("seed", range(10))
def test_level_0_keeps_the_unitary(seed):
    form = some_form(seed)
    assert np.allclose(form_matrix(optimize(form, level=0)), form_matrix(form), atol=1e-9)


@pytest.mark.parametrize("absorb_tail", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_level_2_keeps_the_distribution_and_is_never_longer(seed, absorb_tail):
    form = some_form(seed + 100)
    short = optimize(form, level=2, absorb_tail=absorb_tail, time_limit_s=1.0)
    assert_same(short, form)
    assert count(short) <= count(optimize(form, absorb_tail=absorb_tail))


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(20))
def test_all_levels_on_many_circuits(seed):
    form = some_form(seed + 1000)
    for absorb_tail in (False, True):
        quick = optimize(form, absorb_tail=absorb_tail)
        assert_same(quick, form)
        assert count(quick) <= count(optimize(form, level=0))
        short = optimize(form, level=2, absorb_tail=absorb_tail, time_limit_s=2.0)
        assert_same(short, form)
        assert count(short) <= count(quick)


def test_strict_readouts_only_permute():
    for seed in range(15):
        readout = optimize(some_form(seed)).readout
        assert sorted(bit.qubits for bit in readout) == [(q,) for q in range(len(readout))]
        assert not any(bit.flip for bit in readout)


def test_an_unread_part_is_dropped():
    operations = (Rotation((0, 1), "XX", 0.4), Rotation((1, 2), "YX", 0.3))
    form = Form(3, operations, plain_readout(3))
    assert count(optimize(form)) == 2
    assert count(optimize(form, read=[0])) == 1


def test_results_depend_on_the_seed_only():
    form = some_form(7)
    first, second = (optimize(form, level=2, seed=3, widest=3) for _ in range(2))
    assert first == second


def test_an_unknown_level_is_refused():
    with pytest.raises(InvalidOptionError, match="level=3"):
        optimize(Form(1, (), plain_readout(1)), level=3)
