"""Requests to values and values to responses."""

import json

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from pennylane_qstore.emulator.catalog import MAX_BODY_BYTES
from pennylane_qstore.emulator.gates import Json
from pennylane_qstore.emulator.refusal import RefusalError, bad
from pennylane_qstore.emulator.texts import split_circuits
from pennylane_qstore.emulator.validate import JobInput, parse_job, parse_json

THREAD_BYTES = 2**17
"""Bodies above this size are read in a worker thread, to keep the event loop free."""


def answer(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(body, status, headers, "application/json")


async def read_body(request: Request) -> bytes:
    """The whole body.

    Raises:
        RefusalError: It is larger than 10 MB (413).
    """
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise RefusalError(413, f"The body is larger than {MAX_BODY_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


async def read_object(request: Request) -> Json:
    """A body that has to be a JSON object; an empty body is an empty object."""
    body = await read_body(request)
    found = parse_json(body) if body else {}
    if not isinstance(found, dict):
        raise bad("The payload must be a JSON object")
    return found


async def read_job(body: bytes) -> JobInput:
    """A job payload."""
    if len(body) > THREAD_BYTES:
        job: JobInput = await to_thread.run_sync(_parse, body)
        return job
    return _parse(body)


def _parse(body: bytes) -> JobInput:
    split = split_circuits(body) if len(body) > THREAD_BYTES else None
    if split is None:
        return parse_job(parse_json(body))
    rest, texts = split
    return parse_job(parse_json(rest), texts)


def query_int(request: Request, key: str, default: int, *, low: int, high: int) -> int:
    """An integer of the query string.

    Raises:
        RefusalError: It is no integer, or out of range.
    """
    text = request.query_params.get(key)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise bad(f"{key} must be an integer, not {text!r}", key) from None
    if not low <= value <= high:
        raise bad(f"{key} must be from {low} to {high}, not {value}", key)
    return value
