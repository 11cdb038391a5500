"""The client under test: impatient, and on a cache directory that outlives it."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import numpy as np
import pennylane as qml
import pytest

from pennylane_qstore.execution import HttpService, PollSchedule, job, pilot
from tests.faults.server import KEY, FaultServer

SILENCE_S = 0.6
"""Silence after which an impatient client gives a request up."""

_patience = {"s": 8.0}
"""Silence after which any other does."""

SETTLE_S = (0.0, 0.1, 0.2)
"""Waits before each look for a submission whose answer was lost."""

RESULTS_S = (0.05, 0.1, 0.2, 0.4)
"""Waits for results that are not there yet although their job has completed."""

POLLS = (0.01, 0.01, 1.3, 30.0, False)
"""Defaults of the schedule of questions."""


@contextmanager
def impatience() -> Iterator[list[float]]:
    """Short time-outs, and waits before repetitions cut to 10 ms; gives the waits asked for."""
    waits: list[float] = []
    skipped = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal skipped
        waits.append(seconds)
        skipped += max(0.0, seconds - 0.01)
        await anyio.sleep(min(seconds, 0.01))

    def now() -> float:
        return anyio.current_time() + skipped

    with ExitStack() as stack:
        short = {"sleep": sleep, "now": now}
        stack.enter_context(patch.dict(HttpService.__init__.__kwdefaults__, short))
        stack.enter_context(patch.object(job, "SETTLE_S", SETTLE_S))
        stack.enter_context(patch.object(pilot, "RESULTS_S", RESULTS_S))
        stack.enter_context(patch.object(PollSchedule.__init__, "__defaults__", POLLS))
        stack.enter_context(patch.dict(_patience, s=SILENCE_S))
        yield waits


def connect(url: str, directory: Path | str, **options: Any) -> qml.devices.Device:
    """A fresh device. Its journal lies beside its results, apart from those of other tests."""
    os.environ["XDG_STATE_HOME"] = f"{directory}-state"
    options = {
        "backend": "simulator",
        "progress": False,
        "timeout": 8,
        "request_timeout": _patience["s"],
    } | options
    return qml.device(
        "qstore.ionq", wires=2, base_url=url, api_key=KEY, cache=str(directory), **options
    )


def tape(angle: float, shots: int | None = None) -> qml.tape.QuantumScript:
    """A circuit whose four outcomes differ, in a way that depends on the angle."""
    gates = [
        qml.RX(angle, 0),
        qml.RY(0.4 + angle / 3, 1),
        qml.CNOT([0, 1]),
        qml.RY(angle / 2, 0),
    ]
    return qml.tape.QuantumScript(gates, [qml.probs(wires=[0, 1])], shots=shots)


def tapes(n: int, shots: int | None = None, start: float = 0.1) -> list[qml.tape.QuantumScript]:
    """Circuits that all differ."""
    return [tape(start + 0.01 * i, shots) for i in range(n)]


def run(device: qml.devices.Device, circuits: Sequence[qml.tape.QuantumScript]) -> np.ndarray:
    """Probabilities of all circuits; shape ``(n_circuits, 4)``."""
    return np.array(qml.execute(circuits, device, diff_method=None), dtype=float)


def truth(circuits: Sequence[qml.tape.QuantumScript]) -> np.ndarray:
    """The same values, exactly, from ``default.qubit``."""
    exact = [one.copy(shots=None) for one in circuits]
    return run(qml.device("default.qubit"), exact)


def give_up(
    server: FaultServer, device: qml.devices.Device, circuits: Sequence[qml.tape.QuantumScript]
) -> str:
    """Execute, and press Ctrl-C when the service is asked for the job; gives its id."""
    n_asked = server.count("job")

    def press() -> None:
        deadline = time.monotonic() + 10
        while server.count("job") == n_asked and time.monotonic() < deadline:
            time.sleep(0.001)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        device.execute(circuits)
    thread.join()
    return list(server.jobs)[-1]
