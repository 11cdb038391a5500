"""The result cache beside bare diskcache, and ways to write an entry.

Bare diskcache keeps the same bytes under the same keys in a file of the same settings (all inside
the database, no eviction), stores each batch in one transaction and reads it key by key. Ours also
encodes, checks and decodes outcomes, counts hits and remembers what they saved. Both hold 100,000
entries, counts of 1000 shots of 8 qubits, and take turns; a ratio is of two turns in a row.
"""

import argparse
import hashlib
import random
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import diskcache
import numpy as np
import orjson
from record import save

from pennylane_qstore.execution.cache import Limits, ResultCache
from pennylane_qstore.execution.cache_entries import decode, encode
from pennylane_qstore.native import Outcomes

BATCHES = (1, 20, 100)
N_PER_TURN, N_TURNS, N_VALUES = 2000, 15, 500


def counts(n_qubits: int, shots: int, rng: np.random.Generator) -> Outcomes:
    """Counts of a random state, whose probabilities are distributed exponentially."""
    drawn = rng.multinomial(shots, rng.dirichlet(np.ones(1 << n_qubits)))
    states = np.flatnonzero(drawn)
    return Outcomes(n_qubits, states, drawn[states].astype(float), shots)


def exact(n_qubits: int, rng: np.random.Generator) -> Outcomes:
    n_states = 1 << n_qubits
    return Outcomes(n_qubits, np.arange(n_states), rng.dirichlet(np.ones(n_states)), None)


def as_decimals(outcomes: Outcomes) -> bytes:
    weights = outcomes.weights if outcomes.is_exact else outcomes.weights.astype(int)
    entry = {
        "n_qubits": outcomes.n_qubits,
        "shots": outcomes.shots,
        "states": outcomes.states,
        "weights": weights,
    }
    return orjson.dumps(entry, option=orjson.OPT_SERIALIZE_NUMPY)


def from_decimals(value: bytes) -> Outcomes:
    entry = orjson.loads(value)
    states, weights = np.array(entry["states"]), np.array(entry["weights"], dtype=float)
    return Outcomes(entry["n_qubits"], states, weights, entry["shots"])


FORMATS: dict[str, tuple[Callable[[Outcomes], bytes], Callable[[bytes], Outcomes | None]]] = {
    "decimals": (as_decimals, from_decimals),
    "decimals, zlib 1": (
        lambda outcomes: zlib.compress(as_decimals(outcomes), 1),
        lambda value: from_decimals(zlib.decompress(value)),
    ),
    "base64 (ours)": (encode, decode),
    "base64, zlib 1": (
        lambda outcomes: zlib.compress(encode(outcomes), 1),
        lambda value: decode(zlib.decompress(value)),
    ),
}


def microseconds(call: Callable[[], object], n_calls: int) -> float:
    """Time of one call: the best of seven rounds."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(n_calls):
            call()
        times.append(time.perf_counter() - start)
    return round(min(times) / n_calls * 1e6, 1)


def compare_formats(rng: np.random.Generator) -> dict[str, dict[str, dict[str, float]]]:
    entries = {
        "8 qubits, 1000 shots": counts(8, 1000, rng),
        "exact, 256 states": exact(8, rng),
        "exact, 4096 states": exact(12, rng),
        "20 qubits, 10000 shots": counts(20, 10_000, rng),
    }
    table: dict[str, dict[str, dict[str, float]]] = {}
    for workload, outcomes in entries.items():
        print(f"\n{workload:24} {'bytes':>8} {'encode µs':>10} {'decode µs':>10}")
        table[workload] = {}
        for name, (write, read) in FORMATS.items():
            value, n_calls = write(outcomes), 30 if len(outcomes.states) > 1000 else 500
            row = {
                "bytes": len(value),
                "encode_us": microseconds(lambda w=write, o=outcomes: w(o), n_calls),
                "decode_us": microseconds(lambda r=read, v=value: r(v), n_calls),
            }
            table[workload][name] = row
            print(f"{name:24} {row['bytes']:8} {row['encode_us']:10} {row['decode_us']:10}")
    return table


class Bench:
    """Two caches with the same entries."""

    def __init__(self, directory: Path, limits: Limits | None, rng: np.random.Generator) -> None:
        self.ours = ResultCache(directory / "ours", limits=limits)
        self.bare = diskcache.Cache(
            str(directory / "bare"),
            eviction_policy="none",
            cull_limit=0,
            disk_min_file_size=1 << 30,
        )
        self.outcomes = [counts(8, 1000, rng) for _ in range(N_VALUES)]
        self.values = [encode(outcomes) for outcomes in self.outcomes]
        self.keys: list[str] = []

    def fresh(self, n: int) -> list[tuple[str, int]]:
        first = len(self.keys)
        self.keys += [hashlib.sha256(f"{k}".encode()).hexdigest() for k in range(first, first + n)]
        return [(self.keys[k], k % N_VALUES) for k in range(first, first + n)]

    def put_ours(self, batch: list[tuple[str, int]]) -> None:
        self.ours.put_many([(key, self.outcomes[v]) for key, v in batch], seconds=0.2)

    def put_bare(self, batch: list[tuple[str, int]]) -> None:
        with self.bare.transact():
            for key, v in batch:
                self.bare.set(key, self.values[v])

    def get_ours(self, batch: list[str]) -> None:
        assert None not in self.ours.get_many(batch)

    def get_bare(self, batch: list[str]) -> None:
        assert None not in [self.bare.get(key) for key in batch]


def seconds(call: Callable[..., None], batches: list) -> float:
    start = time.perf_counter()
    for batch in batches:
        call(batch)
    return time.perf_counter() - start


def split(items: list, size: int) -> list[list]:
    return [items[k : k + size] for k in range(0, len(items), size)]


def compare_stores(bench: Bench, n_entries: int) -> dict[str, dict[str, float]]:
    table = {}
    for batch in split(bench.fresh(n_entries), 1000):
        bench.put_ours(batch)
        bench.put_bare(batch)
    print(f"\n{len(bench.ours)} entries  {'ours µs':>10} {'bare µs':>10} {'ratio':>7}  (lo, hi)")
    draw = random.Random(0)
    for size in BATCHES:
        n = N_PER_TURN if size > 1 else N_PER_TURN // 4
        turns: dict[str, list[tuple[float, float]]] = {"get": [], "put": []}
        for turn in range(N_TURNS):
            puts = split(bench.fresh(n), size)
            gets = split(draw.sample(bench.keys, n), size)
            for name, ours, bare, batches in (
                ("put", bench.put_ours, bench.put_bare, puts),
                ("get", bench.get_ours, bench.get_bare, gets),
            ):
                if turn % 2:
                    turns[name].append((seconds(ours, batches) / n, seconds(bare, batches) / n))
                else:
                    second, first = seconds(bare, batches) / n, seconds(ours, batches) / n
                    turns[name].append((first, second))
        for name, pairs in turns.items():
            ratios = sorted(ours / bare for ours, bare in pairs)
            row = {
                "ours_us": round(statistics.median(ours for ours, _ in pairs) * 1e6, 1),
                "bare_us": round(statistics.median(bare for _, bare in pairs) * 1e6, 1),
                "ratio": round(statistics.median(ratios), 2),
                "ratio_lowest": round(ratios[0], 2),
                "ratio_highest": round(ratios[-1], 2),
            }
            label = f"{name}, batches of {size}"
            table[label] = row
            print(
                f"{label:22} {row['ours_us']:6} {row['bare_us']:10} {row['ratio']:7}"
                f"  ({row['ratio_lowest']}, {row['ratio_highest']})"
            )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--directory", type=Path, help="a disk rather than memory, if /tmp is not")
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    results: dict[str, object] = {"formats": compare_formats(rng)}
    for name, limits in (
        ("without limits", None),
        ("with limits", Limits(max_entries=10**7, max_bytes=10**11, expire_s=1e9)),
    ):
        print(f"\n{name}", end="")
        with tempfile.TemporaryDirectory(dir=options.directory) as folder:
            results[name] = compare_stores(Bench(Path(folder), limits, rng), options.entries)
    save("cache", results)


if __name__ == "__main__":
    main()
