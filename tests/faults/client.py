"""The client under test: impatient, and on a cache directory that outlives it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import numpy as np
import pennylane as qml

from pennylane_qstore.execution import HttpService
from pennylane_qstore.execution.transport import ReadRetryTransport
from tests.faults.server import KEY

SILENCE_S = 0.4
"""Silence after which the client gives a request up."""


@contextmanager
def impatience() -> Iterator[list[float]]:
    """Short time-outs, and waits cut to 10 ms; gives the waits that were asked for."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await anyio.sleep(min(seconds, 0.01))

    service, reads = HttpService.__init__.__kwdefaults__, ReadRetryTransport.__init__
    defaults = (*(reads.__defaults__ or ())[:-1], sleep)
    with (
        patch.dict(service, {"timeout_s": SILENCE_S, "sleep": sleep}),
        patch.object(reads, "__defaults__", defaults),
    ):
        yield waits


def connect(url: str, directory: Path | str, **options: Any) -> qml.devices.Device:
    """A fresh device."""
    options = {"backend": "simulator", "progress": False, "timeout": 8} | options
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
    measured = [qml.expval(qml.Z(0)), qml.expval(qml.Z(0) @ qml.X(1))]
    return qml.tape.QuantumScript(gates, measured if shots is None else measured[:1], shots=shots)


def tapes(n: int, shots: int | None = None, start: float = 0.1) -> list[qml.tape.QuantumScript]:
    """Circuits that all differ."""
    return [tape(start + 0.01 * i, shots) for i in range(n)]


def run(device: qml.devices.Device, circuits: Sequence[qml.tape.QuantumScript]) -> np.ndarray:
    """Values of all circuits; shape ``(n_circuits, n_values)``."""
    return np.array(qml.execute(circuits, device, diff_method=None), dtype=float)


def truth(circuits: Sequence[qml.tape.QuantumScript]) -> np.ndarray:
    """The same values from ``default.qubit``."""
    return run(qml.device("default.qubit"), circuits)
