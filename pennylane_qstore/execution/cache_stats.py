"""What a cache may keep, what it saved, and which of its entries saved most."""

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from pennylane_qstore.errors import InvalidOptionError

MIN_BYTES = 1 << 20
"""Smallest limit on bytes that is taken: an empty database is some 50 kB."""

_MAX_TRACKED = 20_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a cache keeps, and for how long.

    Attributes:
        max_entries: Most entries, or None for any number.
        max_bytes: Most bytes, or None for any number.
        expire_s: Age, in seconds, from which an entry is no longer served; None for ever. Exact
            ones are then removed; paid ones are kept, and served again under a longer limit.
        evict_paid: Whether sampled results, which cost money or machine time, may be removed too.

    Raises:
        InvalidOptionError: For a limit that cannot work.
    """

    max_entries: int | None = None
    max_bytes: int | None = None
    expire_s: float | None = None
    evict_paid: bool = False

    def __post_init__(self) -> None:
        if self.max_entries is not None and self.max_entries < 1:
            raise InvalidOptionError(f"max_entries={self.max_entries!r}; use 1 or more, or None")
        if self.max_bytes is not None and self.max_bytes < MIN_BYTES:
            raise InvalidOptionError(
                f"max_bytes={self.max_bytes!r}; use {MIN_BYTES} or more, or None"
            )
        if self.expire_s is not None and not self.expire_s > 0:
            raise InvalidOptionError(f"expire_s={self.expire_s!r}; use seconds above 0, or None")

    @property
    def has_size(self) -> bool:
        """Whether entries are ever removed for their number or size."""
        return self.max_entries is not None or self.max_bytes is not None

    def oldest(self, now: float) -> float:
        """Entries stored at this time or before are not served."""
        return -math.inf if self.expire_s is None else now - self.expire_s

    def expiry(self, now: float, *, paid: bool) -> float | None:
        """When an entry that is stored now may be removed, or None for never."""
        keeps = self.expire_s is None or (paid and not self.evict_paid)
        return None if keeps or self.expire_s is None else now + self.expire_s

    def advice(self, place: str) -> str:
        """What to tell a user whose paid results alone are more than the limits."""
        return (
            f"cache {place} is over its limits (max_entries={self.max_entries}, "
            f"max_bytes={self.max_bytes}) and holds nothing but paid results, which are kept; "
            "raise the limits, remove results with clear(tag), or allow it with evict_paid=True"
        )


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What one instance of a cache did, and what the cache holds.

    Attributes:
        hits: Entries that were asked for and found.
        misses: Entries that were asked for and not found.
        entries: Entries in the cache, whoever stored them.
        bytes: What they take, without the log that a database keeps beside its file.
        seconds_saved: What the jobs behind the hits took, each job divided evenly over its entries.
        cost_saved: What these jobs cost, per currency unit.
    """

    hits: int
    misses: int
    entries: int
    bytes: int
    seconds_saved: float
    cost_saved: dict[str, float]

    @property
    def hit_rate(self) -> float:
        """Hits per entry that was asked for; 0 before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else 0.0


@dataclass(frozen=True, slots=True)
class Savings:
    """What hits on one entry saved.

    Attributes:
        key: The entry's key.
        hits: How often it was found.
        seconds: Seconds saved.
        cost: Cost saved, per currency unit.
    """

    key: str
    hits: int
    seconds: float
    cost: dict[str, float]


class Share(NamedTuple):
    """What one entry took to make.

    Attributes:
        seconds: Its part of the job's time.
        cost: Its part of the job's cost, as JSON, or None where it cost nothing.
    """

    seconds: float = 0.0
    cost: bytes | None = None

    @classmethod
    def of(cls, seconds: float, cost: Mapping[str, float] | None, n_entries: int) -> "Share":
        """One of ``n_entries`` even parts of a job's time and cost."""
        n_entries = max(n_entries, 1)
        parts = {unit: float(amount) / n_entries for unit, amount in (cost or {}).items()}
        return cls(seconds / n_entries, orjson.dumps(parts) if parts else None)

    @classmethod
    def read(cls, seconds: Any, cost: Any) -> "Share":
        """The share in an entry, without what is not a sensible number."""
        valid = isinstance(seconds, float) and 0 <= seconds < math.inf
        text = cost if isinstance(cost, bytes) and cost else None
        return cls(seconds if valid else 0.0, text)

    def costs(self) -> dict[str, float]:
        """The cost per currency unit; empty if it is not readable."""
        try:
            cost = orjson.loads(self.cost or b"{}")
        except ValueError:
            return {}
        pairs = cost.items() if isinstance(cost, dict) else ()
        return {unit: float(a) for unit, a in pairs if type(a) in (int, float) and a >= 0}


@dataclass(slots=True)
class _Record:
    hits: int = 0
    seconds: float = 0.0
    cost: dict[str, float] = field(default_factory=dict)

    def add(self, share: Share, costs: Mapping[str, float]) -> None:
        self.hits += 1
        self.seconds += share.seconds
        for unit, amount in costs.items():
            self.cost[unit] = self.cost.get(unit, 0.0) + amount


class Ledger:
    """Counts what one instance found and what that saved. Safe to use from several threads.

    Hits per entry are kept in memory, because a write at each hit would make reading several times
    slower: for the 20,000 entries that saved most.

    Args:
        tracks_use: Whether to remember when entries were found.
    """

    def __init__(self, *, tracks_use: bool = False) -> None:
        self._tracks_use = tracks_use
        self._used: dict[str, float] = {}
        self._lock = threading.Lock()
        self._total = _Record()
        self._misses = 0
        self._records: dict[str, _Record] = {}

    def record(self, found: Iterable[tuple[str, Share]], n_misses: int, now: float) -> None:
        """Count hits, each with its key and share, and misses."""
        with self._lock:
            self._misses += n_misses
            for key, share in found:
                costs = share.costs() if share.cost else {}
                self._total.add(share, costs)
                record = self._records.get(key)
                if record is None:
                    record = self._records[key] = _Record()
                record.add(share, costs)
                if self._tracks_use:
                    self._used.pop(key, None)  # so that the order is that of the last use
                    self._used[key] = now
            if len(self._records) > _MAX_TRACKED:
                self._forget()
            if len(self._used) > _MAX_TRACKED:
                self._used = dict(list(self._used.items())[-_MAX_TRACKED // 2 :])

    def _forget(self) -> None:
        """Drop the half that saved least, and of equals those found first."""

        def value(item: tuple[str, _Record]) -> tuple[float, float]:
            return sum(item[1].cost.values()), item[1].seconds

        self._records = dict(sorted(self._records.items(), key=value)[-_MAX_TRACKED // 2 :])

    def take_used(self) -> list[tuple[str, float]]:
        """When each entry was last found, of those found since the last call."""
        with self._lock:
            used, self._used = self._used, {}
            return list(used.items())

    def stats(self, entries: int, n_bytes: int) -> CacheStats:
        """All counts, beside what the cache holds."""
        with self._lock:
            total = self._total
            return CacheStats(
                total.hits, self._misses, entries, n_bytes, total.seconds, dict(total.cost)
            )

    def most_valuable(self, n: int, by: str) -> list[Savings]:
        """The ``n`` entries whose hits saved most seconds, or most of a currency unit."""
        with self._lock:
            records = [
                Savings(key, record.hits, record.seconds, dict(record.cost))
                for key, record in self._records.items()
            ]
        if by == "seconds":
            return sorted(records, key=lambda entry: entry.seconds, reverse=True)[:n]
        return sorted(records, key=lambda entry: entry.cost.get(by, 0.0), reverse=True)[:n]
