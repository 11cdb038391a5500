"""Routes that create, show and end jobs."""

import json

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pennylane_qstore.emulator.catalog import BACKENDS
from pennylane_qstore.emulator.gates import Json
from pennylane_qstore.emulator.holding import settle
from pennylane_qstore.emulator.job import Job
from pennylane_qstore.emulator.jobs import JobStore
from pennylane_qstore.emulator.refusal import bad, not_found
from pennylane_qstore.emulator.views import USER_ID, cost, estimate, job_object
from pennylane_qstore.emulator.wire import answer, query_int, read_body, read_job, read_object

PAGE = 25
"""Jobs on a page, at most; a greater ``limit`` is not an error."""

CLONED = ("name", "metadata", "shots", "backend", "session_id", "settings", "dry_run", "noise")


class JobRoutes:
    """Handlers of ``/jobs``.

    Args:
        store: The jobs.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """The routes; fixed paths come before those with an id."""
        return [
            Route("/jobs", self.create, methods=["POST"]),
            Route("/jobs", self.index, methods=["GET"]),
            Route("/jobs", self.delete_many, methods=["DELETE"]),
            Route("/jobs/estimate", self.estimate, methods=["GET"]),
            Route("/jobs/status/cancel", self.cancel_many, methods=["PUT"]),
            Route("/jobs/{job_id}", self.show, methods=["GET"]),
            Route("/jobs/{job_id}", self.delete, methods=["DELETE"]),
            Route("/jobs/{job_id}/status/cancel", self.cancel, methods=["PUT"]),
            Route("/jobs/{job_id}/clone", self.clone, methods=["POST"]),
            Route("/jobs/{job_id}/move", self.move, methods=["POST"]),
            Route("/jobs/{job_id}/cost", self.cost, methods=["GET"]),
        ]

    async def create(self, request: Request) -> Response:
        """Accept a job."""
        return await self._accept(await read_body(request))

    async def _accept(self, body: bytes) -> Response:
        source = await read_job(body)
        job = self._store.create(source, body)
        created = {"id": job.id, "status": "submitted", "session_id": source.session_id}
        return answer(created, 201)

    async def show(self, request: Request) -> Response:
        """Show a job."""
        job = await settle(self._store, request.path_params["job_id"])
        return answer(job_object(self._store, job))

    async def index(self, request: Request) -> Response:
        """List jobs, newest first; children only where asked for by parent or id."""
        limit = query_int(request, "limit", PAGE, low=1, high=10_000)
        after = request.query_params.get("next")
        found = self._find(request.query_params)
        if after:
            found = [job for job in found if job.id < after]
        page = found[: min(limit, PAGE)]
        following = page[-1].id if len(found) > len(page) else None
        shown = [job_object(self._store, job) for job in page]
        return answer({"jobs": shown, "next": following})

    def _find(self, query: QueryParams) -> list[Job]:
        """Jobs that pass every filter of a query string."""
        ids, targets = _listed(query, "ids"), _listed(query, "target")
        parent, status = query.get("parent_job_id"), query.get("status")
        session, submitter = query.get("session_id"), query.get("submitter_id")
        if submitter not in (None, USER_ID):
            return []
        return [
            job
            for job in self._store.all()
            if (ids or parent is not None or job.parent is None)
            and (not ids or job.id in ids)
            and (parent is None or (job.parent is not None and job.parent.id == parent))
            and (not targets or job.source.backend in targets)
            and session in (None, job.source.session_id)
            and (status is None or status == self._store.status(job))
        ]

    async def cancel(self, request: Request) -> Response:
        """Cancel one job."""
        job = self._store.get(request.path_params["job_id"])
        self._store.cancel(job)
        return answer({"id": job.id, "status": self._store.status(job)})

    async def cancel_many(self, request: Request) -> Response:
        """Cancel the jobs named in the body."""
        jobs = await self._named(request)
        for job in jobs:
            self._store.cancel(job)
        return answer({"ids": [job.id for job in jobs], "status": "canceled"})

    async def delete(self, request: Request) -> Response:
        """Delete one job."""
        job = self._store.get(request.path_params["job_id"])
        self._store.delete(job)
        return answer({"id": job.id, "status": "deleted"})

    async def delete_many(self, request: Request) -> Response:
        """Delete the jobs named in the body."""
        jobs = await self._named(request)
        for job in jobs:
            self._store.delete(job)
        return answer({"ids": [job.id for job in jobs], "status": "deleted"})

    async def _named(self, request: Request) -> list[Job]:
        ids = (await read_object(request)).get("ids")
        if not isinstance(ids, list) or not all(isinstance(job_id, str) for job_id in ids):
            raise bad("ids must be a list of job ids", "ids")
        return [self._store.get(job_id) for job_id in ids]

    async def clone(self, request: Request) -> Response:
        """Submit a job again, with changes."""
        job = self._store.get(request.path_params["job_id"])
        return await self._repeat(job, await read_object(request))

    async def move(self, request: Request) -> Response:
        """Cancel a job that has not ended and submit it again, with changes."""
        job = self._store.get(request.path_params["job_id"])
        changes = await read_object(request)
        response = await self._repeat(job, changes)
        self._store.cancel(job)
        return response

    async def _repeat(self, job: Job, changes: Json) -> Response:
        if job.parent is not None:
            raise bad("A circuit of a multi-circuit job cannot be submitted alone")
        payload = json.loads(job.body)
        payload |= {key: changes[key] for key in CLONED if key in changes}
        return await self._accept(json.dumps(payload).encode())

    async def cost(self, request: Request) -> Response:
        """Show what a job costs."""
        job = await settle(self._store, request.path_params["job_id"])
        return answer(cost(job))

    async def estimate(self, request: Request) -> Response:
        """Estimate the cost of a job of a given size."""
        query = request.query_params
        backend = query.get("backend")
        if backend is None:
            raise bad("backend is required", "backend")
        if backend not in BACKENDS:
            raise not_found(f"Backend {backend}")
        numbers = {
            key: query_int(request, key, default, low=low, high=10**9)
            for key, default, low in (
                ("qubits", 25, 1),
                ("shots", 1000, 1),
                ("1q_gates", 0, 0),
                ("2q_gates", 0, 0),
            )
        }
        context: Json = {
            "backend": backend,
            "type": query.get("type", "ionq.circuit.v1"),
            **numbers,
            "error_mitigation": query.get("error_mitigation", "false").lower() == "true",
        }
        return answer(estimate(context, self._store.moment(self._store.options.clock.now())))


def _listed(query: QueryParams, key: str) -> set[str]:
    """Values of a key that may be repeated, or hold a comma list."""
    return {part for text in query.getlist(key) for part in text.split(",")}
