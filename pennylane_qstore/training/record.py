"""What a training run tells about its steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrainRecord:
    """One step of a run. Two records are equal if all but the time is.

    Attributes:
        step: Index of the step, from 0.
        loss: Loss that the optimizer reports, at or around the parameters before the step; None
            where it learned none.
        loss_error: Its standard error; None where the optimizer does not know it.
        gradient_norm: Euclidean norm of the gradient; None where the optimizer does not tell it.
        circuits: Circuits run in the step, validation included; None if nothing counts them.
        shots: Repetitions of all of them; None if nothing counts them.
        jobs: Jobs submitted in the step; None where there are none.
        cost: Money by unit, such as ``{"cost_usd": 0.01}``; empty where the device reports none.
        method: How the step was taken, such as ``"spsa"``.
        reason: Why so, where there was a choice; else empty.
        validation: Validation value of the parameters after the step; None if not validated.
        seconds: Wall time of the step.
        own_seconds: The part of it that the optimizer spent on itself; None where not known.
    """

    step: int
    loss: float | None
    loss_error: float | None = None
    gradient_norm: float | None = None
    circuits: int | None = None
    shots: int | None = None
    jobs: int | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    method: str = ""
    reason: str = ""
    validation: float | None = None
    seconds: float = field(default=0.0, compare=False)
    own_seconds: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Where a run stands after a step, or where it starts.

    Attributes:
        params: Parameters after the step, of the caller's shape, read-only.
        best_params: Those with the lowest validation value, or where nothing is validated the
            lowest reported loss; read-only. At the start, the initial ones.
        best_value: That value; infinite before the first.
        best_step: Index of the step that found it; -1 before the first.
        history: One record for each step.
        stopped: Why the run stopped before its last step; else empty.
    """

    params: FloatArray
    best_params: FloatArray
    best_value: float = float("inf")
    best_step: int = -1
    history: tuple[TrainRecord, ...] = ()
    stopped: str = ""

    @property
    def step(self) -> int:
        """Steps taken."""
        return len(self.history)

    @property
    def record(self) -> TrainRecord:
        """The last step's.

        Raises:
            IndexError: If no step was taken.
        """
        return self.history[-1]


def read_only(values: Any) -> FloatArray:
    """Return a copy that nobody changes."""
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy
