"""Noisy counts against density matrices, and their repeatability."""

import itertools

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.emulator.catalog import MODELS, NoiseModel
from pennylane_qstore.emulator.circuits import Reader
from pennylane_qstore.emulator.noise import (
    channels,
    draw_errors,
    error_probability,
    sample,
    successes,
)

LOUD = NoiseModel("loud", 0.2, 0.3, 5, "any")
SHOTS = 40_000


def counts_of(circuit, model, *, shots=SHOTS, seed=1):
    template, _ = Reader().read(circuit, "qis", "c")
    rngs = [np.random.default_rng(seed)]
    return sample(template.program, template.values, model=model, shots=shots, rngs=rngs)[0]


def assert_sampled_from(counts, probabilities, *, sigmas=5):
    """Every count within five standard errors of a binomial."""
    shots = counts.sum()
    errors = np.sqrt(shots * probabilities * (1 - probabilities)) + 1e-9
    assert np.all(np.abs(counts - shots * probabilities) < sigmas * errors)


def little_endian(probabilities):
    n = int(np.log2(len(probabilities)))
    return np.asarray(probabilities).reshape((2,) * n).transpose(range(n)[::-1]).reshape(-1)


def test_one_qubit_noise_is_pennylanes_depolarizing_channel_of_three_quarters_r():
    angles = [0.4, 1.3, 2.2]
    circuit = [
        {"gate": "rx" if k % 2 else "ry", "target": 0, "rotation": a} for k, a in enumerate(angles)
    ]
    circuit += [{"gate": "ry", "target": 1, "rotation": 0.9}]

    @qml.qnode(qml.device("default.mixed", wires=2))
    def reference():
        for k, angle in enumerate(angles):
            (qml.RX if k % 2 else qml.RY)(angle, 0)
            qml.DepolarizingChannel(0.75 * LOUD.rate1, wires=0)
        qml.RY(0.9, 1)
        qml.DepolarizingChannel(0.75 * LOUD.rate1, wires=1)
        return qml.probs(wires=[0, 1])

    assert_sampled_from(counts_of(circuit, LOUD), little_endian(reference()))


def depolarize_pair(rho, rate):
    """The published channel on two qubits, from its Kraus operators."""
    paulis = [np.eye(2), qml.X.compute_matrix(), qml.Y.compute_matrix(), qml.Z.compute_matrix()]
    result = (1 - 15 * rate / 16) * rho
    for a, b in list(itertools.product(range(4), repeat=2))[1:]:
        kraus = np.kron(paulis[a], paulis[b])
        result = result + rate / 16 * kraus @ rho @ kraus.conj().T
    return result


def test_two_qubit_noise_is_the_published_channel():
    quiet = NoiseModel("pairs", 0.0, 0.3, 5, "any")
    circuit = [
        {"gate": "ry", "target": 0, "rotation": 0.7},
        {"gate": "ry", "target": 1, "rotation": 2.0},
        {"gate": "xx", "targets": [0, 1], "rotation": 0.5},
        {"gate": "ry", "target": 0, "rotation": 0.4},
        {"gate": "cnot", "control": 1, "target": 0},
    ]
    state = np.kron(qml.RY.compute_matrix(0.7)[:, 0], qml.RY.compute_matrix(2.0)[:, 0])
    rho = np.outer(state, state.conj())
    for unitary in (
        qml.IsingXX.compute_matrix(0.5),
        np.kron(qml.RY.compute_matrix(0.4), np.eye(2)),
        qml.matrix(qml.CNOT([1, 0]), wire_order=[0, 1]),
    ):
        rho = unitary @ rho @ unitary.conj().T
        if not np.allclose(unitary, np.kron(qml.RY.compute_matrix(0.4), np.eye(2))):
            rho = depolarize_pair(rho, quiet.rate2)
    assert_sampled_from(counts_of(circuit, quiet), little_endian(np.diag(rho).real))


def test_a_gate_on_three_qubits_is_followed_by_a_channel_on_each_pair_of_neighbours():
    template, _ = Reader().read([{"gate": "x", "controls": [2, 0], "target": 1}], "qis", "c")
    assert [place.qubits for place in channels(template.program)] == [(2, 0), (0, 1)]
    flips = [{"gate": "x", "target": q} for q in (0, 2)]
    circuit = [*flips, {"gate": "x", "controls": [0, 1], "target": 2}]
    counts = counts_of(circuit, MODELS["aria-1"])
    assert counts.sum() == SHOTS
    assert counts.argmax() == 0b101


def test_errors_strike_as_often_as_the_rates_say():
    template, _ = Reader().read([{"gate": "h", "target": 0}] * 10, "qis", "c")
    rng = np.random.default_rng(5)
    faulty = draw_errors(channels(template.program), model=LOUD, shots=SHOTS, rng=rng)
    probability = 1 - (1 - 0.75 * LOUD.rate1) ** 10
    assert error_probability(template.program, LOUD) == pytest.approx(probability)
    error = np.sqrt(SHOTS * probability * (1 - probability))
    assert abs(sum(faulty.values()) - SHOTS * probability) < 5 * error


@pytest.mark.parametrize("probability", [0.003, 0.3, 1.0])
def test_successes_are_independent_trials(probability):
    hits = successes(100_000, probability, np.random.default_rng(2))
    assert np.all(np.diff(hits) > 0)
    assert hits[0] >= 0
    assert hits[-1] < 100_000
    error = np.sqrt(100_000 * probability * (1 - probability))
    assert abs(len(hits) - 100_000 * probability) <= 5 * error


CIRCUIT = [
    {"gate": "gpi2", "target": 0, "phase": 0.25},
    {"gate": "zz", "targets": [0, 1], "angle": 0.2},
    {"gate": "gpi2", "target": 0, "phase": 0.6},
    {"gate": "gpi", "target": 1, "phase": 0.1},
]
NOISY = {"noise": {"model": "forte-1", "seed": 11}, "shots": 5000}


def histogram(service, **payload):
    return service.result(service.submit(CIRCUIT, gateset="native", **payload), "histogram")


def test_counts_add_up_to_shots_and_probabilities_are_their_shares(service):
    job = service.submit(CIRCUIT, gateset="native", **NOISY)
    counts, shares = service.result(job, "histogram"), service.result(job)
    assert sum(counts.values()) == 5000
    assert shares == {key: count / 5000 for key, count in counts.items()}


def test_the_same_job_with_the_same_seed_gives_the_same_counts(service, make_service):
    assert histogram(service, **NOISY) == histogram(make_service(), **NOISY)
    other = {**NOISY, "noise": {"model": "forte-1", "seed": 12}}
    assert histogram(service, **NOISY) != histogram(service, **other)


def test_without_a_seed_every_job_draws_afresh(service):
    unseeded = {**NOISY, "noise": {"model": "forte-1", "seed": None}}
    assert histogram(service, **unseeded) != histogram(service, **unseeded)


def test_the_seed_of_the_options_makes_a_whole_run_repeatable(make_service):
    unseeded = {**NOISY, "noise": {"model": "forte-1"}}
    runs = []
    for _ in range(2):
        service = make_service(seed=4)
        runs.append([histogram(service, **unseeded) for _ in range(2)])
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


def test_equal_circuits_of_one_job_draw_independently_and_repeatably(service):
    circuits = [{"circuit": CIRCUIT}, {"circuit": CIRCUIT}]
    runs = []
    for _ in range(2):
        job = service.submit_many(circuits, gateset="native", **NOISY)
        service.finished(job)
        children = service.job(job)["child_job_ids"]
        runs.append([service.result(child, "histogram") for child in children])
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1]


def test_a_machine_runs_with_its_own_noise(service):
    counts = histogram(service, backend="qpu.forte-1", shots=10_000)
    exact = service.result(service.submit(CIRCUIT, gateset="native"))
    assert sum(counts.values()) == 10_000
    assert {key for key, value in exact.items() if value > 0.1} <= set(counts)
