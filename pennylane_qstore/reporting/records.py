"""What one batch did, as a frozen value that goes to a file and back."""

from dataclasses import asdict, astuple, dataclass, field, fields
from datetime import UTC, datetime
from math import inf, isclose
from typing import Any

from pennylane_qstore.reporting.errors import InvalidRecordError
from pennylane_qstore.reporting.stages import Stages

SCHEMA = 1
"""Changes whenever an older reader would misread a record."""

Amounts = tuple[tuple[str, float], ...]
"""Pairs of a currency, or ``"credit"``, and an amount."""

_COUNTS = (
    "n_circuits",
    "n_unique",
    "n_cached",
    "n_jobs",
    "shots",
    "gates_1q",
    "gates_2q",
    "requests",
    "polls",
    "retries",
    "template_hits",
    "template_misses",
)
_TIMES = ("seconds", "saved_seconds", "queue_s")
_OPTIONAL = ("gates_1q_before", "gates_2q_before", "queue_s")
_AMOUNTS = ("estimated_cost", "actual_cost", "saved_cost")
_TEXTS = ("backend", "packing")
_QUOTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """What one batch did.

    Attributes:
        time: When it began, in UTC, as :func:`format_time` writes it.
        backend: Where its circuits ran.
        n_circuits: Circuits that it asked for.
        n_unique: Circuits that differ, where equal ones are run once.
        n_cached: Circuits of ``n_circuits`` that the cache answered.
        n_jobs: Jobs that it submitted.
        job_ids: Ids of the jobs it waited for.
        shots: Repetitions of all circuits together; 0 for exact distributions.
        gates_1q: One-qubit gates of all circuits together, as sent.
        gates_2q: Two-qubit gates, likewise.
        seconds: Wall time.
        stages: The wall time divided; it adds up to ``seconds``.
        requests: Requests to the service, polls included.
        polls: Requests for the status of a job.
        retries: Requests that were repeated.
        estimated_cost: What was estimated before submission.
        actual_cost: What was spent.
        saved_cost: What the answers of the cache would have cost.
        saved_seconds: How long they took when they were fetched.
        template_hits: Tapes whose structure was compiled before.
        template_misses: Tapes whose structure was compiled now.
        gates_1q_before: One-qubit gates of all tapes together, if counted.
        gates_2q_before: Gates on more qubits, likewise.
        queue_s: Longest time that a job was queued, in seconds, if known.
        packing: How circuits were put into jobs, and why, in words.
        errors: What went wrong: one text for each job or circuit that failed.

    Raises:
        InvalidRecordError: If these facts contradict each other.
    """

    time: str
    backend: str
    n_circuits: int
    n_unique: int = 0
    n_cached: int = 0
    n_jobs: int = 0
    job_ids: tuple[str, ...] = ()
    shots: int = 0
    gates_1q: int = 0
    gates_2q: int = 0
    seconds: float = 0.0
    stages: Stages = field(default_factory=Stages)
    requests: int = 0
    polls: int = 0
    retries: int = 0
    estimated_cost: Amounts = ()
    actual_cost: Amounts = ()
    saved_cost: Amounts = ()
    saved_seconds: float = 0.0
    template_hits: int = 0
    template_misses: int = 0
    gates_1q_before: int | None = None
    gates_2q_before: int | None = None
    queue_s: float | None = None
    packing: str = ""
    errors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)
        if self.n_cached > self.n_circuits:
            raise InvalidRecordError(
                f"{self.n_cached} of {self.n_circuits} circuits cannot have been cached"
            )
        if not isclose(self.stages.total, self.seconds, rel_tol=1e-9, abs_tol=1e-6):
            raise InvalidRecordError(
                f"the stages take {self.stages.total} s of {self.seconds} s: {self.stages}"
            )

    @property
    def n_run(self) -> int:
        """Circuits that the cache did not answer."""
        return self.n_circuits - self.n_cached

    @property
    def started(self) -> float:
        """When it began, in seconds since 1970."""
        return datetime.fromisoformat(self.time).timestamp()

    def to_dict(self) -> dict[str, Any]:
        """A dictionary for JSON, which :func:`read_record` reads."""
        return {"schema": SCHEMA, **asdict(self)}


def read_record(entry: Any) -> BatchRecord:
    """A record from its dictionary. Keys that it does not know are left out.

    Raises:
        InvalidRecordError: If it is none.
    """
    try:
        if entry["schema"] != SCHEMA:
            raise InvalidRecordError(f"schema {entry['schema']!r} is not {SCHEMA}")
        known = {part.name for part in fields(BatchRecord)}
        values = {key: value for key, value in entry.items() if key in known}
        values["stages"] = Stages(**entry["stages"])
        for key in ("job_ids", "errors"):
            values[key] = tuple(entry[key])
        for key in _AMOUNTS:
            values[key] = tuple((unit, amount) for unit, amount in entry[key])
        return BatchRecord(**values)
    except (TypeError, KeyError, AttributeError, ValueError, OverflowError) as error:
        raise InvalidRecordError(
            f"no record of a batch ({error}): {str(entry)[:_QUOTED]}"
        ) from error


def format_time(seconds: float) -> str:
    """A moment, in seconds since 1970, in UTC: ``2026-01-31T12:00:00.000000+00:00``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _check(record: BatchRecord) -> None:
    """Refuse values of a wrong kind."""
    values: dict[str, Any] = {part.name: getattr(record, part.name) for part in fields(record)}
    for key in (*_TIMES, *_COUNTS, *_OPTIONAL):
        if key in _OPTIONAL and values[key] is None:
            continue
        if not _is_number(values[key], whole=key not in _TIMES):
            raise InvalidRecordError(f"{key}={values[key]!r} is no number from 0")
    if not all(map(_is_number, astuple(record.stages))):
        raise InvalidRecordError(f"{record.stages} are no times in seconds")
    for key in _AMOUNTS:
        if not all(isinstance(unit, str) and _is_number(amount) for unit, amount in values[key]):
            raise InvalidRecordError(f"{key}={values[key]!r} is no amount of money")
    texts = [*(values[key] for key in _TEXTS), *record.job_ids, *record.errors]
    if not all(isinstance(text, str) for text in texts):
        raise InvalidRecordError(f"not all of these are texts: {texts!r}")
    try:
        offset = datetime.fromisoformat(record.time).utcoffset()
    except (TypeError, ValueError):
        offset = None
    if offset is None or offset:
        raise InvalidRecordError(f"time={record.time!r} is no time in UTC")


def _is_number(value: Any, *, whole: bool = False) -> bool:
    """Whether JSON can hold it and it is not negative."""
    kind = int if whole else (int, float)
    return isinstance(value, kind) and not isinstance(value, bool) and 0 <= value < inf
