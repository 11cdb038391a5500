"""A batch that was submitted and is collected later."""

import asyncio
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from time import monotonic
from typing import Any

from pennylane_qstore.errors import BatchTimeoutError, JobCanceledError
from pennylane_qstore.execution import Batch, BatchResult, Progress


class Handle:
    """A batch under way; see :meth:`~pennylane_qstore.device.IonQDevice.submit`.

    ``await handle`` gives the results as :meth:`result` does.
    """

    def __init__(
        self,
        batch: Batch,
        future: "Future[BatchResult]",
        finish: Callable[["Future[BatchResult]", float], Any],
        cancel: Callable[[], None],
    ) -> None:
        self._batch = batch
        self._future = future
        self._finish = finish
        self._cancel = cancel
        self._canceled = False
        self._lock = threading.Lock()
        self._answer: Future[Any] = Future()
        self._ended = 0.0
        future.add_done_callback(self._note_end)

    def __repr__(self) -> str:
        return f"<Handle {self.status()} {', '.join(self.job_ids)}>"

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Ids of the jobs, for :meth:`~pennylane_qstore.device.IonQDevice.retrieve`."""
        return tuple(job.job_id for job in self._batch.jobs if job.job_id)

    def done(self) -> bool:
        """Whether results or an error are here."""
        return self._future.done()

    def status(self) -> Progress:
        """How many circuits have results, and how many jobs are in each state."""
        return self._batch.progress()

    def result(self, timeout: float | None = None) -> Any:
        """The results, in PennyLane's form, one for each tape.

        Args:
            timeout: Longest time to wait in seconds, or None.

        Raises:
            BatchTimeoutError: If the jobs have not ended by then; they go on.
            QStoreError: As the device's ``execute``.
        """
        if not wait([self._future], timeout).done:
            raise BatchTimeoutError(
                f"no results within {timeout} s; these jobs go on: {', '.join(self.job_ids)}",
                job_ids=self.job_ids,
            )
        return self._once()

    def cancel(self) -> None:
        """Cancel the jobs that have not ended, at the service."""
        self._canceled = not self._future.done()
        self._cancel()

    def __await__(self) -> Generator[Any, None, Any]:
        ended = asyncio.wrap_future(self._future)
        # `wait` leaves the future alone: a task that is canceled here, as by `asyncio.wait_for`,
        # has only stopped to wait. Awaiting the future itself would cancel paid jobs.
        yield from asyncio.wait([ended]).__await__()
        ended.exception()
        return self._once()

    def _once(self) -> Any:
        """The results or the error, the same ones each time they are asked for."""
        with self._lock:
            if not self._answer.done():
                try:
                    self._answer.set_result(self._finish(self._future, self._ended))
                except Exception as error:
                    self._answer.set_exception(self._explain(error))
        return self._answer.result()

    def _note_end(self, _: object) -> None:
        self._ended = monotonic()

    def _explain(self, error: Exception) -> Exception:
        """What ended the batch, where that was :meth:`cancel`."""
        if not self._canceled:
            return error
        jobs = ", ".join(self.job_ids)
        return JobCanceledError(
            f"canceled by this handle; jobs: {jobs or 'none'}", job_id=jobs, status="canceled"
        )
