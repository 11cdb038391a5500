"""The training loop: an optimizer proposes points, the caller turns them into losses."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pennylane as qml
from numpy.typing import NDArray

from pennylane_qstore.optimize.core import SPSA, Answer, SPSAState

FloatArray = NDArray[np.float64]
Objective = Callable[[FloatArray, int], FloatArray]
"""Points, shape ``(n_points, n_params)``, and the step to losses, shape ``(n_points,)``."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a device says it has run so far.

    Attributes:
        circuits: Circuits that were run.
        jobs: Jobs that were submitted; None where the device knows no jobs.
    """

    circuits: int = 0
    jobs: int | None = None

    def since(self, earlier: "Usage") -> "Usage":
        """Return what was run between an earlier reading and this one."""
        jobs = None if self.jobs is None else self.jobs - (earlier.jobs or 0)
        return Usage(self.circuits - earlier.circuits, jobs)


def read_usage(tracker: qml.Tracker) -> Usage:
    """Read a tracker: circuits of submitted jobs if the device reports them, else executions."""
    totals = tracker.totals
    return Usage(int(totals.get("circuits", totals.get("executions", 0))), totals.get("jobs"))


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of a run.

    Attributes:
        step: Index of the step, from 0.
        loss: Mean loss of the points evaluated, which surround the parameters before the step.
        circuits: Circuits run in this step.
        jobs: Jobs submitted in this step; None where the device knows no jobs.
        seconds: Wall time of the step.
        state: Optimizer state after the step.
    """

    step: int
    loss: float
    circuits: int
    jobs: int | None
    seconds: float
    state: SPSAState


def train(
    optimizer: SPSA,
    state: SPSAState,
    objective: Objective,
    *,
    n_steps: int,
    usage: Callable[[], Usage] = Usage,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[StepRecord]:
    """Take steps until the state has ``n_steps`` of them, one record each.

    Args:
        optimizer: Proposes points and takes losses.
        state: Where to start, or to go on from.
        objective: Turns points into losses; the step tells it which mini-batch to take.
        n_steps: Step count to reach.
        usage: Reads what the device has run so far.
        clock: Reads the time in seconds.

    Raises:
        NonFiniteLossError: If a loss is NaN or infinite.
    """
    while state.step < n_steps:
        started, before = clock(), usage()
        losses = objective(optimizer.ask(state).points, state.step)
        state = optimizer.tell(state, Answer.of(losses))
        spent = usage().since(before)
        yield StepRecord(
            step=state.step - 1,
            loss=float(losses.mean()),
            circuits=spent.circuits,
            jobs=spent.jobs,
            seconds=clock() - started,
            state=state,
        )
