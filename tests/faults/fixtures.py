"""Devices on the fault server, for tests outside this folder."""

import signal

import pytest

from pennylane_qstore.execution import PollSchedule
from tests.faults import client
from tests.faults.server import FaultServer


@pytest.fixture
def in_time(monkeypatch):
    """A test that hangs fails; polls come quickly."""
    monkeypatch.setattr(PollSchedule.__init__, "__defaults__", (0.004, 0.004, 1.3, 30.0, False))

    def stop(*_):
        raise AssertionError("still running after 20 s: a hang")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def server():
    server = FaultServer()
    with client.impatience():
        yield server
    server.close()


@pytest.fixture
def connect(server, tmp_path):
    """Devices that share a cache and a journal."""
    return lambda **options: client.connect(
        server.url, tmp_path / "results", **{"request_timeout": 8} | options
    )
