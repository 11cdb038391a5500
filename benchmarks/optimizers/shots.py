"""Uniform shots, a schedule and allocation at equal totals of shots.

Every run of a problem may spend the same total of shots (repetitions of circuits, over all
measurement bases) and is stopped before it would spend more. Its result is the exact loss at its
last parameters. Two families:

* descent along the parameter-shift gradient with step size 1 / L, L being the sum of the absolute
  coefficients, with uniform shots, with a schedule, and by iCANS and gCANS;
* SPSA as it comes (calibrated gains), with uniform shots, with schedules, and with ``SignalShots``.

*weighted* divides the shots of every point over the measurement bases by the weight of their
coefficients, as ``sample_operators`` does; otherwise each basis gets the same.

    python -m benchmarks.optimizers.shots [--seeds 24] [--only tfim]
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.optimizers.problems import Oracle, Problem, all_problems
from benchmarks.optimizers.simulate import FloatArray
from pennylane_qstore.optimize.core.descent import Descent
from pennylane_qstore.optimize.core.frugal import ShotFrugal
from pennylane_qstore.optimize.core.planned import Planned
from pennylane_qstore.optimize.core.query import Answer, Query
from pennylane_qstore.optimize.core.shots import (
    Scheduled,
    ShotSchedule,
    SignalShots,
    divide_shots,
)
from pennylane_qstore.optimize.spsa import SPSAOptimizer

sys.path.insert(0, str(Path(__file__).parent.parent))
from record import save

TOTALS = {"tfim": 200_000, "h2": 400_000}
BASELINES = {"descent": "uniform", "SPSA": "SPSA uniform"}


@dataclass
class EqualOracle(Oracle):
    """Gives each basis the shots of its point, whatever the coefficients of its terms."""

    def __call__(self, query: Query) -> Answer:
        """Answer a query with all terms measured at all points."""
        return super().__call__(replace(query, tolerance=0.0, whole_at=()))

    def _spread(self, shots: int) -> NDArray[np.int64]:
        return np.full(self.problem.n_groups, shots)


@dataclass
class WeightedOracle(EqualOracle):
    """Takes the shots of a point as a mean over the bases and divides them by weight."""

    def _measure(self, angles: FloatArray, shots: Any) -> tuple[FloatArray, FloatArray]:
        observable = self.problem.observable
        weights = group_weights(self.problem)
        each = np.reshape(shots, (len(angles), -1))
        totals = np.broadcast_to(each, (len(angles), observable.n_groups)).sum(axis=1)
        divided = np.array([divide_shots(int(n), weights, rng=self.rng) for n in totals])
        self.counts += type(self.counts)(int(np.count_nonzero(divided)), int(totals.sum()))
        due = np.outer(totals, weights / weights.sum())
        means = np.full(len(angles), observable.constant)
        variances = np.zeros(len(angles))
        states = self.problem.simulator.states(angles)
        groups = zip(observable._probabilities(states), observable._values, strict=True)
        for g, (p, values) in enumerate(groups):
            counts = np.maximum(divided[:, g], 1)
            factor = np.where(due[:, g] >= 1, 1.0, divided[:, g] / due[:, g])
            frequencies = self.rng.multinomial(counts, p / p.sum(axis=1, keepdims=True))
            frequencies = frequencies / counts[:, None]
            mean = frequencies @ values
            means += factor * mean
            single = np.maximum(frequencies @ values**2 - mean**2, 0.0)
            variances += factor**2 * single / counts
        return means, variances


def group_weights(problem: Problem) -> FloatArray:
    """Sum of the absolute coefficients of each measurement basis, grouped as the oracle does."""
    terms = [(c, word) for c, word in problem.terms if set(word) != {"I"}]
    letters: list[list[str]] = []
    weights: list[float] = []
    for c, word in terms:
        for g, own in enumerate(letters):
            if all(a == b or "I" in (a, b) for a, b in zip(own, word, strict=True)):
                letters[g] = [b if a == "I" else a for a, b in zip(own, word, strict=True)]
                weights[g] += abs(c)
                break
        else:
            letters.append(list(word))
            weights.append(abs(c))
    return np.array(weights)


def lipschitz(problem: Problem) -> float:
    return float(group_weights(problem).sum())


def descent(shots: Callable[[int], int]) -> Callable[[Problem, int], Any]:
    """Parameter shift: half the difference over pi, as a central difference of that spacing."""

    def make(problem: Problem, total: int) -> Any:
        size = np.pi / 2 / lipschitz(problem)
        core = Descent(size, diff="finite_differences", spacing=np.pi / 2)
        return Planned(core, Scheduled(shots))

    return make


def scheduled_descent(stages: tuple[int, int, int]) -> Callable[[Problem, int], Any]:
    def make(problem: Problem, total: int) -> Any:
        per_step = (2 * problem.n_params + 1) * problem.n_groups * np.mean(stages)
        schedule = ShotSchedule(max(3, int(total / per_step)), stages)
        return descent(schedule)(problem, total)

    return make


def frugal(rule: str) -> Callable[[Problem, int], Any]:
    return lambda problem, total: ShotFrugal(lipschitz=lipschitz(problem), frequencies=1, rule=rule)


def spsa(plan: Callable[[int], Any]) -> Callable[[Problem, int], Any]:
    """SPSA with a plan that may know how many evaluations of one shot the total pays for."""

    def make(problem: Problem, total: int) -> Any:
        return Planned(SPSAOptimizer()._core, plan(total // problem.n_groups))

    return make


def spsa_schedule(stages: tuple[int, int, int]) -> Callable[[int], Any]:
    evaluations = 4  # of one step, about
    return lambda total: Scheduled(
        ShotSchedule(max(3, int(total / evaluations / np.mean(stages))), stages)
    )


def uniform(shots: int) -> Callable[[int], int]:
    return lambda _: shots


def methods() -> dict[str, tuple[Callable[[Problem, int], Any], type[Oracle]]]:
    """How to build each method's core, and which oracle answers it."""
    found: dict[str, tuple[Callable[[Problem, int], Any], type[Oracle]]] = {}
    for n in (10, 30, 100, 300, 1000):
        found[f"uniform {n}"] = descent(uniform(n)), EqualOracle
    found["uniform 30, weighted"] = descent(uniform(30)), WeightedOracle
    for stages in ((15, 30, 60), (50, 100, 200), (500, 1000, 2000)):
        found["schedule {}/{}/{}".format(*stages)] = scheduled_descent(stages), EqualOracle
    for rule in ("icans", "gcans"):
        found[rule] = frugal(rule), EqualOracle
        found[f"{rule}, weighted"] = frugal(rule), WeightedOracle
    for n in (30, 100, 300, 1000):
        found[f"SPSA uniform {n}"] = spsa(lambda _, n=n: Scheduled(uniform(n))), EqualOracle
    found["SPSA uniform 100, weighted"] = spsa(lambda _: Scheduled(uniform(100))), WeightedOracle
    for stages in ((50, 100, 200), (500, 1000, 2000)):
        found["SPSA schedule {}/{}/{}".format(*stages)] = spsa(spsa_schedule(stages)), EqualOracle
    for low, first in ((30, 300), (100, 100)):
        for ratio in (0.5, 1.0):
            plan = SignalShots(low, 10_000, ratio, first=first)
            name = f"SPSA signal {low}/{first}, ratio {ratio:g}"
            found[name] = spsa(lambda _, plan=plan: plan), EqualOracle
    return found


def run(problem: Problem, make: Any, oracle: Oracle, total: int) -> dict[str, float]:
    """One run to the end of its shots."""
    core = make(problem, total)
    state = core.init(problem.start(oracle.seed), seed=oracle.seed)
    while True:
        query = core.ask(state)
        if oracle.counts.shots + int(np.sum(query.shots)) * problem.n_groups > total:
            break
        state = core.tell(state, oracle(query))
    assert oracle.counts.shots <= total
    counts = oracle.counts
    return {
        "loss": problem.exact(state.params),
        "shots": counts.shots,
        "circuits": counts.executions,
        "round_trips": counts.batches,
    }


def interval(values: FloatArray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (4000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def summarise(rows: list[dict[str, float]], reference: FloatArray, problem: Problem) -> dict:
    losses = np.array([row["loss"] for row in rows])
    difference = losses - reference
    return {
        "mean_loss": float(losses.mean()),
        "interval": interval(losses),
        "median_loss": float(np.median(losses)),
        "difference_to_best_uniform": float(difference.mean()),
        "difference_interval": interval(difference),
        "reached": [float(np.mean(losses <= target)) for target in problem.targets],
        "mean_shots": float(np.mean([row["shots"] for row in rows])),
        "mean_circuits": float(np.mean([row["circuits"] for row in rows])),
        "mean_round_trips": float(np.mean([row["round_trips"] for row in rows])),
    }


def best_uniform(runs: dict[str, list[dict[str, float]]], family: str) -> str:
    """The uniform number of shots with the lowest mean loss, chosen afterwards."""
    prefix = BASELINES[family]
    names = [name for name in runs if name.startswith(prefix) and "weighted" not in name]
    return min(names, key=lambda name: np.mean([row["loss"] for row in runs[name]]))


def compare(name: str, n_seeds: int) -> dict[str, Any]:
    problem, total = all_problems()[name], TOTALS[name]
    runs = {
        method: [run(problem, make, oracle(problem, seed=seed), total) for seed in range(n_seeds)]
        for method, (make, oracle) in methods().items()
    }
    results: dict[str, Any] = {}
    print(f"\n{name}: {total} shots, {n_seeds} seeds, targets {problem.targets}")
    print(
        f"{'method':32} {'mean loss':>10} {'95 % interval':>20} {'to best uniform':>27} "
        f"{'reached':>12} {'circuits':>9} {'trips':>6}"
    )
    for method, rows in runs.items():
        reference = best_uniform(runs, "SPSA" if method.startswith("SPSA") else "descent")
        losses = np.array([row["loss"] for row in runs[reference]])
        one = summarise(rows, losses, problem)
        results[method] = one | {"reference": reference}
        low, high = one["interval"]
        less, more = one["difference_interval"]
        print(
            f"{method:32} {one['mean_loss']:10.4f} [{low:8.4f}, {high:8.4f}] "
            f"{one['difference_to_best_uniform']:+8.4f} [{less:+7.4f}, {more:+7.4f}] "
            f"{one['reached'][0]:5.0%} {one['reached'][1]:5.0%} "
            f"{one['mean_circuits']:9.0f} {one['mean_round_trips']:6.0f}"
        )
    return {
        "total_shots": total,
        "n_seeds": n_seeds,
        "targets": problem.targets,
        "methods": results,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--only", choices=sorted(TOTALS))
    options = parser.parse_args()
    names = [options.only] if options.only else list(TOTALS)
    results = {name: compare(name, options.seeds) for name in names}
    if not options.only:
        save("optimizer_shots", results)


if __name__ == "__main__":
    main()
