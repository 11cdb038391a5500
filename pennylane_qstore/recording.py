"""What a batch did, as a record: from its results to the report and the log."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from pennylane_qstore.backend import Backend
from pennylane_qstore.compile import TemplateStore
from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution import BatchResult, Request
from pennylane_qstore.execution.cost import Cost
from pennylane_qstore.reporting import (
    BatchRecord,
    InvalidRecordError,
    RunLog,
    Span,
    Summary,
    divide_time,
    format_time,
    summarize,
)

KEPT = 100_000
"""Batches that a report covers; older ones are in the log only."""

logger = logging.getLogger("pennylane_qstore")


@dataclass(frozen=True)
class Context:
    """What a record says beside the results.

    Attributes:
        backend: Where the batch ran.
        spans: When it was compiled and measured.
        started: When it began, on the monotonic clock.
        ended: When it ended.
        template_hits: Structures that had been compiled before.
        template_misses: Structures that were compiled now.
        packing: How circuits were put into jobs.
        errors: What went wrong.
        saved_seconds: What the answers of the cache took when they were fetched.
        saved: What they cost.
        job_ids: Jobs that it waited for, also those that another batch has counted.
    """

    backend: str
    spans: Sequence[Span]
    started: float
    ended: float
    template_hits: int = 0
    template_misses: int = 0
    packing: str = ""
    errors: tuple[str, ...] = ()
    saved_seconds: float = 0.0
    saved: Cost = field(default_factory=Cost)
    job_ids: tuple[str, ...] = ()


class Recorder:
    """Keeps a record of each batch of a device. Safe to use from several threads.

    Args:
        path: JSON-lines file to append the records to, or None.

    Raises:
        InvalidOptionError: If there can be no directory for the file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._log = None if path is None else RunLog(path)
        if path is not None:
            _make_directory(path.parent)
        self._records: deque[BatchRecord] = deque(maxlen=KEPT)
        self._counted: dict[str, None] = {}
        self._lock = Lock()

    def claim(self, result: BatchResult) -> BatchResult:
        """A result without the jobs that another batch, which shared them, has counted."""
        with self._lock:
            jobs = tuple(job for job in result.jobs if job.job_id not in self._counted)
            self._counted.update((job.job_id, None) for job in jobs if job.job_id)
            while len(self._counted) > KEPT:
                del self._counted[next(iter(self._counted))]
        return replace(result, jobs=jobs)

    def add(self, result: BatchResult, requests: Sequence[Request], context: Context) -> None:
        """Record a batch. What cannot be recorded is not worth losing results for."""
        try:
            record = _record(result, requests, context)
            with self._lock:
                self._records.append(record)
            if self._log is not None:
                self._log.append(record)
        except (OSError, InvalidRecordError) as error:
            logger.warning("a batch could not be recorded: %s", error)

    def summary(self) -> Summary:
        """What all batches did."""
        with self._lock:
            records = tuple(self._records)
        return summarize(records)

    def clear(self) -> None:
        """Forget all batches; the log stays."""
        with self._lock:
            self._records.clear()


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidOptionError(f"log=... cannot be in {directory}: {error.strerror}") from error


def _record(result: BatchResult, requests: Sequence[Request], context: Context) -> BatchRecord:
    seconds = context.ended - context.started
    n_2q = [request.circuit.n_entangling for request in requests]
    n_all = [len(request.circuit.gates) for request in requests]
    paid = [job for job in result.jobs if not job.attached]
    return BatchRecord(
        time=format_time(time.time() - seconds),
        backend=context.backend,
        n_circuits=len(requests),
        n_unique=result.n_unique,
        n_cached=result.n_cached,
        n_jobs=len(paid),
        job_ids=context.job_ids,
        shots=sum(request.shots or 0 for request in requests),
        gates_1q=sum(n_all) - sum(n_2q),
        gates_2q=sum(n_2q),
        seconds=seconds,
        stages=divide_time([*context.spans, *result.spans], context.started, context.ended),
        requests=result.n_requests,
        polls=sum(job.polls for job in result.jobs),
        retries=result.n_retries,
        estimated_cost=Cost.sum(job.estimated for job in paid if job.estimated).amounts,
        actual_cost=Cost.sum(job.cost for job in result.jobs if job.cost).amounts,
        saved_cost=context.saved.amounts,
        saved_seconds=context.saved_seconds,
        template_hits=context.template_hits,
        template_misses=context.template_misses,
        packing=context.packing,
        errors=context.errors,
    )


class Watch:
    """Times one batch of a device and records it, also if it fails.

    Args:
        recorder: Where the record goes.
        templates: The device's templates.
        backend: What runs the batch.
    """

    def __init__(self, recorder: Recorder, templates: TemplateStore, backend: Backend) -> None:
        self._recorder, self._templates, self._backend = recorder, templates, backend
        self._spans: list[Span] = []
        self._idle = 0.0
        self._job_ids: tuple[str, ...] = ()
        self._seen: tuple[BatchResult, Sequence[Request]] = (BatchResult((), (), 0, 0.0), ())

        self._started = self._since = time.monotonic()
        self._known = templates.hits, templates.misses

    def __enter__(self) -> "Watch":
        return self

    def lap(self, stage: str) -> None:
        """A stage has ended."""
        now = self._now()
        self._spans.append((stage, self._since, now))
        self._since = now

    def skip(self) -> None:
        """What has passed since the last stage is none of this clock's."""
        self._since = self._now()

    def resume(self, ended: float) -> None:
        """Nobody asked for the results since the batch had ended: that time is left out."""
        self._idle = max(0.0, time.monotonic() - max(ended, self._since))

    def saw(self, result: BatchResult, requests: Sequence[Request]) -> BatchResult:
        """The batch has run; gives its result, without jobs that another batch has counted."""
        self._job_ids = tuple(job.job_id for job in result.jobs if job.job_id)
        counted = self._recorder.claim(result)
        self._seen = counted, requests
        return counted

    def _now(self) -> float:
        return time.monotonic() - self._idle

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        result, requests = self._seen
        if error is None and not requests:
            return
        choice = self._backend.controller.last_choice if result.jobs else None
        failed = [error, *(one for one in result.outcomes if isinstance(one, Exception))]
        errors = {id(one): f"{type(one).__name__}: {one}" for one in failed if one is not None}
        saved_seconds, saved = self._backend.take_savings() if result.n_cached else (0.0, Cost())
        context = Context(
            self._backend.options.backend,
            self._spans,
            self._started,
            self._now(),
            self._templates.hits - self._known[0],
            self._templates.misses - self._known[1],
            "" if choice is None else choice.reason,
            tuple(errors.values()),
            saved_seconds,
            saved,
            self._job_ids,
        )
        self._recorder.add(result, requests, context)
