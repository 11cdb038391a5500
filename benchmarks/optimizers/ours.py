"""Our optimizers as they come, on the benchmark's oracle."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from pennylane import numpy as pnp

from benchmarks.optimizers.peers import NotApplicableError, Report, Run, Settings
from benchmarks.optimizers.problems import SHOTS, Oracle, Problem, all_problems
from benchmarks.optimizers.simulate import FloatArray
from pennylane_qstore.optimize.core.adaptive import AdaptiveGradient
from pennylane_qstore.optimize.core.frugal import ShotFrugal
from pennylane_qstore.optimize.core.planned import Planned
from pennylane_qstore.optimize.core.rotosolve import Rotosolve
from pennylane_qstore.optimize.core.shots import GrowingShots, Scheduled
from pennylane_qstore.optimize.frequencies import examine
from pennylane_qstore.optimize.local_model import SETTINGS, Resource
from pennylane_qstore.optimize.spsa import SPSAOptimizer


def core_run(make: Callable[[Problem], Any]) -> Run:
    """Asks, has answered, tells; reports the state's parameters after each round trip."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        core = make(oracle.problem)
        _follow(core, core.init(params, seed=seed), oracle, report)

    return run


def _follow(core: Any, state: Any, oracle: Oracle, report: Report) -> None:
    while True:
        state = core.tell(state, oracle(core.ask(state)))
        report(state.params)


def spsa(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
    """What ``SPSAOptimizer()`` takes for the problem: losses, or single circuits if it has data."""
    optimizer = SPSAOptimizer()
    core: Any = optimizer._of_loss
    more: dict[str, Any] = {}
    if oracle.problem.data is not None:
        core, kernel = optimizer._of_circuits, oracle.problem.family.kernel
        more = {"live": kernel.live, "direct": kernel.direct}
    _follow(core, core.init(params, seed=seed, **more), oracle, report)


def local_model(minimize: Resource) -> Run:
    """The model knows how parameters become angles, as it does from a QNode."""

    def run(oracle: Oracle, params: FloatArray, seed: int, report: Report) -> None:
        of_loss, of_circuits = SETTINGS[minimize]
        core: Any = of_loss
        if oracle.problem.data is None:
            angles, counts = oracle.problem.structure
            state: Any = of_loss.init(params, seed=seed, angles=angles, counts=counts)
        else:
            core = of_circuits
            state = core.init(params, seed=seed, kernel=oracle.problem.family.kernel)
        _follow(core, state, oracle, report)

    return run


@cache
def _examined(name: str) -> Any:
    """What the package reads off the problem's circuit."""
    problem = all_problems()[name]
    return examine(problem.qnode(), (pnp.array(problem.start(0), requires_grad=True),), {})


def _rotosolve(problem: Problem) -> Rotosolve:
    if problem.data is not None:
        # The squared error of an expectation has each frequency up to twice the largest.
        most = [2 * int(np.abs(column).sum()) for column in problem.angles_of.T]
        return Rotosolve(tuple(tuple(float(k) for k in range(1, n + 1)) for n in most))
    structure = _examined(problem.name)
    frequencies = tuple(own or (1.0,) for own in structure.frequencies)
    return Rotosolve(frequencies, structure.groups())


def _frugal(problem: Problem) -> ShotFrugal:
    if problem.data is not None:
        raise NotApplicableError("needs the size of an observable")
    size = sum(abs(c) for c, word in problem.terms if set(word) != {"I"})
    most = tuple(int(max(own, default=1)) for own in _examined(problem.name).frequencies)
    return ShotFrugal(lipschitz=size, frequencies=most)


OURS: Settings = {
    "LocalModel": (local_model("circuits"), SHOTS),
    "LocalModel, shots": (local_model("shots"), SHOTS),
    "SPSA": (spsa, SHOTS),
    "SPSA, growing shots": (
        core_run(lambda _: Planned(SPSAOptimizer()._core, Scheduled(GrowingShots()))),
        SHOTS,
    ),
    "Rotosolve": (core_run(_rotosolve), SHOTS),
    "ShotFrugal": (core_run(_frugal), SHOTS),
    "Adaptive": (core_run(lambda _: AdaptiveGradient()), SHOTS),
}
