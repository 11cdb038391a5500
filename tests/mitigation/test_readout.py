"""Readout errors, on a simulator that misreads."""

from functools import reduce

import numpy as np
import pennylane as qml
import pytest
from scipy.optimize import LinearConstraint, minimize

from pennylane_qstore import GPI2, MS, errors, to_ionq_native
from pennylane_qstore.mitigation import ReadoutErrors, correct_readout, measure_readout
from tests.mitigation.noisy import draw_circuit

RATES = {0: (0.02, 0.07), 1: (0.05, 0.01), 2: (0.03, 0.1)}


def confusion(up, down):
    return np.array([[1 - up, down], [up, 1 - down]])


ALONE = reduce(np.kron, [confusion(*rates) for rates in RATES.values()])
"""Three wires that are misread independently."""

TOGETHER = np.random.default_rng(5).dirichlet(np.ones(8), size=8).T * 0.1 + 0.9 * np.eye(8)
"""Three wires of which all errors depend on all."""


class Misreading(qml.devices.DefaultQubit):
    """``default.qubit`` on three wires, read through a confusion matrix."""

    def __init__(self, matrix, seed=0):
        super().__init__(wires=3)
        self.matrix, self.rng, self.executed = matrix, np.random.default_rng(seed), []

    def execute(self, circuits, execution_config=None):
        return tuple(map(self._read, circuits))

    def _read(self, tape):
        self.executed.append(tape)
        whole = qml.tape.QuantumScript(tape.operations, [qml.probs(wires=range(3))])
        (exact,) = super().execute((whole,))
        shares = self.matrix @ exact
        copies = []
        for shots in tape.shots or (None,):
            read = shares if shots is None else self.rng.multinomial(shots, shares) / shots
            values = tuple(self._value(mp, read) for mp in tape.measurements)
            copies.append(values if len(values) > 1 else values[0])
        return tuple(copies) if tape.shots.has_partitioned_shots else copies[0]

    @staticmethod
    def _value(mp, read):
        return mp.process_counts(
            {f"{i:03b}": share for i, share in enumerate(read)}, qml.wires.Wires(range(3))
        )


MEASURED = [
    qml.expval(qml.Z(0)),
    qml.expval(qml.Z(2) @ qml.Z(0)),
    qml.expval(0.5 * qml.Z(1) - 2 * qml.Z(0) @ qml.Z(1) @ qml.Z(2) + 0.25 * qml.I(0)),
    qml.expval(qml.I(1)),
    qml.var(qml.Z(1) @ qml.Z(2)),
    qml.probs(wires=[2, 0]),
    qml.probs(wires=[0, 1, 2]),
    qml.measurements.ExpectationMP(eigvals=np.array([1.0, 2, 3, 5]), wires=qml.wires.Wires([1, 0])),
    qml.measurements.VarianceMP(eigvals=np.array([1.0, 2, 3, 5]), wires=qml.wires.Wires([1, 0])),
]
KNOWN = {
    "alone": (ALONE, ReadoutErrors.of_wires(RATES)),
    "together": (TOGETHER, ReadoutErrors(((0, 1, 2),), (TOGETHER,))),
}


def run(device, tape, known):
    tapes, postprocess = correct_readout(tape, known)
    return postprocess(device.execute(tapes))


@pytest.mark.parametrize("how", KNOWN)
@pytest.mark.parametrize("mp", MEASURED, ids=str)
def test_exact_values_are_recovered(how, mp):
    matrix, known = KNOWN[how]
    tape = draw_circuit(1, measurements=[mp])
    found = run(Misreading(matrix), tape, known)
    np.testing.assert_allclose(found, qml.device("default.qubit").execute(tape), atol=1e-9)


def test_several_measurements_and_shot_vectors():
    tape = draw_circuit(1, measurements=MEASURED)
    truth = qml.device("default.qubit").execute(tape)
    device, known = Misreading(ALONE), KNOWN["alone"][1]
    found = run(device, tape, known)
    assert len(found) == len(truth)
    for one, exact in zip(found, truth, strict=True):
        np.testing.assert_allclose(one, exact, atol=1e-9)
    (sent,) = device.executed
    assert [mp.wires.tolist() for mp in sent.measurements] == [
        [0],
        [0, 2],
        [1],
        [0, 1, 2],
        [1, 2],
        [0, 1],
    ]
    copies = run(device, tape.copy(shots=[200_000, 100_000]), known)
    for copy in copies:
        for one, exact in zip(copy, truth, strict=True):
            np.testing.assert_allclose(one, exact, atol=0.03)


def test_two_asymmetric_qubits_by_hand():
    """The inverse of a matrix of one wire is known in closed form."""
    read = np.array([0.30, 0.22, 0.20, 0.28])
    (a, b), (c, d) = RATES[0], RATES[1]
    first = np.array([[1 - b, -b], [-a, 1 - a]]) / (1 - a - b)
    second = np.array([[1 - d, -d], [-c, 1 - c]]) / (1 - c - d)
    expected = np.kron(first, second) @ read
    found = ReadoutErrors.of_wires(RATES).correct(read, [0, 1])
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert not np.allclose(found, ReadoutErrors.of_wires(RATES).correct(read, [1, 2]))


@pytest.mark.parametrize("seed", range(8))
def test_what_no_distribution_explains_is_explained_as_well_as_can_be(seed):
    rng = np.random.default_rng(seed)
    shares = rng.multinomial(40, ALONE @ rng.dirichlet(np.full(8, 0.2))) / 40
    found = ReadoutErrors.of_wires(RATES).correct(shares, [0, 1, 2])
    assert found.min() >= -1e-12
    assert found.sum() == pytest.approx(1)
    reference = minimize(
        lambda x: np.sum((ALONE @ x - shares) ** 2),
        np.full(8, 1 / 8),
        jac=lambda x: 2 * ALONE.T @ (ALONE @ x - shares),
        bounds=[(0, 1)] * 8,
        constraints=[LinearConstraint(np.ones(8), 1, 1)],
        method="trust-constr",
        options={"gtol": 1e-12, "xtol": 1e-14, "maxiter": 3000},
    )
    np.testing.assert_allclose(found, reference.x, atol=1e-4)
    assert np.sum((ALONE @ found - shares) ** 2) <= reference.fun + 1e-9
    assert np.linalg.solve(ALONE, shares).min() < 0


def test_matrices_may_be_lists():
    known = ReadoutErrors(((0,),), ([[0.9, 0.2], [0.1, 0.8]],))
    np.testing.assert_allclose(known.correct([0.62, 0.38], [0]), [0.6, 0.4], atol=1e-12)


# Measuring the errors


def test_two_circuits_measure_any_number_of_wires():
    device = Misreading(ALONE)
    found = measure_readout(device, [0, 1, 2], shots=None)
    assert [len(tape.operations) for tape in device.executed] == [0, 3]
    assert found.groups == ((0,), (1,), (2,))
    for matrix, rates in zip(found.matrices, RATES.values(), strict=True):
        np.testing.assert_allclose(matrix, confusion(*rates), atol=1e-12)


def test_a_group_takes_all_its_states():
    device = Misreading(TOGETHER)
    found = measure_readout(device, [0, 1, 2], shots=None, groups=[(0, 1, 2)])
    assert len(device.executed) == 8
    np.testing.assert_allclose(found.matrices[0], TOGETHER, atol=1e-12)


def test_groups_of_different_sizes_share_their_circuits():
    pair = np.random.default_rng(2).dirichlet(np.ones(4), size=4).T * 0.2 + 0.8 * np.eye(4)
    # The pair is wires 2 and 0, in this order; wire 1 is alone.
    matrix = np.einsum("abcd,ef->beadfc", pair.reshape(2, 2, 2, 2), confusion(0.1, 0.2)).reshape(
        8, 8
    )
    device = Misreading(matrix)
    found = measure_readout(device, [0, 1, 2], shots=None, groups=[(2, 0)])
    assert found.groups == ((2, 0), (1,))
    assert len(device.executed) == 4
    np.testing.assert_allclose(found.matrices[0], pair, atol=1e-12)
    np.testing.assert_allclose(found.matrices[1], confusion(0.1, 0.2), atol=1e-12)
    tape = draw_circuit(1, measurements=[qml.expval(qml.Z(0) @ qml.Z(1)), qml.probs(wires=[2])])
    truth = qml.device("default.qubit").execute(tape)
    corrected = run(device, tape, found)
    np.testing.assert_allclose(corrected[0], truth[0], atol=1e-9)
    np.testing.assert_allclose(corrected[1], truth[1], atol=1e-9)


def test_with_shots_errors_are_known_within_their_error():
    found = measure_readout(Misreading(ALONE), [0, 1, 2], shots=20_000)
    for matrix, rates in zip(found.matrices, RATES.values(), strict=True):
        np.testing.assert_allclose(matrix, confusion(*rates), atol=5 * 0.3 / np.sqrt(20_000))


def test_another_gate_may_prepare_the_states():
    device = Misreading(ALONE)
    measure_readout(device, [0], shots=None, flip=qml.X)
    assert [op.name for op in device.executed[1].operations] == ["PauliX"]


def test_the_device_sends_the_states_as_one_job():
    device = qml.device("qstore.ionq", wires=3, noise_model="aria-1", noise_seed=1, cache=False)
    with qml.Tracker(device) as tracker:
        found = measure_readout(device, [0, 1, 2], shots=4000)
    assert tracker.totals["jobs"] == 1
    # The model has no readout error, but pulses have: a few tenths of its rate, 0.0005.
    for matrix in found.matrices:
        np.testing.assert_allclose(matrix, np.eye(2), atol=5 * np.sqrt(0.0005 / 4000))


# In front of a QNode


def test_a_compiled_qnode_on_another_device():
    device = Misreading(ALONE, seed=3)
    known = measure_readout(device, [0, 1, 2], shots=100_000)

    def circuit(x):
        qml.RX(x, wires=0)
        qml.CNOT(wires=[0, 1])
        qml.CNOT(wires=[1, 2])
        return qml.expval(qml.Z(1)), qml.expval(qml.X(0) @ qml.X(1) @ qml.X(2))

    native = to_ionq_native(qml.QNode(circuit, device, shots=100_000))
    truth = np.array(qml.QNode(circuit, qml.device("default.qubit", wires=3))(0.4))
    raw, found = np.array(native(0.4)), np.array(correct_readout(native, known)(0.4))
    assert np.abs(raw - truth).max() > 0.05
    np.testing.assert_allclose(found, truth, atol=0.02)


# Many wires


def test_beyond_ten_wires_only_what_was_read_is_a_candidate():
    rates = dict.fromkeys(range(14), (0.01, 0.03))
    known = ReadoutErrors.of_wires(rates)
    rng = np.random.default_rng(0)
    ones = np.array([0] * 14), np.array([1] * 14)
    shots, read = 4000, np.zeros(2**14)
    for _ in range(shots):
        bits = ones[rng.integers(2)]
        flips = rng.random(14) < np.where(bits, 0.03, 0.01)
        read[int("".join(map(str, bits ^ flips)), 2)] += 1 / shots
    found = known.correct(read, range(14))
    assert found.sum() == pytest.approx(1)
    assert set(np.flatnonzero(found)) <= set(np.flatnonzero(read))
    assert read[0] + read[-1] < 0.8
    assert found[0] + found[-1] > 0.97
    (sent,), of_some = correct_readout(
        qml.tape.QuantumScript([], [qml.probs(wires=range(12))], shots=shots), known
    )
    read_of_some = read.reshape(2**12, 4).sum(axis=1)
    marginal = of_some([read_of_some])
    assert (sent.measurements[0].wires.tolist(), marginal.shape) == (list(range(12)), (2**12,))
    assert marginal[0] + marginal[-1] > 0.97
    wires = qml.wires.Wires(range(14))
    tape = qml.tape.QuantumScript([], [qml.expval(qml.prod(*map(qml.Z, range(14))))], shots=shots)
    tapes, postprocess = correct_readout(tape, known)
    assert tapes[0].measurements[0].wires == wires
    assert postprocess([read]) == pytest.approx(1, abs=0.05)


def test_confusion_among_some_outcomes():
    pair = np.random.default_rng(2).dirichlet(np.ones(4), size=4).T * 0.2 + 0.8 * np.eye(4)
    known = ReadoutErrors(((3, 5), (1,)), (pair, confusion(0.1, 0.2)))
    outcomes = np.array([0, 3, 6, 7])
    part = np.kron(pair, confusion(0.1, 0.2))[np.ix_(outcomes, outcomes)]
    found = known.among([1, 5], outcomes)
    np.testing.assert_allclose(found, part / part.sum(axis=0), atol=1e-12)


def test_too_many_ways_to_be_read():
    known = ReadoutErrors.of_wires(dict.fromkeys(range(12), (0.01, 0.03)))
    with pytest.raises(errors.TooManyWiresError, match="12 wires were read in 4096 ways.*1024"):
        known.correct(np.full(2**12, 2.0**-12), range(12))


# Trouble


def test_trouble_is_named():
    known = ReadoutErrors.of_wires({0: (0.1, 0.1), 1: (0.1, 0.1)})
    with pytest.raises(
        errors.InvalidOptionError, match=r"wires \[2\] are not known, only of \[0, 1\]"
    ):
        correct_readout(draw_circuit(0, measurements=[qml.probs(wires=[0, 2])]), known)
    with pytest.raises(errors.UnsupportedGateError, match="RX"):
        correct_readout(qml.tape.QuantumScript([qml.RX(0.1, 0)], [qml.expval(qml.Z(0))]), known)
    for mp in (
        qml.sample(wires=[0]),
        qml.probs(),
        qml.expval(qml.X(0)),
        qml.probs(op=qml.Z(0)),
        qml.expval(qml.Hermitian(np.array([[0, 1], [1, 0]]), wires=0)),
    ):
        tape = qml.tape.QuantumScript([MS(0, 0, wires=[0, 1]), GPI2(0.1, wires=0)], [mp])
        with pytest.raises(errors.UnsupportedMeasurementError, match="cannot be corrected"):
            correct_readout(tape, known)
    with pytest.raises(errors.InvalidOptionError, match=r"shape \(2,\); wires \[0, 1\] have 4"):
        known.correct([0.5, 0.5], [0, 1])
    with pytest.raises(errors.InvalidShotsError, match="shots is 0"):
        measure_readout(Misreading(ALONE), [0], shots=0)
    with pytest.raises(errors.InvalidOptionError, match="wires is empty"):
        measure_readout(Misreading(ALONE), [])
    with pytest.raises(errors.InvalidOptionError, match="one group"):
        measure_readout(Misreading(ALONE), [0], shots=None, groups=[(0, 1), (1, 2)])


@pytest.mark.parametrize(
    ("groups", "matrices", "found"),
    [
        (((0,), (0,)), (np.eye(2), np.eye(2)), "one group"),
        (((0,), (1,)), (np.eye(2),), "one matrix"),
        (((0, 1),), (np.eye(2),), r"shape \(2, 2\).*\(4, 4\)"),
        (((0,),), (np.array([[0.9, 0.2], [0.2, 0.8]]),), "each column"),
        (((0,),), (np.array([[1.1, 0], [-0.1, 1]]),), "each column"),
        (((0,),), (np.full((2, 2), 0.5),), "hardly depends"),
    ],
)
def test_matrices_that_are_none(groups, matrices, found):
    with pytest.raises(errors.InvalidOptionError, match=found):
        ReadoutErrors(groups, matrices)
