"""What the adaptive optimizer keeps: its state, its steps, its gradients."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.optimize.core.adaptive.learned import Learned
from pennylane_qstore.optimize.core.query import Counts
from pennylane_qstore.optimize.core.transforms import Memory

FloatArray = NDArray[np.float64]


def nothing() -> FloatArray:
    """An array for what has not been measured yet."""
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class GradientResult:
    """One estimate of a gradient, with its noise and what it took.

    Attributes:
        gradient: Shape ``(n_params,)``.
        variance: Variance of its components, by shots and by random directions, shape
            ``(n_params,)``; NaN where it is not known.
        loss: Loss where the gradient was taken.
        loss_error: Standard error of ``loss``, or None where it is not known.
        counts: Circuits, shots and round trips.
        method: Name of the method.
        seconds: Time of the step that was not spent in evaluations.
    """

    gradient: FloatArray
    variance: FloatArray
    loss: float
    loss_error: float | None
    counts: Counts
    method: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Taken:
    """One step that was taken.

    Attributes:
        method: Name of the gradient's method.
        amount: Directions, or components, of the estimate.
        reason: Why this method.
        loss: Loss before the step.
        loss_error: Its standard error, or None where it is not known.
        circuits: Circuits of the step.
        shots: Shots of the step.
    """

    method: str
    amount: int
    reason: str
    loss: float
    loss_error: float | None
    circuits: int
    shots: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What a rule decided.

    Attributes:
        method: Name of a method.
        reason: Why, in words.
        amount: Directions, or components; None leaves it to the method.
    """

    method: str
    reason: str
    amount: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AdaptiveState:
    """All that a resumed run needs; settings stay with the core.

    Attributes:
        params: Where the run stands, shape ``(n_params,)``, read-only.
        step: Number of steps taken.
        seed: Together with the step, decides all that is random.
        memory: What the transform of gradients remembers.
        taken: The steps.
        spent: What they took together.
        learned: What they showed of the objective.
        scale: Factor on each step size, below 1 after a divergence.
        calm: Steps since ``scale`` was last reduced, or since the start.
        gradient: The last estimate, shape ``(n_params,)``; empty before.
        variance: Variance of its components, NaN where it is not known.
        displacement: The last move; empty before, and after going on from elsewhere.
        overlap: What noise adds to the product of ``displacement`` and ``gradient`` on average.
        metric: The last metric tensor, shape ``(n_params, n_params)``; empty where none serves.
        metric_age: Steps that it served.
        point: The most one loss took so far; None before.
        whole: The most a whole gradient took.
        natural: The most a gradient with metric tensor took.
        forced: A method that the user set; empty where the rule decides.
    """

    params: FloatArray
    step: int
    seed: int
    memory: Memory = ()
    taken: tuple[Taken, ...] = ()
    spent: Counts = field(default_factory=Counts)
    learned: Learned = field(default_factory=Learned)
    scale: float = 1.0
    calm: int = 0
    gradient: FloatArray = field(default_factory=nothing)
    variance: FloatArray = field(default_factory=nothing)
    displacement: FloatArray = field(default_factory=nothing)
    overlap: float = 0.0
    metric: FloatArray = field(default_factory=nothing)
    metric_age: int = 0
    point: Counts | None = None
    whole: Counts | None = None
    natural: Counts | None = None
    forced: str = ""

    @property
    def loss(self) -> float | None:
        """Loss before the last step, or None."""
        return self.taken[-1].loss if self.taken else None

    @property
    def loss_error(self) -> float | None:
        """Its standard error, or None where it is not known."""
        return self.taken[-1].loss_error if self.taken else None
