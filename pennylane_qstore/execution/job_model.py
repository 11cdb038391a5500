"""What a job takes: a time per job and a time per circuit, from recent jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_FORGET = 0.98
"""Weight of an observation relative to the next one."""

_TRUST = 0.5
"""Standard deviation of the prior's two parts, relative to the median job."""

_NOISE, _NOISE_WEIGHT = 0.05, 4
"""Relative scatter assumed at first, and the number of observations that this is worth."""

_OUTLIER = 0.1
"""Relative deviation above which an observation counts less."""

_DOUBT = 1.5
"""Number of observations that the prior's level is worth."""

_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class JobModel:
    """Time of a job that need not wait.

    Attributes:
        fixed_s: Time of the job itself.
        per_circuit_s: Time of each of its circuits.
    """

    fixed_s: float
    per_circuit_s: float

    def predict(self, n_circuits: int) -> float:
        """Seconds for a job of that many circuits."""
        return self.fixed_s + self.per_circuit_s * n_circuits


@dataclass(frozen=True, slots=True)
class Observation:
    """One job that has finished.

    Attributes:
        n_circuits: Number of its circuits.
        seconds: Time from its submission to its end, without the service's queue.
        n_parallel: Number of our jobs that the service had at once.
        order: Grows from one observation to the next.
    """

    n_circuits: int
    seconds: float
    n_parallel: int
    order: int


def fit(observations: Sequence[Observation], prior: JobModel) -> JobModel:
    r"""The model that explains the jobs, recent ones first.

    With :math:`t_i` seconds for :math:`n_i` circuits, :math:`f, c \ge 0` minimise

    .. math:: \sum_i w_i \left(\frac{f + c n_i}{t_i} - 1\right)^2
        + \lambda \left[\left(\frac{f - s f_0}{\bar t}\right)^2
        + \left(\frac{(c - s c_0) \bar n}{\bar t}\right)^2\right].

    The prior :math:`(f_0, c_0)` gives the proportion of the two times, the weighted median
    :math:`s` of the jobs their level; :math:`\bar t` is the time that this means for the median
    size :math:`\bar n`, and :math:`\lambda` the ratio of the variance of the jobs to that of the
    prior. The weights decay with age and with the deviation (Huber). Deviations are relative, so a
    job that was stuck weighs little even in the first round.

    Args:
        observations: Finished jobs; none gives the prior.
        prior: What to assume about what they do not tell.
    """
    if not observations:
        return prior
    n = np.array([entry.n_circuits for entry in observations], dtype=float)
    t = np.array([entry.seconds for entry in observations])
    order = np.array([entry.order for entry in observations])
    age = _FORGET ** (order.max() - order)
    level = _level(t / (prior.fixed_s + prior.per_circuit_s * n), age)
    typical = level * prior.predict(int(np.median(n)))
    scale = np.array([typical, typical / np.median(n)])
    center = level * np.array([prior.fixed_s, prior.per_circuit_s]) / scale
    columns = np.stack([scale[0] / t, scale[1] * n / t])
    solution, weights, variance = center, age, _NOISE**2
    for _ in range(_ROUNDS):
        solution = _solve(columns, weights, center, variance / _TRUST**2)
        deviation = np.abs(solution @ columns - 1)
        variance = weights @ deviation**2 + _NOISE_WEIGHT * _NOISE**2
        variance /= weights.sum() + _NOISE_WEIGHT
        weights = age * np.minimum(1, _OUTLIER / np.maximum(deviation, 1e-12))
    return JobModel(float(solution[0] * scale[0]), float(solution[1] * scale[1]))


def _level(ratios: np.ndarray, weights: np.ndarray) -> float:
    """Weighted lower median of measured over assumed times, and of 1 for the prior."""
    ratios, weights = np.append(ratios, 1.0), np.append(weights, _DOUBT)
    ascending = np.argsort(ratios)
    reached = np.cumsum(weights[ascending]) >= weights.sum() / 2
    return float(ratios[ascending][np.argmax(reached)])


def _solve(
    columns: np.ndarray, weights: np.ndarray, center: np.ndarray, ridge: float
) -> np.ndarray:
    """Ridge regression of 1 on two columns, towards the center, with solutions of at least 0."""
    matrix = (columns * weights) @ columns.T + ridge * np.eye(2)
    target = columns @ weights + ridge * center
    solution = np.linalg.lstsq(matrix, target)[0]  # jobs of one size may leave it singular
    for place in (0, 1):
        if solution[place] < 0:
            other = 1 - place
            solution[place], solution[other] = 0.0, target[other] / matrix[other, other]
    return solution
