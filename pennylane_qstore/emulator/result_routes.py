"""Routes that serve results."""

from collections.abc import Callable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pennylane_qstore.emulator.holding import settle
from pennylane_qstore.emulator.job import Job
from pennylane_qstore.emulator.jobs import JobStore
from pennylane_qstore.emulator.outcome import (
    AGGREGATE_V1,
    HISTOGRAM_V1,
    PROBABILITIES_V1,
    RENDERERS,
    SHOTS_V1,
    aggregate,
)
from pennylane_qstore.emulator.refusal import not_found
from pennylane_qstore.emulator.views import ALIASES, artifact_uuid, formats
from pennylane_qstore.emulator.wire import answer

THREAD_STATES = 2**14
"""Results with more states than this are written in a worker thread."""


class ResultRoutes:
    """Handlers of results and artifacts.

    ``sharpen`` is accepted and changes nothing: it chooses how debiased variants are combined, and
    neither simulators nor this emulator's machines have any.

    Args:
        store: The jobs.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        """The routes."""
        base = "/jobs/{job_id}/results"
        return [
            Route(f"{base}/probabilities", self._serve(PROBABILITIES_V1)),
            Route(f"{base}/probabilities/aggregated", self._serve(AGGREGATE_V1)),
            Route(f"{base}/histogram", self._serve(HISTOGRAM_V1)),
            Route(f"{base}/shots", self._serve(SHOTS_V1)),
            Route("/jobs/{job_id}/artifacts/{artifact_id}", self.artifact),
        ]

    def _serve(self, form: str) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            job = await settle(self._store, request.path_params["job_id"])
            return await self._answer(job, form)

        return endpoint

    async def artifact(self, request: Request) -> Response:
        """Serve an artifact by alias or UUID."""
        job = await settle(self._store, request.path_params["job_id"])
        wanted = request.path_params["artifact_id"]
        for form in formats(job):
            if wanted in (ALIASES[form], artifact_uuid(job, form)):
                return await self._answer(job, form)
        raise not_found(f"Artifact {wanted} of job {job.id}")

    async def _answer(self, job: Job, form: str) -> Response:
        if form not in formats(job):
            raise not_found(f"Result {form} of job {job.id}")
        (job.parent or job).is_read = True
        n_states = sum(len(part.outcome.states) for part in job.parts if part.outcome)
        if n_states > THREAD_STATES or (job.outcome and (job.outcome.shots or 0) > THREAD_STATES):
            return answer(await to_thread.run_sync(self._render, job, form))
        return answer(self._render(job, form))

    def _render(self, job: Job, form: str) -> bytes:
        if form == AGGREGATE_V1:
            children = list(job.children)
            if self._store.options.shuffle_results:
                children = self._store.shuffled(children)
            return aggregate((child.id, child.outcome) for child in children if child.outcome)
        assert job.outcome is not None
        return RENDERERS[form](job.outcome)
