"""A run that is killed at any moment, and run again."""

import time

import numpy as np
import pytest

from tests.faults import client
from tests.faults.processes import Worker
from tests.faults.server import FaultServer
from tests.faults.worker import device_options

N_CIRCUITS, N_MOMENTS, PER_JOB = 200, 20, 10
OPTIONS = {"backend": "simulator", "noise_model": "forte-1", "timeout": 60}


@pytest.fixture
def new_server():
    servers = []

    def start():
        servers.append(FaultServer(latency_s=0.005, job_s=0.05, slots=4))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def begin(server, directory):
    options = OPTIONS | device_options(PER_JOB)
    group = 0 if "max_circuits_per_job" in options else PER_JOB
    order = {"n": N_CIRCUITS, "shots": 100, "group": group, "options": options}
    return Worker("run", server.url, directory, **order).ready().go()


def kill_after(worker, server, n_requests):
    """Kill once this many requests arrived. Whether there was anything left to kill."""
    while len(server.requests) < n_requests and worker.process.poll() is None:
        time.sleep(0.0005)
    alive = worker.process.poll() is None
    worker.kill()
    time.sleep(0.02)  # what is on the wire arrives
    return alive


@pytest.mark.stress
@pytest.mark.parametrize("half", [0, 1])  # for two processes
def test_a_run_killed_at_any_moment_and_run_again_pays_once(new_server, tmp_path, half):
    server = new_server()
    expected = begin(server, tmp_path / "undisturbed").answer()
    assert len(server.jobs) >= 10
    assert len(server.paid()) == N_CIRCUITS
    exact = client.truth([client.tape(0.01 * i) for i in range(N_CIRCUITS)])
    assert np.abs(np.array(expected) - exact).max() < 0.35  # 100 shots

    # Moments are counted in requests: how long they take depends on what else the machine does.
    drawn = np.random.default_rng(2024).integers(0, len(server.requests), N_MOMENTS)
    moments = drawn[half::2]
    in_the_middle = 0
    for number, moment in enumerate(moments):
        server, directory = new_server(), tmp_path / f"killed-{number}"
        alive = kill_after(begin(server, directory), server, moment)
        in_the_middle += alive and len(server.jobs) > 0
        assert begin(server, directory).answer() == expected, f"killed after {moment} requests"
        paid = server.paid()
        assert len(paid) == N_CIRCUITS
        assert set(paid.values()) == {1}, f"killed after {moment} requests: sent twice"
    assert in_the_middle >= len(moments) // 2


@pytest.mark.stress
def test_a_run_killed_again_and_again_pays_once(new_server, tmp_path):
    """The same run, killed a little later each time, until it comes through."""
    server = new_server()
    for moment in np.linspace(0.02, 0.4, 8):
        worker = begin(server, tmp_path / "results")
        time.sleep(moment)
        worker.kill()
    found = begin(server, tmp_path / "results").answer()
    paid = server.paid()
    assert len(paid) == N_CIRCUITS
    assert set(paid.values()) == {1}
    assert found == begin(new_server(), tmp_path / "undisturbed").answer()
