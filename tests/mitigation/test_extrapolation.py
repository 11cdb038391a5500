"""Extrapolation to no noise."""

import numpy as np
import pennylane as qml
import pytest
from scipy.optimize import curve_fit

from pennylane_qstore import GPI2, errors, to_ionq_native
from pennylane_qstore.mitigation import extrapolate_noise, extrapolation_weights
from pennylane_qstore.mitigation.extrapolation import extrapolate_decay, mixed_value
from tests.mitigation.noisy import draw_circuit, run_noisily


@pytest.mark.parametrize("degree", [1, 2])
def test_weights_are_those_of_numpys_fit(degree):
    factors = [1, 1.8, 3, 5]
    values = np.random.default_rng(0).normal(size=4)
    expected = np.polynomial.Polynomial.fit(factors, values, degree)(0)
    weights = extrapolation_weights(factors, degree)
    assert weights @ values == pytest.approx(expected, abs=1e-10)
    assert weights.sum() == pytest.approx(1, abs=1e-12)


def test_weights_of_the_highest_degree_are_richardsons():
    factors, values = [1, 3, 5], [0.8, 0.5, 0.4]
    expected = qml.noise.richardson_extrapolate(factors, values)
    assert extrapolation_weights(factors, 2) @ values == pytest.approx(expected, abs=1e-9)


SCALES = (1, 3, 5)


def mitigate(tape, scale_factors=SCALES, **options):
    tapes, postprocess = extrapolate_noise(tape, scale_factors, **options)
    return postprocess([run_noisily(one) for one in tapes])


def test_errors_of_fifty_circuits_drop(entangler):
    found = {"nothing": [], "decay": [], 1: [], 2: []}
    for seed in range(50):
        tape = draw_circuit(seed, entangler=entangler)
        truth = qml.device("default.qubit").execute(tape)
        results = [run_noisily(one) for one in extrapolate_noise(tape, SCALES)[0]]
        found["nothing"].append(results[0] - truth)
        for fit in ("decay", 1, 2):
            found[fit].append(extrapolate_noise(tape, SCALES, fit)[1](results) - truth)
    rms = {name: np.sqrt(np.mean(np.square(errors))) for name, errors in found.items()}
    assert rms[1] < rms["nothing"] / 2
    assert rms[2] < rms["nothing"] / 4
    assert rms["decay"] < rms["nothing"] / 4
    better = np.abs(found["decay"]) < np.abs(found["nothing"])
    assert better.sum() >= 45


# Decays


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.2, 0.5])
@pytest.mark.parametrize("factors", [(1, 3), (1, 3, 5), (1, 1.5, 2, 4)])
def test_a_decay_is_recovered(factors, rate):
    amplitudes = np.array([0.7, -0.2, 0.0, 1e-6])
    values = 0.25 + np.exp(-rate * np.array(factors))[:, None] * amplitudes
    found = extrapolate_decay(factors, values, 0.25)
    np.testing.assert_allclose(found, 0.25 + amplitudes, atol=1e-7)


@pytest.mark.parametrize("seed", range(10))
def test_a_decay_is_scipys_bounded_fit(seed):
    rng = np.random.default_rng(seed)
    factors = np.array([1.0, 2, 3, 5])
    values = rng.uniform(-1, 1) * np.exp(-rng.uniform(0, 0.7) * factors) + rng.normal(0, 0.05, 4)
    starts = [curve_fit_amplitude(factors, values, rate) for rate in (0.02, 0.2, 0.45)]
    expected = min(starts)[1]
    assert extrapolate_decay(factors, values, 0.0) == pytest.approx(expected, abs=1e-5)


def curve_fit_amplitude(factors, values, rate):
    def decay(factor, amplitude, rate):
        return amplitude * np.exp(-rate * factor)

    start = (values[0], rate)
    bounds = ([-np.inf, 0], [np.inf, 0.5])
    best, _ = curve_fit(decay, factors, values, p0=start, bounds=bounds, ftol=1e-14, xtol=1e-14)
    return np.sum((decay(factors, *best) - values) ** 2), best[0]


def test_values_that_grow_or_vanish_are_not_followed_to_anywhere():
    assert extrapolate_decay((1, 3), (0.4, 0.6), 0.0) == pytest.approx(0.5)
    assert abs(extrapolate_decay((1, 3), (0.1, -0.05), 0.0)) < 0.1 * np.exp(0.5)
    assert extrapolate_decay((1, 3), (0.0, 0.0), 0.0) == 0


@pytest.mark.parametrize(
    "mp",
    [
        qml.expval(qml.Z(0)),
        qml.expval(2 * qml.Z(0) @ qml.Z(1) - 0.5 * qml.I(0)),
        qml.measurements.ExpectationMP(
            eigvals=np.array([1.0, 2, 3, 5]), wires=qml.wires.Wires([1, 0])
        ),
        qml.probs(wires=[1]),
        qml.probs(wires=[0, 1]),
    ],
    ids=str,
)
def test_the_value_of_the_mixed_state(mp):
    exact = mp.process_density_matrix(np.eye(4) / 4, qml.wires.Wires([0, 1]))
    np.testing.assert_allclose(exact, mixed_value(mp), atol=1e-12)


def test_several_measurements_and_probabilities():
    measured = [qml.expval(qml.Z(0)), qml.probs(wires=[0, 2])]
    tape = draw_circuit(3, measurements=measured)
    truth = qml.device("default.qubit").execute(tape)
    raw, found = run_noisily(tape), mitigate(tape, fit=2)
    for one, plain, exact in zip(found, raw, truth, strict=True):
        assert np.abs(one - exact).max() < np.abs(plain - exact).max() / 4
    assert found[1].sum() == pytest.approx(1)


def test_a_function_fits_every_number_for_itself():
    measured = [qml.expval(qml.Z(0)), qml.probs(wires=[1])]
    tape = draw_circuit(3, measurements=measured)
    function = mitigate(tape, fit=qml.noise.richardson_extrapolate)
    degree = mitigate(tape, fit=2)
    np.testing.assert_allclose(function[0], degree[0], atol=1e-8)
    np.testing.assert_allclose(function[1], degree[1], atol=1e-8)


def test_factors_are_those_that_were_reached():
    """Of one entangling gate a factor of 2.4 makes 3."""
    tape = draw_circuit(0, n_entanglers=1)
    tapes, postprocess = extrapolate_noise(tape, (1, 2.4), fit=1)
    assert [len([op for op in one.operations if len(op.wires) == 2]) for one in tapes] == [1, 3]
    assert postprocess([0.7, 0.5]) == pytest.approx(0.8)


def test_shots_are_divided():
    tape = draw_circuit(0).copy(shots=1000)
    tapes, _ = extrapolate_noise(tape, SCALES)
    assert [one.shots.total_shots for one in tapes] == [333] * 3
    tapes, postprocess = extrapolate_noise(tape.copy(shots=[300, 600]), SCALES, fit=1)
    assert [list(one.shots) for one in tapes] == [[100, 200]] * 3
    found = postprocess([(0.7, 0.8), (0.5, 0.6), (0.3, 0.4)])
    assert found == pytest.approx((0.8, 0.9))


def test_one_job_on_the_device():
    device = qml.device(
        "qstore.ionq", wires=2, noise_model="aria-1", noise_seed=3, cache=False, progress=False
    )

    @extrapolate_noise
    @to_ionq_native(level=2)
    @qml.qnode(device, shots=30_000)
    def circuit(x):
        qml.RX(x, wires=0)
        qml.CNOT(wires=[0, 1])
        return qml.expval(qml.Z(1))

    with qml.Tracker(device) as tracker:
        value = circuit(0.4)
    assert tracker.totals["jobs"] == 1
    assert tracker.totals["shots"] == 30_000
    deviation = np.sqrt(2 * np.sum(extrapolation_weights([1, 3]) ** 2) / 30_000)
    assert value == pytest.approx(np.cos(0.4), abs=5 * deviation)


def test_a_circuit_without_gates_is_measured_as_it_is():
    tape = qml.tape.QuantumScript([], [qml.expval(qml.Z(0))], shots=10)
    tapes, postprocess = extrapolate_noise(tape)
    assert tapes == [tape]
    assert postprocess([0.5]) == 0.5


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"scale_factors": (1, 3), "fit": 2}, "degree 2 needs 3 different factors"),
        ({"scale_factors": (3,)}, "a decay needs 2 different factors"),
        ({"fit": "exponential"}, "fit is 'exponential'"),
        ({"scale_factors": (1, 1)}, "there are 1"),
        ({"scale_factors": (1, 1.1)}, "there are 1"),  # four gates have no tenth
        ({"fit": -1}, "degree -1"),
        ({"scale_factors": (0.5, 1)}, "scale_factor is 0.5"),
        ({"scale_factors": ()}, "there are 0"),
    ],
)
def test_too_little_to_fit_is_refused(options, found):
    for shots in (None, 100):
        with pytest.raises(errors.InvalidOptionError, match=found):
            extrapolate_noise(draw_circuit(0).copy(shots=shots), **options)


def test_other_trouble_is_named():
    with pytest.raises(errors.InvalidShotsError, match="1 shots cannot be divided among 2"):
        extrapolate_noise(draw_circuit(0).copy(shots=1))
    with pytest.raises(errors.UnsupportedMeasurementError, match="var"):
        extrapolate_noise(draw_circuit(0, measurements=[qml.var(qml.Z(0))]))
    with pytest.raises(errors.UnsupportedGateError, match="RX"):
        extrapolate_noise(qml.tape.QuantumScript([qml.RX(0.1, 0)], [qml.expval(qml.Z(0))]))


def test_pulses_alone_can_be_extrapolated():
    tape = qml.tape.QuantumScript([GPI2(0.1, wires=0)] * 4, [qml.expval(qml.Z(0))])
    assert abs(mitigate(tape) - 1) < abs(run_noisily(tape) - 1) / 10
