"""One gradient of a circuit, by every route, timed in turns.

Eight qubits, four layers of RY and RZ with CNOTs between neighbours: 64 parameters. The Hamiltonian
has two groups of terms that are measured together, so on a machine a gradient is 2 x 64 x 2 = 256
circuits, and 258 with the value itself. The cache is off.

Whole time, on the embedded emulator: ``qstore.ionq`` differentiating by itself, by PennyLane's
parameter-shift transform, and PennyLane's simulators by parameter shift. A simulator takes the
whole Hamiltonian from one state and needs half as many circuits; ``split`` makes it run the same
258.

Client time: what is left without the service, for ``qstore.ionq`` by both routes and for
pennylane-ionq, whose requests go to the same emulator.

``--rounds 0`` times nothing and counts only what a gradient with its value takes, exact.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pennylane as qml
import pennylane_ionq.api_client
from pennylane import numpy as pnp
from record import save
from starlette.testclient import TestClient

import pennylane_qstore.backend
from pennylane_qstore import HardwareEfficientAnsatz
from pennylane_qstore.emulator import create_app

N_QUBITS, N_LAYERS = 8, 4
CASES = {
    "qstore.ionq": ("qstore.ionq", "device", False),
    "qstore.ionq, parameter-shift": ("qstore.ionq", "parameter-shift", False),
    "lightning.qubit": ("lightning.qubit", "parameter-shift", False),
    "lightning.qubit, split": ("lightning.qubit", "parameter-shift", True),
    "default.qubit": ("default.qubit", "parameter-shift", False),
    "pennylane-ionq": ("ionq.simulator", "parameter-shift", False),
}


class Stopwatch:
    """Adds up the time that the service takes."""

    seconds = 0.0

    def timed_app(self, *options):
        app = create_app(*options)

        async def timed(scope, receive, send):
            start = time.perf_counter()
            await app(scope, receive, send)
            self.seconds += time.perf_counter() - start

        return timed

    def timed_requests(self):
        """What pennylane-ionq uses of ``requests``, answered by an emulator."""
        client = TestClient(create_app(), base_url="https://api.ionq.co")

        def call(method):
            def request(url, timeout=None, headers=None, params=None, data=None):
                start = time.perf_counter()
                answer = client.request(method, url, headers=headers, params=params, content=data)
                self.seconds += time.perf_counter() - start
                return answer

            return request

        return SimpleNamespace(get=call("GET"), post=call("POST"))


def hamiltonian() -> qml.operation.Operator:
    """Transverse-field Ising chain: ZZ terms in one measurement group, X terms in the other."""
    zz = [qml.Z(i) @ qml.Z(i + 1) for i in range(N_QUBITS - 1)]
    x = [qml.X(i) for i in range(N_QUBITS)]
    return qml.Hamiltonian([-1.0] * len(zz) + [-0.5] * len(x), zz + x, grouping_type="qwc")


def make_gradient(case: str, shots: int | None) -> tuple[qml.devices.Device, Callable]:
    """A device and the gradient function of the energy on it."""
    name, method, split = CASES[case]
    options = {"cache": False, "progress": False} if name == "qstore.ionq" else {}
    if name == "ionq.simulator":
        options = {"api_key": "none"}
    device = qml.device(name, wires=N_QUBITS, **options)

    @qml.qnode(device, diff_method=method)
    def energy(params):
        HardwareEfficientAnsatz(params, wires=range(N_QUBITS))
        return qml.expval(hamiltonian())

    if shots:
        energy = qml.set_shots(energy, shots)
    if split:
        energy = qml.transforms.split_non_commuting(energy, grouping_strategy="qwc")
    return device, qml.grad(energy)


def measure(cases: list[str], shots: int | None, rounds: int, watch: Stopwatch) -> dict:
    """Whole and client seconds of each case, in turns; and the ratios to the first."""
    shape = HardwareEfficientAnsatz.shape(N_LAYERS, N_QUBITS)
    params = pnp.array(np.random.default_rng(0).uniform(-3, 3, shape), requires_grad=True)
    gradients = {case: make_gradient(case, shots)[1] for case in cases}
    values = {case: gradient(params) for case, gradient in gradients.items()}  # and warms up
    whole: dict[str, list[float]] = {case: [] for case in cases}
    client: dict[str, list[float]] = {case: [] for case in cases}
    for turn in range(rounds):
        for case in cases if turn % 2 else cases[::-1]:
            watch.seconds, start = 0.0, time.perf_counter()
            gradients[case](params)
            whole[case].append(time.perf_counter() - start)
            client[case].append(whole[case][-1] - watch.seconds)
    first = cases[0]
    report = {}
    for case in cases:
        pairs = zip(whole[case], whole[first], strict=True)
        client_pairs = zip(client[case], client[first], strict=True)
        report[case] = {
            "median_s": statistics.median(whole[case]),
            "client_median_s": statistics.median(client[case]),
            "over_first": statistics.median(a / b for a, b in pairs),
            "client_over_first": statistics.median(a / b for a, b in client_pairs),
            "largest_deviation": float(np.max(np.abs(values[case] - values[first]))),
        }
    return report


def count() -> dict[str, dict[str, int]]:
    """Circuits, and jobs where there are any, of an exact gradient and its value."""
    shape = HardwareEfficientAnsatz.shape(N_LAYERS, N_QUBITS)
    params = pnp.array(np.random.default_rng(0).uniform(-3, 3, shape), requires_grad=True)
    counted = {}
    for case in ("qstore.ionq", "qstore.ionq, parameter-shift", "lightning.qubit, split"):
        device, gradient = make_gradient(case, None)
        with qml.Tracker(device) as tracker:
            gradient(params)
        circuits = tracker.totals.get("circuits", tracker.totals["executions"])
        counted[case] = {"circuits": int(circuits), "jobs": int(tracker.totals.get("jobs", 0))}
    return counted


def show(title: str, report: dict) -> None:
    print(title)
    heads = ("median s", "x first", "client s", "x first", "differs")
    print(f"  {'route':<30}" + "".join(f"{head:>10}" for head in heads))
    for case, row in report.items():
        print(
            f"  {case:<30}{row['median_s']:10.3f}{row['over_first']:10.2f}"
            f"{row['client_median_s']:10.3f}{row['client_over_first']:10.2f}"
            f"{row['largest_deviation']:10.1e}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each route is timed")
    rounds = parser.parse_args().rounds
    counted = count()
    print(counted)
    save("gradient_counts", counted)
    if not rounds:
        return
    watch = Stopwatch()
    pennylane_qstore.backend.create_app = watch.timed_app
    pennylane_ionq.api_client.requests = watch.timed_requests()
    everyone = list(CASES)
    results = {"analytic": measure(everyone[:-1], None, rounds, watch)}
    show("analytic", results["analytic"])
    results["1000 shots"] = measure(everyone, 1000, rounds, watch)
    show("1000 shots", results["1000 shots"])
    save("gradient", {"rounds": rounds, **results})


if __name__ == "__main__":
    main()
