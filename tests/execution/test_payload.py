import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.errors import InvalidAngleError, InvalidCircuitError
from pennylane_qstore.execution.payload import encode_circuit, encode_job
from pennylane_qstore.execution.request import Settings
from pennylane_qstore.native import Circuit, Gate

NATIVE = Circuit(
    3,
    (
        Gate("gpi", (0,), (0.5,)),
        Gate("gpi2", (2,), (-0.25,)),
        Gate("ms", (0, 2), (0.1, 0.2, 0.25)),
        Gate("zz", (1, 0), (0.125,)),
    ),
)
QIS = Circuit(
    2,
    (
        Gate("h", (0,)),
        Gate("cnot", (1, 0)),
        Gate("rx", (1,), (0.3,)),
        Gate("zz", (0, 1), (0.7,)),
        Gate("swap", (0, 1)),
    ),
    "qis",
)


def job(*circuits, shots=None, noise_seed=None, **settings):
    options = Settings(**{"backend": "simulator", "exact": shots is None, **settings})
    texts = [encode_circuit(circuit) for circuit in circuits]
    body, _ = encode_job(circuits, texts, options, shots=shots, noise_seed=noise_seed)
    return json.loads(body)


def test_native_gates_have_the_keys_of_the_contract():
    assert json.loads(encode_circuit(NATIVE)) == [
        {"gate": "gpi", "target": 0, "phase": 0.5},
        {"gate": "gpi2", "target": 2, "phase": -0.25},
        {"gate": "ms", "targets": [0, 2], "phases": [0.1, 0.2], "angle": 0.25},
        {"gate": "zz", "targets": [1, 0], "angle": 0.125},
    ]


def test_qis_gates_have_the_keys_of_the_contract():
    assert json.loads(encode_circuit(QIS)) == [
        {"gate": "h", "target": 0},
        {"gate": "cnot", "control": 1, "target": 0},
        {"gate": "rx", "target": 1, "rotation": 0.3},
        {"gate": "zz", "targets": [0, 1], "rotation": 0.7},
        {"gate": "swap", "targets": [0, 1]},
    ]


def test_one_circuit_is_a_single_circuit_job_with_its_width():
    body = job(QIS, shots=200, job_name="a", metadata=(("who", "me"),))
    fingerprint = body["metadata"].pop("qstore_fingerprint")
    assert len(fingerprint) == 64
    assert body == {
        "type": "ionq.circuit.v1",
        "backend": "simulator",
        "name": "a",
        "metadata": {"who": "me"},
        "shots": 200,
        "input": {"gateset": "qis", "qubits": 2, "circuit": json.loads(encode_circuit(QIS))},
    }


def test_several_circuits_are_a_multi_circuit_job_with_a_name_and_a_width_each():
    source = job(NATIVE, QIS)["input"]
    names = [entry.pop("name") for entry in source["circuits"]]
    assert len(set(names)) == 2
    assert source == {
        "gateset": "native",
        "qubits": 3,
        "circuits": [
            {"qubits": 3, "circuit": json.loads(encode_circuit(NATIVE))},
            {"gateset": "qis", "qubits": 2, "circuit": json.loads(encode_circuit(QIS))},
        ],
    }
    assert job(NATIVE, QIS)["type"] == "ionq.multi-circuit.v1"


def test_noise_mitigation_and_session_appear_only_where_they_are_set():
    body = job(
        NATIVE,
        shots=500,
        noise_seed=7,
        noise_model="forte-1",
        error_mitigation=(("debiasing", False),),
        session_id="s-1",
    )
    assert body["noise"] == {"model": "forte-1", "seed": 7}
    assert body["settings"] == {"error_mitigation": {"debiasing": False}}
    assert body["session_id"] == "s-1"
    assert not {"noise", "settings", "session_id", "shots"} & set(job(NATIVE))


def test_the_mark_is_the_hash_of_what_is_run_and_the_nonce():
    texts = [encode_circuit(NATIVE)]
    settings = Settings("simulator", job_name="x", exact=True)
    body, mark = encode_job([NATIVE], texts, settings, shots=None, noise_seed=None, nonce="n1")
    source = body[body.index(b'"input":') + len(b'"input":') : -1]
    assert mark == json.loads(body)["metadata"]["qstore_fingerprint"]
    assert mark == hashlib.sha256(source).hexdigest() + "-n1"


def test_jobs_without_a_name_get_different_ones():
    names = {job(NATIVE)["name"] for _ in range(5)}
    assert len(names) == 5
    assert all(len(name) == len("qstore-") + 8 for name in names)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers_are_refused_with_the_gate_that_holds_them(value):
    circuit = Circuit(1, (Gate("gpi", (0,), (0.1,)), Gate("gpi2", (0,), (value,))))
    with pytest.raises(InvalidAngleError, match=r"gate 1 \(gpi2"):
        encode_circuit(circuit)


def test_gates_of_the_other_set_are_refused():
    with pytest.raises(InvalidCircuitError, match="'h'"):
        encode_circuit(Circuit(1, (Gate("h", (0,)),)))
    with pytest.raises(InvalidCircuitError, match="'gpi'"):
        encode_circuit(Circuit(1, (Gate("gpi", (0,), (0.1,)),), "qis"))


def test_a_gate_with_a_missing_value_is_refused():
    with pytest.raises(InvalidCircuitError, match="values"):
        encode_circuit(Circuit(1, (Gate("gpi", (0,)),)))


def test_numpy_numbers_and_integers_are_written_as_plain_numbers():
    circuit = Circuit(2, (Gate("gpi", (np.int64(1),), (np.float64(0.1),)), Gate("gpi", (0,), (1,))))
    assert encode_circuit(circuit) == (
        '[{"gate":"gpi","target":1,"phase":0.1},{"gate":"gpi","target":0,"phase":1.0}]'
    )


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=20))
def test_phases_survive_the_wire_exactly(phases):
    circuit = Circuit(1, tuple(Gate("gpi", (0,), (phase,)) for phase in phases))
    assert [gate["phase"] for gate in json.loads(encode_circuit(circuit))] == phases
