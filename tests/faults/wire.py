"""HTTP/1.1 over real sockets, with everything that can go wrong there. No web framework.

One thread runs an event loop of its own; every connection is a coroutine in it. A :class:`Fault`
says which requests are answered wrongly, and how.
"""

import asyncio
import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

REASONS = {200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived.

    Attributes:
        number: Counts all requests of the server, from 1.
        method: HTTP method.
        path: Path without the query.
        query: Values of each query key.
        headers: Headers, names in lower case.
        body: The body.
        connection: Counts the connections of the server, from 1.
        at: Seconds on the monotonic clock.
        kind: What it asks for: ``"submit"``, ``"job"``, ``"list"``, ...
    """

    number: int
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    connection: int
    at: float
    kind: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, or any other text.

    Attributes:
        status: HTTP status.
        content: What becomes JSON, or the text itself where ``media`` is something else.
        headers: Further headers.
        media: Content type.
    """

    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"

    def encode(self, request_id: str) -> bytes:
        """The bytes on the wire."""
        is_json = self.media == "application/json"
        body = (json.dumps(self.content) if is_json else str(self.content)).encode()
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}",
            f"Content-Type: {self.media}",
            f"Content-Length: {len(body)}",
            f"x-request-id: {request_id}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(slots=True)
class Fault:
    """What goes wrong with some requests.

    Attributes:
        kinds: Kinds of requests it strikes, separated by spaces; ``"any"`` strikes all.
        do: ``"answer"`` with ``reply``, ``"reset"`` the connection, ``"close"`` it in order,
            ``"silence"``, ``"half"`` of the answer, ``"garbage"`` that is no HTTP, ``"drip"``:
            the answer, one byte every 0.2 seconds; or ``"edit"`` the answer.
        when: Whether the service acts ``"before"`` the fault, ``"never"``, or ``"late"``: some time
            after the client has its answer.
        reply: The false answer.
        edit: Makes a false answer from the content of the true one.
        skip: Number of such requests that are let through first.
        times: Number of requests that it strikes.
    """

    kinds: str
    do: Literal["answer", "reset", "close", "silence", "half", "garbage", "drip", "edit"]
    when: Literal["before", "never", "late"] = "never"
    reply: Reply | None = None
    edit: Callable[[Any], Any] | None = None
    skip: int = 0
    times: float = 1
    late_s: float = 0.1

    def strikes(self, request: Request) -> bool:
        """Whether it strikes this request; counts."""
        if self.kinds != "any" and request.kind not in self.kinds.split():
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return self.times >= 0


class Wire:
    """A server on a free loopback port, in a thread of its own.

    Args:
        act: Answers a request; called in the server's thread, one request at a time.
        kind_of: Names the kind of a request from its method and path.
        latency_s: Time that every request takes.

    Attributes:
        requests: All requests, in the order of arrival.
        faults: What goes wrong; the first fault that strikes a request decides.
        connections: Number of connections opened so far.
        open_connections: Number of those that are open now.
        most_connections: Largest number that was open at once.
        most_at_once: Largest number of requests that were open at once.
    """

    def __init__(
        self,
        act: Callable[[Request], Reply],
        kind_of: Callable[[str, str], str],
        latency_s: float = 0.0,
    ) -> None:
        self._act, self._kind_of = act, kind_of
        self.latency_s = latency_s
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.connections = self.open_connections = self.most_connections = 0
        self.most_at_once = self._open = 0
        self._numbers = itertools.count(1)
        self._stop: asyncio.Event
        self._loop: asyncio.AbstractEventLoop
        self.port = 0
        listening = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listening)), name="fault-server", daemon=True
        )
        self._thread.start()
        assert listening.wait(10)

    def close(self) -> None:
        """Stop, and drop all connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self, listening: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(
            self._connection, "127.0.0.1", self.port, limit=2**26, backlog=1024
        )
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        await self._stop.wait()
        server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        self.most_connections = max(self.most_connections, self.open_connections)
        number = self.connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has left, or the server closes
        finally:
            self.open_connections -= 1
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> bool:
        """One request and its answer; whether the connection stays open."""
        request = await self._read(reader, connection)
        self.requests.append(request)
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            fault = next((fault for fault in self.faults if fault.strikes(request)), None)
            if fault is not None:
                return await self._fail(fault, request, writer)
            writer.write(self._act(request).encode(f"req-{request.number}"))
            await writer.drain()
            return True
        finally:
            self._open -= 1

    async def _read(self, reader: asyncio.StreamReader, connection: int) -> Request:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.rstrip("\r\n").split("\r\n")
        method, target, _ = start.split(" ")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        return Request(
            next(self._numbers),
            method,
            parts.path,
            parse_qs(parts.query),
            headers,
            body,
            connection,
            time.monotonic(),
            self._kind_of(method, parts.path),
        )

    async def _fail(self, fault: Fault, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Act if the fault lets the service act, then answer wrongly or not at all."""
        acts = fault.when == "before" or fault.do in ("half", "drip", "edit")
        reply = self._act(request) if acts else None
        if fault.when == "late":
            self._loop.call_later(fault.late_s, self._act, request)
        if fault.do == "silence":
            await asyncio.sleep(3600)
        elif fault.do == "reset":
            _reset(writer)
        elif fault.do == "answer":
            assert fault.reply is not None
            writer.write(fault.reply.encode(f"req-{request.number}"))
            await writer.drain()
            return True
        elif fault.do == "half":
            assert reply is not None
            content = reply.encode(f"req-{request.number}")
            head = content.index(b"\r\n\r\n") + 4
            writer.write(content[: head + (len(content) - head) // 2])
            await writer.drain()
        elif fault.do == "garbage":
            writer.write(b"\x16\x03\x01 no HTTP \r\n\r\n")
            await writer.drain()
        elif fault.do == "drip":
            assert reply is not None
            for byte in reply.encode(f"req-{request.number}"):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.2)
        elif fault.do == "edit":
            assert reply is not None
            assert fault.edit is not None
            edited = Reply(reply.status, fault.edit(reply.content), reply.headers)
            writer.write(edited.encode(f"req-{request.number}"))
            await writer.drain()
            return True
        return False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, as a crashed machine's neighbour would."""
    peer = writer.get_extra_info("socket")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
