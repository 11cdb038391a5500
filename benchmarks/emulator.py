"""One job of 258 native circuits on the embedded emulator, beside ``default.qubit``.

Each circuit has 8 qubits and about 110 native gates: four layers of random rotations and CNOTs,
compiled to GPI, GPI2 and MS. The emulator's time is that of the whole round trip: JSON, submission,
simulation, results, outcomes. ``default.qubit`` executes the same circuits, once as the native
gates that are sent and once as the tapes before native lowering, and returns probabilities.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pennylane as qml
from record import save

from pennylane_qstore.compile import lower, target_for, to_operations
from pennylane_qstore.emulator import create_app
from pennylane_qstore.execution import HttpService, Request, Runner, Settings, run_blocking
from pennylane_qstore.native import Circuit

N_QUBITS, N_LAYERS, N_CIRCUITS = 8, 4, 258
SETTINGS = Settings(backend="simulator", exact=True)


def operations(rng: np.random.Generator) -> list[qml.operation.Operator]:
    """Layers of RY and RZ on every qubit, and CNOTs between neighbours; RY at the end."""
    ops: list[qml.operation.Operator] = []
    for _ in range(N_LAYERS):
        for wire in range(N_QUBITS):
            ops += [qml.RY(rng.uniform(-3, 3), wire), qml.RZ(rng.uniform(-3, 3), wire)]
        ops += [qml.CNOT([wire, wire + 1]) for wire in range(N_QUBITS - 1)]
    return ops + [qml.RY(rng.uniform(-3, 3), wire) for wire in range(N_QUBITS)]


def on_emulator(circuits: list[Circuit]) -> tuple[float, np.ndarray]:
    """Seconds for one job, and the probabilities, shape ``(n_circuits, 256)``."""
    runner = Runner(HttpService("http://emulator/v0.4", "emulator", app=create_app()))
    start = time.perf_counter()
    batch = run_blocking(runner.run, [Request(circuit) for circuit in circuits], SETTINGS)
    seconds = time.perf_counter() - start
    assert len(batch.jobs) == 1
    dense = np.zeros((len(circuits), 2**N_QUBITS))
    for row, outcomes in zip(dense, batch.outcomes, strict=True):
        row[outcomes.states] = outcomes.weights
    return seconds, dense


def on_default_qubit(tapes: list[qml.tape.QuantumScript]) -> tuple[float, np.ndarray]:
    """Seconds to execute the tapes, and the probabilities."""
    device = qml.device("default.qubit", wires=N_QUBITS)
    start = time.perf_counter()
    results = device.execute(tapes)
    return time.perf_counter() - start, np.array(results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    wires = qml.wires.Wires(range(N_QUBITS))
    sources = [operations(rng) for _ in range(N_CIRCUITS)]
    target = target_for("emulator")
    circuits = [lower(ops, wires, target=target)[0] for ops in sources]
    measured = [qml.probs(wires=wires)]
    source_tapes = [qml.tape.QuantumScript(ops, measured) for ops in sources]
    native_tapes = [qml.tape.QuantumScript(to_operations(c, wires), measured) for c in circuits]
    cases: dict[str, Callable[[], tuple[float, np.ndarray]]] = {
        "emulator, one job": lambda: on_emulator(circuits),
        "default.qubit, native gates": lambda: on_default_qubit(native_tapes),
        "default.qubit, RY RZ CNOT": lambda: on_default_qubit(source_tapes),
    }
    found = {name: case()[1] for name, case in cases.items()}  # also warms everything up
    reference = found["default.qubit, RY RZ CNOT"]
    deviation = {name: float(np.max(np.abs(p - reference))) for name, p in found.items()}

    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(args.rounds):
        names = list(cases)
        for name in names if turn % 2 else names[::-1]:
            times[name].append(cases[name]()[0])
    ours = times["emulator, one job"]
    gates = statistics.mean(len(circuit.gates) for circuit in circuits)
    per_circuit = {n: 1e3 * statistics.median(t) / N_CIRCUITS for n, t in times.items()}
    ratios = {
        name: statistics.median(mine / peer for mine, peer in zip(ours, values, strict=True))
        for name, values in times.items()
    }
    print(f"{N_CIRCUITS} circuits, {N_QUBITS} qubits, {gates:.0f} native gates each")
    print(f"{'executed by':<30} {'ms/circuit':>10} {'emulator takes':>15} {'deviation':>10}")
    for name, value in per_circuit.items():
        print(f"{name:<30} {value:10.3f} {ratios[name]:13.2f} x {deviation[name]:10.1e}")
    save(
        "emulator",
        {
            "rounds": args.rounds,
            "n_circuits": N_CIRCUITS,
            "n_qubits": N_QUBITS,
            "native_gates_per_circuit": gates,
            "median_ms_per_circuit": per_circuit,
            "emulator_over_peer": ratios,
            "largest_deviation_of_a_probability": deviation,
        },
    )


if __name__ == "__main__":
    main()
