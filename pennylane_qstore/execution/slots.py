"""How many jobs the service runs at once, learned from refusals and from waiting jobs."""

from collections import deque

from pennylane_qstore.execution.job_model import Observation

_SLOW = 1.7
"""A job that takes this many times longer than the fast ones has waited for another one."""

_FEW = 0.2
"""So many slow jobs, as a part of all, are by chance."""

_ALIKE = 0.25
"""Largest difference of sizes, as a part, between jobs that should take about the same."""

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

    def observe(self, entry: Observation) -> None:
        """Learn from a finished job."""
        self._recent.append(entry)
        found = self._seen(entry)
        if found < self.count:
            self._reduce(found)
        elif entry.n_parallel >= self.count < self._most:
            self._calm += 1
            if self._calm >= self._patience * self.count:
                self.count, self._calm = self.count + 1, 0

    def _seen(self, entry: Observation) -> int:
        """How many of the jobs that were sent together did not wait for the others.

        Only jobs like this one count: of about its size, and sent with as many others.
        """
        n = entry.n_parallel
        times = [
            other.seconds
            for other in self._recent
            if other.n_parallel == n
            and abs(other.n_circuits - entry.n_circuits) <= _ALIKE * entry.n_circuits
        ]
        window = sorted(times[-2 * n :])
        if n == 1 or len(window) < n:
            return self._most
        base = window[(len(window) - 1) // 4]
        slow = sum(seconds > _SLOW * base for seconds in window) / len(window)
        return round(n * (1 - slow)) if slow > _FEW else self._most

    def _reduce(self, count: int) -> None:
        """Fall, and wait twice as long as the last time before one more is tried."""
        self.count = max(count, 1)
        self._calm, self._patience = 0, min(2 * self._patience, _LAST_PATIENCE)
        self._recent.clear()
