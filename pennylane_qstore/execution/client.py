"""The service over HTTP: IonQ's Quantum Cloud API v0.4."""

import ssl
from asyncio import AbstractEventLoop, get_running_loop
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit
from weakref import WeakKeyDictionary

import anyio
import httpx
import orjson
from ionq_core._transport import ErrorRaisingTransport

from pennylane_qstore.errors import (
    InvalidOptionError,
    MalformedResultError,
    MissingKeyError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from pennylane_qstore.execution.service import BackendInfo, JobView, backend_info, job_view
from pennylane_qstore.execution.transport import (
    TRANSPORT_ERRORS,
    AppTransport,
    ReadRetryTransport,
    name_failure,
)

ASGIApp = Callable[..., Awaitable[None]]

_API_PATH = "/v0.4"
_QUOTED = 200
_PATIENCE = 2
"""How many times the longest silence a whole request may take."""


class HttpService:
    """IonQ's API v0.4, or anything that speaks it; ``async with`` closes its connections.

    Args:
        base_url: Address of the API; ``/v0.4`` is added where it has no path.
        api_key: The key, sent as ``Authorization: apiKey <key>`` and shown nowhere.
        app: ASGI application to call in place of the network.
        max_connections: Largest number of connections, which are kept and used again.
        timeout_s: Longest silence of the service within one request.
        sleep: Waits for a number of seconds before a request is repeated.
        now: The time in seconds.
        on_limit: Told when there were too many requests, with the pause in seconds that was asked.

    Attributes:
        counts: Requests sent so far, by method, and ``"retries"`` among them.

    Raises:
        InvalidOptionError: If the address or the key cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        app: ASGIApp | None = None,
        max_connections: int = 8,
        timeout_s: float = 60,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        now: Callable[[], float] = anyio.current_time,
        on_limit: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._on_limit = on_limit
        self._base_url = _normalise_url(base_url)
        self._key = _check_key(api_key)
        self._app = app
        self._max_connections = max_connections
        self._timeout_s = timeout_s
        self._sleep, self._now = sleep, now
        # Connections belong to the event loop that opened them; a fork or `anyio.run` makes others.
        self._clients: WeakKeyDictionary[AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"HttpService({self._base_url!r})"

    @property
    def base_url(self) -> str:
        """The service's address."""
        return self._base_url

    async def create_job(self, body: bytes) -> str:
        """Submit a job once.

        Raises:
            UnconfirmedSubmissionError: If the answer was lost, so that the job may exist.
            ServiceError: If the service refused the job.
        """
        answer = await self._send("POST", "/jobs", content=body)
        try:
            job_id = answer.json()["id"]
            if not isinstance(job_id, str) or not job_id.strip():
                raise TypeError(f"no id: {job_id!r}")
            return job_id
        except (MalformedResultError, KeyError, TypeError) as error:
            raise UnconfirmedSubmissionError(
                f"{self._base_url} accepted a submission without naming the job: "
                f"{answer.text[:_QUOTED]!r}",
                status_code=answer.status_code,
            ) from error

    async def get_job(self, job_id: str) -> JobView:
        """The state of a job."""
        view = job_view(await self._read(f"/jobs/{quote(job_id, safe='')}"))
        if view.job_id != job_id:
            raise MalformedResultError(f"asked for job {job_id}, the service told of {view.job_id}")
        return view

    async def get_result(self, path: str) -> Any:
        """The parsed JSON at a path, such as ``/v0.4/jobs/<id>/results/probabilities``."""
        return await self._read(_service_path(path, self._base_url))

    async def list_jobs(
        self,
        *,
        ids: Sequence[str] = (),
        parent_job_id: str | None = None,
        since: float | None = None,
    ) -> tuple[JobView, ...]:
        """Jobs with these ids, or of this parent, or all; at least those submitted ``since``.

        Raises:
            MalformedResultError: If the pages do not end, so that some jobs cannot be seen.
        """
        query: dict[str, Any] = {"ids": list(ids)} if ids else {}
        if parent_job_id is not None:
            query["parent_job_id"] = parent_job_id
        views: list[JobView] = []
        seen: set[str] = set()
        while True:
            page = await self._read("/jobs", params=query)
            if not isinstance(page, dict) or not isinstance(page.get("jobs"), list):
                raise MalformedResultError(f"no list of jobs: {str(page)[:_QUOTED]}")
            views.extend(map(job_view, page["jobs"]))
            following = str(page.get("next") or "")
            oldest = views[-1].submitted_at if views else None
            if not following or (since is not None and oldest is not None and oldest < since):
                return tuple(views)
            if following in seen:
                raise MalformedResultError(f"the list of jobs goes round in circles at {following}")
            seen.add(following)
            query["next"] = following

    async def cancel_job(self, job_id: str) -> None:
        """Ask for a job to be canceled."""
        await self._send("PUT", f"/jobs/{quote(job_id, safe='')}/status/cancel")

    async def get_estimate(self, query: Mapping[str, str]) -> Any:
        """What the service estimates for a job, as it says it."""
        return await self._read("/jobs/estimate", params=query)

    async def get_cost(self, job_id: str) -> Any:
        """What the service says that a job cost."""
        return await self._read(f"/jobs/{quote(job_id, safe='')}/cost")

    async def backends(self) -> tuple[BackendInfo, ...]:
        """All backends, from a bare array or from ``{"backends": [...]}``."""
        answer = await self._read("/backends")
        entries = answer.get("backends") if isinstance(answer, dict) else answer
        if not isinstance(entries, list):
            raise MalformedResultError(f"no list of backends: {str(answer)[:_QUOTED]}")
        return tuple(map(backend_info, entries))

    async def __aenter__(self) -> "HttpService":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _read(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return (await self._send("GET", path, params=params)).json()

    async def _send(self, method: str, path: str, **options: Any) -> "_Answer":
        """Send one request and name its failure. No answer quotes the key from here on."""
        try:
            response = await self._client().request(method, path, **options)
        except TRANSPORT_ERRORS as error:
            failure = name_failure(error, self._base_url + path, submitting=method == "POST")
        else:
            if response.status_code < 300:
                content = response.content.replace(self._key.encode(), b"[key]")
                request_id = response.headers.get("x-request-id")
                return _Answer(path, response.status_code, content, request_id)
            failure = ServiceError(
                f"{self._base_url} redirects to {response.headers.get('location')!r}; "
                "give the address of the API itself",
                status_code=response.status_code,
            )
        # The service's words may quote the key; what caused the error may hold them too.
        failure.args = tuple(str(part).replace(self._key, "[key]") for part in failure.args)
        raise failure from None

    def _client(self) -> httpx.AsyncClient:
        """The HTTP client of the running event loop."""
        loop = get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = httpx.AsyncClient(
                base_url=self._base_url,
                headers={
                    "Authorization": f"apiKey {self._key}",
                    "Content-Type": "application/json",
                    "User-Agent": "pennylane-qstore",
                },
                timeout=self._timeout_s,
                transport=ErrorRaisingTransport(
                    ReadRetryTransport(
                        self._connections(),
                        sleep=self._sleep,
                        now=self._now,
                        on_limit=self._on_limit,
                        counts=self.counts,
                        longest_s=_PATIENCE * self._timeout_s,
                    )
                ),
            )
        return client

    def _connections(self) -> httpx.AsyncBaseTransport:
        if self._app is not None:
            return AppTransport(app=self._app)
        kept = self._max_connections
        return httpx.AsyncHTTPTransport(
            verify=_trust(self._base_url.startswith("https:")),
            limits=httpx.Limits(max_connections=kept, max_keepalive_connections=kept),
        )


@lru_cache(maxsize=2)
def _trust(is_encrypted: bool) -> ssl.SSLContext:
    """Whom connections trust; reading the certificates takes longer than a request.

    A plain connection needs none, and would trust nobody if it were encrypted after all.
    """
    return httpx.create_ssl_context() if is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _normalise_url(base_url: str) -> str:
    """The address of the API without a trailing slash."""
    parts = urlsplit(base_url)
    plain = parts.hostname and not parts.query and "@" not in parts.netloc
    if parts.scheme not in ("http", "https") or not plain:
        raise InvalidOptionError(
            "the service's address must look like https://api.ionq.co/v0.4, without user, "
            f"password or query; its scheme is {parts.scheme!r}"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/') or _API_PATH}"


def _check_key(api_key: str) -> str:
    """The key without surrounding space. Messages never quote it."""
    key = api_key.strip()
    if not key:
        raise MissingKeyError("the API key is empty; set IONQ_API_KEY or pass api_key")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidOptionError("the API key holds characters that no HTTP header may contain")
    return key


def _service_path(path: str, base_url: str) -> str:
    """A result's path relative to the API. An address elsewhere would be sent the key."""
    parts, base = urlsplit(path), urlsplit(base_url)
    if parts.netloc and (parts.scheme, parts.netloc) != (base.scheme, base.netloc):
        raise MalformedResultError(f"a result lies outside {base_url}: {path[:_QUOTED]!r}")
    relative = parts.path
    for prefix in (base.path, _API_PATH):
        if relative.startswith(prefix + "/"):
            relative = relative[len(prefix) :]
            break
    return relative + (f"?{parts.query}" if parts.query else "")


class _Answer(NamedTuple):
    """A successful answer.

    Attributes:
        path: What was asked for.
        status_code: HTTP status.
        content: The body.
        request_id: The service's id of the request.
    """

    path: str
    status_code: int
    content: bytes
    request_id: str | None

    @property
    def text(self) -> str:
        """The body, for messages."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            MalformedResultError: If it is none.
        """
        try:
            return orjson.loads(self.content)
        except ValueError as error:
            raise MalformedResultError(
                f"{self.path} answered something else than JSON: {self.text[:_QUOTED]!r}",
                status_code=self.status_code,
                request_id=self.request_id,
            ) from error
