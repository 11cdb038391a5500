"""Architecture search: depth, entanglement and rotations with a price on entangling gates.

    OMP_NUM_THREADS=1 python -m benchmarks.practice.architecture [--seeds 5]

The ground state of a transverse-field Ising chain of four wires at its critical field, on the
emulator under the noise of aria-1, 100 shots, trained by ``SPSAOptimizer()`` as it comes. The score
to make small is the energy on that backend plus a price for each native entangling gate. Every
arm has the same number of circuits in all: the fixed architectures spend it on one training. The
search spends half of it on short trials, each from a start of its own, within a budget of
:func:`pennylane_qstore.training.tune` (optuna's TPE sampler and median pruner), and the rest on
going on from the best of them; with one start for all trials it scored worse. The final energy is
measured on the same backend with many more shots, which count for no arm.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import optuna
import pennylane as qml

from benchmarks.practice.summary import seeds_from_arguments, told
from benchmarks.record import save
from pennylane_qstore.optimize import SPSAOptimizer
from pennylane_qstore.templates import HardwareEfficientAnsatz
from pennylane_qstore.training import SearchBudget, Trainer, tune

N_WIRES = 4
CHAIN = qml.Hamiltonian(
    [-1.0] * (2 * N_WIRES - 1),
    [qml.Z(i) @ qml.Z(i + 1) for i in range(N_WIRES - 1)] + [qml.X(i) for i in range(N_WIRES)],
)
GROUND_ENERGY = float(np.linalg.eigvalsh(qml.matrix(CHAIN, wire_order=range(N_WIRES)))[0])


class Architecture(NamedTuple):
    """Options of :class:`~pennylane_qstore.templates.HardwareEfficientAnsatz`."""

    n_layers: int
    entanglement: str
    rotations: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        return HardwareEfficientAnsatz.shape(self.n_layers, N_WIRES, rotations=self.rotations)

    def apply(self, params: Any) -> None:
        HardwareEfficientAnsatz(
            params,
            wires=range(N_WIRES),
            entanglement=self.entanglement,
            rotations=self.rotations,
        )


FIXED = {
    "fixed: 2 layers, linear, RY RZ": Architecture(2, "linear", ("RY", "RZ")),
    "fixed: 1 layer, linear, RY": Architecture(1, "linear", ("RY",)),
}


@dataclass(frozen=True)
class Settings:
    """What one seed takes."""

    circuits: int = 1600
    trial_steps: int = 6
    shots: int = 100
    final_shots: int = 20_000
    price: float = 0.03
    spread: float = 0.3


def new_device(seed: int) -> qml.devices.Device:
    return qml.device(
        "qstore.ionq",
        wires=N_WIRES,
        noise_model="aria-1",
        noise_seed=seed + 1,
        seed=seed,
        cache=False,
        progress=False,
    )


def energy_on(
    device: qml.devices.Device, shots: int, architecture: Architecture
) -> Callable[..., Any]:
    @qml.set_shots(shots)
    @qml.qnode(device, diff_method=None)
    def energy(params: Any) -> Any:
        architecture.apply(params)
        return qml.expval(CHAIN)

    return energy


def entangling_gates(architecture: Architecture, device: qml.devices.Device) -> int:
    """Native entangling gates that are sent, for the measurement basis that takes most."""
    rng = np.random.default_rng(0)
    params = rng.uniform(0.5, 1.0, architecture.shape)
    tape = qml.workflow.construct_tape(energy_on(device, 100, architecture))(params)
    return max(one.sent.n_entangling for one in device.compile(tape))


def train(
    architecture: Architecture, start: np.ndarray, circuits: int, settings: Settings, seed: int
) -> tuple[np.ndarray, int]:
    """Steps as far as the circuits go; gives the parameters and the circuits taken."""
    device = new_device(seed)
    energy = energy_on(device, settings.shots, architecture)
    trainer = Trainer(SPSAOptimizer(seed=seed), energy, device=device)
    taken, params = 0, start
    for progress in trainer.steps(start, 10**6):
        taken, params = taken + progress.record.circuits, progress.params
        if taken + progress.record.circuits > circuits:
            break
    return params, taken


def starting_point(
    architecture: Architecture, settings: Settings, seed: int, trial: int = 0
) -> np.ndarray:
    rng = np.random.default_rng([seed, trial])
    return rng.uniform(-settings.spread, settings.spread, architecture.shape)


def search(settings: Settings, seed: int) -> tuple[Architecture, np.ndarray, int, int]:
    """Architecture, its parameters, circuits and trials of a search with half of the budget."""

    def build(trial: optuna.Trial) -> tuple[Trainer, np.ndarray, int]:
        architecture = Architecture(
            trial.suggest_int("n_layers", 1, 4),
            trial.suggest_categorical("entanglement", ["linear", "circular", "full", "brickwork"]),
            tuple(trial.suggest_categorical("rotations", ["RY", "RY RZ"]).split()),
        )
        device = new_device(seed)
        energy = energy_on(device, settings.shots, architecture)
        price = settings.price * entangling_gates(architecture, device)
        trainer = Trainer(
            SPSAOptimizer(seed=seed),
            energy,
            validate=lambda params: float(energy(params)) + price,
            device=device,
        )
        start = starting_point(architecture, settings, seed, trial.number)
        return trainer, start, settings.trial_steps

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(n_startup_trials=5, seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=2),
    )
    spent = tune(study, build, SearchBudget(circuits=settings.circuits // 2), n_trials=10**6)
    best = study.best_trial
    found = Architecture(
        best.params["n_layers"],
        best.params["entanglement"],
        tuple(best.params["rotations"].split()),
    )
    return found, np.array(best.user_attrs["best_params"]), spent.circuits, spent.n_trials


def scored(
    architecture: Architecture, params: np.ndarray, settings: Settings, seed: int
) -> dict[str, Any]:
    """Energy on the noisy backend and without noise, gates, and the score."""
    device = new_device(seed)
    noisy = float(energy_on(device, settings.final_shots, architecture)(params))
    exact = qml.device("default.qubit", wires=N_WIRES)
    gates = entangling_gates(architecture, device)
    return {
        "seed": seed,
        "architecture": [architecture.n_layers, architecture.entanglement, architecture.rotations],
        "energy": noisy,
        "energy_without_noise": float(energy_on(exact, None, architecture)(params)),
        "entangling_gates": gates,
        "score": noisy + settings.price * gates,
    }


def measure(settings: Settings, seed: int) -> dict[str, dict[str, Any]]:
    """All arms with one seed."""
    arms = {}
    for arm, architecture in FIXED.items():
        start = starting_point(architecture, settings, seed)
        params, circuits = train(architecture, start, settings.circuits, settings, seed)
        arms[arm] = scored(architecture, params, settings, seed) | {"circuits": circuits}
    found, start, spent, n_trials = search(settings, seed)
    params, circuits = train(found, start, settings.circuits - spent, settings, seed)
    arms["search, then training"] = scored(found, params, settings, seed) | {
        "circuits": spent + circuits,
        "trials": n_trials,
    }
    return arms


def rows(arms: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The table's lines."""
    lines = [
        "| architecture | circuits in all | entangling gates | energy on aria-1 "
        "| energy without noise | score |",
        "|---|---|---|---|---|---|",
    ]
    for arm, runs in arms.items():
        cells = [
            told([run[key] for run in runs], digits)
            for key, digits in (
                ("entangling_gates", 1),
                ("energy", 2),
                ("energy_without_noise", 2),
                ("score", 2),
            )
        ]
        most = max(run["circuits"] for run in runs)
        lines.append(f"| {arm} | {most} | {' | '.join(cells)} |")
    return lines


def main(settings: Settings = Settings()) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    started, arms = time.perf_counter(), {}
    for seed in seeds_from_arguments(__doc__.splitlines()[0]):
        for arm, run in measure(settings, seed).items():
            arms.setdefault(arm, []).append(run)
            print(f"seed {seed}, {arm}: {run}", flush=True)
    print("\n".join(rows(arms)))
    results = {
        "settings": vars(settings),
        "ground_energy": GROUND_ENERGY,
        "seconds": round(time.perf_counter() - started, 1),
        "arms": arms,
    }
    save("architecture", results)


if __name__ == "__main__":
    main()
