"""What a cache means, on disk and on a real Redis server."""

import logging
import shutil
import socket
import subprocess
import threading
import time

import numpy as np
import pytest

from pennylane_qstore.errors import InvalidOptionError
from pennylane_qstore.execution import cache as cache_module
from pennylane_qstore.execution import cache_stats
from pennylane_qstore.execution.cache import Limits, ResultCache, Savings, open_cache
from pennylane_qstore.execution.cache_stats import Ledger, Share
from pennylane_qstore.native import Outcomes

EXACT = Outcomes(2, np.array([0, 3]), np.array([0.1, 0.9]), None)
SAMPLED = Outcomes(3, np.array([1, 6]), np.array([40.0, 60.0]), 100)
PASSWORD = "hunter2-very-secret"


def same(a, b):
    return (
        a is not None
        and (a.n_qubits, a.shots) == (b.n_qubits, b.shots)
        and np.array_equal(a.states, b.states)
        and np.array_equal(a.weights, b.weights)
    )


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def start_server(*options):
    """A server on a free loopback port, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(
        [*command, "--requirepass", PASSWORD, *options], stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    process.kill()
    raise RuntimeError("redis-server did not start")


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    pytest.importorskip("redis", reason="the package redis is not installed")
    process, url = start_server("--dir", str(tmp_path_factory.mktemp("redis")))
    yield url
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(params=["disk", "redis"])
def make(request, tmp_path, clock):
    """Opens the same, at first empty, cache any number of times."""
    spec = tmp_path / "results" if request.param == "disk" else request.getfixturevalue("redis_url")
    open_cache(spec).clear()

    def make(**limits):
        return open_cache(spec, limits=Limits(**limits), clock=clock)

    return make


def held(cache, keys):
    """Which of the keys are there, asked of another instance so that none counts as used."""
    return {key for key, entry in zip(keys, cache.get_many(keys), strict=True) if entry is not None}


def test_what_was_stored_comes_back_to_another_instance(make):
    make().put_many([("a", EXACT), ("b", SAMPLED)])
    found = make().get_many(["b", "missing", "a", "b"])
    assert found[1] is None
    for entry, expected in zip(found, (SAMPLED, None, EXACT, SAMPLED), strict=True):
        assert expected is None or same(entry, expected)


def test_nothing_asked_is_nothing_found(make):
    cache = make()
    assert cache.get_many([]) == []
    cache.put_many([])
    assert len(cache) == 0
    assert cache.stats().hit_rate == 0


def test_random_outcomes_come_back_bit_by_bit(make):
    rng = np.random.default_rng(5)
    stored = {}
    for number in range(200):
        n_qubits = int(rng.integers(1, 40))
        states = np.unique(rng.integers(0, 1 << n_qubits, size=rng.integers(1, 50)))
        if number % 2:
            weights = rng.dirichlet(np.ones(len(states)))
            stored[str(number)] = Outcomes(n_qubits, states, weights, None)
        else:
            counts = rng.integers(1, 10 ** rng.integers(1, 9), size=len(states)).astype(float)
            stored[str(number)] = Outcomes(n_qubits, states, counts, int(counts.sum()))
    make().put_many(stored.items())
    found = make().get_many(list(stored))
    assert all(map(same, found, stored.values()))


def test_a_second_result_replaces_the_first(make):
    cache = make()
    cache.put_many([("a", EXACT)], tag="old")
    cache.put_many([("a", SAMPLED)], tag="new")
    assert same(cache.get_many(["a"])[0], SAMPLED)
    assert len(cache) == 1
    assert cache.clear("old") == 0
    assert cache.clear("new") == 1


def test_hits_count_what_their_jobs_took(make):
    cache = make()
    cache.put_many([("a", SAMPLED), ("b", EXACT)], seconds=3.0, cost={"USD": 1.0, "credits": 8})
    cache.put_many([("free", EXACT)])
    other = make()
    other.get_many(["a", "missing", "a"])
    other.get_many(["b", "free", "a"])
    stats = other.stats()
    assert (stats.hits, stats.misses, stats.entries) == (5, 1, 3)
    assert stats.hit_rate == 5 / 6
    assert stats.seconds_saved == 6.0
    assert stats.cost_saved == {"USD": 2.0, "credits": 16.0}
    assert stats.bytes > 100
    assert cache.stats().hits == cache.stats().misses == 0


def test_what_is_too_wide_to_keep_had_its_share_of_the_cost(make):
    wide = Outcomes(13, np.arange(8192), np.full(8192, 1 / 8192), None)
    cache = make()
    cache.put_many([("wide", wide), ("a", SAMPLED)], seconds=10.0)
    cache.get_many(["wide", "a"])
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.seconds_saved) == (1, 1, 5.0)


def test_the_most_valuable_entries_are_those_that_saved_most(make):
    cache = make()
    cache.put_many([("cheap", SAMPLED)], seconds=9.0, cost={"USD": 0.1})
    cache.put_many([("dear", SAMPLED)], seconds=4.0, cost={"USD": 5.0})
    cache.put_many([("unused", SAMPLED)], seconds=100.0, cost={"USD": 100.0})
    cache.get_many(["cheap", "dear", "dear"])
    assert cache.most_valuable(1) == [Savings("cheap", 1, 9.0, {"USD": 0.1})]
    assert cache.most_valuable(by="USD") == [
        Savings("dear", 2, 8.0, {"USD": 10.0}),
        Savings("cheap", 1, 9.0, {"USD": 0.1}),
    ]


def test_threads_are_counted_exactly(make):
    cache = make()
    cache.put_many([(str(k), SAMPLED) for k in range(10)], seconds=10.0)

    def work():
        for _ in range(25):
            cache.get_many([str(k) for k in range(12)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.seconds_saved) == (2000, 400, 2000.0)


def test_entries_expire_when_they_are_too_old(make, clock):
    cache = make(expire_s=60)
    cache.put_many([("a", EXACT), ("b", SAMPLED)])
    clock.now += 59
    assert held(cache, ["a", "b"]) == {"a", "b"}
    clock.now += 1
    assert held(cache, ["a", "b"]) == held(cache, ["a"]) == held(cache, ["b"]) == set()
    cache.put_many([("b", SAMPLED)])
    assert held(cache, ["b"]) == {"b"}


def test_expired_exact_entries_are_removed_and_paid_ones_are_kept(make, clock):
    cache = make(expire_s=60)
    cache.put_many([("a", EXACT), ("b", SAMPLED)])
    clock.now += 61
    cache.put_many([("c", EXACT)])
    assert len(cache) == 2
    assert held(make(), ["a", "b", "c"]) == {"b", "c"}


def test_a_paid_entry_in_the_place_of_an_exact_one_is_kept_as_paid_ones_are(make, clock):
    cache = make(max_entries=1, expire_s=60)
    cache.put_many([("a", EXACT)])
    cache.put_many([("a", SAMPLED)])
    clock.now += 61
    cache.put_many([("b", EXACT)])
    assert held(make(), ["a", "b"]) == {"a"}


def test_a_batch_is_stored_as_a_whole_or_not_at_all(make, caplog):
    cache = make()
    cache.put_many([("a", EXACT), (object(), EXACT)])
    assert cache.get_many(["a"]) == [None]
    assert "cannot be written" in caplog.text


def test_the_entries_that_saved_most_are_remembered_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(cache_stats, "_MAX_TRACKED", 10)
    ledger = Ledger(tracks_use=True)
    for number in range(100):
        ledger.record([(f"{number}", Share(100.0 if number == 4 else 1.0))], 0, float(number))
    assert ledger.stats(0, 0).hits == 100
    best = ledger.most_valuable(100, "seconds")
    assert best[0] == Savings("4", 1, 100.0, {})
    assert len(best) <= 10
    used = ledger.take_used()
    assert used[-1] == ("99", 99.0)
    assert len(used) <= 10
    assert ledger.take_used() == []


def test_expired_paid_entries_are_removed_where_that_is_allowed(make, clock):
    cache = make(expire_s=60, evict_paid=True)
    cache.put_many([("b", SAMPLED)])
    clock.now += 61
    cache.put_many([("c", EXACT)])
    assert held(make(), ["b", "c"]) == {"c"}


def test_the_least_recently_used_exact_entries_go_first(make, clock):
    cache = make(max_entries=3)
    for key in "abc":
        clock.now += 1
        cache.put_many([(key, EXACT)])
    clock.now += 1
    cache.get_many(["a"])
    clock.now += 1
    cache.put_many([("d", EXACT)])
    assert held(make(), "abcd") == set("acd")


def test_paid_entries_are_never_evicted_and_a_full_cache_says_so_once(make, clock, caplog):
    cache = make(max_entries=3)
    cache.put_many([("exact", EXACT), *((f"paid{k}", SAMPLED) for k in range(2))])
    clock.now += 1
    with caplog.at_level(logging.WARNING, logger="pennylane_qstore"):
        cache.put_many([("paid2", SAMPLED)])
        assert caplog.text == ""
        for k in range(3, 6):
            clock.now += 1
            cache.put_many([(f"paid{k}", SAMPLED), (f"exact{k}", EXACT)])
    assert len(caplog.records) == 1
    assert "evict_paid=True" in caplog.text
    keys = [f"paid{k}" for k in range(6)]
    assert held(make(), [*keys, "exact", "exact5"]) == set(keys)


def test_paid_entries_go_last_where_that_is_allowed(make, clock, caplog):
    cache = make(max_entries=2, evict_paid=True)
    for key, outcomes in (("p0", SAMPLED), ("e", EXACT), ("p1", SAMPLED), ("p2", SAMPLED)):
        clock.now += 1
        cache.put_many([(key, outcomes)])
    assert held(make(), ["p0", "e", "p1", "p2"]) == {"p1", "p2"}
    assert caplog.text == ""


def test_a_limit_on_bytes_holds(make, clock):
    cache = make(max_bytes=1 << 20)
    rng = np.random.default_rng(0)
    for number in range(60):
        clock.now += 1
        wide = Outcomes(12, np.arange(4096), rng.dirichlet(np.ones(4096)), None)
        cache.put_many([(f"{number}", wide), (f"paid{number}", SAMPLED)])
        assert cache.stats().bytes <= 1 << 20
    left = held(make(), [f"{number}" for number in range(60)])
    assert 10 < len(left) < 20
    assert left == {f"{number}" for number in range(60 - len(left), 60)}
    assert len(held(make(), [f"paid{number}" for number in range(60)])) == 60


def test_random_use_never_costs_a_paid_entry(make, clock):
    rng = np.random.default_rng(11)
    caches = [make(max_entries=20), make(max_entries=12, expire_s=50)]
    paid = set()
    for number in range(150):
        clock.now += float(rng.integers(0, 20))
        cache = caches[number % 2]
        key, is_paid = f"{number}", bool(rng.random() < 0.1)
        cache.put_many([(key, SAMPLED if is_paid else EXACT)])
        paid |= {key} if is_paid else set()
        cache.get_many([str(k) for k in rng.integers(0, number + 1, size=5)])
        assert len(cache) <= max(20, len(paid))
    assert held(make(), sorted(paid)) == paid


def test_clear_removes_by_tag_or_all(make):
    cache = make()
    cache.put_many([("a", EXACT), ("b", SAMPLED)], tag="first")
    cache.put_many([("c", EXACT)], tag="second")
    cache.put_many([("d", EXACT)])
    assert cache.clear("nothing") == 0
    assert cache.clear("first") == 2
    assert held(cache, "abcd") == {"c", "d"}
    assert cache.clear() == 2
    assert len(cache) == 0
    cache.put_many([("a", EXACT)], tag="first")
    assert len(cache) == 1


def test_a_closed_cache_opens_again(make):
    cache = make()
    cache.put_many([("a", EXACT)])
    cache.close()
    assert same(cache.get_many(["a"])[0], EXACT)


@pytest.mark.parametrize(
    "limits",
    [{"max_entries": 0}, {"max_bytes": 1000}, {"expire_s": 0}, {"expire_s": float("nan")}],
)
def test_limits_that_cannot_work_are_refused(limits):
    with pytest.raises(InvalidOptionError, match=next(iter(limits))):
        Limits(**limits)


def test_the_choice_of_a_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert open_cache(False) is None
    assert open_cache(True).directory.is_relative_to(tmp_path)
    for spec in (tmp_path / "x", str(tmp_path / "x")):
        assert isinstance(open_cache(spec), ResultCache)
        assert open_cache(spec).directory == tmp_path / "x"


@pytest.mark.parametrize(
    "spec", [f"memcached://:{PASSWORD}@host", f"redis://:{PASSWORD}/2@host:6379/0"]
)
def test_an_address_that_cannot_work_is_refused_without_its_password(spec):
    pytest.importorskip("redis", reason="the package redis is not installed")
    with pytest.raises(InvalidOptionError, match="redis://") as caught:
        open_cache(spec)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_missing_package_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'redis'", name="redis")

    monkeypatch.setattr(cache_module, "import_module", missing)
    with pytest.raises(InvalidOptionError, match=r"pennylane-qstore\[redis\]"):
        open_cache("redis://localhost")
