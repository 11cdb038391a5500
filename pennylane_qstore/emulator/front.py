"""What happens to every request before and after its route: faults, latency, keys, request ids."""

import json
import re
import uuid

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pennylane_qstore.emulator.options import EmulatorOptions, RequestFault
from pennylane_qstore.emulator.refusal import RefusalError
from pennylane_qstore.emulator.wire import answer

OPEN = re.compile(r"/backends(/[^/]+(/characterizations)?)?/?")
"""Paths that need no key."""

PREFIX = "/v0.4"


class Front:
    """ASGI middleware around the routes.

    Args:
        app: The routes.
        options: How the service behaves.
    """

    def __init__(self, app: ASGIApp, options: EmulatorOptions) -> None:
        self._app = app
        self._options = options
        self._matched = [0] * len(options.faults)
        self._n_authenticated = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = str(uuid.uuid4())

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        path = str(scope["path"]).removeprefix(PREFIX)
        if self._options.latency_s:
            await self._options.clock.sleep(self._options.latency_s)
        fault = self._find_fault(str(scope["method"]), path)
        if fault is not None and fault.delay_s:
            await self._options.clock.sleep(fault.delay_s)
        if fault is None or (fault.status is None and not fault.drop):
            await self._serve(scope, receive, send_named, path)
            return
        if fault.accepted:
            await self._serve(scope, receive, _discard, path)
        await _spoil(fault, scope, receive, send_named)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        refusal = self._check_key(scope, path)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await answer(refusal.body(), refusal.status)(scope, receive, send)

    def _check_key(self, scope: Scope, path: str) -> RefusalError | None:
        if scope["method"] == "GET" and OPEN.fullmatch(path):
            return None
        word, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        allowed = self._options.api_keys
        known = bool(key.strip()) if allowed is None else key in allowed
        if word.lower() != "apikey" or not known:
            return RefusalError(401, "Invalid API key")
        self._n_authenticated += 1
        limit = self._options.revoked_after
        if limit is not None and self._n_authenticated > limit:
            return RefusalError(401, "The API key was revoked")
        return None

    def _find_fault(self, method: str, path: str) -> RequestFault | None:
        """The first rule that applies; every rule counts the requests that match it."""
        chosen = None
        for index, fault in enumerate(self._options.faults):
            if not isinstance(fault, RequestFault) or fault.method not in ("*", method):
                continue
            if not re.fullmatch(fault.path, path):
                continue
            self._matched[index] += 1
            number = self._matched[index] - fault.nth
            if chosen is None and number >= 0 and (fault.times is None or number < fault.times):
                chosen = fault
        return chosen


async def _discard(_message: Message) -> None:
    """Send nothing."""


async def _spoil(fault: RequestFault, scope: Scope, receive: Receive, send: Send) -> None:
    if fault.drop:
        # A response that never completes makes every ASGI server close the connection.
        start = {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"1")],
        }
        await send(start)
        raise ConnectionResetError("the emulator dropped the connection, as its options ask")
    status = fault.status or 500
    body = RefusalError(status, "Spoiled by an emulator option").body()
    content: object = body if fault.body is None else fault.body
    headers = dict(fault.headers)
    if isinstance(content, str):
        response = Response(content, status, headers, "text/plain")
    else:
        response = answer(json.dumps(content).encode(), status, headers)
    await response(scope, receive, send)
