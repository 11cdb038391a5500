"""A long run holds no more files, threads and memory than a short one."""

import pytest

from tests.faults.processes import Worker


@pytest.mark.stress
@pytest.mark.parametrize("shots", [None, 100])
def test_long_runs_stay_small(lab, shots):
    lab.server.job_s = 0.0
    options = {"backend": "qpu.forte-1" if shots else "simulator", "timeout": 60}
    order = {"n": 500, "shots": shots, "group": 50, "options": options}
    worker = Worker("resources", lab.server.url, lab.directory, **order).ready().go()
    *batches, together = worker.answer(timeout_s=400)
    early, late = batches[2], batches[-1]
    assert late["files"] <= early["files"] + 2, batches
    assert late["threads"] <= early["threads"] + 2, batches
    assert late["kilobytes"] <= early["kilobytes"] + 8_000, batches
    # Those of a hundred submissions at once go again; a pool keeps some idle threads.
    assert together["files"] <= late["files"] + 10, together
    assert together["threads"] <= late["threads"] + 40, together
    assert together["kilobytes"] <= late["kilobytes"] + 20_000, together
    assert lab.server.wire.most_connections <= 8
    assert set(lab.server.paid().values()) == {1}
