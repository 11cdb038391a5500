"""One gradient by every way to send it: one circuit after the other, batched, from the cache.

The baseline is what a plain loop does: PennyLane's parameter shift, each circuit sent and waited
for. All arms execute the same 64 shifted circuits (8 qubits, 32 parameters, 100 shots) on a service
with 20 ms latency, jobs of 0.2 s and 10 ms for each circuit, and 8 slots, in turns; a ratio is of
one round. ``cached`` is a new device that finds the results of a run before on its disk.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

import numpy as np
import orjson
import pennylane as qml
from job_server import running
from pennylane import numpy as pnp
from record import save

from pennylane_qstore import HardwareEfficientAnsatz

N_QUBITS, N_LAYERS, SHOTS = 8, 2, 100
SERVICE = {"latency_s": 0.02, "job_s": 0.2, "circuit_s": 0.01, "slots": 8}
MODES = ("concurrent", "multicircuit", "auto")


def connect(port: int, **options: Any) -> qml.devices.Device:
    return qml.device(
        "qstore.ionq",
        wires=N_QUBITS,
        backend="simulator",
        noise_model="aria-1",
        base_url=f"http://127.0.0.1:{port}",
        api_key="key",
        journal=False,
        progress=False,
        **{"cache": False, **options},
    )


def shifted() -> list[qml.tape.QuantumScript]:
    """The circuits of the gradient, by PennyLane."""
    shape = HardwareEfficientAnsatz.shape(N_LAYERS, N_QUBITS)
    params = pnp.array(np.random.default_rng(0).uniform(-3, 3, shape), requires_grad=True)
    ansatz = HardwareEfficientAnsatz(params, wires=range(N_QUBITS))
    observable = qml.Z(0) @ qml.Z(N_QUBITS - 1)
    tape = qml.tape.QuantumScript(ansatz.decomposition(), [qml.expval(observable)], shots=SHOTS)
    return list(qml.gradients.param_shift(tape)[0])


@contextmanager
def arms(
    port: int, tapes: Sequence[qml.tape.QuantumScript]
) -> Iterator[dict[str, Callable[[], object]]]:
    """Each arm as a function; devices know their service and have compiled the structure."""
    with tempfile.TemporaryDirectory() as folder:
        devices = {name: connect(port, batch_mode=name) for name in MODES}
        devices["sequential"] = connect(port)
        for device in (*devices.values(), connect(port, cache=folder)):
            device.execute(tapes)
        alone = devices.pop("sequential")
        made: dict[str, Callable[[], object]] = {
            "one after the other": lambda: [alone.execute(tape) for tape in tapes]
        }
        for name, device in devices.items():
            made[name] = lambda device=device: device.execute(tapes)
        made["cached"] = lambda: connect(port, cache=folder).execute(tapes)
        yield made


def measured(port: int, run: Callable[[], object]) -> dict[str, float]:
    urlopen(f"http://127.0.0.1:{port}/control/reset").close()
    started = time.perf_counter()
    run()
    seconds = time.perf_counter() - started
    with urlopen(f"http://127.0.0.1:{port}/control/stats") as answer:
        stats = orjson.loads(answer.read())
    return {"seconds": seconds, "jobs": stats.get("jobs", 0), "requests": stats.get("requests", 0)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each arm is timed")
    tapes = shifted()
    rounds: list[dict[str, dict[str, float]]] = []
    with running(**SERVICE) as port, arms(port, tapes) as ways:
        for turn in range(parser.parse_args().rounds):
            names = list(ways) if turn % 2 else list(ways)[::-1]
            rounds.append({name: measured(port, ways[name]) for name in names})
            print({name: round(row["seconds"], 3) for name, row in rounds[-1].items()}, flush=True)
    table = {}
    for name in ways:
        ratios = [one["one after the other"]["seconds"] / one[name]["seconds"] for one in rounds]
        table[name] = {
            "median_s": statistics.median(one[name]["seconds"] for one in rounds),
            "faster": statistics.median(ratios),
            "faster_least": min(ratios),
            "faster_most": max(ratios),
            "jobs": max(one[name]["jobs"] for one in rounds),
            "requests": max(one[name]["requests"] for one in rounds),
        }
        print(f"{name:20} {table[name]}")
    save("arms", {"service": SERVICE, "circuits": len(tapes), "rounds": len(rounds), "arms": table})


if __name__ == "__main__":
    main()
