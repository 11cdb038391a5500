"""How many jobs the service runs at once, learned from refusals and from waiting jobs."""

from collections import deque

from pennylane_qstore.execution.job_model import JobModel, Observation

_SLOW = 1.7
"""A job that takes this many times longer than the fast ones has waited for another one."""

_FEW = 0.2
"""So many slow jobs, as a part of all, are by chance."""

_KEPT = 64
_FIRST_PATIENCE = 4
_LAST_PATIENCE = 64


class Slots:
    """A number that falls fast and grows slowly. The caller holds a lock.

    Args:
        most: Largest number, which is assumed at first.
    """

    def __init__(self, most: int) -> None:
        self.count = self._most = most
        self._patience, self._calm = _FIRST_PATIENCE, 0
        self._recent: deque[Observation] = deque(maxlen=_KEPT)

    def halve(self) -> None:
        """The service refused a request."""
        self._reduce(self.count // 2)

    def observe(self, entry: Observation, model: JobModel) -> None:
        """Learn from a finished job.

        Args:
            entry: The job.
            model: What jobs take that need not wait.
        """
        self._recent.append(entry)
        if entry.n_parallel > 1 and self._fell(entry.n_parallel, model):
            return
        if entry.n_parallel >= self.count < self._most:
            self._calm += 1
            if self._calm >= self._patience * self.count:
                self.count, self._calm = self.count + 1, 0

    def _fell(self, n_parallel: int, model: JobModel) -> bool:
        """Fall if many of the jobs that were sent together took much longer than the others."""
        alike = [entry for entry in self._recent if entry.n_parallel == n_parallel]
        window = alike[-2 * n_parallel :]
        if len(window) < n_parallel:
            return False
        ratios = sorted(entry.seconds / model.predict(entry.n_circuits) for entry in window)
        base = ratios[(len(ratios) - 1) // 4]
        slow = sum(ratio > _SLOW * base for ratio in ratios) / len(ratios)
        found = round(n_parallel * (1 - slow))
        if slow <= _FEW or found >= self.count:
            return False
        self._reduce(found)
        return True

    def _reduce(self, count: int) -> None:
        """Fall, and wait twice as long as the last time before one more is tried."""
        self.count = max(count, 1)
        self._calm, self._patience = 0, min(2 * self._patience, _LAST_PATIENCE)
        self._recent.clear()
