"""A finished training script run again, against its first run.

Fifty SPSA steps of an 8-qubit ansatz with 100 shots on a service whose jobs take 0.2 s. The second
run is a fresh device on the same cache; the service counts what it asks for.
"""

import argparse
import statistics
import tempfile
import time
from urllib.request import urlopen

import numpy as np
import orjson
import pennylane as qml
from job_server import running
from record import save

from pennylane_qstore import HardwareEfficientAnsatz
from pennylane_qstore.optimize import SPSAOptimizer

N_QUBITS, N_LAYERS, N_STEPS = 8, 2, 50
BAR = 20


def train(port: int, directory: str) -> tuple[float, list[float]]:
    """Seconds and losses of one run of the script, without the import."""
    started = time.perf_counter()
    device = qml.device(
        "qstore.ionq",
        wires=N_QUBITS,
        backend="simulator",
        noise_model="forte-1",
        base_url=f"http://127.0.0.1:{port}",
        api_key="key",
        cache=directory,
        progress=False,
    )

    @qml.qnode(device, shots=100)
    def loss(params):
        HardwareEfficientAnsatz(params, wires=range(N_QUBITS))
        return qml.expval(qml.Z(0) @ qml.Z(1))

    params = np.random.default_rng(0).uniform(-1, 1, HardwareEfficientAnsatz.shape(2, N_QUBITS))
    optimizer, history = SPSAOptimizer(maxiter=N_STEPS, seed=1), []
    for _ in range(N_STEPS):
        params, value = optimizer.step_and_cost(loss, params)
        history.append(float(value))
    return time.perf_counter() - started, history


def asked(port: int) -> dict:
    """What the service counted since the last question."""
    with urlopen(f"http://127.0.0.1:{port}/control/reset") as answer:
        return orjson.loads(answer.read())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often both runs are timed")
    rows = []
    with running(latency_s=0.02, job_s=0.2, outcomes=16) as port:
        for _ in range(parser.parse_args().rounds):
            with tempfile.TemporaryDirectory() as directory:
                first_s, history = train(port, directory)
                first = asked(port)
                second_s, again = train(port, directory)
                rows.append(
                    {
                        "first_s": first_s,
                        "again_s": second_s,
                        "ratio": first_s / second_s,
                        "requests_first": first.get("requests", 0),
                        "requests_again": asked(port).get("requests", 0),
                        "equal": history == again,
                    }
                )
                print({key: round(value, 3) for key, value in rows[-1].items()})
    ratio = statistics.median(row["ratio"] for row in rows)
    print(f"again: {ratio:.1f} x faster (bar {BAR})")
    save("rerun", {"rounds": rows, "median_ratio": ratio})


if __name__ == "__main__":
    main()
