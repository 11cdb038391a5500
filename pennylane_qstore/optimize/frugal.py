"""iCANS and gCANS, and plans for the shots of any optimizer, with PennyLane's interface."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pennylane as qml

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.frugal import Rule, ShotFrugal, ShotFrugalState
from pennylane_qstore.optimize.core.planned import Planned, PlannedState
from pennylane_qstore.optimize.core.query import S
from pennylane_qstore.optimize.core.shots import Plan, Scheduled
from pennylane_qstore.optimize.errors import UnknownFrequenciesError
from pennylane_qstore.optimize.evaluate import Evaluator
from pennylane_qstore.optimize.face import Optimizer, StepReport
from pennylane_qstore.optimize.frequencies import examine


class ShotFrugalOptimizer(Optimizer[ShotFrugalState]):
    """Takes the place of ``qml.ShotAdaptiveOptimizer``: iCANS and gCANS in one batch per step.

    What differs:

    * All shifted circuits leave in one batch, each with its own shots; PennyLane runs every
      derivative with the shots of the most demanding one.
    * gCANS, which looks at the gradient as a whole and takes fewer, larger steps, is there, too.
    * ``stepsize`` may be left out: it is then 1 over the sum of the absolute coefficients.

    For a QNode that returns one expectation value, the size of its observable and the frequencies
    of its parameters are read off its circuit, so parameters in several gates are differentiated
    exactly, by as many points as their frequencies need. If frequencies are not equidistant, and
    for other objectives that do not say ``frequencies``, the gradient is asked for as a whole and
    all its circuits share the mean of the shots.

    Terms are measured group by group, each group with all the shots; let
    :func:`~pennylane_qstore.optimize.rosalin.sample_operators` divide them over the terms.

    Args:
        stepsize: Below 2 / ``lipschitz``; 1 / ``lipschitz`` if None.
        rule: ``"icans"``, which spends fewer shots on the benchmark, or ``"gcans"``, which takes
            fewer round trips.
        min_shots: Fewest shots of a circuit, and those of the first step.
        max_shots: Most shots of a circuit.
        mu: Weight of the past in the running means.
        b: Bias that keeps shots finite where the gradient vanishes.
        lipschitz: Sum of the absolute coefficients of the observable; read off a QNode if None.
        frequencies: Number of equidistant frequencies, one for all parameters or one each; read
            off a QNode if None.
        seed: Not used; kept so that all optimizers are built alike.
        callback: Called with each step's report.

    Raises:
        InvalidOptionError: If a setting is out of its range.

    References:
        Kübler, Arrasmith, Cincio and Coles, Quantum 4, 263 (2020).
        Gu, Lowe, Dub, Coles and Arrasmith, arXiv:2108.10434 (2021).
    """

    method = "shot_frugal"

    def __init__(
        self,
        stepsize: float | None = None,
        *,
        rule: Rule = "icans",
        min_shots: int = 10,
        max_shots: int = 10_000,
        mu: float = 0.99,
        b: float = 1e-6,
        lipschitz: float | None = None,
        frequencies: int | tuple[int, ...] | None = None,
        seed: int | None = 0,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        self._settings = ShotFrugal(
            stepsize, lipschitz, frequencies, rule, min_shots, max_shots, mu, b
        )
        self._objective: tuple[Any, ...] = ()
        super().__init__(self._settings, seed=seed, callback=callback)

    def step_and_cost(
        self, objective_fn: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> tuple[Any, float]:
        """Do one step, and measure the loss before it with the mean of the step's shots.

        Raises:
            InvalidOptionError: If the size of the observable is not known, or the step size too
                large for it.
        """
        self._objective = (objective_fn, args, kwargs)
        return super().step_and_cost(objective_fn, *args, **kwargs)

    def _begin(self, evaluator: Evaluator, params: np.ndarray) -> ShotFrugalState:
        """Start with what the circuit says about its observable and frequencies."""
        objective_fn, args, kwargs = self._objective
        core = self._settings
        if isinstance(objective_fn, qml.QNode) and None in (core.lipschitz, core.frequencies):
            try:
                structure = examine(objective_fn, args, kwargs)
            except UnknownFrequenciesError:
                return core.init(params, seed=self._seed)
            core = replace(
                core,
                lipschitz=core.lipschitz or structure.lipschitz,
                frequencies=core.frequencies or structure.equidistant(),
            )
        return core.init(params, seed=self._seed)


class PlannedShotsOptimizer(Optimizer[PlannedState[Any]]):
    """Any optimizer of this package, with the shots of its points decided by a plan.

    >>> opt = PlannedShotsOptimizer(SPSAOptimizer(300), ShotSchedule(300))
    >>> opt = PlannedShotsOptimizer(SPSAOptimizer(300), SignalShots())

    Args:
        optimizer: What decides the points; it has not to be used by itself any more.
        shots: A number, a schedule from step to number, or a plan that learns from the answers.
        callback: Called with each step's report.

    Raises:
        InvalidOptionError: If ``shots`` is none of these.
    """

    def __init__(
        self,
        optimizer: Optimizer[S],
        shots: int | Callable[[int], int] | Plan,
        *,
        callback: Callable[[StepReport], None] | None = None,
    ) -> None:
        self._optimizer = optimizer
        self.method = f"{optimizer.method} with planned shots"
        plan = _as_plan(shots)
        core: Planned[Any] = Planned(optimizer._core, plan)
        super().__init__(core, seed=optimizer._seed, callback=callback)

    def _begin(self, evaluator: Evaluator, params: np.ndarray) -> PlannedState[Any]:
        """Start as the inner optimizer does."""
        inner = self._optimizer._begin(evaluator, params)
        plan: Planned[Any] = self._core  # type: ignore[assignment]
        return PlannedState(inner, plan.plan.init())


def _as_plan(shots: int | Callable[[int], int] | Plan) -> Plan:
    if isinstance(shots, int) and not isinstance(shots, bool) and shots > 0:
        return Scheduled(lambda _: shots)
    if hasattr(shots, "learn"):
        return shots  # type: ignore[return-value]
    if callable(shots):
        return Scheduled(shots)
    raise InvalidOptionError(
        f"shots are {shots!r}; give a positive integer, a schedule such as ShotSchedule, or a plan "
        "such as SignalShots"
    )
