"""One job of 258 native circuits on the embedded emulator, beside ``default.qubit``.

Each circuit has 8 qubits and about 110 native gates: four layers of random rotations and CNOTs,
compiled beforehand. The emulator's time is that of the whole round trip: JSON, submission,
simulation, results, outcomes, probabilities. ``default.qubit`` executes the same circuits, once as
the native gates that are sent and once as they were before they were compiled. ``--loop`` compares
the one job with a call for each circuit instead.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import pennylane as qml
from pennylane.tape import QuantumScript
from record import save

N_QUBITS, N_LAYERS, N_CIRCUITS = 8, 4, 258


def operations(rng: np.random.Generator) -> list[qml.operation.Operator]:
    """Layers of RY and RZ on every qubit, and CNOTs between neighbours; RY at the end."""
    ops: list[qml.operation.Operator] = []
    for _ in range(N_LAYERS):
        for wire in range(N_QUBITS):
            ops += [qml.RY(rng.uniform(-3, 3), wire), qml.RZ(rng.uniform(-3, 3), wire)]
        ops += [qml.CNOT([wire, wire + 1]) for wire in range(N_QUBITS - 1)]
    return ops + [qml.RY(rng.uniform(-3, 3), wire) for wire in range(N_QUBITS)]


def timed(device: qml.devices.Device, tapes: Sequence[QuantumScript]) -> tuple[float, np.ndarray]:
    """Seconds to execute the tapes, and the probabilities, shape ``(n_circuits, 256)``."""
    start = time.perf_counter()
    results = device.execute(tapes)
    return time.perf_counter() - start, np.array(results)


def one_by_one(
    device: qml.devices.Device, tapes: Sequence[QuantumScript]
) -> tuple[float, np.ndarray]:
    """The same with a call for each circuit."""
    parts = [timed(device, [tape]) for tape in tapes]
    return sum(seconds for seconds, _ in parts), np.concatenate([found for _, found in parts])


def compare_loop(
    device: qml.devices.Device, tapes: Sequence[QuantumScript], rounds: int
) -> dict[str, float]:
    """Milliseconds a circuit in one job and in a loop, in turns."""
    pairs = [(timed(device, tapes)[0], one_by_one(device, tapes)[0]) for _ in range(rounds)]
    one_job, loop = (
        1e3 * statistics.median(part) / len(tapes) for part in zip(*pairs, strict=True)
    )
    ratio = statistics.median(alone / together for together, alone in pairs)
    return {"one_job_ms": one_job, "loop_ms": loop, "loop_over_one_job": ratio}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each is timed")
    parser.add_argument("--loop", action="store_true", help="one job against a call for each")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    measured = [qml.probs(wires=range(N_QUBITS))]
    sources = [QuantumScript(operations(rng), measured) for _ in range(N_CIRCUITS)]
    ours = qml.device("qstore.ionq", wires=N_QUBITS, cache=False, progress=False)
    peer = qml.device("default.qubit", wires=N_QUBITS)
    compiled, _ = ours.preprocess_transforms()(sources)
    with qml.Tracker(ours) as tracker:
        ours.execute(compiled)  # compiles, once for all rounds
    jobs = int(tracker.totals["jobs"])
    if args.loop:
        found = compare_loop(ours, compiled, args.rounds)
        print(found)
        save("emulator_loop", {"rounds": args.rounds, "n_circuits": N_CIRCUITS, **found})
        return
    native = [QuantumScript(tape.operations, measured) for tape in compiled]
    cases: dict[str, Callable[[], tuple[float, np.ndarray]]] = {
        "emulator": lambda: timed(ours, compiled),
        "default.qubit, native gates": lambda: timed(peer, native),
        "default.qubit, RY RZ CNOT": lambda: timed(peer, sources),
    }
    found = {name: case()[1] for name, case in cases.items()}  # also warms everything up
    reference = found["default.qubit, RY RZ CNOT"]
    deviation = {name: float(np.max(np.abs(p - reference))) for name, p in found.items()}

    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(args.rounds):
        names = list(cases)
        for name in names if turn % 2 else names[::-1]:
            times[name].append(cases[name]()[0])
    gates = statistics.mean(len(tape.operations) for tape in native)
    per_circuit = {n: 1e3 * statistics.median(t) / N_CIRCUITS for n, t in times.items()}
    ratios = {
        name: statistics.median(
            mine / other for mine, other in zip(times["emulator"], values, strict=True)
        )
        for name, values in times.items()
    }
    print(f"{N_CIRCUITS} circuits, {N_QUBITS} qubits, {gates:.0f} native gates each, {jobs} job")
    print(f"{'executed by':<30} {'ms/circuit':>10} {'emulator takes':>15} {'deviation':>10}")
    for name, value in per_circuit.items():
        print(f"{name:<30} {value:10.3f} {ratios[name]:13.2f} x {deviation[name]:10.1e}")
    save(
        "emulator",
        {
            "rounds": args.rounds,
            "n_circuits": N_CIRCUITS,
            "n_qubits": N_QUBITS,
            "n_jobs": jobs,
            "native_gates_per_circuit": gates,
            "median_ms_per_circuit": per_circuit,
            "emulator_over_peer": ratios,
            "largest_deviation_of_a_probability": deviation,
        },
    )


if __name__ == "__main__":
    main()
