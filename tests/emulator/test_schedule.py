"""Simulations in the background: failures, cancelling, polls that are held."""

import threading

import pytest

from pennylane_qstore.emulator import execute, holding, jobs
from pennylane_qstore.emulator.circuits import Reader
from pennylane_qstore.emulator.engine import StoppedError, simulate

X = [{"gate": "x", "target": 0}]


@pytest.fixture
def slow(monkeypatch):
    """Make every simulation run in a thread and wait for an event, or for being stopped."""
    gate = threading.Event()
    seen = []

    def run(source, circuits, *, seed, stopped):
        while not gate.wait(0.001):
            if stopped():
                seen.append("stopped")
                raise StoppedError
        return original(source, circuits, seed=seed, stopped=stopped)

    original = execute.run
    monkeypatch.setattr(execute, "run", run)
    monkeypatch.setattr(jobs, "INLINE_WORK", 0)
    monkeypatch.setattr(holding, "HOLD_S", 0.01)
    yield gate, seen
    gate.set()


def test_a_job_whose_simulation_runs_is_started(service, slow):
    gate, _ = slow
    job = service.submit(X)
    assert service.job(job)["status"] == "started"
    assert service.get(f"jobs/{job}/results/probabilities").status_code == 404
    gate.set()
    assert service.result(job) == {"1": 1.0}


def test_the_service_answers_while_a_simulation_runs(service, slow):
    service.submit(X)
    assert service.get("whoami").status_code == 200


def test_cancelling_stops_the_simulation(service, slow):
    _, seen = slow
    job = service.submit(X)
    future = service.app.state.store.get(job).future
    assert service.put(f"jobs/{job}/status/cancel").json()["status"] == "canceled"
    assert future.result(timeout=30) == {}
    assert seen == ["stopped"]


def test_the_end_of_the_server_stops_all_simulations(service, slow):
    _, seen = slow
    future = service.app.state.store.get(service.submit(X)).future

    async def live_and_end():
        async with service.app.router.lifespan_context(service.app):
            pass

    service.runner.run(live_and_end())
    assert future.result(timeout=30) == {}
    assert seen == ["stopped"]


@pytest.mark.parametrize("inline_work", [0, 1e9])
def test_an_error_of_the_simulation_fails_the_job_by_name(service, monkeypatch, inline_work):
    def run(*_arguments, **_options):
        raise MemoryError("no room")

    monkeypatch.setattr(execute, "run", run)
    monkeypatch.setattr(jobs, "INLINE_WORK", inline_work)
    job = service.finished(service.submit(X))
    assert job["failure"] == {"code": "SimulationError", "message": "MemoryError: no room"}


def test_a_simulation_notices_within_a_circuit_that_it_is_not_wanted():
    circuit = [{"gate": "ry", "target": q % 4, "rotation": 0.1} for q in range(10)]
    calls = []

    def stopped():
        calls.append(1)
        return len(calls) > 3

    template, _ = Reader().read(circuit, "qis", "c")
    with pytest.raises(StoppedError):
        simulate(template.program, template.values, stopped=stopped)
    assert len(calls) == 4
