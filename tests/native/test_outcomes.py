import numpy as np
import pytest

from pennylane_qstore.native import Bit, Circuit, Gate, Outcomes


@pytest.fixture
def exact():
    return Outcomes(3, np.array([1, 4, 6]), np.array([0.5, 0.2, 0.3]), None)


def test_qubit_zero_is_the_most_significant_bit(exact):
    assert exact.bits(np.array([0, 1, 2])).tolist() == [[0, 0, 1], [1, 0, 0], [1, 1, 0]]
    assert exact.bits(np.array([2, 0])).tolist() == [[1, 0], [0, 1], [0, 1]]


def test_a_sample_has_as_many_shots_as_asked_and_follows_the_distribution(exact):
    sample = exact.sample(100_000, np.random.default_rng(1))
    assert sample.shots == 100_000
    assert sample.weights.sum() == 100_000
    error = 5 * np.sqrt(exact.weights * (1 - exact.weights) / 100_000)
    assert (np.abs(sample.probabilities - exact.weights) < error).all()


def test_the_same_seed_gives_the_same_sample(exact):
    first, second = (exact.sample(50, np.random.default_rng(3)) for _ in range(2))
    assert first.weights.tolist() == second.weights.tolist()


def test_shuffled_shots_keep_the_counts_and_lose_the_order(exact):
    sample = exact.sample(1000, np.random.default_rng(2))
    states = sample.shuffled(np.random.default_rng(5))
    distinct, counts = np.unique(states, return_counts=True)
    assert distinct.tolist() == sample.states.tolist()
    assert counts.tolist() == sample.weights.tolist()
    assert (np.diff(states) < 0).any()


def test_a_fingerprint_tells_circuits_apart_and_not_objects():
    gates = (Gate("gpi", (0,), (0.1,)), Gate("zz", (0, 1), (0.25,)))
    circuit = Circuit(2, gates)
    assert circuit.fingerprint == Circuit(2, tuple(Gate(*gate) for gate in gates)).fingerprint
    others = [
        Circuit(3, gates),
        Circuit(2, gates[::-1]),
        Circuit(2, gates, "qis"),
        Circuit(2, (Gate("gpi", (0,), (0.1 + 1e-15,)), gates[1])),
        Circuit(2, (gates[0], Gate("zz", (1, 0), (0.25,)))),
    ]
    assert len({circuit.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_depth_and_counts_of_a_circuit():
    gates = (
        Gate("gpi2", (0,), (0.1,)),
        Gate("zz", (0, 1), (0.25,)),
        Gate("gpi2", (2,), (0.1,)),
        Gate("zz", (1, 2), (0.2,)),
    )
    circuit = Circuit(4, gates)
    assert (circuit.depth, circuit.n_entangling) == (3, 2)
    assert circuit.counts == {"gpi2": 2, "zz": 2}
    assert Circuit(1, ()).depth == 0


def test_a_readout_permutes_adds_and_inverts_bits(exact):
    # states 001, 100, 110 with weights 0.5, 0.2, 0.3
    permuted = exact.read([Bit((2,)), Bit((0,)), Bit((1,))])
    assert permuted.states.tolist() == [0b010, 0b011, 0b100]
    assert permuted.weights.tolist() == [0.2, 0.3, 0.5]
    added = exact.read([Bit((0, 1)), Bit((2,), True)])
    assert added.n_qubits == 2
    assert added.states.tolist() == [0b00, 0b01, 0b11]
    assert added.weights.tolist() == pytest.approx([0.5, 0.3, 0.2])
    assert exact.read([Bit((0,)), Bit((1,)), Bit((2,))]) is exact
