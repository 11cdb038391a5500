"""Runs a batch of requests: what the cache has, then the rest in as few jobs as possible."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

import anyio
import anyio.to_thread

from pennylane_qstore.errors import (
    AnalyticModeError,
    BatchTimeoutError,
    InvalidShotsError,
    JobError,
)
from pennylane_qstore.execution.batch import Batch, Ticket
from pennylane_qstore.execution.cache import KeyMaker, ResultCache
from pennylane_qstore.execution.fetch import fetch_outcomes
from pennylane_qstore.execution.gather import gather
from pennylane_qstore.execution.job import Job, submit, wait
from pennylane_qstore.execution.pack import Item, Limits, pack
from pennylane_qstore.execution.payload import encode_circuits, encode_job
from pennylane_qstore.execution.polling import Clock, EventLoopClock, PollSchedule
from pennylane_qstore.execution.replicates import Replicates, replicate_seed
from pennylane_qstore.execution.request import (
    SHARPEN,
    BatchResult,
    Progress,
    Request,
    Settings,
)
from pennylane_qstore.execution.service import Service
from pennylane_qstore.native import Circuit, Outcomes

logger = logging.getLogger("pennylane_qstore")


class Runner:
    """Runs batches on one service. Safe to use from several tasks and threads.

    Args:
        service: Where the jobs go.
        cache: Where results are kept, or None to keep none.
        poll: How often to ask for a job's status.
        max_in_flight: Largest number of requests to the service that one batch has open at once.
        clock: The time.
    """

    def __init__(
        self,
        service: Service,
        *,
        cache: ResultCache | None = None,
        poll: PollSchedule | None = None,
        max_in_flight: int = 8,
        clock: Clock | None = None,
    ) -> None:
        self._service = service
        self._cache = cache
        self._poll = poll or PollSchedule()
        self._max_in_flight = max_in_flight
        self._clock = clock or EventLoopClock()
        self._limits = Limits()
        self._replicates = Replicates()

    async def run(
        self,
        requests: Sequence[Request],
        settings: Settings,
        *,
        timeout_s: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> BatchResult:
        """Outcomes of all requests, in their order.

        An exact backend gives distributions, whatever shots the requests have; equal circuits are
        then sent once. A sampling backend gives each request a sample of its own.

        Args:
            requests: What to run.
            settings: How to run it.
            timeout_s: Longest time to wait for the jobs, or None to wait for ever.
            on_progress: Called in the event loop's thread whenever a job changes its status.

        Raises:
            BatchTimeoutError: If jobs had not finished in time; they are left as they are.
            JobError: If a job failed or was canceled. The others are waited for and cached first.
            ServiceError: If the service could not be used.
        """
        started = self._clock.now()
        _check_shots(requests, settings)
        batch = Batch(
            anyio.Semaphore(self._max_in_flight),
            on_progress,
            sharpen=dict(settings.error_mitigation).get(SHARPEN, False),
        )
        try:
            self._fill(batch, requests, settings)
            n_cached = await self._look_up(batch)
            batch.jobs = self._plan(batch.tickets, settings)
            batch.report()
            await self._run_jobs(batch, timeout_s)
        except BaseException:
            # Nobody saw these samples: whoever asks again gets the same numbers, from the cache.
            self._replicates.give_back(batch.replicates())
            raise
        outcomes = [batch.tickets[place].outcomes for place in batch.places]
        return BatchResult(
            outcomes=tuple(entry for entry in outcomes if entry is not None),
            jobs=tuple(job.record() for job in batch.jobs),
            n_cached=n_cached,
            seconds=self._clock.now() - started,
        )

    def _fill(self, batch: Batch, requests: Sequence[Request], settings: Settings) -> None:
        """Note what has to be found out, and which request wants which of it."""
        keyed = self._cache is not None or (settings.noise_seed is not None and not settings.exact)
        keys = KeyMaker(settings, self._service.base_url) if keyed else None
        known: dict[Circuit, int] = {}
        for request in requests:
            shots = None if settings.exact else request.shots
            place = fresh = len(batch.tickets)
            if settings.exact:
                place = known.setdefault(request.circuit, fresh)
            if place == fresh:
                base = keys.base(request.circuit, shots) if keys else ""
                replicate = self._replicates.take(base) if base and shots is not None else 0
                batch.tickets.append(Ticket(request.circuit, shots, base, replicate))
            batch.places.append(place)

    async def _look_up(self, batch: Batch) -> int:
        """Take from the cache what it has, and return how many requests that answers."""
        if self._cache is None or not batch.tickets:
            return 0
        keys = [ticket.key for ticket in batch.tickets]
        entries = await anyio.to_thread.run_sync(self._cache.get_many, keys)
        for ticket, entry in zip(batch.tickets, entries, strict=True):
            if entry is not None and ticket.accepts(entry):
                ticket.outcomes = entry
        return sum(batch.tickets[place].outcomes is not None for place in batch.places)

    def _plan(self, tickets: Sequence[Ticket], settings: Settings) -> list[Job]:
        """Jobs for the tickets that have no outcomes yet."""
        open_places = [place for place, ticket in enumerate(tickets) if ticket.outcomes is None]
        encoded = encode_circuits([tickets[place].circuit for place in open_places])
        texts = dict(zip(open_places, encoded, strict=True))

        def group(place: int) -> tuple[int | None, int | None]:
            seed = settings.noise_seed
            ticket = tickets[place]
            return ticket.shots, None if seed is None else replicate_seed(seed, ticket.replicate)

        def job(members: tuple[int, ...]) -> Job:
            shots, seed = group(members[0])
            circuits = [tickets[place].circuit for place in members]
            body = encode_job(
                circuits,
                [texts[place] for place in members],
                settings,
                shots=shots,
                noise_seed=seed,
            )
            return Job(members, tuple(circuit.n_qubits for circuit in circuits), shots, body)

        items = (
            Item(place, group(place), len(tickets[place].circuit.gates), len(texts[place]))
            for place in open_places
        )
        return [job(members) for members in pack(items, self._limits)]

    async def _run_jobs(self, batch: Batch, timeout_s: float | None) -> None:
        """Run all jobs at once, and raise what went wrong when all have ended."""
        try:
            with self._clock.limit(timeout_s) as scope:
                await gather([partial(self._run_job, batch, job) for job in batch.jobs])
        except anyio.get_cancelled_exc_class():
            logger.warning("interrupted; jobs left running: %s", batch.left())
            raise
        error = batch.first_error
        if scope.cancelled_caught:
            left = batch.left()
            message = (
                f"no results within {timeout_s} s; these jobs at {self._service.base_url} were "
                f"left as they are, not canceled: {', '.join(left) or 'none was submitted'}"
            )
            if error is None:
                raise BatchTimeoutError(message, job_ids=left)
            error.add_note(message)
        if error is not None:
            raise error

    async def _run_job(self, batch: Batch, job: Job) -> None:
        """One job from the submission to the cache. Its failure must not stop the others."""
        try:
            async with batch.limiter:
                if batch.first_error is not None:
                    return  # the batch cannot succeed: nothing more is paid for it
                started = self._clock.now()
                await submit(self._service, job)
            batch.report()
            view = await wait(
                self._service,
                job,
                schedule=self._poll,
                clock=self._clock,
                limiter=batch.limiter,
                on_change=batch.report,
            )
            found = await fetch_outcomes(
                self._service,
                view,
                job.widths,
                job.shots,
                batch.limiter,
                sharpen=batch.sharpen,
            )
            job.seconds, job.is_open = self._clock.now() - started, False
            await self._keep(batch, job, found)
        except Exception as error:
            logger.info("job %s: %s", job.job_id or "(not submitted)", error)
            if job.job_id is not None and not isinstance(error, JobError):
                error.add_note(f"job {job.job_id} at {self._service.base_url} was left as it is")
            job.error, job.is_open = error, False
        batch.report()

    async def _keep(self, batch: Batch, job: Job, found: Sequence[Outcomes]) -> None:
        """Hand outcomes to their tickets and to the cache."""
        tickets = [batch.tickets[place] for place in job.members]
        for ticket, outcomes in zip(tickets, found, strict=True):
            ticket.outcomes = outcomes
        if self._cache is not None:
            entries = [(t.key, outcomes) for t, outcomes in zip(tickets, found, strict=True)]
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(self._cache.put_many, entries)


def _check_shots(requests: Sequence[Request], settings: Settings) -> None:
    """Refuse requests that the backend cannot answer."""
    if settings.exact:
        return
    for index, request in enumerate(requests):
        if request.shots is None:
            raise AnalyticModeError(
                f"request {index} wants an exact distribution, but {settings.backend} with noise "
                f"model {settings.noise_model} only samples; give it a number of shots"
            )
        if request.shots < 1:
            raise InvalidShotsError(f"request {index} has {request.shots} shots; at least 1 works")
