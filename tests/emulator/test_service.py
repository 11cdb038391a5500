"""Machines, sessions, keys, costs, faults and latency."""

import pytest

from pennylane_qstore.emulator import JobFault, RequestFault

X = [{"gate": "x", "target": 0}]


def test_backends_are_listed_without_a_key(service):
    response = service.get("backends", key={})
    found = {backend["backend"]: backend for backend in response.json()}
    assert {name: backend["qubits"] for name, backend in found.items()} == {
        "simulator": 29,
        "qpu.forte-1": 36,
        "qpu.forte-enterprise-1": 36,
        "qpu.aria-1": 25,
    }
    assert found["qpu.forte-1"]["supported_native_gates"] == ["gpi", "gpi2", "zz"]
    assert found["qpu.aria-1"]["supported_native_gates"] == ["gpi", "gpi2", "ms"]
    assert found["simulator"]["supported_native_gates"] == ["gpi", "gpi2", "ms", "zz"]
    assert "pauliexp" in found["simulator"]["supported_gates"]
    assert service.get("backends/qpu.aria-1", key={}).json()["qubits"] == 25
    assert service.get("backends/none", key={}).status_code == 404


def test_characterizations_tell_the_models_fidelities(service):
    path = "backends/qpu.aria-1/characterizations"
    found = service.get(path, key={}).json()
    (one,) = found["characterizations"]
    assert found["pages"] == 1
    assert one["fidelity"]["1q"]["median"] == pytest.approx(1 - 2.5e-4)
    assert one["fidelity"]["2q"]["median"] == pytest.approx(1 - 9.975e-3)
    assert len(one["connectivity"]) == 25 * 24 // 2
    assert service.get(f"{path}/{one['id']}").json() == one
    assert service.get(f"{path}/other").status_code == 404
    assert service.get(f"{path}?start=2026-06-01").json()["characterizations"] == []
    assert service.get(f"{path}?limit=11").status_code == 400
    simulator = service.get("backends/simulator/characterizations").json()
    assert simulator == {"characterizations": [], "pages": 0}


@pytest.mark.parametrize("key", [{}, {"Authorization": "apiKey "}, {"Authorization": "Bearer x"}])
def test_everything_else_needs_a_key(service, key):
    for path in ("jobs", "whoami", "jobs/estimate?backend=simulator", "sessions"):
        response = service.get(path, key=key)
        assert response.status_code == 401
        assert response.json()["error"] == "Unauthorized"
    assert service.post("backends", key=key).status_code == 401


def test_keys_can_be_listed_and_revoked(make_service):
    service = make_service(api_keys=frozenset({"good"}), revoked_after=2)
    good = {"Authorization": "apiKey good"}
    assert service.get("whoami", key={"Authorization": "apiKey bad"}).status_code == 401
    assert [service.get("whoami", key=good).status_code for _ in range(3)] == [200, 200, 401]


def test_whoami_and_usage_answer(service):
    assert set(service.get("whoami").json()) == {"key_id", "key_name", "project_id"}
    path = "organizations/o/usage"
    assert service.get(path).status_code == 400
    query = "start_date=2026-01-01&end_date=2026-02-01&modality=daily"
    assert service.get(f"{path}?{query}&group_by=job").json()["usage_data"] == []
    assert service.get(f"{path}?{query}&group_by=none").status_code == 400


def test_every_response_has_a_request_id_of_its_own(service):
    replies = [service.get("whoami"), service.get("jobs/none"), service.get("jobs", key={})]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 3


def test_sessions_open_hold_jobs_and_end(service):
    body = {"backend": "qpu.forte-1", "settings": {"job_count_limit": 10}}
    response = service.post("sessions", json=body)
    assert response.status_code == 201
    session = response.json()
    assert (session["active"], session["settings"]) == (True, {"job_count_limit": 10})
    job = service.submit(X, session_id=session["id"])
    assert service.get(f"sessions/{session['id']}/jobs").json()["jobs"][0]["id"] == job
    assert service.get("sessions?active=true").json()["sessions"] == [session]
    ended = service.post(f"sessions/{session['id']}/end").json()
    assert (ended["active"], ended["status"]) == (False, "ended")
    assert service.get("sessions?active=true").json()["sessions"] == []
    assert service.get(f"sessions/{session['id']}").json() == ended
    assert service.get("sessions/none").status_code == 404
    assert service.post("sessions", json={"backend": "none"}).status_code == 400
    assert service.post("sessions", json={"backend": "simulator", "settings": 1}).status_code == 400


def test_simulators_are_free_and_machines_have_a_minimum(service):
    free = service.submit(X)
    service.finished(free)
    assert service.get(f"jobs/{free}/cost").json() == {
        "dry_run": False,
        "cost": {"value": 0.0, "unit": "usd"},
    }
    paid = service.submit(X, backend="qpu.aria-1", shots=100)
    service.finished(paid)
    cost = service.get(f"jobs/{paid}/cost").json()
    assert cost["estimated_cost"] == cost["cost"] == {"value": 12.4166, "unit": "usd"}


def test_estimates_follow_the_rate_card(service):
    query = "backend=qpu.aria-1&shots=10000&1q_gates=20&2q_gates=10"
    found = service.get(f"jobs/estimate?{query}").json()
    rate = found["rate_card"]["rates"][0]
    by_hand = 10_000 * (20 * rate["cost_1q_gate"] + 10 * rate["cost_2q_gate"])
    assert found["estimated_total_cost"] == pytest.approx(by_hand)
    assert found["estimate_context"]["qubits"] == 25
    mitigated = service.get("jobs/estimate?backend=qpu.aria-1&error_mitigation=true").json()
    assert mitigated["estimated_total_cost"] == 97.5
    assert service.get("jobs/estimate").status_code == 400
    assert service.get("jobs/estimate?backend=none").status_code == 404
    assert service.get("jobs/estimate?backend=simulator&shots=x").status_code == 400


def test_latency_is_added_to_every_request(make_service, clock):
    service = make_service(clock=clock, latency_s=0.2)
    service.get("whoami")
    service.get("backends")
    assert clock.slept == [0.2, 0.2]


def test_without_options_nobody_sleeps(make_service, clock):
    service = make_service(clock=clock)
    service.result(service.submit(X))
    assert clock.slept == []


def test_the_nth_matching_request_is_refused_before_it_takes_effect(make_service):
    fault = RequestFault(
        method="POST", path="/jobs", nth=2, times=2, status=429, headers=(("retry-after", "3"),)
    )
    service = make_service(faults=(fault,))
    body = {"type": "ionq.circuit.v1", "backend": "simulator", "input": {"circuit": X}}
    replies = [service.post("jobs", json=body) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [201, 429, 429, 201]
    assert replies[1].headers["retry-after"] == "3"
    assert replies[1].json()["statusCode"] == 429
    assert len(service.get("jobs").json()["jobs"]) == 2


@pytest.mark.parametrize("drop", [False, True])
def test_an_accepted_request_may_lose_its_answer(make_service, drop):
    fault = RequestFault(
        method="POST", path="/jobs", status=None if drop else 502, accepted=True, drop=drop
    )
    service = make_service(faults=(fault,))
    body = {"type": "ionq.circuit.v1", "backend": "simulator", "input": {"circuit": X}}
    if drop:
        with pytest.raises(ConnectionResetError):
            service.post("jobs", json=body)
    else:
        assert service.post("jobs", json=body).status_code == 502
    assert len(service.get("jobs").json()["jobs"]) == 1


def test_faults_may_answer_with_any_body_and_only_delay(make_service, clock):
    text = RequestFault(path="/whoami", status=520, body="<html>")
    odd = RequestFault(path="/whoami", nth=2, status=200, body={"unexpected": True})
    slow = RequestFault(path="/sessions", times=None, delay_s=7)
    service = make_service(faults=(text, odd, slow), clock=clock)
    first = service.get("whoami")
    assert (first.status_code, first.text) == (520, "<html>")
    assert service.get("whoami").json() == {"unexpected": True}
    assert service.get("whoami").json()["key_name"] == "emulator"
    assert [service.get("sessions").status_code for _ in range(2)] == [200, 200]
    assert clock.slept == [7, 7]


@pytest.mark.parametrize("status", ["failed", "canceled", "started", "ready", "submitted", "lost"])
def test_a_job_may_end_in_any_status(make_service, clock, status):
    fault = JobFault(nth=2, status=status, code="QuotaExhaustedError", message="none left")
    service = make_service(faults=(fault,), clock=clock)
    jobs = [service.submit(X) for _ in range(3)]
    clock.time += 1000
    assert [service.job(job)["status"] for job in jobs] == ["completed", status, "completed"]
    spoiled = service.job(jobs[1])
    assert spoiled["results"] is None
    expected = {"code": "QuotaExhaustedError", "message": "none left"}
    assert spoiled["failure"] == (expected if status == "failed" else None)


def test_a_stuck_job_can_be_canceled(make_service):
    service = make_service(faults=(JobFault(status="ready"),))
    job = service.submit(X)
    assert service.put(f"jobs/{job}/status/cancel").json()["status"] == "canceled"


def test_a_fault_of_a_child_that_a_job_lacks_changes_nothing(make_service):
    service = make_service(faults=(JobFault(child=5),))
    assert service.job(service.submit_many([{"circuit": X}]))["status"] == "completed"


def test_one_child_may_fail(make_service):
    service = make_service(faults=(JobFault(child=1),))
    job = service.job(service.submit_many([{"circuit": X}] * 3))
    statuses = [service.job(child)["status"] for child in job["child_job_ids"]]
    assert statuses == ["completed", "failed", "completed"]
    assert job["status"] == "failed"
    assert job["failure"]["code"] == "QuantumComputerError"
