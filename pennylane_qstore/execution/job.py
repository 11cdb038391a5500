"""The life of one job: submitted once, asked for, fetched."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from pennylane_qstore.errors import JobCanceledError, JobFailedError
from pennylane_qstore.execution.fetch import Limiter
from pennylane_qstore.execution.polling import Clock, PollSchedule
from pennylane_qstore.execution.request import JobRecord
from pennylane_qstore.execution.service import JobView, Service

logger = logging.getLogger("pennylane_qstore")


@dataclass(slots=True, eq=False)
class Job:
    """One job on its way; the only value here that changes.

    Attributes:
        members: Which circuits of the batch it holds.
        widths: Number of qubits of each.
        shots: Repetitions of each, or None.
        body: What is posted; dropped once it was.
        job_id: The service's id, once it has one.
        status: The last status seen, ``"unsent"`` before the submission.
        seconds: Time from the submission until the results were here.
        error: What went wrong with it.
        is_open: Whether neither results nor an error are here.
    """

    members: tuple[int, ...]
    widths: tuple[int, ...]
    shots: int | None
    body: bytes
    job_id: str | None = None
    status: str = "unsent"
    seconds: float = 0.0
    error: Exception | None = None
    is_open: bool = True

    def record(self) -> JobRecord:
        """The facts about this job, frozen."""
        return JobRecord(
            self.job_id or "", len(self.members), self.shots, self.status, self.seconds
        )


async def submit(service: Service, job: Job) -> None:
    """Post a job. Not even a cancellation may come between the post and its id."""
    with anyio.CancelScope(shield=True):
        job.status = "sending"
        logger.debug("submitting %s", job.body)
        job.job_id = await service.create_job(job.body)
    job.status, job.body = "submitted", b""
    logger.info("job %s: submitted, %d circuits", job.job_id, len(job.members))


async def wait(
    service: Service,
    job: Job,
    *,
    schedule: PollSchedule,
    clock: Clock,
    limiter: Limiter,
    on_change: Callable[[], None],
) -> JobView:
    """Ask for a job until it is completed.

    Raises:
        JobFailedError: If it failed.
        JobCanceledError: If somebody canceled it.
    """
    assert job.job_id is not None
    for delay in schedule.delays():
        async with limiter:
            view = await service.get_job(job.job_id)
        if view.status != job.status:
            logger.info("job %s: %s", job.job_id, view.status)
            job.status = view.status
            on_change()
        if view.status == "completed":
            return view
        _raise_if_ended(job.job_id, view)
        await clock.sleep(delay)
    raise AssertionError("delays never end")


def _raise_if_ended(job_id: str, view: JobView) -> None:
    """Raise the error of a job that ended without results."""
    if view.status == "failed":
        code = view.failure_code or "no code"
        raise JobFailedError(
            f"job {job_id} failed: {code}: {view.failure_message or 'no message'}",
            job_id=job_id,
            status=view.status,
            code=view.failure_code,
        )
    if view.status == "canceled":
        raise JobCanceledError(
            f"job {job_id} was canceled before it finished",
            job_id=job_id,
            status=view.status,
            code=view.failure_code,
        )
