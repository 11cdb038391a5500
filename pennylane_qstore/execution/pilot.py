"""One job on its way: from the submission to the cache."""

import logging
import random
from asyncio import AbstractEventLoop, Task, get_running_loop
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.to_thread

from pennylane_qstore.errors import (
    JobCanceledError,
    JobError,
    QStoreError,
    ResultsMissingError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from pennylane_qstore.execution import journal as journals
from pennylane_qstore.execution.batch import Batch, Wave
from pennylane_qstore.execution.cache import ResultStore
from pennylane_qstore.execution.controller import Controller
from pennylane_qstore.execution.fetch import fetch_outcomes, likely_path
from pennylane_qstore.execution.gather import gather
from pennylane_qstore.execution.job import Job, find, submit, wait
from pennylane_qstore.execution.journal import Journal, Submission
from pennylane_qstore.execution.polling import Clock, PollSchedule
from pennylane_qstore.execution.request import Settings
from pennylane_qstore.execution.service import JobView, Service
from pennylane_qstore.execution.spending import Spending
from pennylane_qstore.native import Outcomes

_JOURNAL_POLL_S = 0.1
_DISK_THREADS = 4

RESULTS_S = (0.5, 1.0, 2.0, 4.0)
"""Waits for results that are not there yet although their job has completed."""

_DUE = 0.9
"""Part of its predicted time after which a job is likely to have ended."""

T = TypeVar("T")

logger = logging.getLogger("pennylane_qstore")


@dataclass(eq=False)
class Loop:
    """What belongs to one event loop."""

    limiter: anyio.Semaphore
    disk: anyio.CapacityLimiter
    batches: set[Batch] = field(default_factory=set)
    waves: dict[Settings, Wave] = field(default_factory=dict)
    by_key: dict[str, tuple[Job, int]] = field(default_factory=dict)
    tasks: set[Task[None]] = field(default_factory=set)


class Pilot:
    """Takes single jobs from the submission to the cache.

    Args:
        service: Where the jobs go.
        cache: Where results are kept, or None.
        journal: Where submissions are written down, or None.
        controller: Learns how long jobs take.
        poll: How often to ask for a job's status.
        max_in_flight: Largest number of requests that are open at once.
        clock: The time.
        spending: Keeps the budget.
        queue_s: Longest time in the service's queue, or None.
    """

    def __init__(
        self,
        service: Service,
        *,
        cache: ResultStore | None,
        journal: Journal | None,
        controller: Controller,
        poll: PollSchedule,
        max_in_flight: int,
        clock: Clock,
        spending: Spending,
        queue_s: float | None = None,
    ) -> None:
        self._service = service
        self._spending = spending
        self._cache = cache
        self._journal = journal
        self._controller = controller
        self._poll = poll
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._queue_s = queue_s
        self._rng = random.Random() if not poll.eager else None
        self._request_s = 0.0
        self._loops: WeakKeyDictionary[AbstractEventLoop, Loop] = WeakKeyDictionary()

    def here(self) -> Loop:
        """The state of the running event loop."""
        running = get_running_loop()
        if running not in self._loops:
            self._loops[running] = Loop(
                anyio.Semaphore(self._max_in_flight), anyio.CapacityLimiter(_DISK_THREADS)
            )
        return self._loops[running]

    async def on_disk(self, function: Callable[..., T], *args: Any) -> T:
        """Call what waits for a disk or a database, in one of a few threads."""
        limiter = self.here().disk
        return await anyio.to_thread.run_sync(function, *args, limiter=limiter)

    async def note(self, job: Job, state: str) -> None:
        """Write a new state of a job down."""
        if self._journal is not None:
            move = partial(self._journal.move, job.mark, state, job_id=job.job_id)
            await self.on_disk(move)

    async def resolve(self, submission: Submission) -> Submission | None:
        """What became of an open submission; None if it never arrived."""
        assert self._journal is not None
        if not await self.on_disk(self._journal.is_abandoned, submission):
            return submission
        job_id = None
        if submission.state != journals.CLAIMED:
            job_id = await find(
                self._service, submission.mark, clock=self._clock, since=submission.created
            )
        state = journals.SENT if job_id else journals.REFUSED
        await self.on_disk(partial(self._journal.move, submission.mark, state, job_id=job_id))
        return await self.on_disk(self._journal.get, submission.mark) if job_id else None

    async def fly(self, loop: Loop, job: Job, settings: Settings) -> None:
        """One job from the submission to the cache."""
        try:
            with job.scope:
                if job.job_id is None and job.attached:
                    await self._await_id(job)
                elif job.job_id is None:
                    await self._send(loop, job)
                if job.job_id is not None:
                    await self._collect(loop, job, settings)
        except Exception as error:
            logger.info("job %s: %s", job.job_id or "(not submitted)", error)
            if job.job_id is not None and not isinstance(error, JobError):
                error.add_note(
                    f"job {job.job_id} at {self._service.base_url} was left as it is; running the "
                    f"same again asks for it again, `qstore jobs forget {job.job_id}` gives it up"
                )
            job.is_open = False
            if isinstance(error, QStoreError):
                lost = isinstance(error, UnconfirmedSubmissionError)
                error.under_way = job.job_id is not None or lost
            job.fail(error)
        finally:
            for entry in job.entries:
                if loop.by_key.get(entry.key, (None,))[0] is job:
                    del loop.by_key[entry.key]
            with anyio.CancelScope(shield=True):
                if not job.attached and job.status == "unsent":
                    await self.note(job, journals.REFUSED)
                    self._spending.release([job])
            job.report()
            job.done.set()

    async def _await_id(self, job: Job) -> None:
        """Wait until whoever submits a job has its id. It may give up; then there is none."""
        assert self._journal is not None
        while job.job_id is None:
            found = await self.on_disk(self._journal.get, job.mark)
            if found is not None and found.job_id is None:
                found = await self.resolve(found)
            if found is None or found.state == journals.REFUSED:
                return
            job.job_id = found.job_id
            if job.job_id is None:
                await self._clock.sleep(_JOURNAL_POLL_S)

    async def _send(self, loop: Loop, job: Job) -> None:
        """Submit a job. Not even a cancellation may come between the post and its id."""
        async with loop.limiter:
            if all(batch.is_futile for batch in job.waiting):
                job.is_open = False  # nothing more is paid for what cannot succeed
                return
            with anyio.CancelScope(shield=True):
                if self._journal and not await self.on_disk(self._journal.begin, job.mark):
                    return  # it took so long that somebody else sends it
            job.status, job.started = "sending", self._clock.now()
            try:
                job.job_id = await submit(self._service, job, clock=self._clock)
            except BaseException as error:
                # Whatever went wrong: only a definite answer says that nothing was submitted.
                refused = isinstance(error, ServiceError) and not isinstance(
                    error, UnconfirmedSubmissionError
                )
                with anyio.CancelScope(shield=True):
                    await self.note(job, journals.REFUSED if refused else journals.LOST)
                if refused:
                    self._spending.release([job])
                raise
            with anyio.CancelScope(shield=True):
                await self.note(job, journals.SENT)
        job.spans.append(("submit", job.started, self._clock.now()))
        job.status, job.body = "submitted", b""
        logger.info("job %s: submitted, %d circuits", job.job_id, len(job.entries))
        job.report()

    async def _collect(self, loop: Loop, job: Job, settings: Settings) -> None:
        """Wait for a job, fetch its results and keep them."""
        n_circuits = len(job.entries)
        sharpen = job.sharpen
        ahead: dict[str, Any] = {}
        predicted = None if self._poll.eager or sharpen else self._controller.due_s(n_circuits)
        began = self._clock.now()
        try:
            view = await wait(
                job,
                ask=partial(self._ask, job, predicted, ahead),
                delays=self._poll.delays(predicted, self._rng, request_s=self._request_s),
                limiter=loop.limiter,
                clock=self._clock,
                queue_s=self._queue_s,
            )
        except JobError as error:
            canceled = isinstance(error, JobCanceledError)
            await self.note(job, journals.CANCELED if canceled else journals.FAILED)
            await self._spending.settle(job, settings)
            raise
        finished = self._clock.now()
        job.spans.append(("wait", began, finished))
        found = await self._fetch(loop, job, view, ahead, sharpen)
        fetched = self._clock.now()
        job.spans.append(("fetch", finished, fetched))
        if not job.attached:
            job.seconds = self._clock.now() - job.started
            self._request_s = job.request_s
            self._controller.observe(
                n_circuits, job.ended_s, n_parallel=job.n_parallel, running_s=job.running_s
            )
        job.answer(found)
        job.is_open = False
        with anyio.CancelScope(shield=True):
            await self._spending.settle(job, settings)
            if self._cache is not None:
                entries = [
                    (e.key, outcomes) for e, outcomes in zip(job.entries, found, strict=True)
                ]
                spent = dict(job.cost.amounts) if job.cost else None
                put = partial(
                    self._cache.put_many,
                    entries,
                    seconds=job.seconds,
                    cost=spent,
                    tag=settings.job_name,
                )
                if not await self.on_disk(put) and job.shots is not None:
                    logger.warning("the results of job %s could not be kept", job.job_id)
                    return  # the journal still knows where they are
            await self.note(job, journals.COLLECTED)
        job.spans.append(("cache", fetched, self._clock.now()))

    async def _fetch(
        self, loop: Loop, job: Job, view: JobView, ahead: dict[str, Any], sharpen: bool
    ) -> list[Outcomes]:
        """The results of a completed job; they may come a little later than it says."""
        for delay in (*RESULTS_S, None):
            try:
                return await fetch_outcomes(
                    self._service,
                    view,
                    job.widths,
                    job.shots,
                    loop.limiter,
                    sharpen=sharpen,
                    ahead=ahead,
                )
            except ResultsMissingError:
                if delay is None:
                    raise
            ahead = {}
            await self._clock.sleep(delay)
            view = await self._service.get_job(view.job_id)
        raise AssertionError("the last attempt returns or raises")

    async def _ask(
        self, job: Job, predicted: float | None, ahead: dict[str, Any], waited: float
    ) -> JobView:
        """Ask for a job; if it should have ended, for its results at the same time."""
        assert job.job_id is not None
        if predicted is None or waited < _DUE * predicted:
            return await self._service.get_job(job.job_id)
        path = likely_path(job.job_id, len(job.entries), job.shots)

        async def fetch() -> JobView | None:
            with suppress(ServiceError):  # it has not ended, or its results are elsewhere
                ahead[path] = await self._service.get_result(path)
            return None

        calls = (partial(self._service.get_job, job.job_id), fetch)
        view, _ = await gather(calls)
        assert view is not None
        if view.status != "completed":
            ahead.clear()
        return view
