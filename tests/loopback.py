"""An application behind a real server on a free loopback port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn


class _Announcing(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextmanager
def serving(app) -> Iterator[tuple[str, uvicorn.Server]]:
    """Run an ASGI application; gives its base URL and the server."""
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    server = _Announcing(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.listening.wait(timeout=30)
    (listener,) = server.servers[0].sockets
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", server
    finally:
        server.should_exit = True
        thread.join(timeout=10)
