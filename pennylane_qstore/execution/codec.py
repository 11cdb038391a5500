"""Results of the service to outcomes, and the one place where bit order is crossed.

On the wire qubit 0 is the least significant bit of a state: bit ``k`` of an integer key is qubit
``k``, and the last character of a binary key is qubit 0. In :class:`Outcomes` qubit 0 is the most
significant bit.

Each kind of result comes in two layouts: version 1 maps decimal keys to numbers (or lists decimal
states, for shots), version 2 nests registers.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pennylane_qstore.errors import MalformedResultError
from pennylane_qstore.native import Outcomes

Kind = Literal["probabilities", "histogram", "shots"]

SUM_TOLERANCE = 1e-3
"""Probabilities that miss 1 by more than this are no distribution. The service rounds, and its
``pauliexp`` is not quite unitary, so that sums are not exact."""

_TABLE_QUBITS = 12
_QUOTED = 200

logger = logging.getLogger("pennylane_qstore")


def decode(payload: Any, kind: Kind, n_qubits: int, shots: int | None) -> Outcomes:
    """Outcomes of one circuit.

    Args:
        payload: The parsed JSON of a result, in either layout.
        kind: What the payload holds.
        n_qubits: Number of qubits of the circuit.
        shots: Repetitions that were asked for, or None where the distribution is exact.

    Raises:
        MalformedResultError: If the payload is not a result of this circuit.
    """
    if kind == "shots":
        return _decode_shots(payload, n_qubits, shots)
    return decode_all([payload], kind, [n_qubits], shots)[0]


def decode_all(
    payloads: Sequence[Any],
    kind: Literal["probabilities", "histogram"],
    widths: Sequence[int],
    shots: int | None,
) -> list[Outcomes]:
    """Outcomes of many circuits; those that follow each other with the same states as one array.

    Args:
        payloads: The parsed JSON of each result.
        kind: What the payloads hold.
        widths: Number of qubits of each circuit; shape ``(n_circuits,)``.
        shots: Repetitions that were asked for, or None where the distributions are exact.

    Raises:
        MalformedResultError: If a payload is not a result of its circuit.
    """
    maps = [_numbers(payload, kind) for payload in payloads]
    named = [(tuple(entries), base, n) for (entries, base), n in zip(maps, widths, strict=True)]
    found: list[Outcomes] = []
    for (keys, base, n_qubits), group in groupby(range(len(maps)), named.__getitem__):
        rows = _matrix([maps[place][0] for place in group], len(keys), kind)
        states, order = _states(keys, base, n_qubits)
        rows = rows[:, order]
        totals = rows.sum(axis=1)
        counts: list[int] | list[int | None] = [shots] * len(rows)
        if kind == "histogram":
            counts = _check_counts(rows, totals, shots)
        else:
            _check_sums(totals, len(keys))
            rows = rows / totals[:, None] if shots is None else _apportion(rows, totals, shots)
        found += [
            _to_outcomes(states, row, n_qubits, count)
            for row, count in zip(rows, counts, strict=True)
        ]
    return found


def split_aggregate(payload: Any, child_ids: Sequence[str], job_id: str) -> list[Any]:
    """Results of a multi-circuit job in the order of its children.

    The service keys them by child id, and promises nothing about the order of the keys.

    Raises:
        MalformedResultError: If a child is missing or an unknown one is present.
    """
    if not isinstance(payload, dict):
        raise MalformedResultError(f"aggregate of job {job_id} is no object: {_quote(payload)}")
    missing = [child for child in child_ids if child not in payload]
    unknown = sorted(set(payload) - set(child_ids))
    if missing or unknown:
        raise MalformedResultError(
            f"aggregate of job {job_id} does not match its {len(child_ids)} children: "
            f"missing {_quote(missing)}, unknown {_quote(unknown)}"
        )
    return [payload[child] for child in child_ids]


def _numbers(payload: Any, kind: Kind) -> tuple[dict[Any, Any], int]:
    """Numbers by state, and the base in which the states are written."""
    entries, base = payload, 10
    if isinstance(payload, dict) and isinstance(payload.get(kind), dict):
        entries, base = _register(payload[kind].get("registers")), 2
    if not isinstance(entries, dict) or not entries:
        raise MalformedResultError(f"{kind} are no map of states: {_quote(payload)}")
    return entries, base


def _matrix(maps: Sequence[Mapping[Any, Any]], n_states: int, kind: Kind) -> NDArray[np.float64]:
    """The numbers of results with the same states; shape ``(len(maps), n_states)``."""
    numbers = [number for entries in maps for number in entries.values()]
    if not set(map(type, numbers)) <= {int, float}:
        bad = next(one for one in maps if not set(map(type, one.values())) <= {int, float})
        raise MalformedResultError(f"{kind} hold something else than numbers: {_quote(bad)}")
    try:
        rows = np.array(numbers, dtype=np.float64).reshape(-1, n_states)
    except OverflowError:
        raise MalformedResultError(f"{kind} hold too large a number: {_quote(maps)}") from None
    fine = (np.isfinite(rows) & (rows >= 0)).all(axis=1)
    if not fine.all():
        bad = maps[int(np.argmin(fine))]
        raise MalformedResultError(f"{kind} hold negative or non-finite values: {_quote(bad)}")
    return rows


def _register(registers: Any) -> Any:
    """The register of all qubits: ``output_all``, or the only one there is."""
    if isinstance(registers, dict):
        if "output_all" in registers:
            return registers["output_all"]
        if len(registers) == 1:
            return next(iter(registers.values()))
    raise MalformedResultError(f"no register output_all in {_quote(registers)}")


@lru_cache(maxsize=64)
def _states(
    keys: tuple[Any, ...], base: int, n_qubits: int
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """States in our bit order, ascending, and the place of each among the keys.

    The circuits of a batch mostly have the same states.
    """
    wire = np.array([_state(key, base, n_qubits) for key in keys], dtype=np.int64)
    states, order = np.unique(reverse_bits(wire, n_qubits), return_index=True)
    if len(states) != len(wire):
        raise MalformedResultError(f"states are listed twice: {_quote(keys)}")
    states.flags.writeable = False  # shared by all outcomes with these states
    return states, order


def _state(key: Any, base: int, n_qubits: int) -> int:
    """One state as an integer in wire order."""
    text = str(key)
    digits = text.isascii() and text.isdigit() and len(text) < 64
    if digits and (base == 10 or (len(text) == n_qubits and set(text) <= {"0", "1"})):
        state = int(text, base)
        if state < 1 << n_qubits:
            return state
    raise MalformedResultError(f"state {_quote(key)} is not one of {n_qubits} qubits")


def _check_sums(totals: NDArray[np.float64], n_states: int) -> None:
    """Refuse probabilities that do not add up to one."""
    off = np.abs(totals - 1)
    worst = int(np.argmax(off))
    if not off[worst] < SUM_TOLERANCE:
        total = float(totals[worst])
        raise MalformedResultError(f"{n_states} probabilities add up to {total!r} instead of 1")


def _check_counts(
    rows: NDArray[np.float64], totals: NDArray[np.float64], shots: int | None
) -> list[int]:
    """Totals of counts, which mitigation may leave below the shots asked for."""
    fine = (rows == np.rint(rows)).all(axis=1) & (totals >= 1)
    if shots is not None:
        fine &= totals <= shots
    if not fine.all():
        bad = rows[int(np.argmin(fine))].tolist()
        raise MalformedResultError(f"histogram holds {_quote(bad)} for a job of {shots} shots")
    return [int(total) for total in totals]


def _apportion(
    rows: NDArray[np.float64], totals: NDArray[np.float64], shots: int
) -> NDArray[np.float64]:
    """Counts that add up to ``shots`` in each row, by largest remainder.

    Relative frequencies give back their counts exactly; averaged or rounded ones (three times 1/3
    of 100 shots) get the nearest counts with the right total.
    """
    quotas = rows * (shots / totals)[:, None]
    counts = np.floor(quotas)
    missing = shots - counts.sum(axis=1)
    ranks = np.argsort(np.argsort(counts - quotas, axis=1, kind="stable"), axis=1)
    return np.asarray(counts + (ranks < missing[:, None]), dtype=np.float64)


def _decode_shots(payload: Any, n_qubits: int, shots: int | None) -> Outcomes:
    """Outcomes of a list of single shots."""
    entries = payload.get("shots") if isinstance(payload, dict) else payload
    if not isinstance(entries, list) or not entries or len(entries) > (shots or len(entries)):
        raise MalformedResultError(f"no list of {shots} shots: {_quote(payload)}")
    kept = [entry for entry in entries if not (isinstance(entry, dict) and _leaked(entry))]
    if not kept:
        raise MalformedResultError(f"all {len(entries)} shots leaked: {_quote(payload)}")
    states = [
        _register_state(entry.get("registers"), n_qubits)
        if isinstance(entry, dict)
        else _state(entry, 10, n_qubits)
        for entry in kept
    ]
    measured = reverse_bits(np.array(states, dtype=np.int64), n_qubits)
    distinct, counts = np.unique(measured, return_counts=True)
    if len(kept) < (shots or 0):
        logger.warning("only %d of %s shots came back without leakage", len(kept), shots)
    return _to_outcomes(distinct, counts.astype(np.float64), n_qubits, len(kept))


def _leaked(entry: Mapping[str, Any]) -> bool:
    """Whether an ion had left the qubit subspace in this shot."""
    bits = entry.get("leakage_bits")
    return any(bits) if isinstance(bits, list) else bool(bits)


def _register_state(registers: Any, n_qubits: int) -> int:
    """State of one shot, whose array holds qubit 0 first."""
    bits = _register(registers)
    if not isinstance(bits, list) or not bits.count(0) + bits.count(1) == len(bits) == n_qubits:
        raise MalformedResultError(f"shot {_quote(bits)} is not one of {n_qubits} qubits")
    return sum(int(bit) << position for position, bit in enumerate(bits))


def _to_outcomes(
    states: NDArray[np.int64], weights: NDArray[np.float64], n_qubits: int, shots: int | None
) -> Outcomes:
    """Outcomes without states of weight zero."""
    seen = weights > 0
    if not seen.all():
        states, weights = states[seen], weights[seen]
    return Outcomes(n_qubits, states, weights, shots)


def reverse_bits(states: NDArray[np.int64], n_qubits: int) -> NDArray[np.int64]:
    """States with the order of their ``n_qubits`` bits reversed."""
    if n_qubits <= _TABLE_QUBITS:
        return _reversal_table(n_qubits)[states]
    return _reverse(states, n_qubits)


@lru_cache(maxsize=_TABLE_QUBITS + 1)
def _reversal_table(n_qubits: int) -> NDArray[np.int64]:
    return _reverse(np.arange(1 << n_qubits, dtype=np.int64), n_qubits)


def _reverse(states: NDArray[np.int64], n_qubits: int) -> NDArray[np.int64]:
    reversed_states = np.zeros_like(states)
    for qubit in range(n_qubits):
        reversed_states |= ((states >> qubit) & 1) << (n_qubits - 1 - qubit)
    return reversed_states


def _quote(found: Any) -> str:
    """What was found, short enough for a message."""
    text = repr(found)
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
