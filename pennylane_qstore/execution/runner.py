"""Runs batches of requests: what the cache has, what is under way, then the rest in jobs."""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import anyio
import anyio.to_thread

from pennylane_qstore.errors import (
    AnalyticModeError,
    BatchTimeoutError,
    InvalidShotsError,
    JournalError,
)
from pennylane_qstore.execution.batch import Batch
from pennylane_qstore.execution.cache import KeyMaker, ResultStore
from pennylane_qstore.execution.controller import Controller
from pennylane_qstore.execution.cost import Ledger, Rates
from pennylane_qstore.execution.flights import Flights
from pennylane_qstore.execution.job import Job, Ticket
from pennylane_qstore.execution.journal import Entry, Journal, Submission
from pennylane_qstore.execution.pilot import Pilot
from pennylane_qstore.execution.polling import Clock, EventLoopClock, PollSchedule
from pennylane_qstore.execution.replicates import Replicates
from pennylane_qstore.execution.request import BatchResult, Progress, Request, Settings
from pennylane_qstore.execution.service import Service
from pennylane_qstore.execution.spending import Spending
from pennylane_qstore.native import Circuit, Outcomes

OnError = Literal["raise", "partial"]
OnInterrupt = Literal["keep", "cancel"]

logger = logging.getLogger("pennylane_qstore")


class Runner:
    """Runs batches on one service. Safe to use from several tasks and threads.

    Args:
        service: Where the jobs go.
        cache: Where results are kept, or None to keep none.
        journal: Where submissions are written down, or None to write none down.
        controller: Decides into how many jobs a batch is packed.
        poll: How often to ask for a job's status.
        max_in_flight: Largest number of requests to the service that are open at once.
        clock: The time.
        queue_s: Longest time that a job may wait in the service's queue, or None.
        ledger: What was spent, and the budget.
        rates: Prices that the user knows; None asks the service.
    """

    def __init__(
        self,
        service: Service,
        *,
        cache: ResultStore | None = None,
        journal: Journal | None = None,
        controller: Controller | None = None,
        poll: PollSchedule | None = None,
        max_in_flight: int = 8,
        clock: Clock | None = None,
        queue_s: float | None = None,
        ledger: Ledger | None = None,
        rates: Rates | None = None,
    ) -> None:
        self._service = service
        self._cache = cache
        self._journal = journal
        self._clock = clock or EventLoopClock()
        self._replicates = Replicates()
        self.controller = controller or Controller(max_in_flight=max_in_flight, parallel=False)
        self.spending = Spending(service, ledger or Ledger(), rates)
        self._pilot = Pilot(
            service,
            cache=cache,
            journal=journal,
            controller=self.controller,
            poll=poll or PollSchedule.local(),
            max_in_flight=max_in_flight,
            clock=self._clock,
            spending=self.spending,
            queue_s=queue_s,
        )
        self._flights = Flights(
            service,
            self._pilot,
            cache=cache,
            journal=journal,
            controller=self.controller,
            clock=self._clock,
            spending=self.spending,
        )

    async def run(
        self,
        requests: Sequence[Request],
        settings: Settings,
        *,
        timeout_s: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_error: OnError = "raise",
        on_interrupt: OnInterrupt = "keep",
        batch: Batch | None = None,
        for_later: bool = False,
    ) -> BatchResult:
        """Outcomes of all requests, in their order.

        An exact backend gives distributions, whatever shots the requests have; equal circuits are
        then sent once. A sampling backend gives each request a sample of its own.

        Args:
            requests: What to run.
            settings: How to run it.
            timeout_s: Longest time to wait for the jobs, or None to wait for ever.
            on_progress: Called in the event loop's thread whenever a job changes its status.
            on_error: Whether an error is raised, or stands in the place of what it concerns.
            on_interrupt: Whether jobs go on when the caller is interrupted, or are canceled.
            batch: What to keep track in, for a caller who wants to look.
            for_later: Whether the samples are left for whoever asks next.

        Raises:
            BatchTimeoutError: If jobs had not finished in time; they are left as they are.
            JobError: If a job failed or was canceled. The others are waited for and cached first.
            JournalError: If the journal cannot be written. Nothing was submitted then.
            ServiceError: If the service could not be used.
        """
        started = self._clock.now()
        _check_shots(requests, settings)
        batch = batch or Batch()
        batch.on_progress, batch.fails_at_once = on_progress, on_error == "raise"
        counted = self._service.counts.copy()
        try:
            self._fill(batch, requests, settings)
            n_cached = await self._look_up(batch)
            batch.spans.append(("cache", started, self._clock.now()))
            batch.report()
            await self._finish(batch, settings, timeout_s, on_interrupt)
            if batch.is_futile:
                assert batch.first_error is not None
                raise batch.first_error
        except BaseException:
            # Nobody saw these samples: whoever asks again gets the same numbers, from the cache.
            self._replicates.give_back(batch.replicates())
            raise
        finally:
            batch.sent.set()
        if for_later:
            self._replicates.give_back(batch.replicates())
        made = self._service.counts - counted
        answers = (batch.tickets[place] for place in batch.places)
        return BatchResult(
            outcomes=tuple([t.outcomes or t.error or RuntimeError("no answer") for t in answers]),
            jobs=tuple(job.record() for job in batch.jobs),
            n_cached=n_cached,
            seconds=self._clock.now() - started,
            n_unique=len({ticket.base or ticket.circuit for ticket in batch.tickets}),
            n_requests=sum(made[method] for method in made if method.isupper()),
            n_retries=made["retries"],
            spans=(*batch.spans, *(span for job in batch.jobs for span in job.spans)),
        )

    async def collect(
        self, job_ids: Sequence[str], settings: Settings, *, timeout_s: float | None = None
    ) -> list[list[tuple[Entry, Outcomes]]]:
        """Results of jobs that are in the journal, waited for and kept; for each its circuits.

        Raises:
            JournalError: If a job is not in the journal of this service.
            BatchTimeoutError: If a job has not finished in time.
            JobError: If a job failed or was canceled.
            ServiceError: If the service could not be used.
        """
        submissions = [self._find(job_id) for job_id in job_ids]
        batch = Batch()
        tickets = [
            [Ticket.of(entry, submission.shots) for entry in submission.circuits]
            for submission in submissions
        ]
        batch.tickets = [ticket for some in tickets for ticket in some]
        batch.places = list(range(len(batch.tickets)))
        await self._look_up(batch)
        missing = [
            submission
            for submission, some in zip(submissions, tickets, strict=True)
            if any(ticket.is_open for ticket in some)
        ]
        self._flights.revisit(missing)
        await self._finish(batch, settings, timeout_s, "keep")
        if batch.first_error is not None:
            raise batch.first_error
        return [
            [(e, t.outcomes) for e, t in zip(one.circuits, some, strict=True) if t.outcomes]
            for one, some in zip(submissions, tickets, strict=True)
        ]

    def _find(self, job_id: str) -> Submission:
        found = None if self._journal is None else self._journal.by_job(job_id)
        if found is None or found.service != self._service.base_url:
            raise JournalError(
                f"job {job_id} at {self._service.base_url} is not in the journal {self._journal}; "
                "name the directory of the run that submitted it with journal=..."
            )
        return found

    def _fill(self, batch: Batch, requests: Sequence[Request], settings: Settings) -> None:
        """Note what has to be found out, and which request wants which of it."""
        seeded = settings.noise_seed is not None and not settings.exact
        keyed = self._cache is not None or self._journal is not None or seeded
        keys = KeyMaker(settings, self._service.base_url) if keyed else None
        known: dict[str | Circuit, int] = {}
        for request in requests:
            shots = None if settings.exact else request.shots
            place = fresh = len(batch.tickets)
            base = keys.base(request.circuit, shots) if keys else ""
            if settings.exact:
                place = known.setdefault(base or request.circuit, fresh)
            if place == fresh:
                replicate = self._replicates.take(base) if base and shots is not None else 0
                ticket = Ticket(request.circuit, shots, base, replicate, request.readout)
                batch.tickets.append(ticket)
            batch.places.append(place)

    async def _look_up(self, batch: Batch) -> int:
        """Take from the cache what it has, and return how many requests that answers."""
        tickets = [ticket for ticket in batch.tickets if ticket.is_open]
        if self._cache is None or not tickets:
            return 0
        keys = [ticket.key for ticket in tickets]
        entries = await self._pilot.on_disk(self._cache.get_many, keys)
        for ticket, entry in zip(tickets, entries, strict=True):
            if entry is not None and ticket.accepts(entry):
                ticket.outcomes = entry
        return sum(batch.tickets[place].outcomes is not None for place in batch.places)

    async def _finish(
        self, batch: Batch, settings: Settings, timeout_s: float | None, on_interrupt: OnInterrupt
    ) -> None:
        """Wait for jobs until every ticket has an answer or an error."""
        joined: list[Job] = []
        scope = self._clock.limit(timeout_s)
        try:
            with scope:
                while any(ticket.is_open for ticket in batch.tickets) and not batch.is_futile:
                    await self._flights.launch(batch, settings)
                    joined = list(batch.jobs)
                    for job in joined:
                        await job.done.wait()
                    if any(ticket.is_open for ticket in batch.tickets):
                        await self._look_up(batch)  # somebody else may have collected a job
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await self._flights.leave(batch, cancel=on_interrupt == "cancel")
            logger.warning("interrupted; jobs left running: %s", batch.left())
            raise
        if scope.cancelled_caught:
            await self._flights.leave(batch)
            self._time_out(batch, timeout_s)
        else:
            await self._flights.leave(batch)

    def _time_out(self, batch: Batch, timeout_s: float | None) -> None:
        """Name the jobs that are left when the time is up."""
        left = batch.left()
        message = (
            f"no results within {timeout_s} s; these jobs at {self._service.base_url} were "
            f"left as they are, not canceled: {', '.join(left) or 'none was submitted'}"
        )
        error = batch.first_error
        if error is not None and batch.fails_at_once:
            error.add_note(message)
            raise error
        late = BatchTimeoutError(message, job_ids=left)
        if batch.fails_at_once:
            raise late
        for ticket in batch.tickets:
            if ticket.is_open:
                ticket.error = late


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
