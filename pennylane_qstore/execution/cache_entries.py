"""Outcomes to the bytes of a cache entry and back: JSON whose arrays are base64 of plain numbers.

Numbers in base64 read back exactly, half as long as in decimals and faster. Compression on top
would take more time than the disk that it spares (``benchmarks/cache.py``). An
array says its own type, such as ``"<u2 AAEDAA=="``; entries of before, whose arrays are JSON lists,
are still read.
"""

import binascii
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from pennylane_qstore.native import Outcomes

MAX_EXACT_STATES = 4096
"""Widest exact distribution that is kept, some 55 kB."""

_ENTRY_KEYS = {"n_qubits", "shots", "states", "weights"}
_STATE_TYPES = frozenset({"|u1", "<u2", "<u4", "<i8"})
_WEIGHT_TYPES = _STATE_TYPES | {"<f8"}
_LIMITS = ((1 << 8, "|u1"), (1 << 16, "<u2"), (1 << 32, "<u4"))


def encode(outcomes: Outcomes) -> bytes:
    """Outcomes as JSON."""
    weights = "<f8"
    if outcomes.shots is not None:
        shortest = _narrowest(int(outcomes.weights.max()))
        if np.array_equal(outcomes.weights.astype(shortest), outcomes.weights):
            weights = shortest
    return orjson.dumps(
        {
            "n_qubits": outcomes.n_qubits,
            "shots": outcomes.shots,
            "states": _pack(outcomes.states, _narrowest(int(outcomes.states[-1]))),
            "weights": _pack(outcomes.weights, weights),
        }
    )


def decode(value: Any) -> Outcomes | None:
    """The outcomes in an entry, or None if it is not exactly what :func:`encode` writes."""
    if not isinstance(value, bytes):
        return None
    try:
        entry = orjson.loads(value)
        if not isinstance(entry, dict) or entry.keys() != _ENTRY_KEYS:
            return None
        return _check(**entry)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def encode_kept(entries: Iterable[tuple[str, Outcomes]]) -> list[tuple[str, bytes, bool]]:
    """Key, bytes, and whether it was paid for, of each entry that a cache keeps."""
    return [
        (key, encode(outcomes), not outcomes.is_exact)
        for key, outcomes in entries
        if 0 < len(outcomes.states) <= (MAX_EXACT_STATES if outcomes.is_exact else math.inf)
    ]


def _narrowest(largest: int) -> str:
    """The shortest integer type that holds numbers from 0 to ``largest``."""
    return next((name for limit, name in _LIMITS if largest < limit), "<i8")


def _pack(values: NDArray[Any], name: str) -> str:
    encoded = binascii.b2a_base64(values.astype(name).tobytes(), newline=False)
    return f"{name} {encoded.decode('ascii')}"


def _unpack(text: Any, names: frozenset[str], python_type: type) -> NDArray[Any]:
    """The numbers that :func:`_pack` wrote, or those of a JSON list.

    Raises:
        ValueError: If it is neither.
        TypeError: If it is neither.
    """
    if isinstance(text, list):
        if set(map(type, text)) != {python_type}:
            raise ValueError("a list of other things than numbers")
        return np.array(text)
    name, _, encoded = text.partition(" ") if isinstance(text, str) else ("", "", "")
    if name not in names:
        raise ValueError("not an array")
    return np.frombuffer(binascii.a2b_base64(encoded, strict_mode=True), name)


def _check(n_qubits: Any, shots: Any, states: Any, weights: Any) -> Outcomes | None:
    """Outcomes of these parts, or None if they do not fit together."""
    if type(n_qubits) is not int or not (shots is None or (type(shots) is int and shots > 0)):
        return None
    found = _unpack(states, _STATE_TYPES, int).astype(np.int64)
    stored = _unpack(weights, _WEIGHT_TYPES, float)
    values = stored.astype(np.float64)
    n_states = len(found)
    if not 0 < n_states == len(values):
        return None
    total = float(np.add.reduce(values))
    valid = (
        0 < n_qubits < 63
        and found[0] >= 0
        and found[-1] < 1 << n_qubits
        and np.count_nonzero(found[1:] > found[:-1]) == n_states - 1
        and np.count_nonzero(stored if stored.dtype.kind == "u" else stored > 0) == n_states
        and (math.isclose(total, 1, abs_tol=1e-6) if shots is None else total == shots)
    )
    return Outcomes(n_qubits, found, values, shots) if valid else None
