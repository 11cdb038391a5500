"""What is refused at once, and what makes a failed job."""

import json

import pytest

from pennylane_qstore.emulator.catalog import MAX_BODY_BYTES

X = [{"gate": "x", "target": 0}]


def payload(circuit=X, **changes):
    content = {"gateset": "qis", "qubits": 2, "circuit": circuit}
    return {"type": "ionq.circuit.v1", "backend": "simulator", "input": content, **changes}


def native(*gates, **changes):
    content = {"gateset": "native", "qubits": 2, "circuit": list(gates)}
    return payload(input=content, **changes)


BAD = {
    "unknown type": payload(type="v9"),
    "unknown backend": payload(backend="qpu.nowhere"),
    "no input": payload(input=None),
    "no circuit": payload(input={"gateset": "qis"}),
    "unknown gate": payload([{"gate": "foo", "target": 0}]),
    "qis gate in a native circuit": native({"gate": "h", "target": 0}),
    "native gate in a qis circuit": payload([{"gate": "gpi", "target": 0, "phase": 0.1}]),
    "no target": payload([{"gate": "x"}]),
    "negative target": payload([{"gate": "x", "target": -1}]),
    "no rotation": payload([{"gate": "rx", "target": 0}]),
    "rotation as text": payload([{"gate": "rx", "target": 0, "rotation": "1"}]),
    "one target for two": payload([{"gate": "swap", "targets": [0]}]),
    "cnot without control": payload([{"gate": "cnot", "target": 0}]),
    "gate as text": payload(["x"]),
    "phases of three": native({"gate": "ms", "targets": [0, 1], "phases": [0, 0, 0]}),
    "native control": native({"gate": "gpi", "target": 0, "phase": 0.1, "control": 1}),
    "Pauli string too short": payload(
        [{"gate": "pauliexp", "targets": [0, 1], "terms": ["X"], "coefficients": [1], "time": 1}]
    ),
    "too few coefficients": payload(
        [{"gate": "pauliexp", "targets": [0], "terms": ["X", "Z"], "coefficients": [1], "time": 1}]
    ),
    "unknown gate set": payload(input={"gateset": "other", "circuit": X}),
    "no qubits": payload(input={"qubits": 0, "circuit": X}),
    "no shots": payload(shots=0),
    "too many shots": payload(shots=1_000_001),
    "shots as fraction": payload(shots=1.5),
    "metadata of numbers": payload(metadata={"a": 1}),
    "eleven metadata": payload(metadata={str(k): "" for k in range(11)}),
    "long metadata name": payload(metadata={"k" * 41: ""}),
    "unknown noise model": payload(noise={"model": "loud"}),
    "noise without model": payload(noise={"seed": 1}),
    "seed too large": payload(noise={"model": "aria-1", "seed": 2**31}),
    "name as number": payload(name=3),
    "both circuit and circuits": payload(
        type="ionq.multi-circuit.v1", input={"circuit": X, "circuits": [{"circuit": X}]}
    ),
    "no circuits": payload(type="ionq.multi-circuit.v1", input={"circuits": []}),
    "circuit as text": payload(type="ionq.multi-circuit.v1", input={"circuits": ["x"]}),
    "register outside": payload(
        type="ionq.multi-circuit.v1",
        input={"qubits": 1, "circuits": [{"circuit": X, "registers": {"r": [5]}}]},
    ),
    "QASM without data": payload(type="ionq.qasm3.v1", input={}),
    "a list": [],
}


@pytest.mark.parametrize("name", BAD)
def test_schema_errors_are_400_with_ionqs_body(service, name):
    response = service.post("jobs", json=BAD[name])
    assert response.status_code == 400
    body = response.json()
    assert (body["error"], body["statusCode"]) == ("Bad Request", 400)
    assert body["message"]
    if "validation" in body:
        assert body["validation"]["source"] == "payload"
        assert body["validation"]["keys"]
    assert service.get("jobs").json()["jobs"] == []


@pytest.mark.parametrize("body", [b"{", b"", b'{"shots": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_400(service, body):
    assert service.post("jobs", content=body).status_code == 400


FAILING = {
    "wrong family on a model": (
        native({"gate": "ms", "targets": [0, 1], "phases": [0, 0]}, noise={"model": "forte-1"}),
        "UnsupportedGate",
    ),
    "wrong family on a machine": (
        native({"gate": "zz", "targets": [0, 1], "angle": 0.1}, backend="qpu.aria-1"),
        "UnsupportedGate",
    ),
    "phase outside": (native({"gate": "gpi", "target": 0, "phase": 1.5}), "InvalidInput"),
    "ms angle outside": (
        native({"gate": "ms", "targets": [0, 1], "phases": [0, 0], "angle": 0.3}),
        "InvalidInput",
    ),
    "qubit outside": (payload([{"gate": "x", "target": 2}]), "InvalidInput"),
    "qubit twice": (payload([{"gate": "swap", "targets": [1, 1]}]), "InvalidInput"),
    "control is target": (payload([{"gate": "x", "target": 1, "control": 1}]), "InvalidInput"),
    "no gates": (payload([]), "InvalidInput"),
    "too wide": (payload(input={"qubits": 30, "circuit": X}), "NotEnoughQubits"),
    "too wide for harmony": (
        payload(input={"qubits": 12, "circuit": X}, noise={"model": "harmony"}),
        "NotEnoughQubits",
    ),
    "too many shots for a machine": (payload(backend="qpu.forte-1", shots=10_001), "TooManyShots"),
    "negative time": (
        payload(
            [{"gate": "pauliexp", "targets": [0], "terms": ["X"], "coefficients": [1], "time": -1}]
        ),
        "InvalidInput",
    ),
    "OpenQASM": (payload(type="ionq.qasm3.v1", input={"data": "OPENQASM 3.0;"}), "PreflightError"),
}


@pytest.mark.parametrize("name", FAILING)
def test_semantic_errors_make_a_failed_job(service, name):
    body, code = FAILING[name]
    response = service.post("jobs", json=body)
    assert response.status_code == 201, response.text
    job = service.job(response.json()["id"])
    assert job["status"] == "failed"
    assert job["failure"]["code"] == code
    assert job["failure"]["message"]
    assert job["results"] is None
    assert job["started_at"] is None
    assert job["completed_at"] is not None


def test_an_infinite_rotation_fails(service):
    text = json.dumps(payload([{"gate": "rx", "target": 0, "rotation": 12345}]))
    response = service.post("jobs", content=text.replace("12345", "1e999"))
    assert service.job(response.json()["id"])["failure"]["code"] == "InvalidInput"


def test_the_family_is_not_enforced_where_the_options_say_so(make_service):
    service = make_service(enforce_family=False)
    body, _ = FAILING["wrong family on a model"]
    job = service.post("jobs", json=body).json()["id"]
    assert service.finished(job)["status"] == "completed"


def test_a_state_too_large_for_memory_fails_by_name(make_service):
    service = make_service(max_state_bytes=2**20)
    job = service.submit([{"gate": "h", "target": q} for q in range(18)])
    assert service.job(job)["failure"]["code"] == "NotEnoughQubits"
    assert "memory" in service.job(job)["failure"]["message"]


def test_one_bad_circuit_fails_the_parent_and_leaves_the_others(service):
    circuits = [{"circuit": X}, {"circuit": [{"gate": "x", "target": 5}], "qubits": 2}]
    parent = service.job(service.submit_many(circuits))
    good, bad = (service.job(child) for child in parent["child_job_ids"])
    assert (parent["status"], parent["results"]) == ("failed", None)
    assert parent["failure"] == bad["failure"]
    assert (good["status"], bad["status"]) == ("completed", "failed")
    assert service.result(good["id"]) == {"1": 1.0}


def many(circuits, gates=X):
    content = {"qubits": 1, "circuits": [{"circuit": gates}] * circuits}
    return payload(type="ionq.multi-circuit.v1", input=content)


def test_5000_circuits_are_accepted_and_one_more_is_not(service):
    response = service.post("jobs", json=many(5000))
    assert response.status_code == 201
    job = service.finished(response.json()["id"])
    assert len(service.result(job["id"], "probabilities/aggregated")) == 5000
    refused = service.post("jobs", json=many(5001))
    assert refused.status_code == 400
    assert "5000" in refused.json()["message"]


def test_150000_gates_are_accepted_and_one_more_is_not(service):
    assert service.post("jobs", json=many(1, X * 150_000)).status_code == 201
    refused = service.post("jobs", json=many(2, X * 75_001))
    assert refused.status_code == 400
    assert "150000" in refused.json()["message"]


def test_a_body_over_10_mb_is_413(service):
    body = json.dumps(payload(name="n" * MAX_BODY_BYTES))
    response = service.post("jobs", content=body)
    assert response.status_code == 413
    assert response.json()["error"] == "Payload Too Large"


@pytest.mark.parametrize(
    "path",
    ["jobs/nope", "jobs/nope/cost", "jobs/nope/results/shots", "jobs/nope/artifacts/x", "nothing"],
)
def test_what_does_not_exist_is_404(service, path):
    response = service.get(path)
    assert response.status_code == 404
    assert response.json()["statusCode"] == 404


def test_a_wrong_method_is_405_with_ionqs_body(service):
    response = service.put("jobs")
    assert response.status_code == 405
    assert response.json()["error"] == "Method Not Allowed"


def test_todays_clients_are_understood(service):
    cirq = payload(lang="json", shots="250", metadata=None, settings=None, noise=None)
    assert service.job(service.post("jobs", json=cirq).json()["id"])["shots"] == 250
    qiskit = payload(noise={"model": "ideal", "seed": None}, extra={"a": 1})
    assert service.post("jobs", json=qiskit).status_code == 201
    listed = payload([{"gate": "x", "targets": [0], "controls": [], "extra": 1}])
    assert service.result(service.post("jobs", json=listed).json()["id"]) == {"1": 1.0}
