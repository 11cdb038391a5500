"""The runner against the emulator behind a real server, and for a long time."""

import gc
import os
import threading
from functools import partial

import anyio
import pytest

from pennylane_qstore.emulator import EmulatorOptions, JobFault, RequestFault, create_app
from pennylane_qstore.errors import JobFailedError
from pennylane_qstore.execution import HttpService, Request, Runner, Settings, run_blocking
from pennylane_qstore.execution.gather import gather
from tests.execution.fakes import flips
from tests.loopback import serving

EXACT = Settings("simulator", exact=True)


class Server:
    """The emulator behind a real server."""

    def __init__(self, **options):
        self._serving = serving(create_app(EmulatorOptions(**options)))

    def __enter__(self):
        self.url, self._server = self._serving.__enter__()
        return self

    def __exit__(self, *failure):
        self._serving.__exit__(*failure)

    @property
    def open_connections(self):
        return len(self._server.server_state.connections)


async def closing(service, call):
    try:
        return await call(service)
    finally:
        await service.aclose()


def test_twenty_batches_share_their_connections():
    async def work(service):
        runner = Runner(service)
        for number in range(20):
            requests = [Request(flips(3, k, tag=number / 100)) for k in range(3)]
            result = await runner.run(requests, EXACT)
            assert [o.states.tolist() for o in result.outcomes] == [[0b100], [0b010], [0b001]]
        assert server.open_connections == 1

    with Server(shuffle_results=True) as server:
        anyio.run(closing, HttpService(server.url, "local"), work)


@pytest.mark.parametrize("accepted", [False, True])
def test_a_connection_that_drops_during_a_submission_makes_one_job(monkeypatch, accepted):
    monkeypatch.setattr("pennylane_qstore.execution.job.SETTLE_S", (0, 0))

    async def work(service):
        await Runner(service).run([Request(flips(1, 0))], EXACT)
        return await service.list_jobs()

    fault = RequestFault("POST", drop=True, accepted=accepted)
    with Server(faults=(fault,)) as server:
        jobs = anyio.run(closing, HttpService(server.url, "local"), work)
    assert len(jobs) == 1


def test_a_failed_job_brings_its_code_over_the_network():
    async def work(service):
        await Runner(service).run([Request(flips(1, 0))], EXACT)

    fault = JobFault(code="QuotaExhaustedError", message="no credit")
    with Server(faults=(fault,)) as server, pytest.raises(JobFailedError, match="no credit"):
        anyio.run(closing, HttpService(server.url, "local"), work)


def test_the_asynchronous_interface_closes_what_it_opens():
    async def work(url):
        async with HttpService(url, "local") as service:
            runner = Runner(service)
            both = [runner.run([Request(flips(2, qubit))], EXACT) for qubit in (0, 1)]
            first, second = await gather([lambda: both[0], lambda: both[1]])
            assert len(service._clients) == 1
        return first, second, len(service._clients)

    with Server() as server:
        first, second, left = anyio.run(work, server.url)
    assert first.outcomes[0].states.tolist() == [0b10]
    assert second.outcomes[0].states.tolist() == [0b01]
    assert left == 0


@pytest.mark.stress
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files as Linux does")
def test_two_thousand_batches_leave_nothing_behind():
    service = HttpService("http://emulator", "local", app=create_app(EmulatorOptions(max_jobs=50)))
    runner = Runner(service)

    def batches(n):
        for number in range(n):
            requests = [Request(flips(2, 0, tag=number / n)), Request(flips(2, 1))]
            run_blocking(partial(runner.run, requests, EXACT))
        gc.collect()
        return len(gc.get_objects()), len(os.listdir("/proc/self/fd")), threading.active_count()

    batches(200)
    before, after = batches(200), batches(1800)
    assert after[0] - before[0] < 2000
    assert after[1:] == before[1:]
