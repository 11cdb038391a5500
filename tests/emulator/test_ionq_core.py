"""IonQ's own client parses every answer into its typed models."""

import datetime

import httpx
import pytest
from ionq_core.api.backends import get_backend, get_backends
from ionq_core.api.characterizations import get_characterizations_for_backend
from ionq_core.api.default import (
    cancel_jobs,
    clone_job,
    create_job,
    create_session,
    delete_job,
    end_session,
    estimate_job_cost,
    get_job,
    get_job_cost,
    get_job_probabilities,
    get_jobs,
    get_session_jobs,
    get_sessions,
)
from ionq_core.api.schemas import get_format_schema
from ionq_core.api.usage import get_usages
from ionq_core.api.whoami import get_whoami
from ionq_core.client import AuthenticatedClient
from ionq_core.models import CircuitJobCreationPayload, CreateSessionRequest, JSONMultiCircuitJob
from ionq_core.models.clone_job_payload import CloneJobPayload
from ionq_core.models.jobs_bulk_operation_request import JobsBulkOperationRequest

BELL = [{"gate": "h", "target": 0}, {"gate": "cnot", "control": 0, "target": 1}]
SINGLE = {
    "type": "ionq.circuit.v1",
    "backend": "simulator",
    "shots": 100,
    "name": "bell",
    "noise": {"model": "aria-1", "seed": 3},
    "input": {"gateset": "qis", "qubits": 2, "circuit": BELL},
}
MULTI = {
    "type": "ionq.multi-circuit.v1",
    "backend": "qpu.aria-1",
    "input": {"gateset": "qis", "qubits": 2, "circuits": [{"circuit": BELL}, {"circuit": BELL}]},
}


@pytest.fixture
def call(service):
    """Call one of ionq_core's endpoints and give what it parsed."""

    def call(module, *arguments, **options):
        async def send():
            url = "http://emulator/v0.4"
            client = AuthenticatedClient(url, "k", prefix="apiKey")
            transport = httpx.ASGITransport(service.app)
            headers = {"Authorization": "apiKey k"}
            async with httpx.AsyncClient(
                transport=transport, base_url=url, headers=headers
            ) as inner:
                client.set_async_httpx_client(inner)
                return await module.asyncio(*arguments, client=client, **options)

        return service.runner.run(send())

    return call


def test_jobs(call):
    created = call(create_job, body=CircuitJobCreationPayload.from_dict(SINGLE))
    assert created.status == "submitted"
    job = call(get_job, created.id)
    assert (job.status, job.name, job.stats.qubits) == ("completed", "bell", 2)
    assert job.noise.model == "aria-1"
    probabilities = call(get_job_probabilities, created.id).to_dict()
    assert sum(probabilities.values()) == pytest.approx(1)
    assert call(get_job_cost, created.id).cost.value == 0
    clone = call(clone_job, created.id, body=CloneJobPayload.from_dict({"name": "again"}))
    listed = call(get_jobs)
    assert [each.id for each in listed.jobs] == [clone.id, created.id]
    body = JobsBulkOperationRequest(ids=[clone.id])
    assert call(cancel_jobs, body=body).ids == [clone.id]
    assert call(delete_job, created.id).status == "deleted"


def test_multi_circuit_jobs(call):
    created = call(create_job, body=JSONMultiCircuitJob.from_dict(MULTI))
    job = call(get_job, created.id)
    assert len(job.child_job_ids) == 2
    child = call(get_job, job.child_job_ids[1])
    assert child.parent_job_id == created.id
    assert [each.id for each in call(get_jobs, parent_job_id=created.id).jobs] == list(
        reversed(job.child_job_ids)
    )


def test_failed_jobs(call):
    wrong = {**SINGLE, "input": {"gateset": "qis", "qubits": 2, "circuit": []}}
    created = call(create_job, body=CircuitJobCreationPayload.from_dict(wrong))
    assert call(get_job, created.id).failure.code == "InvalidInput"


def test_machines(call):
    assert call(get_backends)[0].backend == "simulator"
    assert call(get_backend, "qpu.forte-1").qubits == 36
    found = call(get_characterizations_for_backend, "qpu.forte-1")
    assert found.characterizations[0].fidelity.spam.median == 1.0


def test_sessions(call):
    body = CreateSessionRequest.from_dict({"backend": "qpu.forte-1"})
    session = call(create_session, body=body)
    assert session.active
    assert [each.id for each in call(get_sessions).sessions] == [session.id]
    assert call(get_session_jobs, session.id).jobs == []
    assert call(end_session, session.id).status == "ended"


def test_the_rest(call):
    assert call(get_whoami).key_name == "emulator"
    estimate = call(estimate_job_cost, backend="qpu.aria-1", field_1q_gates=3)
    assert estimate.rate_card.rates[0].unit == "gates"
    assert call(get_format_schema, "ionq.result.shots.json.v2").type_ == "object"
    day = datetime.date(2026, 1, 1)
    usage = call(get_usages, "o", start_date=day, end_date=day, group_by="job", modality="daily")
    assert usage.job_count == 0
