"""Outcomes of one circuit in the service's own bit order, and their JSON in every format."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import orjson
from numpy.typing import NDArray

from pennylane_qstore.emulator.program import FloatArray

IntArray = NDArray[np.int64]
Registers = tuple[tuple[str, tuple[int, ...]], ...]

PROBABILITIES_V1 = "ionq.result.probabilities.json.v1"
PROBABILITIES_V2 = "ionq.result.probabilities.json.v2"
HISTOGRAM_V1 = "ionq.result.histogram.json.v1"
HISTOGRAM_V2 = "ionq.result.histogram.json.v2"
SHOTS_V1 = "ionq.result.shots.json.v1"
SHOTS_V2 = "ionq.result.shots.json.v2"
AGGREGATE_V1 = "ionq.result.probabilities-aggregate.json.v1"


@dataclass(frozen=True, eq=False)
class Outcome:
    """Measured states of one circuit. Qubit k is bit k: qubit 0 is the least significant.

    Attributes:
        n_qubits: Width.
        states: States that occur, ascending; shape ``(n_states,)``.
        weights: Their probabilities, or counts where ``shots`` is set; shape ``(n_states,)``.
        shots: Repetitions, or None for an exact distribution.
        seed: Fixes the order of the shots.
        registers: Qubits of each named register.
    """

    n_qubits: int
    states: IntArray
    weights: FloatArray
    shots: int | None = None
    seed: int = 0
    registers: Registers = ()

    @property
    def probabilities(self) -> FloatArray:
        """Probability or relative frequency of each state."""
        return self.weights if self.shots is None else self.weights / self.shots

    def in_order(self) -> IntArray:
        """State of each shot, in a fixed random order; shape ``(shots,)``."""
        states = np.repeat(self.states, self.weights.astype(np.int64))
        np.random.default_rng(self.seed).shuffle(states)
        return states

    def formats(self) -> tuple[str, ...]:
        """Result formats that exist: exact distributions have probabilities only."""
        if self.shots is None:
            return (PROBABILITIES_V1, PROBABILITIES_V2)
        return tuple(RENDERERS)


@lru_cache(maxsize=64)
def _keys(states: bytes) -> tuple[str, ...]:
    return tuple(map(str, np.frombuffer(states, dtype=np.int64).tolist()))


def _flat(states: IntArray, weights: Iterable[object]) -> bytes:
    """``{"<state>": weight}`` with every float in its shortest exact form."""
    keys = _keys.__wrapped__ if len(states) > 4096 else _keys
    return orjson.dumps(dict(zip(keys(states.tobytes()), weights, strict=True)))


def _counts(outcome: Outcome) -> list[int]:
    counts: list[int] = outcome.weights.astype(np.int64).tolist()
    return counts


def probabilities_v1(outcome: Outcome) -> bytes:
    """Flat map of probabilities, keyed by decimal state."""
    return _flat(outcome.states, outcome.probabilities.tolist())


def histogram_v1(outcome: Outcome) -> bytes:
    """Flat map of counts, keyed by decimal state."""
    return _flat(outcome.states, _counts(outcome))


def probabilities_v2(outcome: Outcome) -> bytes:
    """Probabilities by register and bit string."""
    return _by_register(outcome, "probabilities", outcome.probabilities)


def histogram_v2(outcome: Outcome) -> bytes:
    """Counts by register and bit string."""
    return _by_register(outcome, "histogram", outcome.weights.astype(np.int64))


def _by_register(outcome: Outcome, kind: str, weights: NDArray[np.generic]) -> bytes:
    parts = []
    for name, qubits in _all_registers(outcome):
        keys = _register_values(outcome.states, qubits)
        found, where = np.unique(keys, return_inverse=True)
        sums = np.zeros(len(found), dtype=weights.dtype)
        np.add.at(sums, where, weights)
        width = len(qubits)
        entries = zip(found.tolist(), sums.tolist(), strict=True)
        inner = ",".join(f'"{key:0{width}b}":{weight!r}' for key, weight in entries)
        parts.append(f"{_quoted(name)}:{{{inner}}}")
    return f'{{"{kind}":{{"registers":{{{",".join(parts)}}}}}}}'.encode()


def _all_registers(outcome: Outcome) -> Registers:
    return (("output_all", tuple(range(outcome.n_qubits))), *outcome.registers)


def _register_values(states: IntArray, qubits: tuple[int, ...]) -> IntArray:
    """States of a register: its element k is bit k."""
    values = np.zeros_like(states)
    for position, qubit in enumerate(qubits):
        values |= ((states >> qubit) & 1) << position
    return values


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def shots_v1(outcome: Outcome) -> bytes:
    """Decimal state of each shot."""
    if not len(outcome.states):
        return b"[]"
    return ('["' + '","'.join(map(str, outcome.in_order().tolist())) + '"]').encode()


def shots_v2(outcome: Outcome) -> bytes:
    """Bits of each register of each shot; element k of a register is its qubit k."""
    states = outcome.in_order()
    columns = []
    for name, qubits in _all_registers(outcome):
        bits = (states[:, None] >> np.array(qubits, dtype=np.int64)) & 1
        columns.append([f"{_quoted(name)}:{row}" for row in bits.tolist()])
    rows = (f'{{"registers":{{{",".join(row)}}}}}' for row in zip(*columns, strict=True))
    return f'{{"shots":[{",".join(rows)}]}}'.replace(", ", ",").encode()


RENDERERS: dict[str, Callable[[Outcome], bytes]] = {
    PROBABILITIES_V1: probabilities_v1,
    PROBABILITIES_V2: probabilities_v2,
    HISTOGRAM_V1: histogram_v1,
    HISTOGRAM_V2: histogram_v2,
    SHOTS_V1: shots_v1,
    SHOTS_V2: shots_v2,
}


def aggregate(outcomes: Iterable[tuple[str, Outcome]]) -> bytes:
    """Probabilities of many circuits, keyed by child id in the order given."""
    parts = [f'"{child}":'.encode() + probabilities_v1(outcome) for child, outcome in outcomes]
    return b"{" + b",".join(parts) + b"}"
