"""IonQ's API v0.4 as far as a client needs it, with faults on demand. No code of this package.

Jobs run by the clock: each takes ``job_s`` plus ``circuit_s`` for each circuit, on one of ``slots``
places. Outcomes come from :mod:`tests.plain_server`; samples depend on the circuit and its shots
alone, so that two servers agree on them.
"""

import hashlib
import json
import math
import time
import uuid
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tests.faults.wire import Fault, Reply, Request, Wire
from tests.plain_server import BACKENDS
from tests.plain_server import _probabilities as simulate

KEY = "secret-key-123"
_RATES = {"cost_1q_gate": 0.0001, "cost_2q_gate": 0.001, "job_cost_minimum": 1.0}
Status = Literal["completed", "failed", "canceled", "started", "paused"]


@dataclass(frozen=True, slots=True)
class Fate:
    """How a job ends. ``started`` and ``paused`` last for ever."""

    status: Status = "completed"
    code: str = "InternalError"
    message: str = "something broke"


@dataclass(slots=True, eq=False)
class AcceptedJob:
    """A job that the service took, and that would be billed.

    Attributes:
        job_id: Its id.
        body: What was posted.
        circuits: One text for each circuit, equal for equal circuits run equally.
        children: Ids of its circuits' jobs; empty for a job of one circuit.
        at: When it was accepted; ``starts_at`` and ``ends_at`` follow from the schedule.
        fate: How it ends.
    """

    job_id: str
    body: dict[str, Any]
    circuits: tuple[str, ...]
    children: tuple[str, ...]
    at: float
    starts_at: float
    ends_at: float
    fate: Fate
    _outcomes: list[dict[str, int | float]] = field(default_factory=list)

    @property
    def metadata(self) -> dict[str, str]:
        """What the client stored with it."""
        return self.body.get("metadata") or {}

    @property
    def shots(self) -> int | None:
        """Shots where the backend samples, else None."""
        exact = self.body["backend"] == "simulator" and (
            self.body.get("noise") or {"model": "ideal"}
        )["model"] in (None, "ideal")
        return None if exact else int(self.body.get("shots", 100))

    def status(self, now: float) -> str:
        """Its status by the clock."""
        if now < self.starts_at:
            return "submitted" if now < self.at + 0.001 else "ready"
        return "started" if now < self.ends_at else self.fate.status

    def outcomes(self) -> list[dict[str, int | float]]:
        """Counts, or exact probabilities, of each circuit by decimal state."""
        if not self._outcomes:
            shared = self.body["input"].get("qubits")
            for entry, text in zip(_entries(self.body), self.circuits, strict=True):
                found = simulate(entry["circuit"], entry.get("qubits") or shared)
                self._outcomes.append(_sample(found, self.shots, text) if self.shots else found)
        return self._outcomes


class FaultServer:
    """The service. Every attribute may be changed while it runs.

    Args:
        latency_s: Time that every request takes.
        job_s: Time that a job takes, ``circuit_s`` more for each of its circuits.
        slots: Number of jobs that run at once.

    Attributes:
        jobs: All accepted jobs by id, oldest first.
        fates: Ends of the next jobs to be accepted, first come first served.
        key: The key that is valid now; None for none.
        valid_requests: Number of requests until the key is revoked.
        results: Which entries a finished job lists: ``"both"``, ``"url"`` or ``"artifact"``.
        list_lag_s: Age at which a job appears in the list of jobs.
        page: Jobs on one page of the list.
        max_body: Largest body, in bytes.
        foreign: Number of newer jobs of other programs in the list of jobs.
        queue_ms: What the list of backends says about the queue.
        per_second: Number of requests that are taken in any second; None for any.
        n_limited: Number of requests that were one too many.
        says_when: Whether it says to those it refuses when to come back.
    """

    def __init__(
        self,
        *,
        latency_s: float = 0.0,
        job_s: float = 0.0,
        circuit_s: float = 0.0,
        slots: int = 8,
    ) -> None:
        self.job_s, self.circuit_s, self.slots = job_s, circuit_s, slots
        self.jobs: dict[str, AcceptedJob] = {}
        self.fates: list[Fate] = []
        self.key: str | None = KEY
        self.valid_requests = math.inf
        self.results: Literal["both", "url", "artifact"] = "both"
        self.list_lag_s, self.page, self.max_body = 0.0, 25, 10_000_000
        self.queue_ms = self.foreign = 0
        self.per_second: int | None = None
        self.says_when = True
        self.n_limited = 0
        self._taken: deque[float] = deque()
        self._children: dict[str, tuple[AcceptedJob, int]] = {}
        self._free_at: list[float] = []
        self.wire = Wire(self._act, kind_of, latency_s)
        self.url = f"http://127.0.0.1:{self.wire.port}/v0.4"

    def close(self) -> None:
        """Stop."""
        self.wire.close()

    # What tests set and ask.

    def inject(self, kinds: str, do: Any, **options: Any) -> Fault:
        """Let requests of these kinds go wrong; see :class:`tests.faults.wire.Fault`."""
        fault = Fault(kinds, do, **options)
        self.wire.faults.append(fault)
        return fault

    def heal(self) -> None:
        """End all faults, let stuck jobs finish and the key be valid."""
        self.wire.faults.clear()
        self.fates.clear()
        self.key, self.valid_requests, self.results = KEY, math.inf, "both"
        self.list_lag_s, self.max_body = 0.0, 10_000_000
        for job in self.jobs.values():
            if job.fate.status in ("started", "paused"):
                job.fate = Fate()

    @property
    def requests(self) -> Sequence[Request]:
        """All requests so far."""
        return self.wire.requests

    def count(self, kind: str) -> int:
        """Number of requests of a kind."""
        return sum(request.kind == kind for request in self.wire.requests)

    def paid(self) -> Counter[str]:
        """How often each circuit was accepted, but for jobs that ended without results."""
        return Counter(
            circuit
            for job in list(self.jobs.values())
            if job.fate.status not in ("failed", "canceled")
            for circuit in job.circuits
        )

    # The service itself.

    def _act(self, request: Request) -> Reply:
        """Answer one request."""
        now = time.monotonic()
        while self._taken and now - self._taken[0] >= 1:
            self._taken.popleft()
        if self.per_second is not None and len(self._taken) >= self.per_second:
            after = {"Retry_After": f"{1 - (now - self._taken[0]):.3f}"} if self.says_when else {}
            self.n_limited += 1
            return refusal(429, "Too Many Requests", "too many requests", **after)
        self._taken.append(now)
        if request.kind not in ("backends", "backend"):
            valid = self.key is not None and request.number <= self.valid_requests
            if not valid or request.headers.get("authorization") != f"apiKey {self.key}":
                return refusal(401, "Unauthorized", "this API key was revoked")
        if len(request.body) > self.max_body:
            return refusal(413, "Payload Too Large", f"the body is over {self.max_body} bytes")
        handler = getattr(self, f"_{request.kind}", None)
        if handler is None:
            return refusal(404, "Not Found", f"no route {request.method} {request.path}")
        return handler(request, request.path.removeprefix("/v0.4/").split("/"))

    def _submit(self, request: Request, _: list[str]) -> Reply:
        try:
            body = json.loads(request.body)
            _check(body)
        except (ValueError, KeyError, TypeError) as error:
            return refusal(400, "Bad Request", f"invalid payload: {error!r}")
        job = self._accept(body)
        return Reply(201, {"id": job.job_id, "status": "submitted", "session_id": None})

    def _accept(self, body: dict[str, Any]) -> AcceptedJob:
        """Take a job on and plan when it runs."""
        entries, now, number = _entries(body), time.monotonic(), len(self.jobs) + 1
        several = body["type"] == "ionq.multi-circuit.v1"
        n_children = len(entries) if several else 0
        busy = sorted(self._free_at)[-self.slots :]
        starts_at = max(now, busy[0]) if len(busy) == self.slots else now
        ends_at = starts_at + self.job_s + self.circuit_s * len(entries)
        self._free_at = [*busy, ends_at]
        job = AcceptedJob(
            f"0198{number:04x}-0000-7000-8000-{uuid.uuid4().hex[:12]}",
            body,
            tuple(_text(body, entry) for entry in entries),
            tuple(f"0198{number:04x}-c{i:03x}-7000-8000-{i:012x}" for i in range(n_children)),
            now,
            starts_at,
            ends_at,
            self.fates.pop(0) if self.fates else Fate(),
        )
        self.jobs[job.job_id] = job
        self._children |= {child: (job, i) for i, child in enumerate(job.children)}
        return job

    def _job(self, _: Request, parts: list[str]) -> Reply:
        found = self._find(parts[1])
        if found is None:
            return refusal(404, "Not Found", f"no job {parts[1]}")
        return Reply(200, self._view(*found))

    def _list(self, request: Request, _: list[str]) -> Reply:
        query, now = request.query, time.monotonic()
        found: list[dict[str, Any]] = []
        if "parent_job_id" in query:
            parent = self.jobs.get(query["parent_job_id"][0])
            found = [self._view(parent, i) for i in range(len(parent.children))] if parent else []
        else:
            old = [job for job in self.jobs.values() if job.at + self.list_lag_s <= now]
            found = [_foreign(i) for i in range(self.foreign)]
            found += [self._view(job, None) for job in reversed(old)]
        wanted = {"id": "ids", "status": "status", "backend": "target", "session_id": "session_id"}
        for key, name in wanted.items():
            if name in query:
                values = [value for text in query[name] for value in text.split(",")]
                found = [view for view in found if view[key] in values]
        start = next(
            (i for i, view in enumerate(found) if view["id"] == query.get("next", [""])[0]), 0
        )
        end = start + min(int(query.get("limit", [self.page])[0]), self.page)
        after = found[end]["id"] if end < len(found) else None
        return Reply(200, {"jobs": found[start:end], "next": after})

    def _probabilities(self, _: Request, parts: list[str]) -> Reply:
        return self._result(parts[1], "probabilities")

    def _aggregate(self, _: Request, parts: list[str]) -> Reply:
        return self._result(parts[1], "probabilities-aggregate")

    def _artifact(self, _: Request, parts: list[str]) -> Reply:
        return self._result(parts[1], parts[3])

    def _result(self, job_id: str, what: str) -> Reply:
        """Results of one job; those of several circuits with their keys in reverse order."""
        found = self._find(job_id)
        if found is None or self._view(*found)["results"] is None:
            return refusal(404, "Not Found", f"job {job_id} has no results")
        job, child = found
        outcomes = job.outcomes()
        if what == "probabilities-aggregate" and job.children and child is None:
            pairs = list(zip(job.children, outcomes, strict=True))
            return Reply(200, {key: _relative(part, job.shots) for key, part in reversed(pairs)})
        if job.children and child is None:
            return refusal(404, "Not Found", f"job {job_id} has no {what} of its own")
        own = outcomes[child or 0]
        if what == "probabilities":
            return Reply(200, _relative(own, job.shots))
        if what == "histogram" and job.shots:
            return Reply(200, own)
        if what == "shots" and job.shots:
            return Reply(200, [state for state, n in own.items() for _ in range(int(n))])
        return refusal(404, "Not Found", f"job {job_id} has no artifact {what}")

    def _cost(self, _: Request, parts: list[str]) -> Reply:
        found = self._find(parts[1])
        if found is None:
            return refusal(404, "Not Found", f"no job {parts[1]}")
        value = sum(json.loads(text)["gates"] for text in found[0].circuits) * 0.001
        cost = {"value": value, "unit": "usd"}
        return Reply(200, {"dry_run": False, "estimated_cost": cost, "cost": cost})

    def _estimate(self, request: Request, _: list[str]) -> Reply:
        numbers = {key: float(request.query.get(key, ["0"])[0]) for key in ("1q_gates", "2q_gates")}
        shots = int(request.query.get("shots", ["1000"])[0])
        own = shots * (numbers["1q_gates"] * 0.0001 + numbers["2q_gates"] * 0.001)
        free = request.query["backend"] == ["simulator"]
        rate = {"sku": "test", "unit": "gates", **_RATES}
        return Reply(
            200,
            {
                "estimate_context": {key: values[0] for key, values in request.query.items()},
                "estimated_at": "2026-01-01T00:00:00Z",
                "estimated_unit": "usd",
                "rate_card": {"id": "rc-1", "rates": [] if free else [rate]},
                "estimated_total_cost": 0.0 if free else max(own, _RATES["job_cost_minimum"]),
                "estimated_execution_time": self.job_s * 1000,
                "current_predicted_queue_time": self.queue_ms,
            },
        )

    def _cancel(self, _: Request, parts: list[str]) -> Reply:
        found = self._find(parts[1])
        if found is None:
            return refusal(404, "Not Found", f"no job {parts[1]}")
        self._end(found[0])
        return Reply(200, {"id": parts[1], "status": "canceled"})

    def _cancel_many(self, request: Request, _: list[str]) -> Reply:
        ids = json.loads(request.body)["ids"]
        for job_id in ids:
            self._end(self.jobs[job_id])
        return Reply(200, {"ids": ids, "status": "canceled"})

    def _end(self, job: AcceptedJob) -> None:
        if job.status(time.monotonic()) != "completed":
            job.fate, job.ends_at = Fate("canceled"), job.at
            job.starts_at = job.at

    def _backends(self, _: Request, __: list[str]) -> Reply:
        entries = [entry | {"average_queue_time": self.queue_ms} for entry in BACKENDS]
        simulator = {"backend": "simulator", "status": "available", "qubits": 29}
        simulator |= {"average_queue_time": 0, "last_updated": "2026-01-01T00:00:00Z"}
        return Reply(200, [simulator, *entries])

    def _find(self, job_id: str) -> tuple[AcceptedJob, int | None] | None:
        """A job, or a circuit of one."""
        if job_id in self.jobs:
            return self.jobs[job_id], None
        return self._children.get(job_id)

    def _view(self, job: AcceptedJob, child: int | None) -> dict[str, Any]:
        """The job object."""
        status = job.status(time.monotonic())
        is_parent = bool(job.children) and child is None
        job_id = job.job_id if child is None else job.children[child]
        failure = {"code": job.fate.code, "message": job.fate.message}
        return {
            "id": job_id,
            "status": status,
            "type": "ionq.multi-circuit.v1" if is_parent else "ionq.circuit.v1",
            "backend": job.body["backend"],
            "dry_run": False,
            "submitter_id": "u1",
            "project_id": "31a4dc21-0000-4000-8000-000000000000",
            "parent_job_id": None if child is None else job.job_id,
            "child_job_ids": list(job.children) if is_parent else None,
            "session_id": job.body.get("session_id"),
            "metadata": (job.metadata or None) if child is None else None,
            "name": job.body.get("name"),
            "submitted_at": "2026-01-01T00:00:00.000Z",
            "execution_duration_ms": int(1000 * (job.ends_at - job.starts_at)),
            "failure": failure if status == "failed" else None,
            "results": self._listed(job, job_id, is_parent) if status == "completed" else None,
        }

    def _listed(self, job: AcceptedJob, job_id: str, is_parent: bool) -> dict[str, Any]:
        """The ``results`` of a finished job."""
        kinds = ["probabilities-aggregate"] if is_parent else ["probabilities"]
        if job.shots and not is_parent:
            kinds += ["histogram", "shots"]
        found: dict[str, Any] = {}
        if self.results != "artifact":
            tail = "probabilities/aggregated" if is_parent else "probabilities"
            found["probabilities"] = {"url": f"/v0.4/jobs/{job_id}/results/{tail}"}
        for kind in kinds if self.results != "url" else ():
            name = f"ionq.result.{kind}.json.v1"
            found[name] = {"id": kind, "format": name, "media_type": "application/json"}
        return found


def refusal(status: int, error: str, message: str, **headers: str) -> Reply:
    """An error as the service words it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"error": error, "message": message, "statusCode": status}, named)


def kind_of(method: str, path: str) -> str:
    """The kind of a request, which is also the name of its handler."""
    match method, path.removeprefix("/v0.4/").split("/"):
        case "POST", ["jobs"]:
            return "submit"
        case "GET", ["jobs"]:
            return "list"
        case "GET", ["jobs", "estimate"]:
            return "estimate"
        case "GET", ["jobs", _]:
            return "job"
        case "GET", ["jobs", _, "cost"]:
            return "cost"
        case "GET", ["jobs", _, "results", "probabilities"]:
            return "probabilities"
        case "GET", ["jobs", _, "results", "probabilities", "aggregated"]:
            return "aggregate"
        case "GET", ["jobs", _, "artifacts", _]:
            return "artifact"
        case "PUT", ["jobs", "status", "cancel"]:
            return "cancel_many"
        case "PUT", ["jobs", _, "status", "cancel"]:
            return "cancel"
        case "GET", ["backends"]:
            return "backends"
    return "unknown"


def _foreign(i: int) -> dict[str, Any]:
    """A job of another program."""
    metadata = (None, {}, {"qstore_fingerprint": "0" * 64}, {"qstore_fingerprint": ""})[i % 4]
    empty = dict.fromkeys(("name", "session_id", "results", "child_job_ids"))
    own = {"id": f"foreign-{i}", "status": "completed", "backend": "simulator"}
    return own | empty | {"metadata": metadata}


def _entries(body: dict[str, Any]) -> list[dict[str, Any]]:
    several = body["type"] == "ionq.multi-circuit.v1"
    return list(body["input"]["circuits"]) if several else [body["input"]]


def _text(body: dict[str, Any], entry: dict[str, Any]) -> str:
    """A circuit and how it is run; the name and the place in a job do not matter."""
    parts = {
        "backend": body["backend"],
        "model": (body.get("noise") or {}).get("model"),
        "shots": body.get("shots"),
        "circuit": entry["circuit"],
        "gates": len(entry["circuit"]),
    }
    return json.dumps(parts, sort_keys=True)


def _check(body: dict[str, Any]) -> None:
    """Refuse what the documented schema refuses."""
    entries = _entries(body)
    if not 1 <= len(entries) <= 5000 or sum(len(e["circuit"]) for e in entries) > 150_000:
        raise ValueError("too many circuits or gates")
    if not 1 <= int(body.get("shots", 100)) <= 1_000_000:
        raise ValueError("shots")
    metadata = body.get("metadata") or {}
    if len(metadata) > 10 or any(len(key) > 40 for key in metadata):
        raise ValueError("metadata keys")
    if any(not isinstance(value, str) or len(value) > 40_000 for value in metadata.values()):
        raise ValueError("metadata values")


def _sample(probabilities: dict[str, float], shots: int, text: str) -> dict[str, int | float]:
    """Counts that depend on the circuit and its shots alone."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    weights = np.array(list(probabilities.values()))
    counts = np.random.default_rng(seed).multinomial(shots, weights / weights.sum())
    return {key: int(n) for key, n in zip(probabilities, counts, strict=True) if n}


def _relative(outcomes: dict[str, int | float], shots: int | None) -> dict[str, float]:
    return {key: value / (shots or 1) for key, value in outcomes.items()}
