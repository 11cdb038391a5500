"""The fault server itself, seen by a client that is not ours."""

import json
import socket

import httpx
import pytest

from tests.faults.server import KEY, Fate, FaultServer, refusal
from tests.faults.wire import Reply

HEADERS = {"Authorization": f"apiKey {KEY}"}
CIRCUIT = {"circuit": [{"gate": "gpi", "target": 0, "phase": 0.1}], "qubits": 2}
SINGLE = {
    "type": "ionq.circuit.v1",
    "backend": "simulator",
    "metadata": {"mark": "m1"},
    "input": {"gateset": "native", **CIRCUIT},
}
SEVERAL = {
    "type": "ionq.multi-circuit.v1",
    "backend": "simulator",
    "shots": 10,
    "noise": {"model": "forte-1"},
    "input": {"gateset": "native", "qubits": 2, "circuits": [CIRCUIT, {"circuit": []}]},
}


@pytest.fixture
def http(server):
    with httpx.Client(base_url=server.url, headers=HEADERS, timeout=0.3) as http:
        yield http


def finished(http, body):
    job_id = http.post("/jobs", json=body).json()["id"]
    while True:
        view = http.get(f"/jobs/{job_id}").json()
        if view["status"] not in ("submitted", "ready", "started"):
            return view


def test_a_job_runs_and_has_the_right_result(http):
    view = finished(http, SINGLE)
    assert view["metadata"] == {"mark": "m1"}
    path = view["results"]["probabilities"]["url"].removeprefix("/v0.4")
    assert http.get(path).json() == pytest.approx({"1": 1.0})


def test_results_of_several_circuits_come_in_reverse_order(http):
    view = finished(http, SEVERAL)
    found = http.get(f"/jobs/{view['id']}/results/probabilities/aggregated").json()
    assert list(found) == view["child_job_ids"][::-1]
    assert [found[child] for child in view["child_job_ids"]] == [{"1": 1.0}, {"0": 1.0}]
    child = view["child_job_ids"][0]
    assert http.get(f"/jobs/{child}/artifacts/histogram").json() == {"1": 10}
    assert http.get(f"/jobs/{child}/artifacts/shots").json() == ["1"] * 10


def test_jobs_run_in_slots():
    server = FaultServer(job_s=50, circuit_s=10, slots=2)
    try:
        for _ in range(3):
            httpx.post(server.url + "/jobs", json=SINGLE, headers=HEADERS)
        first, second, third = server.jobs.values()
        assert first.ends_at - first.starts_at == pytest.approx(60)
        assert second.starts_at == second.at
        assert third.starts_at == first.ends_at
    finally:
        server.close()


def test_the_list_is_newest_first_and_paged(http, server):
    server.page = 2
    ids = [http.post("/jobs", json=SINGLE).json()["id"] for _ in range(5)]
    found, following = [], {}
    while following is not None:
        page = http.get("/jobs", params=following).json()
        assert len(page["jobs"]) <= 2
        found += [view["id"] for view in page["jobs"]]
        following = {"next": page["next"]} if page["next"] else None
    assert found == ids[::-1]
    assert http.get("/jobs", params={"ids": ids[:1]}).json()["jobs"][0]["metadata"] == {
        "mark": "m1"
    }
    server.list_lag_s = 60
    assert http.get("/jobs").json()["jobs"] == []


def test_other_routes(http, server):
    server.queue_ms = 1234
    assert {entry["average_queue_time"] for entry in http.get("/backends").json()} == {0, 1234}
    query = {"backend": "qpu.forte-1", "shots": 1000, "1q_gates": 10, "2q_gates": 5}
    assert http.get("/jobs/estimate", params=query).json()["estimated_total_cost"] == 6.0
    server.job_s = 60
    job_id = http.post("/jobs", json=SINGLE).json()["id"]
    assert http.put(f"/jobs/{job_id}/status/cancel").json()["status"] == "canceled"
    assert http.get(f"/jobs/{job_id}").json()["status"] == "canceled"
    assert http.get("/jobs/nothing").status_code == 404
    assert http.get("/nothing").status_code == 404


def test_ends_of_jobs(http, server):
    server.fates = [Fate("failed", "TooManyShots", "too many"), Fate("paused")]
    assert finished(http, SINGLE)["failure"] == {"code": "TooManyShots", "message": "too many"}
    assert finished(http, SINGLE)["status"] == "paused"
    server.heal()
    assert [job.fate.status for job in server.jobs.values()] == ["failed", "completed"]


def test_faults_strike_when_told(http, server):
    server.inject("submit", "answer", reply=refusal(503, "x", "later", retry_after="7"), skip=1)
    assert [http.post("/jobs", json=SINGLE).status_code for _ in range(3)] == [201, 503, 201]
    server.inject("submit", "answer", when="before", reply=Reply(520, "no", media="text/html"))
    answer = http.post("/jobs", json=SINGLE)
    assert (answer.status_code, answer.text) == (520, "no")
    assert answer.headers["x-request-id"] == "req-4"
    assert len(server.jobs) == 3
    server.key = None
    assert http.get("/jobs").status_code == 401
    server.key, server.max_body = KEY, 10
    assert http.post("/jobs", json=SINGLE).status_code == 413


@pytest.mark.parametrize(
    ("do", "error"),
    [
        ("reset", httpx.ReadError),
        ("close", httpx.RemoteProtocolError),
        ("half", httpx.RemoteProtocolError),
        ("garbage", httpx.RemoteProtocolError),
        ("silence", httpx.ReadTimeout),
    ],
)
@pytest.mark.parametrize("when", ["never", "before"])
def test_broken_connections(http, server, do, error, when):
    server.inject("submit", do, when=when)
    with pytest.raises(error):
        http.post("/jobs", json=SINGLE)
    assert len(server.jobs) == (when == "before" or do == "half")
    assert http.post("/jobs", json=SINGLE).status_code == 201


def test_a_reset_is_one_on_the_wire(server):
    server.inject("list", "reset")
    with socket.create_connection(("127.0.0.1", server.wire.port)) as peer:
        peer.sendall(b"GET /v0.4/jobs HTTP/1.1\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            peer.recv(1)


def test_answers_can_be_edited(http, server):
    server.inject("list", "edit", edit=lambda content: json.dumps(content)[:6])
    assert http.get("/jobs").json() == '{"jobs'
