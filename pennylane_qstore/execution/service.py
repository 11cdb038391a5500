"""The service behind a protocol of a few methods, and what it says about jobs and backends."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pennylane_qstore.errors import MalformedResultError

_QUOTED = 200


@dataclass(frozen=True, slots=True)
class BackendInfo:
    """One backend that the service lists.

    Attributes:
        name: Its name on the wire.
        status: ``"available"``, ``"unavailable"`` or ``"retired"``.
        n_qubits: Its width.
        native_gates: The native gates it takes, or None where the service does not say.
        queue_s: How long jobs wait on average, in seconds; 0 where the service does not say.
    """

    name: str
    status: str
    n_qubits: int
    native_gates: tuple[str, ...] | None
    queue_s: float = 0.0


@dataclass(frozen=True, slots=True)
class JobView:
    """What the service says about a job.

    Attributes:
        job_id: Its id.
        status: ``submitted``, ``ready``, ``started``, ``completed``, ``failed`` or ``canceled``;
            others may come.
        name: Its name.
        child_job_ids: Ids of its circuits' jobs, in the order of the circuits.
        metadata: What was stored with it.
        failure_code: Why it failed, as a code.
        failure_message: Why it failed, in words.
        results: Where its results are, by format.
        submitted_at: When it was submitted, in seconds since 1970 by the service's clock.
    """

    job_id: str
    status: str
    name: str | None = None
    child_job_ids: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    failure_code: str | None = None
    failure_message: str | None = None
    results: Mapping[str, Any] = field(default_factory=dict)
    submitted_at: float | None = None


class Service(Protocol):
    """Everything that is asked of the service."""

    @property
    def base_url(self) -> str:
        """The service's address, which is also its identity in the cache."""

    @property
    def counts(self) -> Counter[str]:
        """Requests sent so far, by method, and ``"retries"`` among them."""

    async def create_job(self, body: bytes) -> str:
        """Submit a job once and return its id."""

    async def get_job(self, job_id: str) -> JobView:
        """The state of a job."""

    async def get_result(self, path: str) -> Any:
        """The parsed JSON at a path that a job's results point to."""

    async def list_jobs(
        self,
        *,
        ids: Sequence[str] = (),
        parent_job_id: str | None = None,
        since: float | None = None,
    ) -> tuple[JobView, ...]:
        """Jobs, newest first: all, or at least those submitted since a moment."""

    async def cancel_job(self, job_id: str) -> None:
        """Ask for a job to be canceled."""

    async def get_estimate(self, query: Mapping[str, str]) -> Any:
        """What the service estimates for a job, as it says it."""

    async def get_cost(self, job_id: str) -> Any:
        """What the service says that a job cost."""

    async def backends(self) -> tuple[BackendInfo, ...]:
        """All backends."""

    async def aclose(self) -> None:
        """Close the connections."""


def job_view(entry: Any) -> JobView:
    """Our view of a job object. What is of another type than documented counts as absent.

    Raises:
        MalformedResultError: If it is none.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("status"), str) or "id" not in entry:
        raise MalformedResultError(f"no job with an id and a status: {str(entry)[:_QUOTED]}")
    failure = entry.get("failure") or {}
    if not isinstance(failure, dict):
        failure = {"message": str(failure)}
    children = entry.get("child_job_ids")
    return JobView(
        job_id=str(entry["id"]),
        status=entry["status"],
        name=entry.get("name"),
        child_job_ids=tuple(map(str, children)) if isinstance(children, list) else (),
        metadata=_mapping(entry.get("metadata")),
        failure_code=failure.get("code"),
        failure_message=failure.get("message") or failure.get("error"),
        results=_mapping(entry.get("results")),
        submitted_at=_moment(entry.get("submitted_at")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _moment(text: Any) -> float | None:
    """Seconds since 1970 of a time of the service, if it is one."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return None


def backend_info(entry: Any) -> BackendInfo:
    """Our view of a backend object.

    Raises:
        MalformedResultError: If it is none.
    """
    try:
        gates = entry.get("supported_native_gates")
        return BackendInfo(
            name=str(entry["backend"]),
            status=str(entry["status"]),
            n_qubits=int(entry["qubits"]),
            native_gates=None if gates is None else tuple(map(str, gates)),
            queue_s=float(entry.get("average_queue_time") or 0) / 1000,
        )
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise MalformedResultError(f"none of the backends: {str(entry)[:_QUOTED]}") from error
