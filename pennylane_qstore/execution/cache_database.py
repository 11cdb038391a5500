"""Rows of bytes in one SQLite file. The only importer of ``diskcache``.

``diskcache`` makes the file and its connections, one for each thread and process. Rows are read and
written in whole batches by SQL of our own, and carry three columns more: whether the result was
paid for, and what it took. Nothing that is found in the file is trusted: nothing is unpickled,
no other file is opened, and settings stored in it are ignored.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import diskcache
import orjson
from diskcache.core import DEFAULT_SETTINGS, ENOVAL, METADATA, MODE_RAW

from pennylane_qstore.execution.cache_stats import Limits

FAILURES = (diskcache.Timeout, sqlite3.Error, OSError, ValueError, TypeError, AttributeError)
"""What a file that cannot be used, or is not ours, raises."""

_SETTINGS = {**DEFAULT_SETTINGS, "eviction_policy": "none", "cull_limit": 0}
_FILE = "cache.db"
_COLUMNS = {"paid": "INTEGER NOT NULL DEFAULT 1", "seconds": "REAL DEFAULT 0", "cost": "BLOB"}

# Text in a row of another's could be such that reading it fails, and with it the whole batch.
_FOUND = """
       CASE typeof(Cache.value) WHEN 'blob' THEN Cache.value END,
       CASE typeof(Cache.seconds) WHEN 'real' THEN Cache.seconds END,
       CASE typeof(Cache.cost) WHEN 'blob' THEN Cache.cost END
"""
_READ = f"""
SELECT wanted.key, {_FOUND} FROM json_each(?) AS wanted
CROSS JOIN Cache ON Cache.key = wanted.value AND Cache.raw = 1
WHERE Cache.mode = 1 AND Cache.store_time > ?
"""
_READ_ONE = (
    f"SELECT 0, {_FOUND} FROM Cache WHERE key = ? AND raw = 1 AND mode = 1 AND store_time > ?"
)
_WRITE = """
INSERT INTO Cache (key, store_time, expire_time, access_time, tag, size, value, paid, seconds, cost,
                   raw, mode, access_count)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1, 0)
ON CONFLICT (key, raw) DO UPDATE SET
    store_time = excluded.store_time, expire_time = excluded.expire_time,
    access_time = excluded.access_time, tag = excluded.tag, size = excluded.size,
    mode = excluded.mode, filename = NULL, value = excluded.value, paid = excluded.paid,
    seconds = excluded.seconds, cost = excluded.cost
"""
_EVICT = """
DELETE FROM Cache WHERE rowid IN (
    SELECT rowid FROM Cache WHERE paid <= ? ORDER BY paid, access_time, rowid LIMIT ?)
"""
# Rows of before have no column for it; those of an exact distribution say so at their beginning.
_MARK_EXACT = """
UPDATE Cache SET paid = 0
WHERE instr(substr(CAST(value AS BLOB), 1, 64), CAST('"shots":null' AS BLOB)) > 0
"""


class Row(NamedTuple):
    """One entry as it is written, in the order of the statement."""

    key: str
    store_time: float
    expire_time: float | None
    access_time: float
    tag: str | None
    size: int
    value: bytes
    paid: bool
    seconds: float
    cost: bytes | None


class _BytesDisk(diskcache.Disk):
    """Keys are text and values are bytes, both inside the database; all else is refused."""

    def __init__(self, directory: str, **_: Any) -> None:
        super().__init__(directory)

    def put(self, key: Any) -> tuple[str, bool]:
        if not isinstance(key, str):
            raise TypeError(f"a cache key is text, not {type(key).__name__}")
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        return key if raw and isinstance(key, str) else ""

    def store(self, value: Any, read: bool, key: Any = None) -> tuple[int, int, None, Any]:
        if not isinstance(value, bytes) or read:
            raise TypeError(f"a cache value is bytes, not {type(value).__name__}")
        return len(value), MODE_RAW, None, sqlite3.Binary(value)

    def fetch(self, mode: int, filename: Any, value: Any, read: bool) -> bytes | None:
        return bytes(value) if mode == MODE_RAW and isinstance(value, bytes) else None

    def remove(self, file_path: Any) -> None:
        """Nothing: no entry of ours has a file, and a path found in a row is not to be trusted."""


class Database(diskcache.Cache):
    """The file of one directory.

    Args:
        directory: Where it is; made, for the user alone, if it is not there.
        is_limited: Whether rows will be evicted, which needs an index.

    Raises:
        OSError: If the directory cannot be made, or a file in it is a link.
    """

    def __init__(self, directory: Path, *, is_limited: bool) -> None:
        _make_private(directory)
        super().__init__(str(directory), disk=_BytesDisk, **_SETTINGS)
        with self.transact():
            known = {name for _, name, *_ in self._sql("PRAGMA table_info(Cache)")}
            for name, kind in _COLUMNS.items():
                if name not in known:
                    self._sql(f"ALTER TABLE Cache ADD COLUMN {name} {kind}")
            if "paid" not in known:
                self._sql(_MARK_EXACT)
            if is_limited:
                self._sql("CREATE INDEX IF NOT EXISTS Cache_paid ON Cache (paid, access_time)")

    def reset(self, key: str, value: Any = ENOVAL, update: bool = True) -> Any:
        """Set a setting to ours, whatever the file says: another could redirect or break us."""
        if key in METADATA:
            return super().reset(key, value, update)
        return super().reset(key, _SETTINGS[key], update) if key in _SETTINGS else None

    def read(self, keys: Sequence[str], oldest: float) -> list[tuple[int, Any, Any, Any]]:
        """Those rows that are there and younger than ``oldest``.

        Returns:
            For each its place in ``keys``, value, seconds and cost, None where of another type.
        """
        if len(keys) == 1:
            return self._sql(_READ_ONE, (keys[0], oldest)).fetchall()
        return self._sql(_READ, (orjson.dumps([*keys]).decode(), oldest)).fetchall()

    def write(
        self,
        rows: Sequence[Row],
        limits: Limits,
        take_used: Callable[[], Iterable[tuple[str, float]]],
    ) -> bool:
        """Write rows, all or none, and remove what is too old or too much.

        Args:
            rows: What to write.
            limits: What the file may hold.
            take_used: Gives keys that were read, and when; called if rows have to go.

        Returns:
            Whether the file is within its limits.
        """
        with self.transact():
            execute_many = self._con.executemany
            execute_many(_WRITE, rows)
            if limits.expire_s is not None and rows:
                self._sql("DELETE FROM Cache WHERE expire_time < ?", (rows[0].store_time,))
            if not limits.has_size or self._excess(limits) == 0:
                return True
            used = ((now, key) for key, now in take_used())
            execute_many("UPDATE Cache SET access_time = ? WHERE key = ? AND raw = 1", used)
            return self._shrink(limits)

    def _shrink(self, limits: Limits) -> bool:
        while n_rows := self._excess(limits):
            if self._sql(_EVICT, (int(limits.evict_paid), n_rows)).rowcount == 0:
                return False
        return True

    def _excess(self, limits: Limits) -> int:
        """About how many rows are too many."""
        ((count,),) = self._sql("SELECT value FROM Settings WHERE key = 'count'")
        excess = 0 if limits.max_entries is None else count - limits.max_entries
        if limits.max_bytes is not None:
            n_bytes = self.n_bytes()
            over = max(n_bytes - limits.max_bytes, 0) * count
            excess = max(excess, -(-over // n_bytes))
        return max(excess, 0)

    def n_bytes(self) -> int:
        """What the rows and their indexes take."""
        pages, free, size = (
            self._sql(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def n_rows(self) -> int:
        """How many rows there are, counted: a stored count could be anything."""
        return int(self._sql("SELECT count(*) FROM Cache").fetchone()[0])

    def remove(self, tag: str | None) -> int:
        """Remove the rows of a tag, or all, and return how many there were."""
        with self.transact():
            if tag is None:
                return int(self._sql("DELETE FROM Cache WHERE 1").rowcount)
            return int(self._sql("DELETE FROM Cache WHERE tag = ?", (tag,)).rowcount)


def _make_private(directory: Path) -> None:
    """Make the directory and an empty file in it that only the user may read.

    SQLite gives its other files the permissions of this one.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (_FILE, f"{_FILE}-wal", f"{_FILE}-shm", f"{_FILE}-journal"):
        path = directory / name
        with suppress(FileNotFoundError):  # another process may remove it at any moment
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode):
                raise OSError(f"{name} is not a plain file; remove it")
            if stat.S_IMODE(mode) != 0o600:
                path.chmod(0o600)
    # Never opened when it exists: closing it would release the locks this process has on it.
    with suppress(FileExistsError):
        os.close(os.open(directory / _FILE, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
