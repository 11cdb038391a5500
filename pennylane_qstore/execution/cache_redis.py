"""Results on a Redis server, shared by several machines. The only importer of ``redis``.

The same entries and rules as on disk. Each entry is a hash; beside it stand the order of eviction
and the sum of sizes, all changed by one script, so that several clients cannot undo each other's
accounts. The server must not evict by itself: it knows nothing of what was paid for.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import redis

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution.cache_entries import decode, encode_kept
from pennylane_qstore.execution.cache_scripts import CLEAR, PREFIX, PUT
from pennylane_qstore.execution.cache_stats import CacheStats, Ledger, Limits, Savings, Share
from pennylane_qstore.native import Outcomes

_FAILURES = (redis.RedisError, OSError, ValueError, TypeError)
_ENTRY = f"{PREFIX}entry:"
_TIMEOUT_S = 10.0

logger = logging.getLogger("pennylane_qstore")


class RedisCache:
    """Outcomes by key on a Redis server, otherwise as they are kept on disk.

    Sizes are those of the entries' values. A password in the address is shown nowhere.

    Args:
        url: The server, such as ``"redis://user:password@host:6379/0"``, or ``"rediss://…"`` for
            TLS.
        limits: What to keep; None for everything.
        clock: The time in seconds.

    Raises:
        InvalidOptionError: If the address cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits or Limits()
        self._clock = clock
        self._ledger = Ledger(tracks_use=self.limits.has_size)
        self._has_warned = False
        self._client: Any = _client(url)
        if self._client is None:
            raise InvalidOptionError(
                "the address of the cache cannot be read; use redis://user:password@host:port/db, "
                "with special characters of the password percent-encoded"
            )
        self._place = _without_secrets(url)
        self._put, self._clear = map(self._client.register_script, (PUT, CLEAR))
        self._check_server()

    def __repr__(self) -> str:
        return f"RedisCache({self._place!r})"

    def get_many(self, keys: Sequence[str]) -> list[Outcomes | None]:
        """Outcomes stored under each key, None where there are none."""
        now = self._clock()
        oldest = self.limits.oldest(now)
        outcomes: list[Outcomes | None] = [None] * len(keys)
        hits = []
        for place, (value, stored, seconds, cost) in enumerate(self._read(keys)):
            if value is None or not _number(stored, -1.0) > oldest:
                continue
            found = outcomes[place] = decode(value)
            if found is not None:
                hits.append((keys[place], Share.read(_number(seconds, 0.0), cost)))
        self._ledger.record(hits, len(keys) - len(hits), now)
        return outcomes

    def _read(self, keys: Sequence[str]) -> list[list[bytes | None]]:
        """Value, time, seconds and cost of each key; nothing if the server cannot be asked."""
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.hmget(_ENTRY + key, "value", "time", "seconds", "cost")
        try:
            replies = pipeline.execute(raise_on_error=False)
        except _FAILURES as error:
            self._warn("cannot be read", error)
            return []
        broken = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if broken is not None:
            self._warn("cannot be read", broken)
        return [reply if isinstance(reply, list) else [None] * 4 for reply in replies]

    def put_many(
        self,
        entries: Iterable[tuple[str, Outcomes]],
        *,
        seconds: float = 0.0,
        cost: Mapping[str, float] | None = None,
        tag: str | None = None,
    ) -> bool:
        """Store the outcomes of one job, as described at the protocol."""
        entries, now, limits = list(entries), self._clock(), self.limits
        share = Share.of(seconds, cost, len(entries))
        until = [limits.expiry(now, paid=paid) for paid in (False, True)]
        expiry = ["" if moment is None else repr(moment) for moment in until]
        kept = encode_kept(entries)
        arguments: list[Any] = [PREFIX, repr(now), int(limits.evict_paid)]
        arguments += ["" if n is None else n for n in (limits.max_entries, limits.max_bytes)]
        arguments += [tag or "", repr(share.seconds), share.cost or b"", len(kept)]
        for key, value, paid in kept:
            arguments += [key, value, int(paid), expiry[paid]]
        for key, used in self._ledger.take_used():
            arguments += [key, repr(used)]
        try:
            fits = self._put(args=arguments)
        except _FAILURES as error:
            self._warn("cannot be written", error)
            return False
        if not fits and not self._has_warned:
            self._has_warned = True
            logger.warning("%s", limits.advice(self._place))
        return True

    def stats(self) -> CacheStats:
        """What this instance found and saved, and what the cache holds."""
        try:
            return self._ledger.stats(len(self), int(self._client.get(f"{PREFIX}bytes") or 0))
        except _FAILURES as error:
            self._warn("cannot be read", error)
            return self._ledger.stats(0, 0)

    def most_valuable(self, n: int = 10, *, by: str = "seconds") -> list[Savings]:
        """Entries whose hits, by this instance, saved most seconds, or most of a currency unit."""
        return self._ledger.most_valuable(n, by)

    def clear(self, tag: str | None = None) -> int:
        """Remove all entries, or those of a tag, and return how many there were."""
        return int(self._clear(args=[PREFIX] if tag is None else [PREFIX, tag]))

    def __len__(self) -> int:
        return sum(self._client.zcard(f"{PREFIX}{name}") for name in ("exact", "paid"))

    def close(self) -> None:
        """Close the connections; they open again when needed."""
        self._client.close()

    def _check_server(self) -> None:
        """Say so if the server cannot be reached, or may drop paid results by itself."""
        try:
            memory = self._client.info("memory")
        except _FAILURES as error:
            self._warn("cannot be used", error)
            return
        policy = str(memory.get("maxmemory_policy", ""))
        if policy.startswith("allkeys") and memory.get("maxmemory"):
            logger.warning(
                "cache %s: the server drops any entry, paid ones too, when its memory is full "
                "(maxmemory-policy %s); set it to noeviction",
                self._place,
                policy,
            )

    def _warn(self, what: str, error: Exception) -> None:
        logger.warning("cache %s %s: %s", self._place, what, error)


def _client(url: str) -> redis.Redis | None:
    """A client, or None if the address cannot be read.

    No exception is passed on: it would quote the address, and with it perhaps the password.
    """
    try:
        _without_secrets(url)
        return redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )
    except (ValueError, TypeError):
        return None


def _without_secrets(url: str) -> str:
    """The address without user, password and options."""
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _number(text: bytes | None, default: float) -> float:
    """The number in a field, or the default if there is none."""
    try:
        return float(text or b"")
    except ValueError:
        return default
