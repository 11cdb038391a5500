"""A long run holds no more files, threads and memory than a short one."""

import pytest

from tests.faults.processes import Worker
from tests.faults.worker import N_BURSTS


@pytest.mark.stress
@pytest.mark.parametrize("shots", [None, 100])
def test_long_runs_stay_small(lab, shots):
    lab.server.job_s = 0.0
    options = {"backend": "qpu.forte-1" if shots else "simulator", "timeout": 60}
    order = {"n": 500, "shots": shots, "group": 50, "options": options}
    worker = Worker("resources", lab.server.url, lab.directory, **order).ready().go()
    found = worker.answer(timeout_s=400)
    batches, bursts = found[:-N_BURSTS], found[-N_BURSTS:]
    early, late = batches[2], batches[-1]
    assert late["files"] <= early["files"] + 2, batches
    assert late["threads"] <= early["threads"] + 2, batches
    assert late["kilobytes"] <= early["kilobytes"] + 8_000, batches
    # Worker threads, each with its own connection to the cache, are kept for the next burst.
    first, last = bursts[0], bursts[-1]
    assert first["threads"] <= late["threads"] + 45, bursts
    assert first["files"] <= late["files"] + 3 * 45, bursts
    assert last["threads"] <= first["threads"] + 5, bursts
    assert last["files"] <= first["files"] + 15, bursts
    assert last["kilobytes"] <= first["kilobytes"] + 8_000, bursts
    assert lab.server.wire.most_connections <= 8
    assert set(lab.server.paid().values()) == {1}
