"""Finding and fetching the results of a finished job.

The service describes results in two ways, sometimes in both at once: an older ``{"url": path}`` and
artifact descriptors ``{"id": ..., "format": ...}``. Either alone is enough here.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote

from pennylane_qstore.errors import MalformedResultError, ResultsMissingError, ServiceError
from pennylane_qstore.execution.codec import Kind, decode, decode_all, split_aggregate
from pennylane_qstore.execution.gather import gather
from pennylane_qstore.execution.service import JobView
from pennylane_qstore.native import Outcomes

_AGGREGATE = "probabilities-aggregate"
_FORMAT = re.compile(
    rf"(?:ionq\.result\.)?({_AGGREGATE}|probabilities|histogram|shots)(?:\.json\.v\d+)?$"
)
_SINGLE_EXACT: tuple[Kind, ...] = ("probabilities",)
_SINGLE_SAMPLED: tuple[Kind, ...] = ("histogram", "shots", "probabilities")

logger = logging.getLogger("pennylane_qstore")

Limiter = AbstractAsyncContextManager[Any]


class Source(Protocol):
    """What is asked of the service here."""

    async def get_job(self, job_id: str) -> JobView:
        """The state of a job."""

    async def get_result(self, path: str) -> Any:
        """The parsed JSON at a path."""


async def fetch_outcomes(
    service: Source,
    job: JobView,
    widths: Sequence[int],
    shots: int | None,
    limiter: Limiter,
    *,
    sharpen: bool = False,
    ahead: Mapping[str, Any] | None = None,
) -> list[Outcomes]:
    """Outcomes of a completed job, in the order of its circuits.

    Args:
        service: Where the job ran.
        job: The job.
        widths: Number of qubits of each circuit; shape ``(n_circuits,)``.
        shots: Repetitions of each circuit, or None for exact distributions.
        limiter: Held during each request.
        sharpen: Whether debiased results are combined by plurality vote instead of averaging,
            which the service does for its probabilities only.
        ahead: Results that were fetched already, by :func:`likely_path`.

    Raises:
        MalformedResultError: If results are missing or not what was asked for.
    """
    service = _Ahead(service, ahead) if ahead else service
    try:
        if len(widths) == 1 and not job.child_job_ids:
            return [await _fetch_single(service, job, widths[0], shots, limiter, sharpen)]
        return await _fetch_multiple(service, job, widths, shots, limiter, sharpen)
    except MalformedResultError as error:
        raise type(error)(
            f"job {job.job_id}: {error}",
            status_code=error.status_code,
            request_id=error.request_id,
        ) from error


class _Ahead:
    """A service of which some results are here already."""

    def __init__(self, service: Source, results: Mapping[str, Any]) -> None:
        self._service, self._results = service, results

    async def get_job(self, job_id: str) -> JobView:
        return await self._service.get_job(job_id)

    async def get_result(self, path: str) -> Any:
        for known, result in self._results.items():
            if path.endswith(known):
                return result
        return await self._service.get_result(path)


def likely_path(job_id: str, n_circuits: int, shots: int | None) -> str:
    """Where the results of a job will most likely be, once it has completed."""
    home = f"/jobs/{quote(job_id, safe='')}/results/"
    if n_circuits > 1:
        return home + "probabilities/aggregated"
    return home + ("probabilities" if shots is None else "histogram")


def _sharpened(job: JobView, tail: str) -> list[tuple[Kind, str]]:
    path = f"/jobs/{quote(job.job_id, safe='')}/results/probabilities{tail}?sharpen=true"
    return [("probabilities", path)]


async def _fetch_single(
    service: Source,
    job: JobView,
    n_qubits: int,
    shots: int | None,
    limiter: Limiter,
    sharpen: bool,
) -> Outcomes:
    """Outcomes of a job of one circuit."""
    kinds = _SINGLE_EXACT if shots is None or sharpen else _SINGLE_SAMPLED
    places = [(kind, path) for kind in kinds for path in result_paths(job, kind)]
    if sharpen:
        places = _sharpened(job, "")
    wanted = f"{' or '.join(kinds)}; its results are {dict(job.results)}"
    kind, payload = await _first(service, places, limiter, wanted)
    return decode(payload, kind, n_qubits, shots)


async def _fetch_multiple(
    service: Source,
    job: JobView,
    widths: Sequence[int],
    shots: int | None,
    limiter: Limiter,
    sharpen: bool,
) -> list[Outcomes]:
    """Outcomes of a job of several circuits, from one aggregate if there is one."""
    children = job.child_job_ids
    if len(children) != len(widths) or len(set(children)) != len(children):
        raise MalformedResultError(
            f"{len(widths)} circuits were submitted, but child_job_ids names {len(children)} jobs, "
            f"{len(set(children))} of them different"
        )
    places: list[tuple[Kind, str]] = [
        ("probabilities", path) for path in result_paths(job, _AGGREGATE)
    ]
    if sharpen:
        places = _sharpened(job, "/aggregated")
    with suppress(ResultsMissingError):
        _, payload = await _first(service, places, limiter, "aggregate")
        parts = split_aggregate(payload, children, job.job_id)
        return decode_all(parts, "probabilities", widths, shots)

    async def fetch(child: str, n_qubits: int) -> Outcomes:
        async with limiter:
            view = await service.get_job(child)
        if view.status != "completed":
            raise MalformedResultError(f"its child {child} is {view.status}, not completed")
        return await _fetch_single(service, view, n_qubits, shots, limiter, sharpen)

    return await gather([partial(fetch, *pair) for pair in zip(children, widths, strict=True)])


async def _first(
    service: Source, places: Sequence[tuple[Kind, str]], limiter: Limiter, wanted: str
) -> tuple[Kind, Any]:
    """The first result that is really there: some are listed but not open to everyone.

    Raises:
        ResultsMissingError: If none is.
    """
    refused: ServiceError | None = None
    for kind, path in places:
        try:
            async with limiter:
                return kind, await service.get_result(path)
        except ServiceError as error:
            if error.status_code not in (403, 404):
                raise
            logger.info("%s cannot be read: %s", path, error)
            refused = error
    said = f": {refused}" if refused else ""
    raise ResultsMissingError(
        f"completed without readable {wanted}{said}",
        status_code=refused.status_code if refused else None,
        request_id=refused.request_id if refused else None,
    )


def result_paths(job: JobView, kind: str) -> list[str]:
    """Paths under which a job's results of one kind are said to be, the plainest first.

    Args:
        job: A completed job.
        kind: ``"probabilities"``, ``"histogram"``, ``"shots"`` or ``"probabilities-aggregate"``.
    """
    found = [path for key, entry in job.results.items() for path in _paths(job, key, entry, kind)]
    return sorted(dict.fromkeys(found), key=lambda path: "/artifacts/" in path)


def _paths(job: JobView, key: str, entry: Any, kind: str) -> Iterator[str]:
    """Paths that one entry of ``results`` gives for a kind."""
    if not isinstance(entry, dict):
        return
    match = _FORMAT.match(str(entry.get("format", key)))
    is_kind = match is not None and match.group(1) == kind
    url, artifact = entry.get("url"), entry.get("id")
    if isinstance(url, str) and f"/{quote(job.job_id, safe='')}/" not in url:
        raise MalformedResultError(f"its results are said to be at {url!r}, which is another job's")
    if isinstance(url, str) and kind == _AGGREGATE and key.startswith("probabilities"):
        yield url if url.endswith("/aggregated") else url.rstrip("/") + "/aggregated"
    elif isinstance(url, str) and is_kind:
        yield url
    if artifact is not None and is_kind:
        if artifact == _AGGREGATE:
            yield f"/jobs/{quote(job.job_id, safe='')}/results/probabilities/aggregated"
        yield f"/jobs/{quote(job.job_id, safe='')}/artifacts/{quote(str(artifact), safe='')}"
