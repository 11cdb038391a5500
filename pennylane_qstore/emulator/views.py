"""Values to the JSON objects that the service shows."""

import uuid

from pennylane_qstore.emulator import money
from pennylane_qstore.emulator.catalog import BACKENDS, QIS_NAMES, Backend
from pennylane_qstore.emulator.gates import Json
from pennylane_qstore.emulator.job import Job
from pennylane_qstore.emulator.jobs import JobStore
from pennylane_qstore.emulator.outcome import (
    AGGREGATE_V1,
    HISTOGRAM_V1,
    HISTOGRAM_V2,
    PROBABILITIES_V1,
    PROBABILITIES_V2,
    SHOTS_V1,
    SHOTS_V2,
)

USER_ID = "0198aaaa-0000-7000-8000-00000000aaaa"
PROJECT_ID = "31a4dc21-0000-4000-8000-000000000000"
KEY_ID = "0198aaaa-0000-7000-8000-00000000bbbb"
ORGANIZATION_ID = "0198aaaa-0000-7000-8000-00000000cccc"

ALIASES = {
    PROBABILITIES_V1: "probabilities",
    PROBABILITIES_V2: "probabilities-v2",
    HISTOGRAM_V1: "histogram",
    HISTOGRAM_V2: "histogram-v2",
    SHOTS_V1: "shots",
    SHOTS_V2: "shots-v2",
    AGGREGATE_V1: "probabilities-aggregate",
}
"""Artifact id of each format."""

LEGACY = {PROBABILITIES_V1: "probabilities", HISTOGRAM_V1: "histogram", SHOTS_V1: "shots"}


def artifact_uuid(job: Job, form: str) -> str:
    """The other id of an artifact; the service uses UUIDs and aliases."""
    return str(uuid.uuid5(uuid.UUID(job.id), form))


def formats(job: Job) -> tuple[str, ...]:
    """Result formats of a job; none until it is completed, and none after a dry run."""
    if job.verdict != "completed" or job.source.dry_run:
        return ()
    if job.outcome is None:
        return (AGGREGATE_V1,)
    return job.outcome.formats()


def results(job: Job, shape: str) -> Json | None:
    """The ``results`` map of a job object."""
    found = formats(job)
    if not found:
        return None
    base = f"/v0.4/jobs/{job.id}/results"
    entries: Json = {}
    if shape != "artifact":
        for form in found:
            if form in LEGACY:
                entries[LEGACY[form]] = {"url": f"{base}/{LEGACY[form]}"}
            elif form == AGGREGATE_V1:
                entries["probabilities"] = {"url": f"{base}/probabilities/aggregated"}
    if shape != "url":
        for form in found:
            alias = ALIASES[form]
            entries[form] = {"id": alias, "format": form, "media_type": "application/json"}
    return entries


def job_object(store: JobStore, job: Job) -> Json:
    """A job as ``GET /jobs/{id}`` shows it, with every key of the schema."""
    source = job.source
    status = store.status(job)
    return {
        "id": job.id,
        "status": status,
        "type": "ionq.circuit.v1" if job.parent else source.type,
        "backend": source.backend,
        "dry_run": source.dry_run,
        "submitter_id": USER_ID,
        "project_id": PROJECT_ID,
        "parent_job_id": job.parent.id if job.parent else None,
        "child_job_ids": [child.id for child in job.children] or None,
        "session_id": source.session_id,
        "metadata": source.metadata,
        "name": job.name,
        "shots": source.shots,
        **_times(store, job),
        **_sizes(job),
        **_terms(job),
        "failure": job.failure._asdict() if job.failure and status == "failed" else None,
        "settings": source.settings,
        "output": {},
        "results": results(job, store.options.results_shape),
    }


def _times(store: JobStore, job: Job) -> Json:
    """When it was submitted, started and ended; a child starts with its parent."""
    started = (job.parent or job).started
    duration = None if started is None or job.ended is None else job.ended - started
    return {
        "submitted_at": store.moment(job.submitted),
        "started_at": store.moment(started),
        "completed_at": store.moment(job.ended),
        "predicted_wait_time_ms": None,
        "execution_duration_ms": None if duration is None else round(1000 * duration),
    }


def _sizes(job: Job) -> Json:
    """Numbers of qubits, circuits and gates, and the time a machine would need."""
    n_one = sum(size.n_one for size in job.sizes)
    n_two = sum(size.n_two for size in job.sizes)
    is_simulator = BACKENDS[job.source.backend].is_simulator
    predicted = 0 if is_simulator else money.execution_time_ms(job.source.shots, n_one, n_two)
    return {
        "predicted_execution_duration_ms": predicted,
        "stats": {
            "qubits": max((size.qubits for size in job.sizes), default=0),
            "circuits": len(job.sizes),
            "gate_counts": {"1q": n_one, "2q": n_two},
        },
    }


def _terms(job: Job) -> Json:
    """Noise for simulators, the way of charging for machines."""
    if not BACKENDS[job.source.backend].is_simulator:
        return {"cost_model": "2QGE_operations"}
    noise: Json = {"model": job.source.model or "ideal"}
    if job.source.seed is not None:
        noise["seed"] = job.source.seed
    return {"noise": noise}


def cost(job: Job) -> Json:
    """What a job costs; simulators are free and show no estimate."""
    view: Json = {"dry_run": job.source.dry_run}
    value = money.job_price(job.source.backend, job.source.shots, job.sizes)
    if not BACKENDS[job.source.backend].is_simulator:
        view["estimated_cost"] = {"value": value, "unit": "usd"}
    if job.verdict is not None:
        charged = value if job.verdict == "completed" and not job.source.dry_run else 0.0
        view["cost"] = {"value": charged, "unit": "usd"}
    return view


def estimate(context: Json, now: str | None) -> Json:
    """What a job of a given size would cost.

    Args:
        context: The size, as the service echoes it.
        now: Time of the estimate.
    """
    backend, mitigated = str(context["backend"]), bool(context["error_mitigation"])
    shots, n_one, n_two = (int(str(context[key])) for key in ("shots", "1q_gates", "2q_gates"))
    return {
        "estimate_context": {**context, "organization": None, "project": None},
        "estimated_at": now,
        "estimated_unit": "usd",
        "rate_card": money.rate_card(mitigated),
        "estimated_total_cost": money.price(
            backend, shots=shots, n_one=n_one, n_two=n_two, mitigated=mitigated
        ),
        "estimated_execution_time": money.execution_time_ms(shots, n_one, n_two),
        "current_predicted_queue_time": 0,
    }


def backend_object(backend: Backend, now: str | None) -> Json:
    """A backend as ``GET /backends`` shows it."""
    view: Json = {
        "backend": backend.name,
        "status": "available",
        "qubits": backend.qubits,
        "average_queue_time": 0,
        "last_updated": now,
        "degraded": False,
        "supported_gates": list(QIS_NAMES),
        "supported_native_gates": list(backend.native_gates),
        "supported_error_mitigations": [] if backend.is_simulator else ["debiasing"],
    }
    if not backend.is_simulator:
        view["characterization_id"] = backend.characterization_id
        view["location"] = backend.location
        view["kw"] = 4.9
    return view
