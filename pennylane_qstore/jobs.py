"""The jobs of a journal: what ``qstore jobs`` lists, collects, cancels and forgets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pennylane_qstore.errors import JournalError, QStoreError
from pennylane_qstore.execution import (
    HttpService,
    Journal,
    PollSchedule,
    Runner,
    Settings,
    open_cache,
    run_blocking,
)
from pennylane_qstore.execution import journal as journals
from pennylane_qstore.execution.journal import Submission
from pennylane_qstore.options import DeviceOptions

_CACHE_FILE = "cache.db"
"""By which the directory of a cache is known."""


@dataclass(frozen=True)
class Done:
    """What became of jobs: one text for each.

    Attributes:
        lines: Those with which all went well.
        failures: The others.
    """

    lines: list[str]
    failures: list[str]


@dataclass(frozen=True)
class Desk:
    """Works on the jobs of one journal.

    Args:
        journal: The journal.
        cache: Directory or address of the cache that takes results; None for the one beside the
            journal, if there is one, else the user's.
        key: Gives the API key for the address of a service.
    """

    journal: Journal
    cache: str | Path | None
    key: Callable[[str], str]

    def select(self, job_ids: Sequence[str], *, everything: bool = False) -> list[Submission]:
        """Submissions with these job ids (or marks); without any, the open ones, or all.

        Raises:
            JournalError: If one is not in the journal.
        """
        if not job_ids:
            return self.journal.submissions(everything=everything)
        found = [self.journal.by_job(one) or self._by_mark(one) for one in job_ids]
        missing = [one for one, entry in zip(job_ids, found, strict=True) if entry is None]
        if missing:
            raise JournalError(f"{', '.join(missing)}: not in {self.journal}")
        return [entry for entry in found if entry is not None]

    def collect(self, submissions: Sequence[Submission], timeout_s: float | None) -> Done:
        """Wait for jobs and keep their results."""
        lines, failures = [], []
        for one in submissions:
            if one.job_id is None:
                lines.append(f"{one.mark}: has no job id; run its script again to find it")
                continue
            runner = Runner(
                self._service(one),
                cache=open_cache(self._cache_of_journal()),
                journal=self.journal,
                poll=PollSchedule(),
            )
            settings = Settings(one.backend, exact=one.shots is None)
            try:
                run_blocking(runner.collect, [one.job_id], settings, timeout_s=timeout_s)
                lines.append(f"{one.job_id}: {len(one.circuits)} results are in the cache")
            except QStoreError as error:
                failures.append(f"{one.job_id}: {error}")
        return Done(lines, failures)

    def cancel(self, submissions: Sequence[Submission]) -> Done:
        """Cancel jobs at the service. One that has ended stays as it is."""
        lines, failures = [], []
        for one in submissions:
            if one.job_id is None:
                lines.append(f"{one.mark}: has no job id")
                continue
            try:
                service = self._service(one)
                run_blocking(service.cancel_job, one.job_id)
                status = run_blocking(service.get_job, one.job_id).status
                if status == "canceled":
                    self.journal.move(one.mark, journals.CANCELED)
                lines.append(f"{one.job_id}: {status}")
            except QStoreError as error:
                failures.append(f"{one.job_id}: {error}")
        return Done(lines, failures)

    def forget(self, submissions: Sequence[Submission]) -> Done:
        """Give up jobs: their circuits may be submitted again."""
        for one in submissions:
            self.journal.move(one.mark, journals.CANCELED)
        return Done([f"{one.job_id or one.mark}: forgotten" for one in submissions], [])

    def _by_mark(self, end: str) -> Submission | None:
        """The submission whose mark ends so, as :func:`line` shows it."""
        known = self.journal.submissions(everything=True) if end else []
        found = [one for one in known if one.mark.endswith(end)]
        return found[0] if len(found) == 1 else None

    def _cache_of_journal(self) -> str | Path | bool:
        """Where the run that wrote the journal looks for results."""
        if self.cache is not None:
            return self.cache
        directory = self.journal.directory
        return directory if (directory / _CACHE_FILE).exists() else True

    def _service(self, submission: Submission) -> HttpService:
        return HttpService(submission.service, self.key(submission.service))


def line(submission: Submission, now: float) -> str:
    """A submission as one line of text."""
    age = max(0.0, now - submission.created)
    unit, size = next(
        (u, s) for u, s in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)) if age >= s or s == 1
    )
    shots = "exact" if submission.shots is None else f"{submission.shots} shots"
    return (
        f"{submission.job_id or submission.mark[-16:]:<38} {submission.state:<10} "
        f"{submission.backend:<16} {len(submission.circuits):>5} circuits  {shots:<14} "
        f"{age / size:5.1f} {unit} ago"
    )


def open_desk(journal: Path | None, cache: str | None) -> Desk:
    """The desk of a journal, with the key of the environment."""

    def key(address: str) -> str:
        return DeviceOptions(backend="simulator", base_url=address).key

    return Desk(Journal(journal), cache, key)
