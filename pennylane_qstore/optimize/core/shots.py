"""How many shots: schedules, division of a total, and plans that learn from answers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.optimize.core.query import Answer, Query

IntArray = NDArray[np.int64]
Memory = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ShotSchedule:
    """Few shots early, more in the middle, most at the end.

    Attributes:
        n_steps: Steps of the whole run; later ones count as the end.
        shots: Shots of each stage.
        ends: Where each stage but the last one ends, as a share of ``n_steps``.

    Raises:
        InvalidOptionError: If a number of shots is not a positive integer, or the ends do not rise
            within 0 and 1, or there is not one less of them than of stages.
    """

    n_steps: int
    shots: tuple[int, ...] = (500, 1000, 2000)
    ends: tuple[float, ...] = (1 / 3, 2 / 3)

    def __post_init__(self) -> None:
        _counts(n_steps=self.n_steps, **{f"shots[{i}]": n for i, n in enumerate(self.shots)})
        bounds = (0.0, *self.ends, 1.0)
        if len(self.ends) != len(self.shots) - 1:
            raise InvalidOptionError(
                f"{len(self.shots)} stages have {len(self.shots) - 1} ends between them, not "
                f"{len(self.ends)}"
            )
        if not all(low < high for low, high in pairwise(bounds)):
            raise InvalidOptionError(f"ends are {self.ends}; they have to rise between 0 and 1")

    def __call__(self, step: int) -> int:
        """Shots at ``step``, counted from 0."""
        passed = sum(step >= end * self.n_steps for end in self.ends)
        return self.shots[passed]


@dataclass(frozen=True, slots=True)
class GrowingShots:
    r"""Very few shots at first, :math:`n_k = n_0\,(1 + k / m)` at step :math:`k = 0, 1, \dots`.

    Far from a minimum a step of SPSA is worth more than a precise one: its directions are random
    anyway. The defaults were chosen for ``SPSAOptimizer()``; see ``docs/optimizers.md``.

    Attributes:
        first: :math:`n_0`, shots of the first step.
        steps: :math:`m`, steps after which they have doubled.
        most: Most shots.

    Raises:
        InvalidOptionError: If one of them is not a positive integer, or ``most`` is below
            ``first``.
    """

    first: int = 20
    steps: int = 50
    most: int = 10_000

    def __post_init__(self) -> None:
        _counts(first=self.first, steps=self.steps, most=self.most)
        if self.most < self.first:
            raise InvalidOptionError(f"most is {self.most}, below first, which is {self.first}")

    def __call__(self, step: int) -> int:
        """Shots at ``step``, counted from 0."""
        return min(self.most, self.first + self.first * step // self.steps)


def divide_shots(
    total: int, weights: ArrayLike, *, rng: np.random.Generator | None = None
) -> IntArray:
    r"""Divide a total in proportion to weights, exactly.

    Everyone gets :math:`N p_i` rounded up or down. Without ``rng`` the largest remainders are
    rounded up. With ``rng`` it is drawn (systematic sampling) such that
    :math:`\mathbb{E}[n_i] = N p_i`, so that even a weight that is due less than one shot is not
    left out for ever.

    Args:
        total: :math:`N`.
        weights: Not negative, shape ``(n,)``; :math:`p_i` after division by their sum.
        rng: Where the drawing comes from.

    Returns:
        Integers that add up to ``total``, shape ``(n,)``.

    Raises:
        InvalidOptionError: If the total is negative, or the weights are negative, not finite or
            all zero.
    """
    shares = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(shares).all() or (shares < 0).any() or not shares.sum() > 0:
        raise InvalidOptionError(
            f"weights are {shares.tolist()}; they have to be finite, not negative, and not all zero"
        )
    if total < 0:
        raise InvalidOptionError(f"a total of {total} shots cannot be divided; give 0 or more")
    due = total * (shares / shares.sum())
    if rng is not None:
        edges = np.floor(np.cumsum(due) + rng.random())
        edges[np.flatnonzero(shares)[-1] :] = total
        return np.diff(np.minimum(edges, total), prepend=0.0).astype(np.int64)
    counts = np.floor(due).astype(np.int64)
    order = np.argsort(counts - due, kind="stable")
    counts[order[: total - int(counts.sum())]] += 1
    return counts


class Plan(Protocol):
    """Decides how many shots the points of a step get, and learns from their answers."""

    def init(self) -> Memory:
        """Memory before the first step."""

    def shots(self, memory: Memory, step: int) -> int:
        """Shots for each point of a step."""

    def learn(self, memory: Memory, query: Query, answer: Answer) -> Memory:
        """Memory after a step."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A plan that looks at the step only.

    Attributes:
        schedule: From step to shots, such as a :class:`ShotSchedule`.
    """

    schedule: Callable[[int], int]

    def init(self) -> Memory:
        """Nothing."""
        return ()

    def shots(self, memory: Memory, step: int) -> int:
        """What the schedule says.

        Raises:
            InvalidOptionError: If that is not a positive integer.
        """
        found = self.schedule(step)
        _counts(**{f"shots at step {step}": found})
        return int(found)

    def learn(self, memory: Memory, query: Query, answer: Answer) -> Memory:
        """Nothing."""
        return memory


@dataclass(frozen=True, slots=True)
class SignalShots:
    r"""As many shots as make the losses of a step differ by more than their noise.

    A step of SPSA lives from the difference of its losses. If they scatter by :math:`V` (sample
    variance) of which shot noise explains :math:`\bar\sigma^2 / n`, the signal is
    :math:`s^2 = V - \bar\sigma^2 / n`, and the next step gets

    .. math:: n = \left\lceil r^2\, \frac{\langle\bar\sigma^2\rangle}{\langle s^2\rangle}
        \right\rceil

    shots, between ``low`` and ``high`` and at most twice as many as the step before. The brackets
    are running means. Steps whose answers do not know their variances change nothing.

    Attributes:
        low: Fewest shots.
        high: Most shots.
        ratio: :math:`r`, signal over noise of a single loss.
        memory: Weight of the past in the running means, from 0 to below 1.
        first: Shots of the first step, from which calibrated gains are set.

    Raises:
        InvalidOptionError: If a setting is out of its range.
    """

    low: int = 100
    high: int = 10_000
    ratio: float = 1.0
    memory: float = 0.9
    first: int = 100

    def __post_init__(self) -> None:
        _counts(low=self.low, high=self.high, first=self.first)
        if self.low > self.high:
            raise InvalidOptionError(f"low is {self.low}, above high, which is {self.high}")
        if not (math.isfinite(self.ratio) and self.ratio > 0):
            raise InvalidOptionError(f"ratio is {self.ratio}; it has to be finite and positive")
        if not 0 <= self.memory < 1:
            raise InvalidOptionError(f"memory is {self.memory}; it has to be from 0 to below 1")

    def init(self) -> Memory:
        """Shots of the next step, and both running means, not yet normalised."""
        return float(self.first), 0.0, 0.0

    def shots(self, memory: Memory, step: int) -> int:
        """What the last step made of it."""
        return int(memory[0])

    def learn(self, memory: Memory, query: Query, answer: Answer) -> Memory:
        """Compare the scatter of the losses with their noise."""
        now, signal, noise = memory
        noise_of_shots = answer.shot_noise()
        if len(answer.losses) < 2 or not np.isfinite(noise_of_shots).all():
            return memory
        variance = float(noise_of_shots.mean())
        scatter = float(answer.losses.var(ddof=1)) - variance
        signal = self.memory * signal + (1 - self.memory) * scatter
        noise = self.memory * noise + (1 - self.memory) * variance * now
        most = min(self.high, max(self.low, 2 * int(now)))
        wanted = math.inf if signal <= 0 < noise else self.ratio**2 * noise / (signal or 1.0)
        return float(min(max(self.low, math.ceil(min(wanted, most))), most)), signal, noise


def _counts(**settings: object) -> None:
    for name, value in settings.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or value < 1:  # type: ignore[operator]
            raise InvalidOptionError(f"{name} is {value!r}; it has to be a positive integer")
