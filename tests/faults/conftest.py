import faulthandler
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore import errors
from tests.faults import client
from tests.faults.server import FaultServer

WATCHDOG_S = 20.0
STRESS_WATCHDOG_S = 580.0


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run each test in a thread of its own: one that hangs fails instead of blocking the rest."""
    limit = getattr(pyfuncitem.module, "WATCHDOG_S", WATCHDOG_S)
    limit = STRESS_WATCHDOG_S if pyfuncitem.get_closest_marker("stress") else limit
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
    """A fault server, circuits, and devices that share one cache directory.

    Attributes:
        server: The server.
        directory: The cache directory, which survives each device.
        waits: The waits that the client asked for.
        options: The device's options.
        circuits: What is run.
        expected: The values of an undisturbed run.
    """

    def __init__(self, server: FaultServer, directory: Path, waits: list[float]) -> None:
        self.server, self.directory, self.waits = server, directory, waits
        self.use(client.tapes(3))

    def use(self, circuits: Sequence[qml.tape.QuantumScript], **options: Any) -> "Lab":
        """Run these circuits, with these options of the device."""
        self.circuits, self.options = list(circuits), options
        exact = client.truth(self.circuits)
        self.expected = exact
        if options:
            self.expected = self._undisturbed()
            shots = min(one.shots.total_shots for one in self.circuits)
            assert np.abs(self.expected - exact).max() < 5 * 0.5 / np.sqrt(shots)
        return self

    def _undisturbed(self) -> np.ndarray:
        """Values from another server, where nothing goes wrong."""
        calm = FaultServer()
        try:
            return client.run(
                client.connect(calm.url, f"{self.directory}-calm", **self.options), self.circuits
            )
        finally:
            calm.close()

    def device(self, **options: Any) -> qml.devices.Device:
        """A fresh device on the shared directory."""
        return client.connect(self.server.url, self.directory, **self.options | options)

    def run(self, **options: Any) -> np.ndarray:
        """Values of the circuits on a fresh device."""
        return client.run(self.device(**options), self.circuits)

    def check(self, **options: Any) -> None:
        """A fresh device has the right values, and nothing was accepted twice."""
        np.testing.assert_allclose(self.run(**options), self.expected, atol=1e-9)
        self.check_paid()

    def check_paid(self) -> None:
        """Every circuit was accepted exactly once."""
        paid = self.server.paid()
        assert {text: n for text, n in paid.items() if n != 1} == {}, "sent more than once"
        assert len(paid) == len(self.circuits)

    def check_error(self, kind: type[errors.QStoreError], *words: str, **options: Any) -> Any:
        """Running raises this error, which says these words; afterwards nothing is lost."""
        with pytest.raises(kind) as caught:
            self.run(**options)
        text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
        assert [word for word in words if word not in text] == [], text
        self.server.heal()
        self.check()
        return caught.value


@pytest.fixture
def server():
    server = FaultServer(job_s=0.005)
    yield server
    server.close()


@pytest.fixture
def lab(server, tmp_path):
    with client.impatience() as waits:
        yield Lab(server, tmp_path / "results", waits)


@pytest.fixture(params=["one", "sampled"])
def any_lab(lab, request):
    """One exact circuit on the simulator, or several sampled ones on a machine."""
    if request.param == "sampled":
        return lab.use(client.tapes(3, shots=400), backend="qpu.forte-1")
    return lab.use(client.tapes(1))
