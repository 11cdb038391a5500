"""Jobs on their way, shared by all batches of a runner.

A job belongs to no batch: what several ask for at the same time is submitted once, batches that
come in quick succession share jobs, and a batch that gives up leaves its job to the others.
"""

import logging
import random
import secrets
from asyncio import AbstractEventLoop, Task, get_running_loop
from collections.abc import Callable, Sequence
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
    ResultsMissingError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from pennylane_qstore.execution import journal as journals
from pennylane_qstore.execution.batch import Batch
from pennylane_qstore.execution.cache import ResultStore
from pennylane_qstore.execution.controller import Controller
from pennylane_qstore.execution.fetch import fetch_outcomes, likely_path
from pennylane_qstore.execution.gather import gather
from pennylane_qstore.execution.job import Job, Ticket, find, submit, wait
from pennylane_qstore.execution.journal import Entry, Journal, Submission
from pennylane_qstore.execution.pack import Item
from pennylane_qstore.execution.payload import encode_circuits, encode_job
from pennylane_qstore.execution.polling import Clock, PollSchedule
from pennylane_qstore.execution.replicates import replicate_seed
from pennylane_qstore.execution.request import SHARPEN, Settings
from pennylane_qstore.execution.service import JobView, Service
from pennylane_qstore.execution.spending import Spending
from pennylane_qstore.native import Outcomes

GATHER_S = 0.003
"""How long a batch waits for others to share its jobs, if others are under way."""

_JOURNAL_POLL_S = 0.1
_DISK_THREADS = 4

RESULTS_S = (0.5, 1.0, 2.0, 4.0)
"""Waits for results that are not there yet although their job has completed."""

_DUE = 0.9
"""Part of its predicted time after which a job is likely to have ended."""

T = TypeVar("T")

logger = logging.getLogger("pennylane_qstore")


@dataclass(eq=False)
class _Wave:
    """Batches that are packed together."""

    batches: list[Batch] = field(default_factory=list)
    ready: anyio.Event = field(default_factory=anyio.Event)
    error: BaseException | None = None


@dataclass(eq=False)
class _Loop:
    """What belongs to one event loop."""

    limiter: anyio.Semaphore
    disk: anyio.CapacityLimiter
    batches: set[Batch] = field(default_factory=set)
    waves: dict[Settings, _Wave] = field(default_factory=dict)
    by_key: dict[str, tuple[Job, int]] = field(default_factory=dict)
    tasks: set[Task[None]] = field(default_factory=set)


class Flights:
    """Submits jobs, waits for them and fetches their results; see :class:`Runner`.

    Args:
        service: Where the jobs go.
        cache: Where results are kept, or None.
        journal: Where submissions are written down, or None.
        controller: Decides into how many jobs a batch is packed.
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
        self._loops: WeakKeyDictionary[AbstractEventLoop, _Loop] = WeakKeyDictionary()

    async def launch(self, batch: Batch, settings: Settings) -> None:
        """Find or start a job for every open ticket of a batch, and let the batch wait for it.

        Raises:
            InvalidCircuitError: If a circuit is larger than the service takes.
            JournalError: If the journal cannot be written.
            UnconfirmedSubmissionError: If an interrupted submission cannot be looked for.
        """
        loop = self._here()
        loop.batches.add(batch)
        wave = loop.waves.get(settings)
        if wave is not None:
            wave.batches.append(batch)
            try:
                await wave.ready.wait()
            except anyio.get_cancelled_exc_class():
                wave.batches.remove(batch)
                raise
        else:
            wave = _Wave([batch])
            if len(loop.batches) > 1:
                loop.waves[settings] = wave
                try:
                    await self._clock.sleep(GATHER_S)
                finally:
                    del loop.waves[settings]
            try:
                await self._start(loop, wave, settings)
            except BaseException as error:
                wave.error = error
                raise
            finally:
                wave.ready.set()
        if wave.error is not None:
            # The batch that led gave up, or asked for something impossible: not this one's fault.
            await self.launch(batch, settings)

    def revisit(self, submissions: Sequence[Submission]) -> None:
        """Let the next batch that asks for their circuits wait for these jobs, even ended ones."""
        for submission in submissions:
            self._attached(self._here(), submission)

    async def leave(self, batch: Batch, *, cancel: bool = False) -> None:
        """Wait no more. A job that nobody waits for is left as it is, or canceled."""
        self._here().batches.discard(batch)
        for job in batch.jobs:
            if batch in job.waiting:
                job.waiting.remove(batch)
            if job.waiting or job.done.is_set():
                continue
            job.scope.cancel()
            await job.done.wait()
            if cancel and job.job_id is not None and not job.attached:
                await self._cancel(job)

    async def _cancel(self, job: Job) -> None:
        assert job.job_id is not None
        try:
            await self._service.cancel_job(job.job_id)
            view = await self._service.get_job(job.job_id)
            if view.status != "canceled":
                logger.warning("job %s is %s and was not canceled", job.job_id, view.status)
                return
            job.status, job.is_open = "canceled", False
            await self._note(job, journals.CANCELED)
            self._spending.release([job])  # the service charges what has run
        except ServiceError as error:
            logger.warning("job %s could not be canceled: %s", job.job_id, error)

    def _here(self) -> _Loop:
        """The state of the running event loop."""
        running = get_running_loop()
        if running not in self._loops:
            self._loops[running] = _Loop(
                anyio.Semaphore(self._max_in_flight), anyio.CapacityLimiter(_DISK_THREADS)
            )
        return self._loops[running]

    async def _start(self, loop: _Loop, wave: _Wave, settings: Settings) -> None:
        jobs: dict[Ticket, Job] = {}
        while True:
            open_tickets = [t for batch in wave.batches for t in batch.tickets if t.is_open]
            rest = self._board(loop, [t for t in open_tickets if t not in jobs], jobs)
            rest = await self._attach(loop, rest, settings, jobs)
            planned = self._plan(rest, settings)
            await self._spending.reserve(planned, settings)
            try:
                # A claim that nobody waits for would keep others waiting.
                with anyio.CancelScope(shield=True):
                    ready = await self._claim(planned, settings)
                    ready = ready and not await self._answered(planned)
                if ready:
                    break
            except BaseException:
                self._spending.release(planned)
                raise
            self._spending.release(planned)
        for job in planned:
            jobs.update((ticket, job) for tickets in job.tickets for ticket in tickets)
        for batch in wave.batches:
            for job in dict.fromkeys(jobs[t] for t in batch.tickets if t in jobs):
                batch.jobs.append(job)
                job.waiting.append(batch)
            batch.report()
        new = [job for job in dict.fromkeys(jobs.values()) if job.task is None]
        n_parallel = len(loop.tasks) + len(new)
        for job in new:
            self._take_off(loop, job, settings, n_parallel)

    def _board(
        self, loop: _Loop, tickets: Sequence[Ticket], jobs: dict[Ticket, Job]
    ) -> list[Ticket]:
        """Let tickets wait for jobs that hold their circuits, and return the others."""
        rest = []
        for ticket in tickets:
            job, place = loop.by_key.get(ticket.key, (None, 0)) if ticket.key else (None, 0)
            if job is None:
                rest.append(ticket)
            else:
                job.tickets[place].append(ticket)
                jobs[ticket] = job
        return rest

    async def _attach(
        self,
        loop: _Loop,
        tickets: Sequence[Ticket],
        settings: Settings,
        jobs: dict[Ticket, Job],
    ) -> list[Ticket]:
        """Let tickets wait for jobs that the journal says are under way; return the others."""
        if self._journal is None or not tickets:
            return list(tickets)
        keys = [ticket.key for ticket in tickets]
        held = await self.on_disk(self._journal.holding, self._service.base_url, keys)
        for submission in held:
            found = await self._resolve(submission)
            if found is not None:
                self._attached(loop, found)
        return self._board(loop, tickets, jobs)

    def _attached(self, loop: _Loop, submission: Submission) -> Job:
        """A job that somebody else submits, or did."""
        job = Job(
            submission.circuits,
            tuple([] for _ in submission.circuits),
            submission.shots,
            submission.mark,
            attached=True,
            job_id=submission.job_id,
        )
        logger.info("job %s: had been submitted before", job.job_id or "(no id yet)")
        loop.by_key.update((entry.key, (job, place)) for place, entry in enumerate(job.entries))
        return job

    async def _resolve(self, submission: Submission) -> Submission | None:
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

    def _plan(self, tickets: Sequence[Ticket], settings: Settings) -> list[Job]:
        """Jobs for tickets; those with equal keys share a place."""
        alike: dict[object, list[Ticket]] = {}
        for ticket in tickets:
            alike.setdefault(ticket.key or ticket, []).append(ticket)
        groups = list(alike.values())
        texts = encode_circuits([group[0].circuit for group in groups])

        def kind(ticket: Ticket) -> tuple[int | None, int | None]:
            seed = settings.noise_seed
            return ticket.shots, None if seed is None else replicate_seed(seed, ticket.replicate)

        def job(places: Sequence[int]) -> Job:
            members = [groups[place] for place in places]
            shots, seed = kind(members[0][0])
            body, mark = encode_job(
                [group[0].circuit for group in members],
                [texts[place] for place in places],
                settings,
                shots=shots,
                noise_seed=seed,
                nonce=secrets.token_hex(8),
            )
            entries = tuple(
                Entry(group[0].key, group[0].circuit.n_qubits, group[0].readout)
                for group in members
            )
            return Job(entries, tuple(members), shots, mark, body)

        items = [
            Item(place, kind(group[0]), len(group[0].circuit.gates), len(texts[place]))
            for place, group in enumerate(groups)
        ]
        return [job(places) for places in self._controller.plan(items)] if items else []

    async def _claim(self, jobs: Sequence[Job], settings: Settings) -> bool:
        """Write jobs down; False if somebody was faster."""
        if self._journal is None or not jobs:
            return True
        submissions = [
            Submission(job.mark, self._service.base_url, settings.backend, job.shots, job.entries)
            for job in jobs
        ]
        return await self.on_disk(self._journal.claim, submissions)

    async def _answered(self, jobs: Sequence[Job]) -> bool:
        """Whether somebody finished a circuit between our look into the cache and our claim.

        What is answered is handed out, and the claim on all of it is given up.
        """
        if self._cache is None or self._journal is None or not jobs:
            return False
        keys = [entry.key for job in jobs for entry in job.entries]
        waiting = [tickets for job in jobs for tickets in job.tickets]
        found = await self.on_disk(self._cache.get_many, keys)
        for tickets, outcomes in zip(waiting, found, strict=True):
            for ticket in tickets:
                if outcomes is not None and ticket.accepts(outcomes):
                    ticket.outcomes = outcomes
        if all(ticket.is_open for tickets in waiting for ticket in tickets):
            return False
        for job in jobs:
            await self._note(job, journals.REFUSED)
        return True

    async def on_disk(self, function: Callable[..., T], *args: Any) -> T:
        """Call what waits for a disk or a database, in one of a few threads."""
        limiter = self._here().disk
        return await anyio.to_thread.run_sync(function, *args, limiter=limiter)

    def _take_off(self, loop: _Loop, job: Job, settings: Settings, n_parallel: int) -> None:
        """Start the task of a job."""
        keys = [entry.key for entry in job.entries if entry.key]
        loop.by_key.update((key, (job, place)) for place, key in enumerate(keys))
        job.n_parallel = n_parallel
        job.task = get_running_loop().create_task(self._fly(loop, job, settings))
        loop.tasks.add(job.task)
        job.task.add_done_callback(loop.tasks.discard)

    async def _fly(self, loop: _Loop, job: Job, settings: Settings) -> None:
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
            job.fail(error)
        finally:
            for entry in job.entries:
                if loop.by_key.get(entry.key, (None,))[0] is job:
                    del loop.by_key[entry.key]
            with anyio.CancelScope(shield=True):
                if not job.attached and job.status == "unsent":
                    await self._note(job, journals.REFUSED)
                    self._spending.release([job])
            job.report()
            job.done.set()

    async def _await_id(self, job: Job) -> None:
        """Wait until whoever submits a job has its id. It may give up; then there is none."""
        assert self._journal is not None
        while job.job_id is None:
            found = await self.on_disk(self._journal.get, job.mark)
            if found is not None and found.job_id is None:
                found = await self._resolve(found)
            if found is None or found.state == journals.REFUSED:
                return
            job.job_id = found.job_id
            if job.job_id is None:
                await self._clock.sleep(_JOURNAL_POLL_S)

    async def _send(self, loop: _Loop, job: Job) -> None:
        """Submit a job. Not even a cancellation may come between the post and its id."""
        async with loop.limiter:
            if all(batch.is_futile for batch in job.waiting):
                job.is_open = False  # nothing more is paid for what cannot succeed
                return
            with anyio.CancelScope(shield=True):
                await self._note(job, journals.SENDING)
            job.status, job.started = "sending", self._clock.now()
            try:
                job.job_id = await submit(self._service, job, clock=self._clock)
            except BaseException as error:
                # Whatever went wrong: only a definite answer says that nothing was submitted.
                refused = isinstance(error, ServiceError) and not isinstance(
                    error, UnconfirmedSubmissionError
                )
                with anyio.CancelScope(shield=True):
                    await self._note(job, journals.REFUSED if refused else journals.LOST)
                if refused:
                    self._spending.release([job])
                raise
            with anyio.CancelScope(shield=True):
                await self._note(job, journals.SENT)
        job.spans.append(("submit", job.started, self._clock.now()))
        job.status, job.body = "submitted", b""
        logger.info("job %s: submitted, %d circuits", job.job_id, len(job.entries))
        job.report()

    async def _collect(self, loop: _Loop, job: Job, settings: Settings) -> None:
        """Wait for a job, fetch its results and keep them."""
        n_circuits = len(job.entries)
        sharpen = dict(settings.error_mitigation).get(SHARPEN, False)
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
            await self._note(job, journals.CANCELED if canceled else journals.FAILED)
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
                await self.on_disk(put)
            await self._note(job, journals.COLLECTED)
        job.spans.append(("cache", fetched, self._clock.now()))

    async def _fetch(
        self, loop: _Loop, job: Job, view: JobView, ahead: dict[str, Any], sharpen: bool
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

    async def _note(self, job: Job, state: str) -> None:
        """Write a new state of a job down."""
        if self._journal is not None:
            move = partial(self._journal.move, job.mark, state, job_id=job.job_id)
            await self.on_disk(move)
