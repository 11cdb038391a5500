"""Jobs on their way, shared by all batches of a runner.

A job belongs to no batch: what several ask for at the same time is submitted once, batches that
come in quick succession share jobs, and a batch that gives up leaves its job to the others.
"""

import logging
import secrets
from asyncio import get_running_loop
from collections.abc import Sequence

import anyio
import anyio.to_thread

from pennylane_qstore.errors import (
    ServiceError,
)
from pennylane_qstore.execution import journal as journals
from pennylane_qstore.execution.batch import Batch, Wave
from pennylane_qstore.execution.cache import ResultStore
from pennylane_qstore.execution.controller import Controller
from pennylane_qstore.execution.job import Job, Ticket
from pennylane_qstore.execution.journal import Entry, Journal, Submission
from pennylane_qstore.execution.pack import Item
from pennylane_qstore.execution.payload import encode_circuits, encode_job
from pennylane_qstore.execution.pilot import Loop, Pilot
from pennylane_qstore.execution.polling import Clock
from pennylane_qstore.execution.replicates import replicate_seed
from pennylane_qstore.execution.request import SHARPEN, Settings
from pennylane_qstore.execution.service import Service
from pennylane_qstore.execution.spending import Spending

GATHER_S = 0.003
"""How long a batch waits for others to share its jobs, if others are under way."""

logger = logging.getLogger("pennylane_qstore")


class Flights:
    """Finds or starts the jobs that batches wait for; see :class:`Runner`.

    Args:
        service: Where the jobs go.
        pilot: Takes each job to its end.
        cache: Where results are kept, or None.
        journal: Where submissions are written down, or None.
        controller: Decides into how many jobs a batch is packed.
        clock: The time.
        spending: Keeps the budget.
    """

    def __init__(
        self,
        service: Service,
        pilot: Pilot,
        *,
        cache: ResultStore | None,
        journal: Journal | None,
        controller: Controller,
        clock: Clock,
        spending: Spending,
    ) -> None:
        self._service = service
        self._pilot = pilot
        self._cache = cache
        self._journal = journal
        self._controller = controller
        self._clock = clock
        self._spending = spending

    async def launch(self, batch: Batch, settings: Settings) -> None:
        """Find or start a job for every open ticket of a batch, and let the batch wait for it.

        Raises:
            InvalidCircuitError: If a circuit is larger than the service takes.
            JournalError: If the journal cannot be written.
            UnconfirmedSubmissionError: If an interrupted submission cannot be looked for.
        """
        loop = self._pilot.here()
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
            wave = Wave([batch])
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
            self._attached(self._pilot.here(), submission)

    async def leave(self, batch: Batch, *, cancel: bool = False) -> None:
        """Wait no more. A job that nobody waits for is left as it is, or canceled."""
        self._pilot.here().batches.discard(batch)
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
            await self._pilot.note(job, journals.CANCELED)
            self._spending.release([job])  # the service charges what has run
        except ServiceError as error:
            logger.warning("job %s could not be canceled: %s", job.job_id, error)

    async def _start(self, loop: Loop, wave: Wave, settings: Settings) -> None:
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
        self, loop: Loop, tickets: Sequence[Ticket], jobs: dict[Ticket, Job]
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
        loop: Loop,
        tickets: Sequence[Ticket],
        settings: Settings,
        jobs: dict[Ticket, Job],
    ) -> list[Ticket]:
        """Let tickets wait for jobs that the journal says are under way; return the others."""
        if self._journal is None or not tickets:
            return list(tickets)
        keys = [ticket.key for ticket in tickets]
        held = await self._pilot.on_disk(self._journal.holding, self._service.base_url, keys)
        for submission in held:
            found = await self._pilot.resolve(submission)
            if found is not None:
                self._attached(loop, found)
        return self._board(loop, tickets, jobs)

    def _attached(self, loop: Loop, submission: Submission) -> Job:
        """A job that somebody else submits, or did."""
        job = Job(
            submission.circuits,
            tuple([] for _ in submission.circuits),
            submission.shots,
            submission.mark,
            attached=True,
            sharpen=submission.sharpen,
            job_id=submission.job_id,
        )
        logger.info("job %s: had been submitted before", job.job_id or "(no id yet)")
        _enlist(loop, job)
        return job

    def _plan(self, tickets: Sequence[Ticket], settings: Settings) -> list[Job]:
        """Jobs for tickets; those with equal keys share a place."""
        alike: dict[object, list[Ticket]] = {}
        for ticket in tickets:
            alike.setdefault(ticket.key or ticket, []).append(ticket)
        groups = list(alike.values())
        texts = encode_circuits([group[0].circuit for group in groups])

        sharpen = dict(settings.error_mitigation).get(SHARPEN, False)

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
            return Job(entries, tuple(members), shots, mark, body, sharpen=sharpen)

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
            Submission(
                job.mark,
                self._service.base_url,
                settings.backend,
                job.shots,
                job.entries,
                job.sharpen,
            )
            for job in jobs
        ]
        return await self._pilot.on_disk(self._journal.claim, submissions)

    async def _answered(self, jobs: Sequence[Job]) -> bool:
        """Whether somebody finished a circuit between our look into the cache and our claim.

        What is answered is handed out, and the claim on all of it is given up.
        """
        if self._cache is None or self._journal is None or not jobs:
            return False
        keys = [entry.key for job in jobs for entry in job.entries]
        waiting = [tickets for job in jobs for tickets in job.tickets]
        found = await self._pilot.on_disk(self._cache.get_many, keys)
        for tickets, outcomes in zip(waiting, found, strict=True):
            for ticket in tickets:
                if outcomes is not None and ticket.accepts(outcomes):
                    ticket.outcomes = outcomes
        if all(ticket.is_open for tickets in waiting for ticket in tickets):
            return False
        for job in jobs:
            await self._pilot.note(job, journals.REFUSED)
        return True

    def _take_off(self, loop: Loop, job: Job, settings: Settings, n_parallel: int) -> None:
        """Start the task of a job."""
        _enlist(loop, job)
        job.n_parallel = n_parallel
        job.task = get_running_loop().create_task(self._pilot.fly(loop, job, settings))
        loop.tasks.add(job.task)
        job.task.add_done_callback(loop.tasks.discard)


def _enlist(loop: Loop, job: Job) -> None:
    """Let whoever asks for a circuit of this job find it."""
    for place, entry in enumerate(job.entries):
        if entry.key:
            loop.by_key[entry.key] = job, place
