"""Errors of expectation values under a machine's noise model, mitigated and not, at equal shots.

    OMP_NUM_THREADS=1 python -m benchmarks.mitigation [--circuits 50] [--save]

Circuits of a hardware-efficient ansatz on four wires, four layers, with random angles; the value is
that of Z on the first two wires. Every method gets the same total of shots for a value, on the
embedded emulator with IonQ's published noise models. The peer is PennyLane's ``mitigate_with_zne``
with its global folding, on the same device at level 0, where folding survives compilation. "Known
noise" methods are told the noise model; the others are not.

Error is the root mean square over circuits of what is measured less what is exact, with its
standard error from resampling circuits.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pennylane as qml

from benchmarks.record import save
from pennylane_qstore import HardwareEfficientAnsatz, to_ionq_native
from pennylane_qstore.mitigation import PauliNoise, cancel_noise, extrapolate_noise

N_WIRES, N_LAYERS, SPREAD = 4, 4, 0.3
SCALES = (1, 3, 5)
MACHINES, BUDGETS = ("aria-1", "forte-1"), (1_000, 10_000, 100_000)
SHAPE = HardwareEfficientAnsatz.shape(N_LAYERS, N_WIRES)
Method = Callable[[str, Any, int], Any]


def circuit(params: Any) -> Any:
    HardwareEfficientAnsatz(params, wires=range(N_WIRES))
    return qml.expval(qml.Z(0) @ qml.Z(1))


def on(machine: str, seed: int, **options: Any) -> Any:
    """The emulator with a machine's noise model; what is drawn depends on the seed alone."""
    given = {"noise_model": machine, "noise_seed": seed + 1, "cache": False, "progress": False}
    return qml.device("qstore.ionq", wires=N_WIRES, journal=False, **given, **options)


def native(machine: str, seed: int, shots: int) -> Any:
    device = on(machine, seed, batch_mode="multicircuit")
    family = "zz" if machine.startswith("forte") else "ms"
    return to_ionq_native(qml.QNode(circuit, device, shots=shots), target=family)


def plain(machine: str, seed: int, shots: int) -> Any:
    return qml.QNode(circuit, on(machine, seed), shots=shots)


def pennylanes(extrapolate: Any, **options: Any) -> Method:
    def method(machine: str, seed: int, shots: int) -> Any:
        device = on(machine, seed, optimization_level=0)
        qnode = qml.QNode(circuit, device, shots=shots // len(SCALES))
        return qml.noise.mitigate_with_zne(
            qnode, SCALES, qml.noise.fold_global, extrapolate, extrapolate_kwargs=options
        )

    return method


def decayed(machine: str, seed: int, shots: int) -> Any:
    return extrapolate_noise(native(machine, seed, shots))


def richardson(machine: str, seed: int, shots: int) -> Any:
    return extrapolate_noise(native(machine, seed, shots), SCALES, fit=2)


def cancelled(machine: str, seed: int, shots: int) -> Any:
    noise = PauliNoise.published(machine)
    return cancel_noise(native(machine, seed, shots), noise, n_samples=100, seed=seed)


METHODS: dict[str, Method] = {
    "nothing": plain,
    "PennyLane, line": pennylanes(qml.noise.poly_extrapolate, order=1),
    "PennyLane, Richardson": pennylanes(qml.noise.richardson_extrapolate),
    "PennyLane, exponential": pennylanes(qml.noise.exponential_extrapolate),
    "extrapolate_noise()": decayed,
    "extrapolate_noise, Richardson": richardson,
    "cancel_noise, 100 circuits, known noise": cancelled,
}


def root_mean_square(errors: Any) -> tuple[float, float]:
    """With its standard error, over circuits drawn again from these."""
    squares = np.square(errors)
    rng = np.random.default_rng(0)
    again = rng.choice(squares, size=(2000, len(squares))).mean(axis=1)
    return float(np.sqrt(squares.mean())), float(np.sqrt(again).std())


def measure(n_circuits: int) -> list[dict[str, Any]]:
    draws = [np.random.default_rng(seed).normal(0, SPREAD, SHAPE) for seed in range(n_circuits)]
    ideal = qml.QNode(circuit, qml.device("default.qubit", wires=N_WIRES))
    truths = [float(ideal(params)) for params in draws]
    rows = []
    for machine in MACHINES:
        for name, method in METHODS.items():
            row: dict[str, Any] = {"machine": machine, "method": name}
            for shots in BUDGETS:
                found = [
                    float(method(machine, seed, shots)(params)) for seed, params in enumerate(draws)
                ]
                error, uncertainty = root_mean_square(np.subtract(found, truths))
                row[str(shots)] = [round(error, 5), round(uncertainty, 5)]
            rows.append(row)
            cells = " | ".join(f"{e:.4f} ± {u:.4f}" for e, u in (row[str(s)] for s in BUDGETS))
            print(f"| {machine} | {name} | {cells} |", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--circuits", type=int, default=50)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results")
    args = parser.parse_args()
    rows = measure(args.circuits)
    if args.save:
        save("mitigation", {"circuits": args.circuits, "rows": rows})


if __name__ == "__main__":
    main()
