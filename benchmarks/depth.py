"""Growing depth and dropped layers against a fixed depth, at equal gate-shots.

    OMP_NUM_THREADS=1 python -m benchmarks.depth [--seeds 10] [--save]

``TrappedIonAnsatz`` in bricks on six wires, trained by ``Trainer`` and ``SPSAOptimizer``:

* ``chain``: the energy of the transverse-field Ising chain, 1000 shots for each of its two
  circuits, with the settings of ``SPSAOptimizer()``;
* ``classifier``: breast cancer (scikit-learn), six principal components as angles, linear readout,
  mini-batches of 16, 100 shots, SPSA's gains of ``qstore train``. A quarter of the training samples
  validates. The test samples are looked at once, after a run.

Ways to train, each with the gate-shots that the first one takes:

* fixed depth of four layers, and of one, for comparison;
* ``grow`` from one layer to four;
* fixed depth for six tenths of the budget, then ``drop_layers``, then the rest of the budget for
  what is left. Single interactions are dropped, judged by values of as many shots as in training;
  or all interactions of a layer: fewer questions, asked with more shots. Rotations stay, and are
  merged with their neighbours.

Step sizes go on where they were when the depth changes. A gate-shot is a pulse or an entangling
gate that is sent to a machine with MS gates, times the shots; validations that decide anything are
counted. Values at the end are computed exactly. Means and standard errors are over the seeds.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pennylane as qml
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from benchmarks.optimizers.problems import Problem, all_problems
from benchmarks.optimizers.simulate import Gate
from benchmarks.record import save
from pennylane_qstore.inspection import report
from pennylane_qstore.optimize import Gains, SPSAOptimizer
from pennylane_qstore.optimize.spsa import DECAY, FIRST_STEP, RECOMMENDED_TRANSFORM, STABILITY
from pennylane_qstore.templates import TrappedIonAnsatz, entangling_pairs
from pennylane_qstore.training import Batches, DepthSchedule, Trainer, drop_layers, grow
from pennylane_qstore.training.data import SPLIT_SEED, TEST_SHARE, as_angles
from pennylane_qstore.training.readout import log_loss
from pennylane_qstore.training.run import PERTURBATION, STEP_SCALE

N_WIRES, DEPTH = 6, 4
WIRES = range(N_WIRES)
N_ROTATIONS, N_BLOCK = 2 * N_WIRES, 5
VALIDATION_SAMPLES = 32
Kept = tuple[int, ...]


def n_interactions(depth: int) -> int:
    return sum(len(entangling_pairs(N_WIRES, "brickwork", layer=i)) for i in range(depth))


@dataclass(frozen=True)
class Circuit:
    """Which circuit a parameter vector belongs to: its depth, and the interactions it keeps."""

    depth: int
    kept: Kept

    @classmethod
    def whole(cls, depth: int) -> "Circuit":
        return cls(depth, tuple(range(n_interactions(depth))))

    @property
    def n_angles(self) -> int:
        return int(TrappedIonAnsatz.shape(self.depth, N_WIRES)[0])

    def operations(self, angles: Any) -> list[Any]:
        """The ansatz without the interactions that are not kept."""
        return TrappedIonAnsatz(angles, WIRES, n_layers=self.depth, kept=self.kept).decomposition()


@cache
def problem_of(circuit: Circuit, terms: tuple[tuple[float, str], ...], embeds: bool) -> Problem:
    """The circuit on the optimizers' benchmark's simulator."""
    # Angles that are their own indices say which gate has which parameter.
    numbers = np.arange(circuit.n_angles, dtype=float)
    gates = [Gate("RY", (i,), feature=i) for i in WIRES] if embeds else []
    gates += [Gate(op.name, tuple(op.wires), int(op.data[0])) for op in circuit.operations(numbers)]
    return Problem("depth", N_WIRES, tuple(gates), terms, (0.0, 0.0))


class Chain:
    """The energy of the Ising chain."""

    name, shots, tolerance, every, n_steps, more_shots = "chain", 1000, 0.05, 30, 160, 16
    n_readout = 0
    circuits_per_step = 2 * 9  # four pairs of points and the loss, in two bases each
    circuits_per_validation = 2
    batches = None
    terms = all_problems()["tfim"].terms

    def cost(self, circuit: Circuit, rng: np.random.Generator) -> Callable[..., float]:
        problem = problem_of(circuit, self.terms, False)

        def energy(params: Any) -> float:
            states = problem.simulator.states(problem.angles(np.asarray(params)))
            shots = np.full((1, problem.n_groups), self.shots)
            means, _ = problem.observable.sample(states, shots, rng)
            return float(problem.observable.constant + means.sum())

        return energy

    def optimizer(self, seed: int, first: int, n_steps: int) -> SPSAOptimizer:
        def size(step: int) -> float:
            return float(FIRST_STEP * ((first + step) / (STABILITY + 1) + 1) ** -DECAY)

        return SPSAOptimizer(
            gains=Gains(a=size), transforms=(RECOMMENDED_TRANSFORM,), resamplings=4, seed=seed
        )

    def value(self, circuit: Circuit, rng: np.random.Generator, params: Any) -> float:
        return self.cost(circuit, rng)(params)

    def score(self, circuit: Circuit, params: Any) -> dict[str, float]:
        return {"validation": problem_of(circuit, self.terms, False).exact(params)}


class Classifier:
    """The cross-entropy of a linear readout on breast-cancer data."""

    name, shots, tolerance, every, n_steps, more_shots = "classifier", 100, 0.02, 20, 100, 4
    n_readout = N_WIRES + 1
    circuits_per_step = 2 * 16
    circuits_per_validation = VALIDATION_SAMPLES
    parities = 1 - 2.0 * ((np.arange(2**N_WIRES)[:, None] >> np.arange(N_WIRES)[::-1]) & 1)

    def __init__(self) -> None:
        samples, labels = load_breast_cancer(return_X_y=True)
        train, test, self.y_train, self.y_test = train_test_split(
            samples, labels, test_size=TEST_SHARE, stratify=labels, random_state=SPLIT_SEED
        )
        train, validation, self.y_train, self.y_validation = train_test_split(
            train, self.y_train, test_size=0.25, stratify=self.y_train, random_state=SPLIT_SEED
        )
        others = np.concatenate([validation, test])
        self.x_train, others = as_angles(train, others, n_features=N_WIRES)
        self.x_validation, self.x_test = np.split(others, [len(validation)])
        self.batches = Batches((self.x_train, self.y_train), 16)

    def logits(
        self, circuit: Circuit, params: Any, features: Any, rng: np.random.Generator | None
    ) -> Any:
        """Log-odds of the samples; without a generator, exact ones."""
        problem = problem_of(circuit, ((1.0, "ZIIIII"),), True)
        plain = problem.angles(np.asarray(params)[self.n_readout :])
        # The first angles are the features'.
        angles = np.repeat(plain, len(features), axis=0)
        angles[:, :N_WIRES] = features
        shares = np.abs(problem.simulator.states(angles)) ** 2
        shares /= shares.sum(axis=1, keepdims=True)
        if rng is not None:
            shares = rng.multinomial(self.shots, shares) / self.shots
        return params[N_WIRES] + shares @ self.parities @ params[:N_WIRES]

    def loss(
        self, circuit: Circuit, params: Any, data: Any, rng: np.random.Generator | None
    ) -> float:
        return float(log_loss(self.logits(circuit, params, data[0], rng)[:, None], data[1]))

    def cost(self, circuit: Circuit, rng: np.random.Generator) -> Callable[..., float]:
        return lambda params, *data: self.loss(circuit, np.asarray(params), data, rng)

    def optimizer(self, seed: int, first: int, n_steps: int) -> SPSAOptimizer:
        given = Gains(a=STEP_SCALE, c=PERTURBATION, stability=0.1 * n_steps)
        return SPSAOptimizer(
            a=lambda step: given.step_size(first + step),
            c=lambda step: given.perturbation(first + step),
            directions="rademacher",
            seed=seed,
        )

    def value(self, circuit: Circuit, rng: np.random.Generator, params: Any) -> float:
        some = slice(None, VALIDATION_SAMPLES)
        return self.loss(circuit, params, (self.x_validation[some], self.y_validation[some]), rng)

    def score(self, circuit: Circuit, params: Any) -> dict[str, float]:
        validation = self.loss(circuit, params, (self.x_validation, self.y_validation), None)
        right = (self.logits(circuit, params, self.x_test, None) > 0) == self.y_test
        return {"validation": validation, "test_accuracy": float(np.mean(right))}


Task = Chain | Classifier


@cache
def gates(circuit: Circuit, embeds: bool) -> int:
    """Pulses and entangling gates that are sent to read all wires, at random angles."""
    rng = np.random.default_rng(0)
    ops = circuit.operations(rng.uniform(-np.pi, np.pi, circuit.n_angles))
    if embeds:
        ops = [qml.AngleEmbedding(rng.uniform(-1, 1, N_WIRES), WIRES, rotation="Y"), *ops]
    tape = qml.tape.QuantumScript(ops, [qml.probs(wires=WIRES)])
    device = qml.device("qstore.ionq", wires=N_WIRES, noise_model="aria-1", cache=False)
    sent = report(tape, device)[0].stages[-1]
    return sent.n_pulses + sent.n_entangling


class Run:
    """One seed of one task; counts gate-shots.

    Attributes:
        spent: Gate-shots so far.
        circuits: Circuits so far.
    """

    def __init__(self, task: Task, seed: int) -> None:
        self.task, self.seed = task, seed
        self.rng = np.random.default_rng([20260104, seed])
        self.spent = self.circuits = 0

    def start(self, depth: int) -> Any:
        """Readout of the first wire, and small angles."""
        rng = np.random.default_rng([20260103, self.seed])
        readout = np.zeros(self.task.n_readout)
        readout[:1] = 5.0
        spread = 0.1 if self.task.n_readout else 0.5
        angles = rng.uniform(-spread, spread, TrappedIonAnsatz.shape(DEPTH, N_WIRES))
        return np.concatenate([readout, angles[: TrappedIonAnsatz.shape(depth, N_WIRES)[0]]])

    def price(self, circuit: Circuit) -> int:
        """Gate-shots of one circuit."""
        return gates(circuit, bool(self.task.n_readout)) * self.task.shots

    def pay(self, circuit: Circuit, n_circuits: int) -> None:
        self.spent += self.price(circuit) * n_circuits
        self.circuits += n_circuits

    def steps_for(self, budget: float, circuit: Circuit) -> int:
        return int(budget // (self.price(circuit) * self.task.circuits_per_step))

    def trainer(self, circuit: Circuit, first: int, n_steps: int, **options: Any) -> Trainer:
        """A trainer whose gains go on from step ``first`` of ``n_steps``."""
        return Trainer(
            self.task.optimizer(self.seed, first, n_steps),
            self.task.cost(circuit, self.rng),
            batches=self.task.batches,
            measure_loss=not self.task.n_readout,
            callbacks=[lambda _: self.pay(circuit, self.task.circuits_per_step)],
            **options,
        )

    def fixed(self, depth: int, budget: float) -> dict[str, Any]:
        circuit = Circuit.whole(depth)
        n_steps = self.steps_for(budget, circuit)
        params = self.trainer(circuit, 0, n_steps).fit(self.start(depth), n_steps).params
        return self.result(circuit, params)

    def growing(self, budget: float) -> dict[str, Any]:
        every, rest = self.task.every, budget
        for depth in range(1, DEPTH):
            price = self.price(Circuit.whole(depth)) * self.task.circuits_per_step
            rest -= every * price
        n_steps = (DEPTH - 1) * every + self.steps_for(rest, Circuit.whole(DEPTH))
        grown = grow(
            lambda depth: self.trainer(Circuit.whole(depth), (depth - 1) * every, n_steps),
            self.start(1),
            DepthSchedule(1, DEPTH, every),
            n_steps=n_steps,
            shape=lambda depth: (self.task.n_readout + Circuit.whole(depth).n_angles,),
        )
        return self.result(Circuit.whole(DEPTH), grown.params)

    def dropping(self, budget: float, parts: Sequence[Kept], repeats: int) -> dict[str, Any]:
        whole = Circuit.whole(DEPTH)
        n_first = self.steps_for(0.6 * budget, whole)
        n_steps = self.steps_for(budget, whole)
        params = self.trainer(whole, 0, n_steps).fit(self.start(DEPTH), n_first).params

        def circuit_of(kept: Kept) -> Circuit:
            return Circuit(DEPTH, tuple(i for part in kept for i in parts[part]))

        def validate(kept: Kept) -> float:
            circuit = circuit_of(kept)
            self.pay(circuit, repeats * self.task.circuits_per_validation)
            values = [self.task.value(circuit, self.rng, params) for _ in range(repeats)]
            return float(np.mean(values))

        changes = drop_layers(validate, len(parts), tolerance=self.task.tolerance)
        circuit = circuit_of(changes[-1].after) if changes else whole
        told = changes[-1].value_after - changes[-1].value_before if changes else 0.0
        exact = [self.task.score(one, params)["validation"] for one in (whole, circuit)]
        n_rest = self.steps_for(budget - self.spent, circuit)
        if n_rest > 0:
            frozen = np.zeros(len(params), dtype=bool)
            gone = [i for i in whole.kept if i not in circuit.kept]
            frozen[[self.task.n_readout + N_ROTATIONS + N_BLOCK * i for i in gone]] = True
            trainer = self.trainer(circuit, n_first, n_first + n_rest, frozen=frozen)
            params = trainer.fit(params, n_rest).params
        more = {"change_measured": told, "change_exact": exact[1] - exact[0]}
        return self.result(circuit, params) | more

    def result(self, circuit: Circuit, params: Any) -> dict[str, Any]:
        return {
            "interactions": len(circuit.kept),
            "gates": gates(circuit, bool(self.task.n_readout)),
            "circuits": self.circuits,
            "gate_shots": self.spent,
            **self.task.score(circuit, params),
        }


WAYS: dict[str, Callable[[Run, float], dict[str, Any]]] = {
    "fixed, 4 layers": lambda run, budget: run.fixed(DEPTH, budget),
    "fixed, 1 layer": lambda run, budget: run.fixed(1, budget),
    "growing, 1 to 4 layers": Run.growing,
    "4 layers, then interactions dropped": lambda run, budget: run.dropping(
        budget, [(i,) for i in range(n_interactions(DEPTH))], 1
    ),
    "4 layers, then layers dropped": lambda run, budget: run.dropping(
        budget,
        [tuple(range(n_interactions(layer), n_interactions(layer + 1))) for layer in range(DEPTH)],
        run.task.more_shots,
    ),
}


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Mean and standard error of each number over the seeds."""
    return {
        key: [
            round(float(np.mean([row[key] for row in rows])), 5),
            round(float(np.std([row[key] for row in rows], ddof=1) / np.sqrt(len(rows))), 5),
        ]
        for key in rows[0]
    }


def standard_error(task: Task) -> float:
    """Of a validation value with as many shots as in training, at the start of a run."""
    run, whole = Run(task, 0), Circuit.whole(DEPTH)
    params = run.start(DEPTH)
    return float(np.std([task.value(whole, run.rng, params) for _ in range(200)], ddof=1))


def measure(task: Task, n_seeds: int) -> dict[str, Any]:
    whole = Circuit.whole(DEPTH)
    budget = Run(task, 0).price(whole) * task.circuits_per_step * task.n_steps
    print(f"{task.name}: {budget:.3g} gate-shots, {n_seeds} seeds")
    found: dict[str, Any] = {}
    for name, way in WAYS.items():
        rows = [way(Run(task, seed), budget) for seed in range(n_seeds)]
        found[name] = {"mean_and_standard_error": summary(rows), "seeds": rows}
        line = ", ".join(f"{k} {m:.4g} ± {e:.2g}" for k, (m, e) in summary(rows).items())
        print(f"  {name}: {line}", flush=True)
    settings = {
        "standard_error_of_a_value": round(standard_error(task), 4),
        "times_the_shots_for_layers": task.more_shots,
        "tolerance": task.tolerance,
        "steps_at_each_depth": task.every,
    }
    return {"gate_shots": budget, **settings, "ways": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--save", action="store_true")
    arguments = parser.parse_args()
    tasks: tuple[Task, ...] = (Chain(), Classifier())
    results = {task.name: measure(task, arguments.seeds) for task in tasks}
    if arguments.save:
        save("depth", {"seeds": arguments.seeds, **results})


if __name__ == "__main__":
    main()
