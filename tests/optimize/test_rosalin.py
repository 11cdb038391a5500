"""Shots of a Hamiltonian divided over its terms: totals, bias and spread."""

from functools import cache

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.errors import InvalidOptionError, UnsupportedMeasurementError
from pennylane_qstore.optimize.rosalin import sample_operators

COEFFICIENTS = [1.0, -0.4, 0.02, 0.6, 0.3]
TERMS = [qml.Z(0), qml.X(0) @ qml.X(1), qml.Y(0), qml.Z(0) @ qml.Z(1), qml.I(0)]


def energy(shots, **options):
    @qml.qnode(qml.device("default.qubit", wires=2, seed=5))
    def circuit(x):
        qml.RY(x, 0)
        qml.RX(0.6, 1)
        qml.CNOT([0, 1])
        return qml.expval(qml.Hamiltonian(COEFFICIENTS, TERMS))

    circuit = qml.set_shots(circuit, shots)
    return sample_operators(circuit, **options) if options else circuit


def tape(shots):
    return qml.tape.QuantumScript(
        [qml.RY(0.7, 0)], [qml.expval(qml.Hamiltonian(COEFFICIENTS, TERMS))], shots=shots
    )


@pytest.mark.parametrize("method", ["hybrid", "random", "deterministic"])
@pytest.mark.parametrize("group", [True, False])
@pytest.mark.parametrize("total", [1, 3, 10, 997])
def test_the_total_is_never_exceeded(method, group, total):
    for seed in range(8):
        tapes, _ = sample_operators(tape(total), method=method, group=group, seed=seed)
        assert sum(one.shots.total_shots for one in tapes) == total


def test_groups_get_shots_by_the_sum_of_their_coefficients():
    tapes, _ = sample_operators(tape(2020), method="deterministic")
    found = {frozenset(map(repr, (m.obs for m in one.measurements))): one.shots.total_shots
             for one in tapes}  # fmt: skip
    assert sorted(found.values()) == [20, 400, 1600]


# Expectations of the terms in a state of our choice; the outcomes of different terms are drawn
# independently, which leaves means as they are.
MEANS = {repr(term): mean for term, mean in zip(TERMS, [0.8, 0.5, 0.9, 0.3, 1.0], strict=True)}
EXACT = sum(c * m for c, m in zip(COEFFICIENTS, MEANS.values(), strict=True))


@cache
def estimates(total, method, repetitions):
    """Estimates from a shot vector, whose entries are divided and drawn independently."""
    rng = np.random.default_rng([total, len(method)])
    tapes, combine = sample_operators(tape([total] * repetitions), method=method, seed=rng)
    results = []
    for one in tapes:
        means = np.array([MEANS[repr(m.obs)] for m in one.measurements])
        of_tape = []
        for shots in one.shots:
            drawn = 2 * rng.binomial(shots, (1 + means) / 2) / shots - 1
            of_tape.append(drawn if len(drawn) > 1 else drawn[0])
        results.append(of_tape if len(of_tape) > 1 else of_tape[0])
    return np.array(combine(results))


@pytest.mark.parametrize("method", ["hybrid", "random"])
@pytest.mark.parametrize(("total", "repetitions"), [(2, 8_000), (7, 20_000), (40, 8_000)])
def test_estimates_are_unbiased_even_where_a_term_is_due_less_than_one_shot(
    method, total, repetitions
):
    found = estimates(total, method, repetitions)
    error = found.std(ddof=1) / np.sqrt(len(found))
    assert abs(found.mean() - EXACT) < 5 * error


def test_hybrid_is_steadier_than_random_where_groups_differ():
    spread = {method: estimates(40, method, 8_000).std() for method in ("hybrid", "random")}
    assert spread["hybrid"] < 0.9 * spread["random"]


def test_shot_vectors_are_divided_entry_by_entry():
    node = energy([5, 5, 1000], method="hybrid", seed=np.random.default_rng(1))
    found = node(0.7)
    assert len(found) == 3
    assert found[2] == pytest.approx(float(energy(None)(0.7)), abs=5 * 1.1 / np.sqrt(1000) * 2)
    totals = [one.shots for one in sample_operators(tape([5, 5, 1000]), seed=1)[0]]
    assert sum(one.total_shots for one in totals) == 1010


def test_an_integer_seed_repeats_itself_and_looks_at_the_circuits_numbers():
    def division(x, seed):
        one = tape(3).bind_new_parameters([x], [0])
        return [t.shots.total_shots for t in sample_operators(one, method="random", seed=seed)[0]]

    assert division(0.1, 1) == division(0.1, 1)
    assert len({tuple(division(x, 1)) for x in np.linspace(0, 1, 20)}) > 1


def test_gradients_by_parameter_shift_pass_through():
    @qml.qnode(qml.device("default.qubit", wires=2, seed=5), diff_method="parameter-shift")
    def circuit(x):
        qml.RY(x, 0)
        return qml.expval(qml.Hamiltonian(COEFFICIENTS, TERMS))

    exact = qml.grad(circuit)(qml.numpy.array(0.7, requires_grad=True))
    node = sample_operators(qml.set_shots(circuit, 40_000), seed=1)
    found = qml.grad(node)(qml.numpy.array(0.7, requires_grad=True))
    assert found == pytest.approx(float(exact), abs=5 * 2.3 / np.sqrt(40_000))


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(InvalidOptionError, match="method is 'best'"):
        sample_operators(tape(10), method="best")
    with pytest.raises(UnsupportedMeasurementError, match="None shots"):
        sample_operators(tape(None))
    both = qml.tape.QuantumScript([], [qml.expval(qml.Z(0)), qml.var(qml.Z(1))], shots=10)
    with pytest.raises(UnsupportedMeasurementError, match="one expectation value"):
        sample_operators(both)


def test_a_single_term_and_a_constant_are_left_whole():
    node = sample_operators(energy(500), seed=1)
    one = qml.tape.QuantumScript([], [qml.expval(2.0 * qml.Z(0))], shots=50)
    (only,), combine = sample_operators(one)
    assert only.shots.total_shots == 50
    assert combine([1.0]) == 2.0
    assert np.isfinite(node(0.7))
