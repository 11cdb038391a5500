"""One parameter-shift gradient, timed in turns on several devices.

Eight qubits, four layers of RY and RZ with CNOTs between neighbours: 64 parameters. The Hamiltonian
has two groups of terms that are measured together, so on a machine a gradient is 2 x 64 x 2 = 256
circuits, and 258 with the value itself. ``qstore.ionq`` compiles them to native gates and runs them
on the embedded emulator, with the cache off.

A simulator takes the whole Hamiltonian from one state and needs half as many circuits. The case
``lightning.qubit, split`` runs the same 258 circuits as ``qstore.ionq``.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pennylane as qml
from pennylane import numpy as pnp
from record import save

from pennylane_qstore import HardwareEfficientAnsatz

N_QUBITS, N_LAYERS = 8, 4
DEVICES = ("qstore.ionq", "lightning.qubit", "lightning.qubit, split", "default.qubit")


def hamiltonian() -> qml.operation.Operator:
    """Transverse-field Ising chain: ZZ terms in one measurement group, X terms in the other."""
    zz = [qml.Z(i) @ qml.Z(i + 1) for i in range(N_QUBITS - 1)]
    x = [qml.X(i) for i in range(N_QUBITS)]
    return qml.Hamiltonian([-1.0] * len(zz) + [-0.5] * len(x), zz + x, grouping_type="qwc")


def gradient(name: str) -> tuple[qml.devices.Device, Callable[..., np.ndarray]]:
    """A device and the gradient function of the energy on it."""
    short_name, _, split = name.partition(", ")
    options = {"cache": False, "progress": False} if name == "qstore.ionq" else {}
    device = qml.device(short_name, wires=N_QUBITS, **options)

    @qml.qnode(device, diff_method="parameter-shift")
    def energy(params):
        HardwareEfficientAnsatz(params, wires=range(N_QUBITS))
        return qml.expval(hamiltonian())

    if split:
        energy = qml.transforms.split_non_commuting(energy, grouping_strategy="qwc")
    return device, qml.grad(energy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each device is timed")
    args = parser.parse_args()
    shape = HardwareEfficientAnsatz.shape(N_LAYERS, N_QUBITS)
    params = pnp.array(np.random.default_rng(0).uniform(-3, 3, shape), requires_grad=True)
    cases = {name: gradient(name) for name in DEVICES}
    gradients, executed = {}, {}
    for name, (device, function) in cases.items():  # also warms everything up
        with qml.Tracker(device) as tracker:
            gradients[name] = function(params)
        totals = tracker.totals
        executed[name] = int(totals.get("simulations", totals["executions"]))
        if name == "qstore.ionq":
            counts = {key: int(tracker.totals[key]) for key in ("batches", "jobs", "circuits")}
    deviation = float(np.max(np.abs(gradients["qstore.ionq"] - gradients["default.qubit"])))

    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(args.rounds):
        names = list(cases)
        for name in names if turn % 2 else names[::-1]:
            start = time.perf_counter()
            cases[name][1](params)
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratios = {
        name: statistics.median(
            ours / peer for ours, peer in zip(times["qstore.ionq"], times[name], strict=True)
        )
        for name in cases
    }
    print(f"one gradient on qstore.ionq: {counts}; differs from default.qubit by {deviation:.1e}")
    print(f"{'device':<24} {'circuits':>8} {'median s':>9} {'min s':>7} {'qstore.ionq takes':>18}")
    for name, median in medians.items():
        print(
            f"{name:<24} {executed[name]:8d} {median:9.3f} {min(times[name]):7.3f}"
            f" {ratios[name]:16.2f} x"
        )
    save(
        "gradient",
        {
            "rounds": args.rounds,
            "qstore_ionq_counts": counts,
            "circuits": executed,
            "largest_deviation_from_default_qubit": deviation,
            "median_s": medians,
            "min_s": {name: min(values) for name, values in times.items()},
            "qstore_ionq_over_peer": ratios,
        },
    )


if __name__ == "__main__":
    main()
