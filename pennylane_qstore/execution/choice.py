"""The price of a packing in time, and the choice between packings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pennylane_qstore.execution.job_model import JobModel

_WORTHWHILE = 0.15
"""Part of the time that more jobs must save: each job may have a minimum charge."""

_NOTICEABLE_S = 0.02
"""Seconds that more jobs must save, too."""

_JOB_CPU_S = 0.005
"""By how much one more job delays the end on this side; measured by ``benchmarks/runtime.py``."""


@dataclass(frozen=True, slots=True)
class PackingChoice:
    """How a batch was packed, and why.

    Attributes:
        n_circuits: Number of circuits.
        n_jobs: Number of jobs.
        predicted_s: Time from the first submission to the last result, without the service's queue.
        slots: Number of jobs that the service was assumed to run at once.
        alternatives: Numbers of jobs that were considered, each with its predicted time.
        reason: The rule that decided.
    """

    n_circuits: int
    n_jobs: int
    predicted_s: float
    slots: int
    alternatives: tuple[tuple[int, float], ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known about the service at one moment.

    Attributes:
        model: What a job takes.
        slots: Number of jobs that run at once.
        senders: Number of submissions that are made at once.
        request_s: Time of one request.
        is_one_sized: Whether the jobs were too alike in size to tell what a circuit takes.
    """

    model: JobModel
    slots: int
    senders: int
    request_s: float
    is_one_sized: bool

    def finish_s(self, n_circuits: int, n_jobs: int) -> float:
        """Time from the first submission to the last job's end, for jobs of equal size."""
        if not n_jobs:
            return 0.0
        sending = math.ceil(n_jobs / self.senders) * self.request_s + n_jobs * _JOB_CPU_S
        waves = math.ceil(n_jobs / self.slots)
        return waves * self.model.predict(math.ceil(n_circuits / n_jobs)) + sending

    def price(self, n_circuits: int, fewest: int) -> tuple[tuple[int, float], ...]:
        """Numbers of jobs worth a look, with their times: more than fill the slots never help."""
        last = min(n_circuits, math.ceil(fewest / self.slots) * self.slots)
        return tuple((n, self.finish_s(n_circuits, n)) for n in range(fewest, last + 1))


def choose(priced: Sequence[tuple[int, float]]) -> tuple[int, str]:
    """The soonest number of jobs, or the smallest if that is nearly as soon; and why."""
    fewest, fewest_s = priced[0]
    best, best_s = min(priced, key=lambda pair: (pair[1], pair[0]))
    saving = 1 - best_s / fewest_s
    if best == fewest:
        return fewest, f"{fewest} finishes soonest"
    if saving < _WORTHWHILE or fewest_s - best_s < _NOTICEABLE_S:
        return fewest, f"{best} jobs would save {fewest_s - best_s:.2f} s ({saving:.0%}) only"
    return best, f"saves {saving:.0%} of the time of {fewest}"
