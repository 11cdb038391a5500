"""Error cancellation: inverse channels, Paulis in frames, and averages without bias."""

from itertools import product

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore import GPI, GPI2, MS, ZZ, errors, to_ionq_native
from pennylane_qstore.emulator.catalog import MODELS
from pennylane_qstore.mitigation import PauliNoise, cancel_noise, sampling_overhead
from pennylane_qstore.mitigation.cancellation import weigh
from pennylane_qstore.mitigation.draws import Inverse, Odds, draw
from pennylane_qstore.mitigation.frames import (
    in_frame,
    measure_in_frame,
    obstacle,
    order,
    play_flip,
)
from pennylane_qstore.mitigation.pauli_noise import invert
from tests.mitigation.noisy import (
    PAULIS,
    RATES,
    UNEVEN,
    assert_equal_up_to_phase,
    draw_circuit,
    run_noisily,
)

NOISE = PauliNoise.depolarizing(*RATES)


def pauli_matrix(letters):
    found = np.eye(1)
    for letter in letters:
        found = np.kron(found, PAULIS[letter])
    return found


@pytest.mark.parametrize("n_qubits", [1, 2])
def test_the_inverse_undoes_any_pauli_channel(n_qubits):
    rng = np.random.default_rng(n_qubits)
    probabilities = 0.2 * rng.dirichlet(np.ones(4**n_qubits))
    probabilities[0] += 0.8
    words = [pauli_matrix(word) for word in product(range(4), repeat=n_qubits)]
    state = rng.normal(size=2**n_qubits) + 1j * rng.normal(size=2**n_qubits)
    rho = np.outer(state, state.conj()) / np.vdot(state, state)

    def channel(weights, rho):
        return sum(w * p @ rho @ p for w, p in zip(weights, words, strict=True))

    quasi = invert(tuple(probabilities))
    np.testing.assert_allclose(channel(quasi, channel(probabilities, rho)), rho, atol=1e-12)
    assert quasi.sum() == pytest.approx(1)


def test_overhead_of_depolarizing_noise():
    tape = draw_circuit(0)
    n_two = 4
    n_one = len(tape.operations) - n_two
    one, two = (3 / (1 - RATES[0]) - 1) / 2, (15 / (1 - RATES[1]) - 7) / 8
    assert sampling_overhead(tape, NOISE) == pytest.approx(one ** (2 * n_one) * two ** (2 * n_two))


# Frames


GATES = [
    GPI(0.13, wires=0),
    GPI2(0.13, wires=0),
    MS(0.13, 0.41, 0.2, wires=[0, 1]),
    MS(0.13, 0.41, 0.2, wires=[1, 0]),
    ZZ(0.2, wires=[0, 1]),
]


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: f"{gate.name}{gate.wires.tolist()}")
@pytest.mark.parametrize("letters", list(product(range(4), repeat=2)))
def test_a_gate_behind_a_frame_acts_as_in_front_of_it(gate, letters):
    frame, played = dict(enumerate(letters)), []
    if (wire := obstacle(gate, frame)) is not None:
        played = [play_flip(wire, frame)]
    assert obstacle(gate, frame) is None
    played.append(in_frame(gate, frame))
    left = [frame[wire] for wire in (0, 1)]
    found = pauli_matrix(left) @ qml.matrix(qml.tape.QuantumScript(played, []), wire_order=[0, 1])
    expected = qml.matrix(gate, wire_order=[0, 1]) @ pauli_matrix(letters)
    assert_equal_up_to_phase(found, expected)
    assert all(0 <= op.data[0] <= 1 for op in played)
    if gate.name == "ZZ":
        flips = [letter in (1, 2) for letter in letters]
        assert len(played) == 1 + (flips[0] != flips[1])
    else:
        assert left == list(letters)


MEASURED = [
    qml.expval(qml.Z(0) @ qml.Z(1)),
    qml.expval(qml.Z(1)),
    qml.expval(0.3 * qml.Z(0) - 2 * qml.Z(0) @ qml.Z(1) + 0.5 * qml.I(0)),
    qml.expval(qml.X(0) @ qml.Y(1)),
    qml.measurements.ExpectationMP(eigvals=np.array([1.0, 2, 3, 4]), wires=qml.wires.Wires([1, 0])),
    qml.probs(wires=[1, 0]),
    qml.probs(wires=[1]),
]


@pytest.mark.parametrize("mp", MEASURED, ids=str)
@pytest.mark.parametrize("letters", list(product(range(4), repeat=2)))
def test_measurements_behind_a_frame(mp, letters):
    frame = dict(enumerate(letters))
    state = qml.StatePrep(np.array([0.1, 0.3 - 0.2j, 0.5j, 0.7]), wires=[0, 1], normalize=True)
    paulis = [(qml.I, qml.X, qml.Y, qml.Z)[letter](wire) for wire, letter in frame.items()]
    device = qml.device("default.qubit")
    expected = device.execute(qml.tape.QuantumScript([state, *paulis], [mp]))
    found = device.execute(qml.tape.QuantumScript([state], [measure_in_frame(mp, frame)]))
    if isinstance(mp, qml.measurements.ProbabilityMP):
        found = found[order(mp.wires, frame)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


# Averages


class Tree:
    """In place of randomness: takes every way there is, depth first."""

    def __init__(self):
        self.path, self.place, self.chance = [], 0, 1.0

    def choose(self, chances):
        if self.chance < 1e-8:  # a flip may follow a flip for ever
            return 0
        if self.place == len(self.path):
            self.path.append([0, len(chances)])
        index = self.path[self.place][0]
        self.place += 1
        self.chance *= chances[index]
        return index

    def advance(self):
        while self.path and self.path[-1][0] == self.path[-1][1] - 1:
            self.path.pop()
        if self.path:
            self.path[-1][0] += 1
        self.place, self.chance = 0, 1.0
        return bool(self.path)


def mean_of_all(tape, monkeypatch):
    """The expectation of cancellation, over every circuit that can be drawn."""

    def draw_in_turn(inverse, tree, *, strikes=False):
        chances = np.diff(inverse.edges, prepend=0)
        if strikes:
            chances = chances * (np.arange(len(chances)) > 0)
            chances /= chances.sum()
        index = tree.choose(chances)
        return index, inverse.signs[index] * inverse.gamma

    def read(tape, frame):
        result = run_noisily(tape, UNEVEN)
        (mp,) = tape.measurements
        is_probs = isinstance(mp, qml.measurements.ProbabilityMP)
        return result[order(mp.wires, frame)] if is_probs else result

    monkeypatch.setattr(Inverse, "draw", draw_in_turn)
    noise = PauliNoise(*UNEVEN)
    odds = Odds.of(tape, noise)
    first_chances = -np.diff(odds.none_until, prepend=1)
    mean, total = odds.plain * read(tape, {}), odds.none_until[-1]
    factors = odds.plain
    for first, first_chance in enumerate(first_chances):
        tree = Tree()
        while True:
            sample = draw(tape, noise, tree, first)
            chance = first_chance * tree.chance
            if chance > 0:
                mean += chance * sample.factor * read(sample.tape, sample.frame)
            total += chance
            factors += chance * sample.factor
            if not tree.advance():
                break
    assert total == pytest.approx(1)
    assert factors == pytest.approx(1)
    assert factors - odds.plain == pytest.approx(odds.chance * odds.mean_factor)
    return mean


@pytest.mark.parametrize(
    "mp", [qml.expval(qml.Z(0) @ qml.Z(1)), qml.probs(wires=[1, 0])], ids=["word", "probs"]
)
@pytest.mark.parametrize(
    "gates",
    [
        [GPI2(0.1, wires=0), MS(0.2, 0.3, 0.15, wires=[0, 1]), GPI2(0.4, wires=1)],
        [GPI2(0.1, wires=0), ZZ(0.15, wires=[0, 1]), GPI2(0.4, wires=0)],
        [MS(0.2, 0.3, 0.15, wires=[0, 1]), MS(0.7, 0.1, 0.25, wires=[1, 0])],
    ],
    ids=["ms", "zz with flips", "two ms"],
)
def test_the_mean_over_all_circuits_is_exact(gates, mp, monkeypatch):
    tape = qml.tape.QuantumScript(gates, [mp])
    truth = qml.device("default.qubit").execute(tape)
    assert np.abs(run_noisily(tape, UNEVEN) - truth).max() > 0.005
    np.testing.assert_allclose(mean_of_all(tape, monkeypatch), truth, atol=1e-6)


def test_paulis_are_drawn_as_often_as_they_should_be():
    inverse, rng = Inverse.of(NOISE, 2), np.random.default_rng(1)
    n = 20_000
    drawn = [inverse.draw(rng) for _ in range(n)]
    quasi = NOISE.quasi_probabilities(2)
    for pauli in range(16):
        factors = np.array([factor if found == pauli else 0.0 for found, factor in drawn])
        assert factors.mean() == pytest.approx(quasi[pauli], abs=5 * inverse.gamma / np.sqrt(n))
    assert min(factor for _, factor in drawn) < 0
    struck = [inverse.draw(rng, strikes=True)[0] for _ in range(n)]
    found = np.bincount(struck, minlength=16) / n
    expected = np.abs(quasi) * (np.arange(16) > 0)
    np.testing.assert_allclose(found, expected / expected.sum(), atol=5 * 0.25 / np.sqrt(n))


def test_the_first_pauli_is_where_it_should_be():
    odds, rng = Odds.of(draw_circuit(0), NOISE), np.random.default_rng(1)
    n = 20_000
    found = np.bincount([odds.draw_first(rng) for _ in range(n)], minlength=19) / n
    expected = -np.diff(odds.none_until, prepend=1) / odds.chance
    np.testing.assert_allclose(found, expected, atol=5 * 0.5 / np.sqrt(n))


def test_circuits_are_allotted_for_the_least_variance():
    odds = Odds.of(draw_circuit(0), NOISE)
    assert odds.allot(100, None) == 1
    for n, shots in ((100, 1), (100, 30), (20, 1000)):
        every = np.arange(1, n)
        plain = odds.plain**2 / (every * shots)
        struck = (odds.chance * odds.gamma) ** 2 * (1 + 1 / shots) / (n - every)
        assert abs(odds.allot(n, shots) - every[np.argmin(plain + struck)]) <= 1
    assert odds.allot(2, 10) == 1


def test_the_mean_of_random_circuits_is_unbiased(entangler):
    tape = draw_circuit(9, entangler=entangler)
    truth = qml.device("default.qubit").execute(tape)
    rng, found = np.random.default_rng(1), []
    for _ in range(40):
        tapes, postprocess = cancel_noise(tape, NOISE, n_samples=10, seed=rng)
        found.append(postprocess([run_noisily(one) for one in tapes]))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - truth) < 5 * error
    assert abs(run_noisily(tape) - truth) > 0.05
    assert error < 0.03


def test_weights_leave_no_bias():
    """Over all pairs of circuits of one gate, each as likely as it is drawn."""
    inverse = Inverse.of(PauliNoise((0.8, 0.1, 0.07, 0.03), (1, *[0] * 15)), 1)
    chances = np.diff(inverse.edges, prepend=0)
    factors, results = inverse.signs * inverse.gamma, np.array([0.9, -0.4, 0.2, 0.7])
    mean = sum(
        chances[i] * chances[j] * weigh([factors[i], factors[j]], 1.0) @ results[[i, j]]
        for i, j in product(range(4), repeat=2)
    )
    assert mean == pytest.approx(chances @ (factors * results), abs=1e-12)
    assert weigh([1.3], 1.0) == [1.3]


def test_weights_take_the_scatter_of_factors_out():
    rng = np.random.default_rng(0)
    factors = 1.5 * rng.choice([-1, 1], p=[5 / 6, 1 / 6], size=(2000, 100))
    plain = factors.mean(axis=1)
    weighed = np.array([weigh(row, -1.0).sum() for row in factors])  # of results that are all 1
    assert weighed.mean() == pytest.approx(-1, abs=5 * weighed.std() / np.sqrt(2000))
    assert weighed.std() < plain.std() / 4


def test_measurements_and_shot_vectors_keep_their_form():
    tape = draw_circuit(4, measurements=[qml.expval(qml.Z(0)), qml.probs(wires=[2, 0])])
    truth = qml.device("default.qubit").execute(tape)
    tapes, postprocess = cancel_noise(tape, NOISE, n_samples=100, seed=2)
    found = postprocess([run_noisily(one) for one in tapes])
    np.testing.assert_allclose(found[0], truth[0], atol=0.1)
    np.testing.assert_allclose(found[1], truth[1], atol=0.1)
    several = tape.copy(shots=[900, 600])
    tapes, postprocess = cancel_noise(several, NOISE, n_samples=100, seed=2)
    assert [list(one.shots) for one in tapes] == [[9, 6]] * 100
    exact = [run_noisily(one.copy(shots=None)) for one in tapes]
    for value, probabilities in postprocess([(result, result) for result in exact]):
        np.testing.assert_allclose(value, truth[0], atol=0.1)
        np.testing.assert_allclose(probabilities, truth[1], atol=0.1)


@pytest.mark.parametrize("rate", [0, 1e-15])
def test_without_noise_nothing_changes(rate):
    tape = draw_circuit(0).copy(shots=100)
    tapes, postprocess = cancel_noise(tape, PauliNoise.depolarizing(0, rate))
    assert tapes == [tape]
    assert postprocess([0.25]) == 0.25


def test_one_job_on_the_device():
    device = qml.device("qstore.ionq", wires=2, noise_model="aria-1", cache=False, progress=False)

    @cancel_noise(noise=PauliNoise.published("aria-1"), n_samples=200)
    @to_ionq_native
    @qml.qnode(device, shots=1000)
    def circuit(x):
        qml.RX(x, wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.expval(qml.Z(1)), qml.probs(wires=[0, 1])

    with qml.Tracker(device) as tracker:
        value, probabilities = circuit(0.4)
    assert probabilities @ [1, -1, 1, -1] == pytest.approx(value)
    assert (tracker.totals["jobs"], tracker.totals["circuits"]) == (1, 200)
    assert tracker.totals["shots"] == 1000


def test_the_emulators_noise_is_cancelled():
    model, shots = PauliNoise.published("aria-2"), 200_000
    tape = draw_circuit(3, n_entanglers=6).copy(shots=shots)
    device = qml.device(
        "qstore.ionq", wires=3, noise_model="aria-2", noise_seed=1, cache=False, progress=False
    )
    (truth,) = qml.device("default.qubit").execute([tape.copy(shots=None)])
    tapes, postprocess = cancel_noise(tape, model, n_samples=200, seed=1)
    found = postprocess(device.execute(tapes))
    # Circuits scatter by gamma at most, and shots of each by gamma, too.
    gamma = np.sqrt(sampling_overhead(tape, model))
    assert found == pytest.approx(truth, abs=5 * gamma * np.sqrt(1 / 200 + 1 / shots))
    raw = device.execute(tape)
    assert abs(raw - truth) > abs(found - truth)
    assert abs(raw - truth) > 10 / np.sqrt(shots)


def test_seeds():
    tape = draw_circuit(0)

    def drawn(seed):
        return [one.hash for one in cancel_noise(tape, NOISE, n_samples=30, seed=seed)[0]]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(None) != drawn(None)
    rng = np.random.default_rng(1)
    assert drawn(rng) != drawn(rng)


def test_trouble_is_named():
    tape = draw_circuit(0)
    with pytest.raises(errors.InvalidOptionError, match="n_samples is 1"):
        cancel_noise(tape, NOISE, n_samples=1)
    with pytest.raises(errors.InvalidShotsError, match="99 shots cannot be divided among 100"):
        cancel_noise(tape.copy(shots=99), NOISE)
    with pytest.raises(errors.UnsupportedMeasurementError, match="sample"):
        cancel_noise(draw_circuit(0, measurements=[qml.sample(wires=0)]), NOISE)
    with pytest.raises(errors.UnsupportedMeasurementError, match="names no wires"):
        cancel_noise(draw_circuit(0, measurements=[qml.probs()]), NOISE)
    projector = [qml.expval(qml.Projector([1, 1], wires=[0, 1]))]
    with pytest.raises(errors.UnsupportedMeasurementError, match="to_ionq_native"):
        cancel_noise(draw_circuit(0, measurements=projector), NOISE, seed=1)
    with pytest.raises(errors.UnsupportedGateError, match="RX"):
        cancel_noise(qml.tape.QuantumScript([qml.RX(0.1, 0)], [qml.expval(qml.Z(0))]), NOISE)
    with pytest.raises(errors.UnsupportedGateError, match="RX"):
        sampling_overhead(qml.tape.QuantumScript([qml.RX(0.1, 0)], []), NOISE)


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [
        ((1, 0, 0), (1, *[0] * 15), r"one_qubit has the shape \(3,\); give 4"),
        ((1, 0, 0, 0), (1, 0, 0, 0), r"two_qubit has the shape \(4,\); give 16"),
        ((1.1, -0.1, 0, 0), (1, *[0] * 15), "not negative"),
        ((0.9, 0, 0, 0), (1, *[0] * 15), "add up to 1"),
        ((0.5, 0.5, 0, 0), (1, *[0] * 15), "no inverse exists"),
    ],
)
def test_noise_that_is_none(one, two, found):
    with pytest.raises(errors.InvalidOptionError, match=found):
        PauliNoise(one, two)


def test_published_noise_is_the_emulators():
    model = MODELS["aria-1"]
    expected = PauliNoise.depolarizing(model.rate1, model.rate2)
    assert PauliNoise.published("aria-1") == expected
    with pytest.raises(errors.UnknownBackendError, match=r"harmony.*aria-1, aria-2, forte-1"):
        PauliNoise.published("harmony")
