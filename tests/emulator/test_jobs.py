"""Jobs through their life: shapes, statuses, lists, cancelling, deleting, cloning."""

import uuid

import pytest

X = [{"gate": "x", "target": 0}]
BELL = [{"gate": "h", "target": 0}, {"gate": "cnot", "control": 0, "target": 1}]
JOB_KEYS = {
    *("id", "status", "type", "backend", "dry_run", "submitter_id", "project_id"),
    *("parent_job_id", "child_job_ids", "session_id", "metadata", "name", "submitted_at"),
    *("started_at", "completed_at", "predicted_wait_time_ms", "execution_duration_ms"),
    *("predicted_execution_duration_ms", "failure", "settings", "output", "stats", "results"),
}


def ids(response):
    return [job["id"] for job in response.json()["jobs"]]


def test_a_submission_is_answered_with_201_and_submitted(service):
    content = {"gateset": "qis", "qubits": 1, "circuit": X}
    payload = {"type": "ionq.circuit.v1", "backend": "simulator", "input": content}
    response = service.post("jobs", json=payload)
    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"id", "status", "session_id"}
    assert body["status"] == "submitted"
    assert body["session_id"] is None
    assert uuid.UUID(body["id"]).version == 7


def test_a_job_object_has_every_key_of_the_schema(service):
    job = service.job(service.submit(BELL, name="bell", metadata={"a": "b"}, shots=300))
    assert set(job) >= JOB_KEYS
    assert job["status"] == "completed"
    assert job["stats"] == {"qubits": 2, "circuits": 1, "gate_counts": {"1q": 1, "2q": 1}}
    assert job["noise"] == {"model": "ideal"}
    assert (job["name"], job["metadata"], job["shots"]) == ("bell", {"a": "b"}, 300)
    assert job["failure"] is None
    assert job["metadata"] is not None


def test_a_machines_job_shows_a_cost_model_and_no_noise(service):
    job = service.job(service.submit(BELL, backend="qpu.aria-1"))
    assert "noise" not in job
    assert job["cost_model"] == "2QGE_operations"


def test_statuses_follow_in_order_and_set_their_times(make_service, clock):
    service = make_service(clock=clock, check_s=1, queue_s=5, execution_s=10)
    job_id = service.submit(BELL)
    seen = []
    for step in (0, 1, 5, 9, 1):
        clock.time += step
        job = service.job(job_id)
        seen.append((job["status"], job["started_at"] is None, job["completed_at"] is None))
        assert (job["results"] is None) == (job["status"] != "completed")
    assert seen == [
        ("submitted", True, True),
        ("ready", True, True),
        ("started", False, True),
        ("started", False, True),
        ("completed", False, False),
    ]
    assert job["execution_duration_ms"] == 10_000
    assert job["submitted_at"] < job["started_at"] < job["completed_at"]
    assert job["submitted_at"].endswith("Z")


def test_results_are_404_until_the_job_is_completed(make_service, clock):
    service = make_service(clock=clock, queue_s=5)
    job_id = service.submit(BELL)
    assert service.get(f"jobs/{job_id}/results/probabilities").status_code == 404
    clock.time += 5
    assert service.get(f"jobs/{job_id}/results/probabilities").status_code == 200


def test_slots_are_given_first_come_first_served(make_service, clock):
    service = make_service(clock=clock, execution_s=4, execution_per_circuit_s=2, concurrency=2)
    jobs = [service.submit(X) for _ in range(3)]

    def statuses():
        return [service.job(job)["status"] for job in jobs]

    assert statuses() == ["started", "started", "ready"]
    clock.time += 6
    assert statuses() == ["completed", "completed", "started"]
    clock.time += 6
    assert statuses() == ["completed"] * 3


def test_cancelling_a_running_job_frees_its_slot(make_service, clock):
    service = make_service(clock=clock, execution_s=10, concurrency=1)
    first, second = service.submit(X), service.submit(X)
    clock.time += 1
    assert service.job(second)["status"] == "ready"
    reply = service.put(f"jobs/{first}/status/cancel")
    assert (reply.status_code, reply.json()) == (200, {"id": first, "status": "canceled"})
    clock.time += 10
    assert service.job(first)["status"] == "canceled"
    assert service.job(first)["results"] is None
    assert service.job(second)["status"] == "completed"


def test_cancelling_a_completed_job_changes_nothing(service):
    job_id = service.submit(X)
    assert service.job(job_id)["status"] == "completed"
    assert service.put(f"jobs/{job_id}/status/cancel").json()["status"] == "completed"
    assert service.result(job_id) == {"1": 1.0}


def test_cancelling_before_the_start_and_in_numbers(make_service, clock):
    service = make_service(clock=clock, check_s=3, queue_s=3)
    jobs = [service.submit(X), service.submit(X, dry_run=True)]
    reply = service.put("jobs/status/cancel", json={"ids": jobs})
    assert reply.json() == {"ids": jobs, "status": "canceled"}
    clock.time += 60
    assert [service.job(job)["status"] for job in jobs] == ["canceled", "canceled"]


def test_deleted_jobs_are_gone_with_their_children(service):
    job = service.submit_many([{"circuit": X}, {"circuit": BELL}])
    child = service.job(job)["child_job_ids"][0]
    reply = service.delete(f"jobs/{job}")
    assert (reply.status_code, reply.json()) == (200, {"id": job, "status": "deleted"})
    assert service.get(f"jobs/{job}").status_code == 404
    assert service.get(f"jobs/{child}").status_code == 404


def test_many_jobs_are_deleted_by_a_body(service):
    jobs = [service.submit(X) for _ in range(2)]
    reply = service.request("DELETE", "jobs", json={"ids": jobs})
    assert reply.json() == {"ids": jobs, "status": "deleted"}
    assert ids(service.get("jobs")) == []
    assert service.request("DELETE", "jobs", json={"ids": 3}).status_code == 400


def test_lists_are_paged_newest_first(service):
    jobs = [service.submit(X) for _ in range(60)]
    first = service.get("jobs")
    assert ids(first) == jobs[:-26:-1]
    second = service.get("jobs", params={"next": first.json()["next"], "limit": 1000})
    assert ids(second) == jobs[-26:-51:-1]
    third = service.get("jobs", params={"next": second.json()["next"]})
    assert ids(third) == jobs[9::-1]
    assert third.json()["next"] is None
    assert len(ids(service.get("jobs?limit=3"))) == 3
    assert service.get("jobs?limit=0").status_code == 400
    assert service.get("jobs?limit=x").status_code == 400


def test_lists_are_filtered(make_service, clock):
    service = make_service(clock=clock, queue_s=5)
    simulated = service.submit(X, session_id="s1")
    clock.time += 5
    machine = service.submit(X, backend="qpu.aria-1")
    parent = service.submit_many([{"circuit": X}, {"circuit": BELL}])
    children = service.job(parent)["child_job_ids"]

    def found(query):
        return ids(service.get(f"jobs?{query}"))

    assert found("") == [parent, machine, simulated]
    assert found("target=qpu.aria-1,qpu.forte-1") == [machine]
    assert found("status=completed") == [simulated]
    assert found("status=ready") == [parent, machine]
    assert found("session_id=s1") == [simulated]
    assert found(f"ids={simulated}&ids={machine}") == [machine, simulated]
    assert found(f"parent_job_id={parent}") == children[::-1]
    assert found("submitter_id=nobody") == []


def test_children_are_jobs_of_their_own_in_order_of_submission(service):
    circuits = [
        {"name": "a", "qubits": 1, "circuit": X},
        {"name": "b", "gateset": "native", "circuit": [{"gate": "gpi", "target": 1, "phase": 0.5}]},
        {"circuit": BELL},
    ]
    parent = service.submit_many(circuits, qubits=3, name="all", metadata={"k": "v"})
    job = service.job(parent)
    assert job["type"] == "ionq.multi-circuit.v1"
    assert job["stats"] == {"qubits": 3, "circuits": 3, "gate_counts": {"1q": 3, "2q": 1}}
    children = [service.job(child) for child in job["child_job_ids"]]
    assert [child["name"] for child in children] == ["a", "b", None]
    assert [child["stats"]["qubits"] for child in children] == [1, 3, 3]
    assert {child["parent_job_id"] for child in children} == {parent}
    assert [child["child_job_ids"] for child in children] == [None] * 3
    aggregate = service.result(parent, "probabilities/aggregated")
    assert list(aggregate) == job["child_job_ids"]
    assert list(aggregate.values()) == [{"1": 1.0}, {"2": 1.0}, pytest.approx({"0": 0.5, "3": 0.5})]
    assert [service.result(child["id"]) for child in children] == list(aggregate.values())


def test_aggregated_keys_can_be_shuffled(make_service):
    service = make_service(shuffle_results=True, seed=1)
    job = service.submit_many([{"circuit": X}] * 30)
    children = service.job(job)["child_job_ids"]
    found = list(service.result(job, "probabilities/aggregated"))
    assert found != children
    assert sorted(found) == children


def test_a_dry_run_completes_without_results(service):
    job_id = service.submit(BELL, backend="qpu.forte-1", dry_run=True, shots=100)
    job = service.job(job_id)
    assert (job["status"], job["results"], job["dry_run"]) == ("completed", None, True)
    assert job["predicted_execution_duration_ms"] > 0
    assert service.get(f"jobs/{job_id}/results/probabilities").status_code == 404
    assert service.get(f"jobs/{job_id}/cost").json()["cost"]["value"] == 0


def test_a_clone_runs_again_with_changes(service):
    job = service.submit(BELL, name="old", shots=10)
    changes = {"name": "new", "noise": {"model": "aria-1", "seed": 1}, "shots": 200}
    response = service.post(f"jobs/{job}/clone", json=changes)
    assert response.status_code == 201
    clone = response.json()["id"]
    assert clone != job
    assert sum(service.result(clone, "histogram").values()) == 200
    assert service.job(clone)["name"] == "new"
    assert service.job(job)["name"] == "old"


def test_a_moved_job_leaves_a_canceled_one_behind(make_service, clock):
    service = make_service(clock=clock, queue_s=5)
    job = service.submit(BELL)
    moved = service.post(f"jobs/{job}/move", json={"backend": "qpu.forte-1"}).json()["id"]
    assert service.job(job)["status"] == "canceled"
    assert service.job(moved)["backend"] == "qpu.forte-1"


def test_a_child_cannot_be_cloned(service):
    parent = service.submit_many([{"circuit": X}])
    child = service.job(parent)["child_job_ids"][0]
    assert service.post(f"jobs/{child}/clone", json={}).status_code == 400


def test_finished_jobs_are_dropped_beyond_the_bound(make_service):
    service = make_service(max_jobs=3)
    jobs = []
    for _ in range(6):
        jobs.append(service.submit(X))
        service.result(jobs[-1])
    assert [service.get(f"jobs/{job}").status_code for job in jobs] == [404] * 3 + [200] * 3


def test_results_that_nobody_fetched_are_kept_ten_times_longer(make_service):
    service = make_service(max_jobs=3)
    jobs = [service.submit(X) for _ in range(31)]
    assert service.get(f"jobs/{jobs[0]}").status_code == 404
    assert service.result(jobs[1]) == {"1": 1.0}
    service.submit(X)
    assert service.get(f"jobs/{jobs[1]}").status_code == 404
    assert service.result(jobs[2]) == {"1": 1.0}


def test_reading_a_child_counts_as_reading_its_job(make_service):
    service = make_service(max_jobs=3)
    parent = service.submit_many([{"circuit": X}, {"circuit": X}])
    service.result(service.job(parent)["child_job_ids"][0])
    service.submit(X)
    assert service.get(f"jobs/{parent}").status_code == 404


def test_a_simulation_in_a_thread_ends_by_itself(service):
    circuit = [{"gate": "ry", "target": q % 12, "rotation": 0.1 * q} for q in range(60)]
    circuit += [{"gate": "cnot", "control": q % 12, "target": (q + 1) % 12} for q in range(200)]
    job = service.finished(service.submit(circuit))
    assert job["status"] == "completed"


def test_jobs_survive_a_change_of_event_loop(make_service):
    service = make_service()
    job = service.submit(X)
    service.runner.close()
    service.runner = type(service.runner)()
    assert service.result(job) == {"1": 1.0}
