"""Policies around an HTTP transport: retrying what is safe to retry, and naming failures.

A ``POST`` submits paid work, so it is repeated only where the service said that it did not take it
(429); the only question about any other failure is whether it is certain that nothing arrived.
A service that says when to come back is heeded by all requests, not only by the one that was told.
"""

import email.utils
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import httpx
from ionq_core import APIConnectionError, APIError, IonQError, RateLimitError

from pennylane_qstore.errors import (
    AuthenticationError,
    ConnectionFailedError,
    ServiceError,
    UnconfirmedSubmissionError,
)
from pennylane_qstore.execution.pace import Pace

_TOO_MANY, _TIMED_OUT = 429, 408
RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504, *range(520, 530)})
"""Answers that say "later", those of the content network in front of the service included."""

_UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""Failures before the first byte of a request has left."""

logger = logging.getLogger("pennylane_qstore")


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """How often and after which delays a read is repeated.

    Attributes:
        attempts: Number of attempts, those that were refused as too many not counted.
        refusals: Number of attempts that may be refused as too many.
        first_s: Delay after the first failure, doubled after each further one; ``Retry-After``
            overrides. After a refusal the pace of requests decides.
        maximum_s: Longest delay; if the service asks for more, the read fails at once.
    """

    attempts: int = 5
    refusals: int = 20
    first_s: float = 0.25
    maximum_s: float = 60.0


class ReadRetryTransport(httpx.AsyncBaseTransport):
    """Repeats ``GET`` requests that met a passing failure, and any request that was too many.

    Args:
        transport: The transport to wrap.
        schedule: How often to try.
        sleep: Waits for a number of seconds.
        now: The time in seconds.
        on_limit: Told when there were too many requests, with the pause in seconds that was asked.
        counts: Where requests are counted, by method, and ``"retries"`` among them.
        longest_s: Longest time of one request, however slowly its answer trickles in.
        rng: Of the jitter, which keeps clients that failed together from returning together.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        schedule: RetrySchedule | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        now: Callable[[], float] = anyio.current_time,
        on_limit: Callable[[float], None] = lambda _: None,
        counts: Counter[str] | None = None,
        longest_s: float = 120.0,
        rng: random.Random | None = None,
    ) -> None:
        self._transport = transport
        self._schedule = schedule or RetrySchedule()
        self._sleep, self._now = sleep, now
        self._on_limit = on_limit
        self._rng = rng or random.Random()
        self._longest_s = longest_s
        self._pace = Pace()
        self._counts: Counter[str] = Counter() if counts is None else counts

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, more than once if that is safe."""
        is_read = request.method == "GET"
        n_failed = n_refused = 0
        while True:
            sent_at = await self._await_turn()
            self._counts[request.method] += 1
            self._counts["retries"] += n_failed + n_refused > 0
            last = n_failed >= self._schedule.attempts - 1
            delay = self._schedule.first_s * 2**n_failed * self._rng.uniform(0.5, 1)
            refused = False
            try:
                response = await self._send_once(request)
            except (httpx.TransportError, httpx.DecodingError) as error:
                if last or not is_read:
                    raise
                reason = type(error).__name__
            else:
                if not _may_repeat(response, is_read=is_read):
                    self._pace.accepted()
                    return response
                refused = response.status_code == _TOO_MANY
                asked = self._heed(response, sent_at)
                if refused:
                    last = n_refused == self._schedule.refusals - 1
                if last or (asked or 0.0) > self._schedule.maximum_s:
                    return response
                if refused or asked is not None:
                    delay = 0.0  # all requests wait, this one with them
                reason = f"HTTP {response.status_code}"
            n_refused, n_failed = n_refused + refused, n_failed + (not refused)
            wait = delay or self._pace.until_next_s(self._now())
            logger.info("%s: %s, asking again in %.2f s", request.url.path, reason, wait)
            if delay:
                await self._sleep(delay)

    def _heed(self, response: httpx.Response, sent_at: float) -> float | None:
        """Let all requests heed when to come back; gives the seconds that were asked for."""
        now, asked = self._now(), _retry_after(response)
        if response.status_code == _TOO_MANY:
            self._on_limit(asked or 0.0)
            self._pace.refused(now, sent_at)
        if asked is not None and asked <= self._schedule.maximum_s:
            self._pace.pause(now, asked)
        return asked

    async def _send_once(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the whole answer."""
        try:
            with anyio.fail_after(self._longest_s):
                response = await self._transport.handle_async_request(request)
                await response.aread()
        except TimeoutError:
            text = f"no complete answer within {self._longest_s:g} s"
            raise httpx.ReadTimeout(text, request=request) from None
        return response

    async def _await_turn(self) -> float:
        """Wait until a request may leave, and say when that was."""
        while (delay := self._pace.wait_s(self._now())) > 0:
            await self._sleep(delay)
        return self._now()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def _may_repeat(response: httpx.Response, *, is_read: bool) -> bool:
    """Whether an answer says "later"; a page in HTML is from something in front of the service."""
    if not is_read:
        return response.status_code == _TOO_MANY
    is_page = response.headers.get("content-type", "").startswith("text/html")
    return response.status_code in RETRIED_STATUSES or (response.is_success and is_page)


class AppTransport(httpx.ASGITransport):
    """Calls an ASGI application in place of the network.

    An application that gives up with a ``ConnectionError`` drops the connection, as it would behind
    a server; any other exception is a mistake in it and comes through as it is.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Call the application."""
        try:
            return await super().handle_async_request(request)
        except ConnectionError as error:
            raise httpx.ReadError(str(error), request=request) from error


def _retry_after(response: httpx.Response) -> float | None:
    """The delay that ``Retry-After`` asks for, in seconds or as a date, if it asks for one."""
    header = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def name_failure(error: Exception, where: str, *, submitting: bool) -> ServiceError:
    """The error of ours that says what a failed request means.

    Args:
        error: An exception of ``ionq_core`` or ``httpx``.
        where: The service's address, for the message.
        submitting: Whether the request was the submission of a job.
    """
    if isinstance(error, APIError):
        return _name_answer(error, where, submitting=submitting)
    cause = error.__cause__ if isinstance(error, APIConnectionError) else error
    text = f"{type(cause).__name__}: {cause}".rstrip(": ")
    if isinstance(cause, _UNSENT):
        return ConnectionFailedError(f"cannot reach {where} ({text}); nothing was sent")
    if submitting:
        return UnconfirmedSubmissionError(
            f"the answer of {where} to a submission was lost ({text}); the job may exist"
        )
    return ConnectionFailedError(f"the connection to {where} broke ({text})")


def _name_answer(error: APIError, where: str, *, submitting: bool) -> ServiceError:
    """The error for an answer with a status of 400 or more."""
    status, request_id = error.status_code, error.request_id
    said = f"HTTP {status}: {_message(error)}"
    if status in (401, 403):
        return AuthenticationError(
            f"{where} does not accept the API key ({said})",
            status_code=status,
            request_id=request_id,
        )
    if submitting and (status >= 500 or status == _TIMED_OUT):
        return UnconfirmedSubmissionError(
            f"{where} failed during a submission ({said}); the job may exist",
            status_code=status,
            request_id=request_id,
        )
    if isinstance(error, RateLimitError) and error.retry_after is not None:
        said += f" (wait {error.retry_after:g} s)"
    return ServiceError(
        f"{where} refused the request ({said})", status_code=status, request_id=request_id
    )


def _message(error: APIError) -> str:
    """The service's own words, and which keys it found invalid."""
    body = error.body if isinstance(error.body, dict) else {}
    validation = body.get("validation")
    keys = validation.get("keys") if isinstance(validation, dict) else None
    text = str(error.message)
    if text == f"HTTP {error.status_code}" and isinstance(error.body, str):
        text = " ".join(error.body[:200].split())
    return f"{text} (invalid: {keys})" if keys else text


TRANSPORT_ERRORS = (IonQError, httpx.HTTPError)
"""What a request through the transports may raise."""
