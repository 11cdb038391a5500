"""Which of several equal requests this is, so that no sample is served twice as independent."""

import hashlib
import heapq
import threading
from collections.abc import Iterable

_MAX_SEED = 2**31 - 1


class Replicates:
    """Counts how often each key was asked for. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[str, int] = {}
        self._returned: dict[str, list[int]] = {}

    def take(self, key: str) -> int:
        """The smallest number of this key that nobody holds, from 0."""
        with self._lock:
            returned = self._returned.get(key)
            if returned:
                number = heapq.heappop(returned)
                if not returned:
                    del self._returned[key]
                return number
            number = self._next.get(key, 0)
            self._next[key] = number + 1
            return number

    def give_back(self, taken: Iterable[tuple[str, int]]) -> None:
        """Return numbers whose samples reached nobody, because their batch failed."""
        with self._lock:
            for key, number in taken:
                heapq.heappush(self._returned.setdefault(key, []), number)


def replicate_seed(noise_seed: int, replicate: int) -> int:
    """Noise seed of a replicate: the given one for 0, then others derived from it."""
    if replicate == 0:
        return noise_seed
    digest = hashlib.sha256(f"{noise_seed}:{replicate}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _MAX_SEED + 1
