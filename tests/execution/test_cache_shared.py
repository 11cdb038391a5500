"""Several processes and threads on one cache, and many entries."""

import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from pennylane_qstore.execution.cache import Limits, ResultCache, open_cache
from pennylane_qstore.native import Outcomes
from tests.execution.test_cache_store import redis_url, same

__all__ = ["redis_url"]


def outcomes_of(number):
    """Outcomes that tell which key they belong to; every fourth is exact."""
    if number % 4 == 0:
        weight = 0.25 + (number % 1000) / 2000
        return Outcomes(20, np.array([3, number + 8]), np.array([weight, 1 - weight]), None)
    return Outcomes(20, np.array([3, number + 8]), np.array([40.0, 60.0 + number]), 100 + number)


def hammer(spec, seed, n_rounds, max_entries):
    """Four threads that put and get; returns how many entries were found, and how many wrongly."""
    limits = Limits() if max_entries == 0 else Limits(max_entries=max_entries)
    cache = open_cache(spec, limits=limits)
    wrong = []

    def work(number):
        rng = np.random.default_rng([seed, number])
        for _ in range(n_rounds):
            numbers = [int(n) for n in rng.integers(0, 400, size=10)]
            if rng.random() < 0.5:
                cache.put_many([(str(n), outcomes_of(n)) for n in numbers], seconds=1.0)
            entries = cache.get_many([str(n) for n in numbers])
            wrong.extend(
                n
                for n, entry in zip(numbers, entries, strict=True)
                if entry is not None and not same(entry, outcomes_of(n))
            )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return cache.stats().hits, len(wrong)


def hammer_from_processes(spec, n_rounds, max_entries):
    script = "import sys; from tests.execution.test_cache_shared import hammer; "
    script += "print(*hammer(sys.argv[1], *map(int, sys.argv[2:])))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(spec), str(seed), str(n_rounds), str(max_entries)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in range(4)
    ]
    for process in processes:
        output, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert "cannot be" not in errors
        hits, wrong = map(int, output.split())
        assert hits > 0
        assert wrong == 0


@pytest.mark.parametrize("max_entries", [0, 350])
@pytest.mark.parametrize("n_rounds", [25, pytest.param(1000, marks=pytest.mark.stress)])
def test_four_processes_of_four_threads_share_a_directory(tmp_path, n_rounds, max_entries):
    hammer_from_processes(tmp_path / "results", n_rounds, max_entries)
    cache = ResultCache(tmp_path / "results")
    keys = [str(n) for n in range(400)]
    found = dict(zip(keys, cache.get_many(keys), strict=True))
    assert len(cache) == sum(entry is not None for entry in found.values())
    if n_rounds == 1000:  # by then every paid key was stored once, and all are still there
        assert all(same(found[str(n)], outcomes_of(n)) for n in range(400) if n % 4)
        assert max_entries == 0 or len(cache) <= max_entries


@pytest.mark.stress
def test_four_processes_of_four_threads_share_a_server(redis_url):
    open_cache(redis_url).clear()
    hammer_from_processes(redis_url, 300, 350)
    cache = open_cache(redis_url)
    found = cache.get_many([str(n) for n in range(400)])
    assert sum(entry is not None for entry in found) == len(cache) == 350
    assert all(same(found[n], outcomes_of(n)) for n in range(400) if n % 4)
    assert cache.stats().bytes > 0
    cache.clear()
    assert cache.stats().bytes == 0


@pytest.mark.stress
def test_a_hundred_thousand_entries_come_back_and_stay_within_limits(tmp_path):
    cache = ResultCache(tmp_path / "results", limits=Limits(max_entries=90_000))
    for first in range(0, 100_000, 1000):
        cache.put_many([(str(n), outcomes_of(n)) for n in range(first, first + 1000)], seconds=1.0)
    assert len(cache) == 90_000
    started = time.perf_counter()
    found = cache.get_many([str(n) for n in range(100_000)])
    assert time.perf_counter() - started < 20
    assert all(same(found[n], outcomes_of(n)) for n in range(100_000) if n % 4)
    kept = [n for n in range(0, 100_000, 4) if found[n] is not None]
    assert kept == list(range(40_000, 100_000, 4))
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.entries) == (90_000, 10_000, 90_000)
    assert stats.seconds_saved == pytest.approx(90.0)
    assert len(cache.most_valuable(50_000)) <= 20_000
