"""The emulated service on a free loopback port, with a real server, for other vendors' clients."""

import socket
import threading
import time

import pytest
import uvicorn

from pennylane_qstore.emulator import create_app


@pytest.fixture(scope="session")
def server_url():
    """Base URL of a running service, without the version."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=5)
    listener.close()
