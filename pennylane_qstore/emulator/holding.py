"""Holding a poll for a moment while the simulation it asks about is running."""

import contextlib
from concurrent.futures import Future

from anyio import to_thread

from pennylane_qstore.emulator.job import Job
from pennylane_qstore.emulator.jobs import JobStore

HOLD_S = 0.5
"""Longest time a poll is held, in seconds. It saves the client a poll interval; a job that takes
longer is shown as ``started``."""


async def settle(store: JobStore, job_id: str) -> Job:
    """The job, ended if that is only a matter of a moment.

    Raises:
        RefusalError: There is none (404).
    """
    job = store.get(job_id)
    root = job.parent or job
    future = root.future
    if root.verdict is None and future is not None and store.is_due(root):
        await to_thread.run_sync(_wait, future, abandon_on_cancel=True)
        job = store.get(job_id)
    return job


def _wait(future: Future[object]) -> None:
    with contextlib.suppress(Exception):
        future.exception(timeout=HOLD_S)
