"""Every bad input has a named error, before anything is submitted."""

import numpy as np
import pennylane as qml
import pytest
from pennylane.exceptions import DeviceError

from pennylane_qstore import errors, ops
from pennylane_qstore.execution import HttpService


@pytest.fixture(autouse=True)
def posts(monkeypatch):
    """Job submissions of a test; the fixture's own check is that there are none."""
    sent = []

    async def refuse(self, body):
        sent.append(body)
        raise AssertionError("something was submitted")

    monkeypatch.setattr(HttpService, "create_job", refuse)
    yield sent
    assert sent == []


def run(operations, *, shots=None, measurement=None, wires=2, **options):
    device = qml.device("qstore.ionq", wires=wires, cache=False, **options)
    tape = qml.tape.QuantumScript(operations, [measurement or qml.expval(qml.Z(0))], shots=shots)
    return qml.execute([tape], device)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"backend": "simulatr"}, errors.UnknownBackendError, "backend='simulatr'; use 'emulator'"),
        ({"backend": None}, errors.UnknownBackendError, "backend=None"),
        ({"backend": "simulator"}, errors.MissingKeyError, "IONQ_API_KEY"),
        ({"backend": "qpu.forte-1"}, errors.MissingKeyError, "IONQ_API_KEY"),
        ({"gateset": "clifford"}, errors.InvalidOptionError, "gateset='clifford'"),
        ({"noise_model": "sycamore"}, errors.InvalidOptionError, "noise_model='sycamore'"),
        ({"noise_seed": 0}, errors.InvalidOptionError, "noise_seed=0"),
        ({"noise_seed": 2**31}, errors.InvalidOptionError, "noise_seed=2147483648"),
        ({"seed": -1}, errors.InvalidOptionError, "seed=-1"),
        ({"seed": 0.5}, errors.InvalidOptionError, "seed=0.5"),
        ({"timeout": 0}, errors.InvalidOptionError, "timeout=0"),
        ({"timeout": np.nan}, errors.InvalidOptionError, "timeout=nan"),
        (
            {"error_mitigation": {"debias": True}},
            errors.InvalidOptionError,
            "'debias'; IonQ offers",
        ),
        ({"base_url": "http://127.0.0.1"}, errors.InvalidOptionError, "base_url is given"),
        ({"api_key": "k"}, errors.InvalidOptionError, "api_key is given"),
        ({"cache": 3.5}, errors.InvalidOptionError, "cache=3.5"),
        ({"cache": "memcached://host"}, errors.InvalidOptionError, "use True, False, a directory"),
        ({"wires": 30}, errors.TooManyWiresError, "30 wires.*29 qubits"),
        ({"wires": 26, "noise_model": "aria-1"}, errors.TooManyWiresError, "26 wires.*25"),
    ],
)
def test_an_option_that_cannot_work_is_refused_when_the_device_is_made(options, error, message):
    with pytest.raises(error, match=message):
        qml.device("qstore.ionq", **({"wires": 2, "cache": False} | options))


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="nshots"):
        qml.device("qstore.ionq", wires=1, nshots=3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_angle_that_is_not_finite_is_refused(value):
    with pytest.raises(errors.InvalidAngleError, match=r"RX on wires \[1\].*finite"):
        run([qml.RX(value, 1)])


def test_one_bad_circuit_keeps_the_whole_batch_from_being_sent():
    device = qml.device("qstore.ionq", wires=1, cache=False)
    tapes = [
        qml.tape.QuantumScript([qml.RX(x, 0)], [qml.probs(wires=0)]) for x in (0.1, np.nan, 0.2)
    ]
    with pytest.raises(errors.InvalidAngleError):
        qml.execute(tapes, device)


def test_zero_shots_are_refused():
    with pytest.raises(ValueError, match="Shots must be a single positive integer"):
        run([qml.X(0)], shots=0)


def test_more_shots_than_the_service_takes_are_refused():
    with pytest.raises(errors.InvalidShotsError, match="shots=1000001; IonQ takes 1 to 1000000"):
        run([qml.X(0)], shots=1_000_001)


def test_exact_results_of_a_sampling_backend_are_refused():
    with pytest.raises(errors.AnalyticModeError, match="only samples; set shots"):
        run([qml.X(0)], noise_model="aria-1")


def test_native_gates_of_the_other_family_are_refused():
    with pytest.raises(errors.WrongNativeGateError, match="MS on qubits.*takes ZZ only"):
        run([ops.MS(0, 0, wires=[0, 1])], noise_model="forte-1", shots=10)
    with pytest.raises(errors.WrongNativeGateError, match="ZZ on qubits.*takes MS only"):
        run([ops.ZZ(wires=[0, 1])], noise_model="aria-1", shots=10)


def test_both_gate_sets_in_one_circuit_are_refused():
    with pytest.raises(errors.MixedGateSetsError, match="both the native gate GPI.*and Hadamard"):
        run([qml.Hadamard(0), ops.GPI(0.1, wires=0)])
    with pytest.raises(errors.MixedGateSetsError, match="gateset='qis'"):
        run([ops.GPI(0.1, wires=0)], gateset="qis")


def test_a_circuit_wider_than_the_backend_is_refused():
    with pytest.raises(errors.TooManyWiresError, match="30 wires"):
        run([qml.X(i) for i in range(30)], wires=None)


def test_wires_the_device_does_not_have_are_refused():
    with pytest.raises(qml.exceptions.WireError, match="not found on the device"):
        run([qml.X(5)])


@pytest.mark.parametrize(
    ("measurement", "shots"),
    [
        (qml.classical_shadow(wires=[0]), 10),
        (qml.state(), 10),
        (qml.sample(wires=0), None),
        (qml.counts(wires=0), None),
    ],
)
def test_measurements_that_outcomes_do_not_give_are_refused(measurement, shots):
    with pytest.raises(DeviceError, match="not accepted"):
        run([qml.X(0)], measurement=measurement, shots=shots)


def test_states_are_refused_where_they_would_have_to_come_from_the_service():
    with pytest.raises(DeviceError, match="state.*not accepted"):
        run([qml.X(0)], measurement=qml.state(), backend="simulator", api_key="k")


def test_an_observable_too_wide_to_be_diagonalised_is_refused():
    wide = qml.Hamiltonian([1.0] * 9, [qml.X(i) for i in range(9)])
    with pytest.raises(DeviceError, match="9 wires.*at most 8"):
        run([qml.X(0)], measurement=qml.sample(wide), shots=10, wires=9)


def test_other_treatments_of_mid_circuit_measurements_are_refused():
    @qml.qnode(qml.device("qstore.ionq", wires=2), mcm_method="one-shot")
    def circuit():
        qml.measure(0)
        return qml.expval(qml.Z(1))

    with pytest.raises(DeviceError, match="mcm_method='one-shot'.*deferred"):
        qml.set_shots(circuit, 10)()


def test_mid_circuit_measurements_without_spare_wires_are_refused():
    @qml.qnode(qml.device("qstore.ionq", wires=["a", "b"]))
    def circuit():
        outcome = qml.measure("a")
        return qml.expval(outcome), qml.expval(qml.Z("b"))

    with pytest.raises(errors.TooManyWiresError, match="need 1 wires besides the 2.*0 to spare"):
        circuit()


def test_an_operation_that_cannot_be_decomposed_is_refused():
    with pytest.raises(DeviceError, match="(?s)QubitDensityMatrix.*not supported"):
        run([qml.QubitDensityMatrix(np.eye(2) / 2, wires=0)])
