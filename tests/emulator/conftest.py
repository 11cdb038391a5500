"""A hand-moved clock and a synchronous client of an in-process service."""

import asyncio

import httpx
import pytest

from pennylane_qstore.emulator import EmulatorOptions, create_app

KEY = {"Authorization": "apiKey test"}


class HandClock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self):
        self.time = 1000.0
        self.slept = []

    def now(self):
        return self.time

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


class Service:
    """An in-process service, and shorthands to talk to it."""

    def __init__(self, options=None):
        self.app = create_app(options or EmulatorOptions())
        self.runner = asyncio.Runner()

    def request(self, method, path, *, key=KEY, **arguments) -> httpx.Response:
        """Send one request through an event loop."""

        async def send():
            transport = httpx.ASGITransport(self.app)
            url = f"http://emulator/v0.4/{path}"
            async with httpx.AsyncClient(transport=transport, headers=key) as client:
                return await client.request(method, url, **arguments)

        return self.runner.run(send())

    def get(self, path, **arguments) -> httpx.Response:
        return self.request("GET", path, **arguments)

    def post(self, path, **arguments) -> httpx.Response:
        return self.request("POST", path, **arguments)

    def put(self, path, **arguments) -> httpx.Response:
        return self.request("PUT", path, **arguments)

    def delete(self, path, **arguments) -> httpx.Response:
        return self.request("DELETE", path, **arguments)

    def submit(self, circuit, *, gateset="qis", qubits=None, **payload) -> str:
        content = {"gateset": gateset, "circuit": circuit}
        if qubits is not None:
            content["qubits"] = qubits
        payload = {"type": "ionq.circuit.v1", "backend": "simulator", **payload}
        response = self.post("jobs", json={**payload, "input": content})
        assert response.status_code == 201, response.text
        return response.json()["id"]

    def submit_many(self, circuits, *, gateset="qis", qubits=None, **payload) -> str:
        content = {"gateset": gateset, "circuits": circuits}
        if qubits is not None:
            content["qubits"] = qubits
        payload = {"type": "ionq.multi-circuit.v1", "backend": "simulator", **payload}
        response = self.post("jobs", json={**payload, "input": content})
        assert response.status_code == 201, response.text
        return response.json()["id"]

    def job(self, job_id) -> dict:
        response = self.get(f"jobs/{job_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def finished(self, job_id) -> dict:
        """The job once it has ended; every poll is held while it runs."""
        for _ in range(200):
            job = self.job(job_id)
            if job["status"] in ("completed", "failed", "canceled"):
                return job
        raise AssertionError(job["status"])

    def result(self, job_id, path="probabilities") -> dict:
        self.finished(job_id)
        response = self.get(f"jobs/{job_id}/results/{path}")
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
def make_service():
    """A service with options."""
    made = []

    def make(**options) -> Service:
        made.append(Service(EmulatorOptions(**options)))
        return made[-1]

    yield make
    for service in made:
        service.runner.close()


@pytest.fixture
def service(make_service) -> Service:
    return make_service()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()
