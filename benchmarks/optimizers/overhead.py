"""What an optimizer's step costs beyond the evaluations, for 64 parameters.

The objective is a Python function that does next to nothing, a sum of cosines; the time it and its
evaluator take is subtracted (``last.seconds``). ``LocalModelOptimizer`` takes a tenth of the steps:
its model keeps some hundred points, and has them after a few. For the quantum natural optimizers,
which need circuits, the core is timed alone with answers made up beforehand, and so are SPSA on
single circuits and the model of them, with 16 circuits that encode 16 features, when its memory is
full. One thread for linear algebra: on busy machines the threads of OpenBLAS wait for each other
for a hundred times longer than a matrix of this size takes.

    OMP_NUM_THREADS=1 python -m benchmarks.optimizers.overhead [--steps 200] [--save]
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pennylane_qstore.optimize import (
    LocalModelOptimizer,
    SecondOrderSPSAOptimizer,
    SPSAOptimizer,
)
from pennylane_qstore.optimize.core import (
    Answer,
    Blocked,
    CalibratedGains,
    CircuitKernel,
    CircuitModel,
    CircuitResults,
    Gains,
    GradientAverage,
    LossExpansion,
    Query,
    SecondOrderSPSA,
)
from pennylane_qstore.optimize.core.surrogate import AngleKernel
from pennylane_qstore.optimize.core.transforms import Adam, ClipNorm, Momentum

sys.path.insert(0, str(Path(__file__).parents[1]))
from record import save

N_PARAMS = 64
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "SPSA, PennyLane's gains": lambda: SPSAOptimizer(maxiter=100, seed=1),
    "SPSA, recommended": lambda: SPSAOptimizer(seed=1),
    "SPSA, calibrated": lambda: SPSAOptimizer(gains=CalibratedGains(every=4), seed=1),
    "SPSA, 16 directions": lambda: SPSAOptimizer(maxiter=100, resamplings=16, seed=1),
    "SPSA, four transforms, averaged and blocked": lambda: SPSAOptimizer(
        maxiter=100,
        transforms=(ClipNorm(1.0), GradientAverage(), Momentum(), Adam()),
        averaging=True,
        blocking=True,
        seed=1,
    ),
    "second-order SPSA, blocked": lambda: SecondOrderSPSAOptimizer(seed=1),
}
LOCAL_MODEL = "LocalModelOptimizer"
CIRCUIT_SPSA = "SPSA, single circuits, core"
CIRCUIT_MODEL = "LocalModelOptimizer, single circuits, core"
N_CIRCUITS = N_FEATURES = 16
CORES = {
    "quantum natural SPSA, core": SecondOrderSPSA(Gains(a=0.01, c=0.01)),
    "quantum natural SPSA, 8 resamplings, blocked, core": Blocked(
        SecondOrderSPSA(Gains(a=0.01, c=0.01), resamplings=8)
    ),
}


def objective(params: np.ndarray) -> float:
    return float(np.cos(params).sum())


def time_steps(optimizer: Any, n_steps: int) -> list[float]:
    params, times = np.full(N_PARAMS, 0.3), []
    for _ in range(n_steps):
        params = optimizer.step(objective, params)
        times.append(optimizer.last.seconds)
    return times


def time_core(core: Any, n_steps: int) -> list[float]:
    rng, times = np.random.default_rng(1), []
    state = core.init(np.zeros(N_PARAMS), seed=1)
    for _ in range(n_steps):
        query = core.ask(state)
        losses = rng.normal(size=len(query.points))
        answer = Answer(losses, np.ones(len(losses)), overlaps=rng.uniform(size=len(query.pairs)))
        started = time.perf_counter()
        core.ask(state)
        state = core.tell(state, answer)
        times.append(time.perf_counter() - started)
    return times


def time_circuit_model(n_steps: int) -> list[float]:
    """Steps after those that fill the model's memory."""
    core = CircuitModel()
    kernel = CircuitKernel(
        AngleKernel.independent(N_PARAMS),
        AngleKernel.independent(N_FEATURES),
        np.empty(0, dtype=np.int64),
    )
    state = core.init(np.zeros(N_PARAMS), seed=1, kernel=kernel)
    n_before = -(-core.window // core.circuits)
    return time_circuits(core, state, n_before + n_steps)[n_before:]


def time_circuit_spsa(n_steps: int) -> list[float]:
    core: Any = SPSAOptimizer()._of_circuits
    live, direct = np.arange(N_PARAMS), np.empty(0, dtype=np.int64)
    return time_circuits(
        core, core.init(np.zeros(N_PARAMS), seed=1, live=live, direct=direct), n_steps
    )


def time_circuits(core: Any, state: Any, n_steps: int) -> list[float]:
    rng, times = np.random.default_rng(1), []
    for _ in range(n_steps):
        started = time.perf_counter()
        query = core.ask(state)
        state = core.tell(state, _circuits(query, rng))
        times.append(time.perf_counter() - started)
    return times


def _circuits(query: Query, rng: np.random.Generator) -> Answer:
    """Cosines of all that goes into a circuit, and the squared distance to labels."""
    chosen = query.in_turn(N_CIRCUITS)
    data = rng.uniform(-1, 1, (N_CIRCUITS, N_FEATURES))
    exact = np.cos(query.singles).mean(axis=1) * np.cos(data[chosen]).mean(axis=1)
    values = (exact + 0.03 * rng.normal(size=len(exact)))[:, None]

    def expand(results: np.ndarray) -> LossExpansion:
        curvature = np.full((N_CIRCUITS, 1, 1), 2 / N_CIRCUITS)
        return LossExpansion(float(np.mean(results**2)), 2 / N_CIRCUITS * results, curvature)

    results = CircuitResults(chosen, values, np.full(values.shape, 1e-3), data, expand)
    return Answer(np.empty(0), np.empty(0), results=results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--save", action="store_true", help="write benchmarks/results")
    options = parser.parse_args()
    results = {}
    timed = {name: time_steps(make(), options.steps) for name, make in OPTIMIZERS.items()}
    timed |= {name: time_core(core, options.steps) for name, core in CORES.items()}
    timed[CIRCUIT_SPSA] = time_circuit_spsa(options.steps)
    timed[LOCAL_MODEL] = time_steps(LocalModelOptimizer(seed=1), options.steps // 10)
    timed[CIRCUIT_MODEL] = time_circuit_model(options.steps // 20)
    print(f"{'milliseconds per step, 64 parameters':52} median   90 %")
    for name, times in timed.items():
        middle, late = 1e3 * np.quantile(times, [0.5, 0.9])
        results[name] = {"median_ms": round(middle, 3), "quantile_90_ms": round(late, 3)}
        print(f"{name:52} {middle:6.3f} {late:6.3f}")
    if options.save:
        threads = os.environ.get("OMP_NUM_THREADS", "all")
        settings = {"n_params": N_PARAMS, "n_steps": options.steps, "threads": threads}
        save("optimizer_overhead", {"settings": settings, "per_step": results})


if __name__ == "__main__":
    main()
