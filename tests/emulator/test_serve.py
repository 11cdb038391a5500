"""The service on a real socket."""

import socket
import threading

import httpx
import pytest
import uvicorn

from pennylane_qstore.emulator import EmulatorOptions, RequestFault, create_app
from pennylane_qstore.emulator import serve as serve_module

KEY = {"Authorization": "apiKey k"}


@pytest.fixture
def url():
    """Base URL of a service whose second whoami breaks the connection."""
    started = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            started.set()

    app = create_app(EmulatorOptions(faults=(RequestFault(path="/whoami", nth=2, drop=True),)))
    server = Server(uvicorn.Config(app, log_level="critical"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        assert started.wait(30)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v0.4"
        server.should_exit = True
        thread.join(30)


def test_jobs_run_over_a_socket_and_a_dropped_connection_is_seen_as_one(url):
    with httpx.Client(headers=KEY) as client:
        content = {"circuit": [{"gate": "x", "target": 0}]}
        body = {"type": "ionq.circuit.v1", "backend": "simulator", "input": content}
        job = client.post(f"{url}/jobs", json=body).json()["id"]
        assert client.get(f"{url}/jobs/{job}/results/probabilities").json() == {"1": 1.0}
        assert client.get(f"{url}/whoami").status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            client.get(f"{url}/whoami")
        assert client.get(f"{url}/whoami").status_code == 200


def test_serve_hands_the_application_to_uvicorn(monkeypatch):
    calls = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: calls.append((app, options)))
    serve_module.serve(port=1234)
    ((app, options),) = calls
    assert app.state.store.all() == []
    assert (options["host"], options["port"]) == ("127.0.0.1", 1234)
