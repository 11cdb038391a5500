"""A batch that was submitted and is collected later."""

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from pennylane_qstore.errors import BatchTimeoutError
from pennylane_qstore.execution import Batch, BatchResult, Progress


class Handle:
    """A batch under way; see :meth:`~pennylane_qstore.device.IonQDevice.submit`.

    ``await handle`` gives the results as :meth:`result` does.
    """

    def __init__(
        self,
        batch: Batch,
        future: "Future[BatchResult]",
        finish: Callable[[BatchResult], Any],
        cancel: Callable[[], None],
    ) -> None:
        self._batch = batch
        self._future = future
        self._finish = finish
        self._cancel = cancel
        self._results: Any = None
        self._finished = False

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
        try:
            found = self._future.result(timeout)
        except FutureTimeoutError:
            raise BatchTimeoutError(
                f"no results within {timeout} s; these jobs go on: {', '.join(self.job_ids)}",
                job_ids=self.job_ids,
            ) from None
        return self._once(found)

    def cancel(self) -> None:
        """Cancel the jobs that have not ended, at the service."""
        self._cancel()

    def __await__(self) -> Generator[Any, None, Any]:
        found = yield from asyncio.wrap_future(self._future).__await__()
        return self._once(found)

    def _once(self, found: BatchResult) -> Any:
        """The results, the same ones each time they are asked for."""
        if not self._finished:
            self._results, self._finished = self._finish(found), True
        return self._results
