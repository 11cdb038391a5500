"""Results on disk. The only importer of ``diskcache``.

Values are JSON bytes in SQLite rows. Nothing is ever pickled or unpickled and no other file is
opened, so that a hostile cache can neither run code nor reach files: whatever is not a well-formed
entry is a miss. A cache that cannot be opened or written costs time, not results, and says so in
the log.
"""

import hashlib
import json
import logging
import math
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import diskcache
import numpy as np
import platformdirs
from diskcache.core import MODE_RAW

from pennylane_qstore.execution.request import Settings
from pennylane_qstore.native import Circuit, Outcomes

SCHEMA_VERSION = 1
"""Part of every key; raised when keys or values change their meaning."""

MAX_EXACT_STATES = 4096
"""Widest exact distribution that is kept, some 100 kB."""

_ENTRY_KEYS = {"n_qubits", "shots", "states", "weights"}
_FAILURES = (diskcache.Timeout, sqlite3.Error, OSError, ValueError, TypeError, AttributeError)

logger = logging.getLogger("pennylane_qstore")


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


class ResultCache:
    """Outcomes by key, shared by all processes of a user. Entries stay until they are removed.

    Args:
        directory: Where to keep them; None for the user's cache directory.
    """

    def __init__(self, directory: Path | None = None) -> None:
        default = platformdirs.user_cache_path("pennylane_qstore") / "results"
        self.directory = default if directory is None else Path(directory)
        self._cache: Any = None
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._cache = diskcache.Cache(
                str(self.directory), disk=_BytesDisk, eviction_policy="none", statistics=0
            )
        except _FAILURES as error:
            logger.warning("cache %s cannot be used: %s", self.directory, error)

    def __repr__(self) -> str:
        return f"ResultCache({str(self.directory)!r})"

    def get_many(self, keys: Sequence[str]) -> list[Outcomes | None]:
        """Outcomes stored under each key, None where there are none."""
        if self._cache is None:
            return [None] * len(keys)
        try:
            return [_decode(self._cache.get(key)) for key in keys]
        except _FAILURES as error:
            logger.warning("cache %s cannot be read: %s", self.directory, error)
            return [None] * len(keys)

    def put_many(self, entries: Iterable[tuple[str, Outcomes]]) -> None:
        """Store outcomes, all of them or none.

        Exact distributions of more than :data:`MAX_EXACT_STATES` states are left out: they are free
        to compute again, and would fill the disk.
        """
        if self._cache is None:
            return
        encoded = [(key, _encode(outcomes)) for key, outcomes in entries if _is_kept(outcomes)]
        try:
            with self._cache.transact():
                for key, value in encoded:
                    self._cache.set(key, value)
        except _FAILURES as error:
            logger.warning("cache %s cannot be written: %s", self.directory, error)

    def clear(self) -> int:
        """Remove everything and return how many entries there were."""
        return 0 if self._cache is None else int(self._cache.clear())

    def __len__(self) -> int:
        return 0 if self._cache is None else len(self._cache)

    def close(self) -> None:
        """Close this thread's connection to the database; it opens again when needed."""
        if self._cache is not None:
            self._cache.close()


def _is_kept(outcomes: Outcomes) -> bool:
    return not outcomes.is_exact or len(outcomes.states) <= MAX_EXACT_STATES


class KeyMaker:
    """Keys of the requests of one batch.

    Args:
        settings: How the batch is run.
        base_url: The service's address, which tells equal backend names apart.
    """

    def __init__(self, settings: Settings, base_url: str) -> None:
        context = [
            SCHEMA_VERSION,
            base_url,
            settings.backend,
            settings.noise_model,
            settings.noise_seed,
            sorted(settings.error_mitigation),
            settings.exact,
        ]
        self._hash = hashlib.sha256(json.dumps(context).encode())

    def base(self, circuit: Circuit, shots: int | None) -> str:
        """Key of a request, or of all its replicates where it is sampled."""
        own = self._hash.copy()
        own.update(f"|{circuit.fingerprint}|{shots}".encode())
        return own.hexdigest()


def replicate_key(base: str, replicate: int) -> str:
    """Key of one replicate of a sampled request."""
    return f"{base}:{replicate}"


def _encode(outcomes: Outcomes) -> bytes:
    """Outcomes as JSON. Floats are written so that they read back exactly."""
    entry = {
        "n_qubits": outcomes.n_qubits,
        "shots": outcomes.shots,
        "states": outcomes.states.tolist(),
        "weights": outcomes.weights.tolist(),
    }
    return json.dumps(entry, separators=(",", ":")).encode()


def _decode(value: Any) -> Outcomes | None:
    """The outcomes in an entry, or None if it is not exactly what :func:`_encode` writes."""
    if not isinstance(value, bytes):
        return None
    try:
        entry = json.loads(value)
        if not isinstance(entry, dict) or set(entry) != _ENTRY_KEYS:
            return None
        return _check(**entry)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _check(n_qubits: Any, shots: Any, states: Any, weights: Any) -> Outcomes | None:
    """Outcomes of these parts, or None if they do not fit together."""
    if type(n_qubits) is not int or not (shots is None or (type(shots) is int and shots > 0)):
        return None
    if not isinstance(states, list) or set(map(type, states)) != {int}:
        return None
    if not isinstance(weights, list) or set(map(type, weights)) != {float}:
        return None
    found = np.array(states, dtype=np.int64)
    values = np.array(weights, dtype=np.float64)
    total = float(values.sum())
    valid = (
        len(found) == len(values)
        and 0 < n_qubits < 63
        and found[0] >= 0
        and found[-1] < 1 << n_qubits
        and bool((np.diff(found) > 0).all())
        and bool((values > 0).all())
        and (math.isclose(total, 1, abs_tol=1e-6) if shots is None else total == shots)
    )
    return Outcomes(n_qubits, found, values, shots) if valid else None
