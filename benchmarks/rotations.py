"""One, two or three rotations a layer: gates, independent angles, expressibility, loss.

    OMP_NUM_THREADS=1 python -m benchmarks.rotations [--seeds 20] [--circuits 3000] [--save]

``HardwareEfficientAnsatz``, four layers. On six wires: entangling gates and pulses that are sent
to a machine with MS gates for a measurement of all wires at random angles; how many angles change
the state independently of each other (rank of the derivative at random angles); and how far the
fidelities of pairs of states are from those of random states (Kullback-Leibler divergence in nats,
20 bins that random states fill alike; Sim et al., Advanced Quantum Technologies 2, 1900070, 2019).

The losses, computed exactly, after equal numbers of circuits of equal shots by ``SPSAOptimizer()``:
the transverse-field Ising chain (real: RY alone can reach its ground state) on six wires, and
twelve random Pauli words on five (complex).
"""

import argparse
from typing import Any

import numpy as np
import pennylane as qml

from benchmarks.optimizers.problems import all_problems
from benchmarks.record import save
from benchmarks.templates import (
    N_LAYERS,
    N_WIRES,
    SHOTS,
    Ansatz,
    gates,
    problem_of,
    textbook,
    train,
)
from pennylane_qstore.templates import STANDARD_ROTATIONS

PAIRS, BINS = 5000, 20
ROTATIONS: tuple[tuple[str, ...], ...] = (("RY",), ("RY", "RZ"), STANDARD_ROTATIONS)
ENTANGLEMENTS = ("linear", "brickwork")
PROBLEMS = ("tfim", "random_words")


def states(ansatz: Ansatz, points: Any) -> Any:
    """States of the ansatz at points, shape ``(n_points, 2**n_wires)``."""
    problem = problem_of(ansatz)
    return problem.simulator.states(problem.angles(points))


def independent_angles(ansatz: Ansatz) -> int:
    """Rank of the derivative of the state by the angles, its norm and phase left out."""
    n = int(np.prod(ansatz[0]))
    point = np.random.default_rng(1).uniform(-np.pi, np.pi, n)
    step = 1e-5 * np.eye(n)
    state = states(ansatz, point[None])[0]
    slopes = (states(ansatz, point + step) - states(ansatz, point - step)) / 2e-5
    slopes = slopes - (slopes @ state.conj())[:, None] * state
    return int(np.linalg.matrix_rank(np.hstack([slopes.real, slopes.imag]), tol=1e-6))


def expressibility(ansatz: Ansatz) -> float:
    """Divergence of the fidelities of random pairs from those of random states, in nats."""
    n, dimension = int(np.prod(ansatz[0])), 2**N_WIRES
    points = np.random.default_rng(2).uniform(-np.pi, np.pi, (2 * PAIRS, n))
    left, right = np.split(states(ansatz, points), 2)
    fidelities = np.abs(np.einsum("ij,ij->i", left.conj(), right)) ** 2
    # Of random states, a fidelity below f has probability 1 - (1 - f)**(dimension - 1).
    levels = 1 - (1 - fidelities) ** (dimension - 1)
    shares = np.histogram(levels, BINS, (0, 1))[0] / PAIRS
    seen = shares[shares > 0]
    return float((seen * np.log(seen * BINS)).sum())


def measure_one(
    rotations: tuple[str, ...], entanglement: str, seeds: int, circuits: int
) -> dict[str, Any]:
    ansatz = textbook(entanglement, rotations)
    anywhere = np.random.default_rng(0).uniform(-np.pi, np.pi, ansatz[0])
    sent = gates(ansatz, "MS", anywhere)
    row: dict[str, Any] = {
        "rotations": " ".join(rotations),
        "entanglement": entanglement,
        "angles": int(np.prod(ansatz[0])),
        "independent_angles": independent_angles(ansatz),
        "ms_gates": sent.n_entangling,
        "pulses": sent.n_pulses,
        "divergence_from_random": round(expressibility(ansatz), 4),
    }
    for name in PROBLEMS:
        n_wires = all_problems()[name].n_qubits
        problem = problem_of(textbook(entanglement, rotations, n_wires=n_wires), name)
        losses = [train(problem, seed, circuits)[0] for seed in range(seeds)]
        row[name] = {
            "losses": [round(loss, 4) for loss in losses],
            "mean": round(float(np.mean(losses)), 4),
            "standard_error": round(float(np.std(losses, ddof=1) / np.sqrt(seeds)), 4),
        }
    return row


def lowest(name: str) -> float:
    """Ground-state energy of a problem."""
    problem = all_problems()[name]
    matrix = qml.matrix(problem.hamiltonian(), wire_order=range(problem.n_qubits))
    return float(np.linalg.eigvalsh(matrix)[0])


def measure(seeds: int, circuits: int) -> dict[str, Any]:
    ground = {name: round(lowest(name), 4) for name in PROBLEMS}
    print(f"{seeds} seeds, {circuits} circuits of {SHOTS} shots each; ground states {ground}")
    print(
        "| Rotations | Entanglement | Angles | independent | MS | pulses | Divergence "
        "| Ising chain | random words |\n|---|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    rows = []
    for entanglement in ENTANGLEMENTS:
        for rotations in ROTATIONS:
            row = measure_one(rotations, entanglement, seeds, circuits)
            rows.append(row)
            losses = " | ".join(
                f"{row[name]['mean']:.3f} ± {row[name]['standard_error']:.3f}" for name in PROBLEMS
            )
            print(
                f"| {row['rotations']} | {entanglement} | {row['angles']} "
                f"| {row['independent_angles']} | {row['ms_gates']} | {row['pulses']} "
                f"| {row['divergence_from_random']:.3f} | {losses} |",
                flush=True,
            )
    settings = {"layers": N_LAYERS, "seeds": seeds, "circuits": circuits, "shots": SHOTS}
    return {**settings, "ground_states": ground, "ansaetze": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--circuits", type=int, default=3000)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    results = measure(arguments.seeds, arguments.circuits)
    if arguments.save:
        save("rotations", results)


if __name__ == "__main__":
    main()
