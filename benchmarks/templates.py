"""Native gates of the templates, and the loss they reach with equal circuits.

    OMP_NUM_THREADS=1 python -m benchmarks.templates [--seeds 10] [--circuits 3000] [--save]

The transverse-field Ising chain on six wires, four layers each, trained by ``SPSAOptimizer()`` as
it comes from starts within 0.5 rad. All ansätze get the same number of circuits of equal shots,
two for each evaluation (Z and X); the loss at the end is computed exactly, without noise.

Gates are those sent for a measurement of all wires at random angles: entangling gates, and pulses
on one ion. The interaction is what MS gates add up to after training, in fully entangling gates.
"""

import argparse
import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pennylane as qml

from benchmarks.optimizers.ours import OURS
from benchmarks.optimizers.problems import BudgetSpent, Oracle, Problem, all_problems
from benchmarks.optimizers.simulate import Gate
from benchmarks.record import save
from pennylane_qstore.compile.report import Stage
from pennylane_qstore.inspection import report
from pennylane_qstore.templates import HardwareEfficientAnsatz, TrappedIonAnsatz

N_WIRES, N_LAYERS, SHOTS, SPREAD = 6, 4, 1000, 0.5
WIRES = range(N_WIRES)
Ansatz = tuple[tuple[int, ...], Callable[[Any], Any]]


def textbook(
    entanglement: str, rotations: tuple[str, ...] = ("RY", "RZ"), *, n_wires: int = N_WIRES
) -> Ansatz:
    shape = HardwareEfficientAnsatz.shape(N_LAYERS, n_wires, rotations=rotations)
    return shape, lambda params: HardwareEfficientAnsatz(
        params, range(n_wires), entanglement=entanglement, rotations=rotations
    )


def ion(interaction: str, rotations: tuple[str, ...] = ("RY", "RZ")) -> Ansatz:
    shape = TrappedIonAnsatz.shape(N_LAYERS, N_WIRES, rotations=rotations)
    return shape, lambda params: TrappedIonAnsatz(
        params, WIRES, n_layers=N_LAYERS, interaction=interaction, rotations=rotations
    )


ANSAETZE: dict[str, Ansatz] = {
    "textbook: RY, RZ, CNOT, linear": textbook("linear"),
    "RY, CNOT, linear": textbook("linear", ("RY",)),
    "RY, RZ, CNOT, brickwork": textbook("brickwork"),
    "RY, CNOT, brickwork": textbook("brickwork", ("RY",)),
    "TrappedIonAnsatz XX, RY, RZ": ion("XX"),
    "TrappedIonAnsatz ZZ, RY, RZ": ion("ZZ"),
    "TrappedIonAnsatz ZZ, RY": ion("ZZ", ("RY",)),
}


def gates(ansatz: Ansatz, interaction: str, params: Any) -> Stage:
    """What is sent to a machine with MS or with ZZ gates."""
    tape = qml.tape.QuantumScript([ansatz[1](params)], [qml.probs(wires=WIRES)])
    # The emulator with the gates of a machine; nothing is run.
    machine = {"MS": "aria-1", "ZZ": "forte-1"}[interaction]
    device = qml.device("qstore.ionq", wires=N_WIRES, noise_model=machine, cache=False)
    return report(tape, device)[0].stages[-1]


def problem_of(ansatz: Ansatz, name: str = "tfim") -> Problem:
    """The gates of a template on the optimizers' benchmark's simulator: same terms, same shots."""
    shape, build = ansatz
    # Angles that are their own indices say which gate has which parameter.
    numbers = np.arange(np.prod(shape), dtype=float).reshape(shape)
    gates = tuple(
        Gate(op.name, tuple(op.wires), int(op.data[0]) if op.data else None)
        for op in build(numbers).decomposition()
    )
    given = all_problems()[name]
    return Problem(name, given.n_qubits, gates, given.terms, given.targets, SPREAD)


def train(problem: Problem, seed: int, budget: int) -> tuple[float, Any]:
    """The exact loss after so many circuits, and where it is reached."""
    oracle = Oracle(problem, seed=seed, shots=SHOTS, limit=budget)
    reached = [problem.start(seed)]
    with contextlib.suppress(BudgetSpent):
        OURS["SPSA"][0](oracle, problem.start(seed), seed, reached.append)
    return problem.exact(reached[-1]), reached[-1]


def measure_one(name: str, ansatz: Ansatz, seeds: int, circuits: int) -> dict[str, Any]:
    problem, shape = problem_of(ansatz), ansatz[0]
    runs = [train(problem, seed, circuits) for seed in range(seeds)]
    low, median, high = np.quantile([loss for loss, _ in runs], [0.25, 0.5, 0.75])
    angles = [gates(ansatz, "MS", params.reshape(shape)).angle for _, params in runs]
    anywhere = np.random.default_rng(0).uniform(-np.pi, np.pi, shape)
    ms, zz = (gates(ansatz, interaction, anywhere) for interaction in ("MS", "ZZ"))
    return {
        "ansatz": name,
        "angles": int(np.prod(shape)),
        "ms_gates": ms.n_entangling,
        "pulses_with_ms": ms.n_pulses,
        "zz_gates": zz.n_entangling,
        "pulses_with_zz": zz.n_pulses,
        "interaction_trained": round(float(np.median(angles)), 2),
        "losses": [round(loss, 4) for loss, _ in runs],
        "median": round(float(median), 4),
        "quartiles": [round(float(low), 4), round(float(high), 4)],
    }


def measure(seeds: int, circuits: int) -> dict[str, Any]:
    chain = all_problems()["tfim"].hamiltonian()
    lowest = float(np.linalg.eigvalsh(qml.matrix(chain, wire_order=WIRES))[0])
    print(f"ground state {lowest:.4f}, {seeds} seeds, {circuits} circuits of {SHOTS} shots each")
    print(
        "| Ansatz | Angles | MS | pulses | ZZ | pulses | Interaction trained | Median loss "
        "| quartiles | best |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    rows = []
    for name, ansatz in ANSAETZE.items():
        row = measure_one(name, ansatz, seeds, circuits)
        rows.append(row)
        low, high = row["quartiles"]
        print(
            f"| {name} | {row['angles']} | {row['ms_gates']} | {row['pulses_with_ms']} "
            f"| {row['zz_gates']} | {row['pulses_with_zz']} | {row['interaction_trained']} "
            f"| {row['median']:.3f} | {low:.3f} to {high:.3f} | {min(row['losses']):.3f} |",
            flush=True,
        )
    settings = {"seeds": seeds, "circuits": circuits, "shots": SHOTS, "spread": SPREAD}
    return {"ground_state": round(lowest, 4), **settings, "ansaetze": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--circuits", type=int, default=3000)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    results = measure(arguments.seeds, arguments.circuits)
    if arguments.save:
        save("templates", results)


if __name__ == "__main__":
    main()
