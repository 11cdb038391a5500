"""What a perfect gradient is worth: steps of BFGS on the exact loss, beside our round trips.

SciPy's BFGS gets the exact loss and its exact gradient, of all parameters, at each point that it
tries. The mean number of these points until the benchmark's targets, and the share of runs that
reach them before the search ends. ``LocalModelOptimizer`` gets noisy losses, one for each
parameter, in a round trip.

    OMP_NUM_THREADS=1 python -m benchmarks.optimizers.exact [--seeds 20] [--save]
"""

import argparse
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.optimizers.problems import Problem, all_problems
from benchmarks.optimizers.simulate import FloatArray
from benchmarks.record import save

PROBLEMS = ("tfim", "h2", "maxcut", "heisenberg", "xxz_hva", "lih", "tfim_wide")


def points_tried(problem: Problem, seed: int) -> list[int | None]:
    """Points until each target, None where it is missed."""
    losses: list[float] = []

    def loss(params: FloatArray) -> float:
        losses.append(problem.exact(params))
        return losses[-1]

    minimize(loss, problem.start(seed), jac=problem.exact_gradient, method="BFGS")
    hits = [np.flatnonzero(np.array(losses) <= target) for target in problem.targets]
    return [int(hit[0]) + 1 if len(hit) else None for hit in hits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in PROBLEMS:
        runs = [points_tried(all_problems()[name], seed) for seed in range(options.seeds)]
        rows = []
        for index in range(2):
            reached = [hits[index] for hits in runs if hits[index] is not None]
            mean = float(np.mean(reached)) if reached else None
            rows.append({"points": mean, "success": len(reached) / len(runs)})
        found[name] = rows
        cells = [f"{row['points'] or np.nan:6.1f} {row['success']:4.0%}" for row in rows]
        print(f"{name:12} {'   '.join(cells)}", flush=True)
    if options.save:
        save("optimizer_exact", {"seeds": options.seeds, "problems": found})


if __name__ == "__main__":
    main()
