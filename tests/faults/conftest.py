import faulthandler
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import pytest

from tests.faults import client
from tests.faults.server import FaultServer

WATCHDOG_S = 20.0
STRESS_WATCHDOG_S = 580.0


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run each test in a thread of its own: one that hangs fails instead of blocking the rest."""
    limit = STRESS_WATCHDOG_S if pyfuncitem.get_closest_marker("stress") else WATCHDOG_S
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    raised: list[BaseException] = []

    def body() -> None:
        try:
            pyfuncitem.obj(**arguments)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=body, name=pyfuncitem.name, daemon=True)
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        faulthandler.dump_traceback(file=sys.__stderr__)
        pytest.fail(f"still running after {limit} s: a hang", pytrace=False)
    if raised:
        raise raised[0]
    return True


class Lab:
    """A fault server, and devices that share one cache directory.

    Attributes:
        server: The server.
        directory: The cache directory, which survives each device.
        waits: The waits that the client asked for.
    """

    def __init__(self, server: FaultServer, directory: Path, waits: list[float]) -> None:
        self.server, self.directory, self.waits = server, directory, waits

    def device(self, **options: Any) -> qml.devices.Device:
        """A fresh device on the shared directory."""
        return client.connect(self.server.url, self.directory, **options)

    def run(self, circuits: Sequence[qml.tape.QuantumScript], **options: Any) -> np.ndarray:
        """Values of the circuits on a fresh device."""
        return client.run(self.device(**options), circuits)

    def check(self, circuits: Sequence[qml.tape.QuantumScript], **options: Any) -> None:
        """The values are those of ``default.qubit``, and nothing was accepted twice."""
        np.testing.assert_allclose(self.run(circuits, **options), client.truth(circuits), atol=1e-9)
        self.check_paid(len(circuits))

    def check_paid(self, n_circuits: int) -> None:
        """Every circuit was accepted exactly once."""
        paid = self.server.paid()
        assert {text: n for text, n in paid.items() if n != 1} == {}, "sent more than once"
        assert len(paid) == n_circuits


@pytest.fixture
def server():
    server = FaultServer(job_s=0.005)
    yield server
    server.close()


@pytest.fixture
def lab(server, tmp_path):
    with client.impatience() as waits:
        yield Lab(server, tmp_path / "results", waits)
