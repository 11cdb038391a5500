"""Results by key: on disk here, or on a Redis server that several machines share.

Values are JSON bytes. Nothing is ever pickled or unpickled and no file but the database is opened,
so that a hostile cache can neither run code nor reach files: whatever is not a well-formed entry is
a miss. A cache that cannot be opened or written costs time, not results, and says so in the log.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import platformdirs

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution.cache_database import FAILURES, Database, Row
from pennylane_qstore.execution.cache_entries import MAX_EXACT_STATES, decode, encode_kept
from pennylane_qstore.execution.cache_keys import SCHEMA_VERSION, KeyMaker, replicate_key
from pennylane_qstore.execution.cache_stats import CacheStats, Ledger, Limits, Savings, Share
from pennylane_qstore.native import Outcomes

__all__ = [
    "MAX_EXACT_STATES",
    "CacheStats",
    "KeyMaker",
    "Limits",
    "ResultCache",
    "ResultStore",
    "SCHEMA_VERSION",
    "Savings",
    "open_cache",
    "replicate_key",
]

logger = logging.getLogger("pennylane_qstore")


class ResultStore(Protocol):
    """Outcomes by key. Every method may be called from several threads and processes at once."""

    def get_many(self, keys: Sequence[str]) -> list[Outcomes | None]:
        """Outcomes stored under each key, None where there are none."""

    def put_many(
        self,
        entries: Iterable[tuple[str, Outcomes]],
        *,
        seconds: float = 0.0,
        cost: Mapping[str, float] | None = None,
        tag: str | None = None,
    ) -> bool:
        """Store the outcomes of one job, all of them or none.

        Exact distributions of more than :data:`MAX_EXACT_STATES` states are left out: they are free
        to compute again, and would fill the disk.

        Args:
            entries: Keys and outcomes.
            seconds: What the job took; divided evenly over the entries, and counted as saved at
                each later hit.
            cost: What the job cost, per currency unit; divided likewise.
            tag: Name under which :meth:`clear` finds these entries.

        Returns:
            False if they could not be stored.
        """

    def stats(self) -> CacheStats:
        """What this instance found and saved, and what the cache holds."""

    def most_valuable(self, n: int = 10, *, by: str = "seconds") -> list[Savings]:
        """Entries whose hits, by this instance, saved most.

        Args:
            n: How many.
            by: ``"seconds"``, or a currency unit.
        """

    def clear(self, tag: str | None = None) -> int:
        """Remove all entries, or those of a tag, paid ones too, and return how many there were."""

    def __len__(self) -> int: ...

    def close(self) -> None:
        """Close the connections of this thread; they open again when needed."""


def open_cache(
    spec: bool | str | Path,
    *,
    limits: Limits | None = None,
    clock: Callable[[], float] = time.time,
) -> ResultStore | None:
    """The cache that a user asks for.

    Args:
        spec: False for none, True for the user's cache directory, a directory, or the address of a
            Redis server such as ``"redis://host:6379/0"``.
        limits: What it may keep; None for everything.
        clock: The time in seconds.

    Raises:
        InvalidOptionError: For an address that is none, or if the ``redis`` package is missing.
    """
    if spec is False:
        return None
    if isinstance(spec, str) and "://" in spec:
        if not spec.startswith(("redis://", "rediss://")):
            raise InvalidOptionError(
                f"cache={spec.partition('://')[0] + '://…'!r}; use True, False, a directory, "
                "'redis://host:port/db' or 'rediss://…' (with TLS)"
            )
        try:
            home = import_module("pennylane_qstore.execution.cache_redis")
        except ModuleNotFoundError as error:
            raise InvalidOptionError(
                "a cache on Redis needs the package redis; pip install 'pennylane-qstore[redis]'"
            ) from error
        store: ResultStore = home.RedisCache(spec, limits=limits, clock=clock)
        return store
    return ResultCache(None if spec is True else Path(spec), limits=limits, clock=clock)


class ResultCache:
    """Outcomes by key on disk, shared by all processes of a user.

    The files are the user's alone. Entries are found in one read and stored in one write for each
    batch; when they are too many, exact ones go first, those least recently stored or used first.
    Use by other processes is not seen in that order.

    Args:
        directory: Where to keep them; None for the user's cache directory.
        limits: What to keep; None for everything.
        clock: The time in seconds.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        default = platformdirs.user_cache_path("pennylane_qstore") / "results"
        chosen = default if directory is None else directory
        self.directory = Path(os.path.expandvars(Path(chosen).expanduser()))
        self.limits = limits or Limits()
        self._clock = clock
        self._ledger = Ledger(tracks_use=self.limits.has_size)
        self._has_warned = False
        self._cache: Database | None = None
        try:
            self._cache = Database(self.directory, is_limited=self.limits.has_size)
        except FAILURES as error:
            logger.warning("cache %s cannot be used: %s", self.directory, error)

    def __repr__(self) -> str:
        return f"ResultCache({str(self.directory)!r})"

    def get_many(self, keys: Sequence[str]) -> list[Outcomes | None]:
        """Outcomes stored under each key, None where there are none."""
        now = self._clock()
        outcomes: list[Outcomes | None] = [None] * len(keys)
        hits = []
        for place, value, seconds, cost in self._read(keys, now):
            found = outcomes[place] = decode(value)
            if found is not None:
                hits.append((keys[place], Share.read(seconds, cost)))
        self._ledger.record(hits, len(keys) - len(hits), now)
        return outcomes

    def _read(self, keys: Sequence[str], now: float) -> list[tuple[int, Any, Any, Any]]:
        if self._cache is None:
            return []
        try:
            return self._cache.read(keys, self.limits.oldest(now))
        except FAILURES as error:
            logger.warning("cache %s cannot be read: %s", self.directory, error)
            return []

    def put_many(
        self,
        entries: Iterable[tuple[str, Outcomes]],
        *,
        seconds: float = 0.0,
        cost: Mapping[str, float] | None = None,
        tag: str | None = None,
    ) -> bool:
        """Store the outcomes of one job; see :meth:`ResultStore.put_many`."""
        if self._cache is None:
            return False
        entries, now = list(entries), self._clock()
        share = Share.of(seconds, cost, len(entries))
        expiry = {paid: self.limits.expiry(now, paid=paid) for paid in (False, True)}
        rows = [
            Row(
                key, now, expiry[paid], now, tag, len(value), value, paid, share.seconds, share.cost
            )
            for key, value, paid in encode_kept(entries)
        ]
        try:
            fits = self._cache.write(rows, self.limits, self._ledger.take_used)
        except FAILURES as error:
            logger.warning("cache %s cannot be written: %s", self.directory, error)
            return False
        if not fits and not self._has_warned:
            self._has_warned = True
            logger.warning("%s", self.limits.advice(str(self.directory)))
        return True

    def stats(self) -> CacheStats:
        """What this instance found and saved, and what the cache holds."""
        try:
            held = (0, 0) if self._cache is None else (len(self), self._cache.n_bytes())
        except FAILURES as error:
            logger.warning("cache %s cannot be read: %s", self.directory, error)
            held = (0, 0)
        return self._ledger.stats(*held)

    def most_valuable(self, n: int = 10, *, by: str = "seconds") -> list[Savings]:
        """Entries whose hits saved most; see :meth:`ResultStore.most_valuable`."""
        return self._ledger.most_valuable(n, by)

    def clear(self, tag: str | None = None) -> int:
        """Remove all entries, or those of a tag, and return how many there were."""
        return 0 if self._cache is None else self._cache.remove(tag)

    def __len__(self) -> int:
        return 0 if self._cache is None else self._cache.n_rows()

    def close(self) -> None:
        """Close this thread's connection to the database; it opens again when needed."""
        if self._cache is not None:
            self._cache.close()
