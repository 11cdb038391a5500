"""What it is worth to follow one measured gradient for several steps.

Descent along the parameter-shift gradient, plain and with Adam's scaling, each gradient serving 1,
2, 4 or 8 steps (``GradientOptimizer(reuse=k)``): expected circuits to the benchmark's targets and
the share of runs that reach them. Steps that reuse a gradient send nothing.

    OMP_NUM_THREADS=1 python -m benchmarks.optimizers.reuse [--seeds 20] [--save]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.optimizers.compare import many, summarize
from benchmarks.optimizers.ours import core_run
from benchmarks.optimizers.problems import SHOTS, all_problems
from pennylane_qstore.optimize.core.descent import Descent
from pennylane_qstore.optimize.core.transforms import Adam, chain

sys.path.insert(0, str(Path(__file__).parents[1]))
from record import save

PROBLEMS = ("tfim", "maxcut", "heisenberg")
STEPS = {"plain, 0.1": (0.1, chain()), "Adam, 0.1": (0.1, chain(Adam()))}
REUSES = (1, 2, 4, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    for name in PROBLEMS:
        problem = all_problems()[name]
        for label, (stepsize, transform) in STEPS.items():
            for reuse in REUSES:
                core = Descent(stepsize, transform, reuse=reuse)
                run = core_run(lambda _, core=core: core)
                targets = summarize(many(problem, (run, SHOTS), range(options.seeds)))["targets"]
                cells = [f"{row['circuits'][0] or '-':>8} {row['success']:4.0%}" for row in targets]
                print(
                    f"{name:12} {label:12} {reuse} steps a gradient  {'   '.join(cells)}",
                    flush=True,
                )
                found.setdefault(name, {}).setdefault(label, {})[str(reuse)] = targets
    if options.save:
        save("optimizer_reuse", {"seeds": options.seeds, "problems": found})


if __name__ == "__main__":
    main()
