import json
import os
import pickle
import sqlite3
import stat
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.execution.cache import KeyMaker, ResultCache, replicate_key
from pennylane_qstore.execution.request import Settings
from pennylane_qstore.native import Circuit, Gate, Outcomes

EXACT = Outcomes(2, np.array([0, 3]), np.array([0.1, 0.9]), None)
SAMPLED = Outcomes(3, np.array([1, 6]), np.array([40.0, 60.0]), 100)


def same(a, b):
    return (
        (a.n_qubits, a.shots) == (b.n_qubits, b.shots)
        and np.array_equal(a.states, b.states)
        and np.array_equal(a.weights, b.weights)
    )


@pytest.fixture
def cache(tmp_path):
    return ResultCache(tmp_path / "results")


def rewrite(cache, **columns):
    """Change columns of every row behind the cache's back."""
    cache.close()
    with sqlite3.connect(cache.directory / "cache.db") as connection:
        for name, value in columns.items():
            connection.execute(f"UPDATE Cache SET {name} = ?", (value,))
    connection.close()


def test_what_was_stored_comes_back_bit_by_bit(cache):
    cache.put_many([("a", EXACT), ("b", SAMPLED)])
    found = cache.get_many(["b", "missing", "a"])
    assert same(found[0], SAMPLED)
    assert found[1] is None
    assert same(found[2], EXACT)
    assert len(cache) == 2


def test_another_process_finds_it(cache):
    cache.put_many([("a", EXACT)])
    assert same(ResultCache(cache.directory).get_many(["a"])[0], EXACT)


@given(
    st.dictionaries(st.integers(0, 31), st.floats(1e-9, 1), min_size=1, max_size=32),
)
def test_distributions_survive_exactly(tmp_path_factory, weights):
    values = np.array([weights[state] for state in sorted(weights)])
    outcomes = Outcomes(5, np.array(sorted(weights)), values / values.sum(), None)
    cache = ResultCache(tmp_path_factory.getbasetemp() / "roundtrip")
    cache.put_many([("k", outcomes)])
    assert same(cache.get_many(["k"])[0], outcomes)


def test_only_the_user_may_enter_the_directory(cache):
    assert stat.S_IMODE(cache.directory.stat().st_mode) == 0o700


def test_the_default_directory_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = ResultCache()
    assert cache.directory.is_relative_to(tmp_path)
    assert cache.directory.parts[-2:] == ("pennylane_qstore", "results")


def test_values_are_json_inside_the_database(cache):
    cache.put_many([("a", SAMPLED)])
    with sqlite3.connect(cache.directory / "cache.db") as connection:
        ((value, filename),) = connection.execute("SELECT value, filename FROM Cache").fetchall()
    assert filename is None
    assert json.loads(value) == {
        "n_qubits": 3,
        "shots": 100,
        "states": [1, 6],
        "weights": [40.0, 60.0],
    }


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_a_pickle_in_a_row_is_a_miss_and_is_not_run(cache, tmp_path, mode):
    cache.put_many([("a", EXACT)])
    rewrite(cache, value=pickle.dumps(Bomb(tmp_path / "boom")), mode=mode)
    assert cache.get_many(["a"]) == [None]
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("mode", [2, 3, 4])
def test_a_file_that_a_row_points_to_is_neither_run_nor_read_nor_removed(cache, tmp_path, mode):
    cache.put_many([("a", EXACT)])
    good = json.dumps({"n_qubits": 1, "shots": None, "states": [0], "weights": [1.0]})
    (tmp_path / "pickle").write_bytes(pickle.dumps(Bomb(tmp_path / "boom")))
    (tmp_path / "json").write_text(good)
    for name in ("pickle", "json"):
        rewrite(cache, filename=f"../{name}", value=None, mode=mode)
        assert cache.get_many(["a"]) == [None]
        cache.put_many([("a", EXACT)])
        assert (tmp_path / name).exists()
    assert not (tmp_path / "boom").exists()


def test_a_pickled_setting_or_key_is_not_run(cache, tmp_path):
    cache.put_many([("a", EXACT)])
    rewrite(cache, raw=0, key=pickle.dumps(Bomb(tmp_path / "boom")))
    again = ResultCache(cache.directory)
    assert again.get_many(["a"]) == [None]
    again.clear()
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b'{"n_qubits":2,"shots":null,"sta',
        b"\x80\x04N.",
        b"[]",
        b"null",
        b'{"n_qubits":2,"shots":null,"states":[0,3]}',
        b'{"n_qubits":2,"shots":null,"states":[0,3],"weights":[0.1,0.9],"more":1}',
        b'{"n_qubits":2,"shots":null,"states":[0,4],"weights":[0.1,0.9]}',
        b'{"n_qubits":2,"shots":null,"states":[3,0],"weights":[0.1,0.9]}',
        b'{"n_qubits":2,"shots":null,"states":[-1,0],"weights":[0.1,0.9]}',
        b'{"n_qubits":2,"shots":null,"states":[0],"weights":[0.1,0.9]}',
        b'{"n_qubits":2,"shots":null,"states":[0,3],"weights":[0.1,NaN]}',
        b'{"n_qubits":2,"shots":null,"states":[0,3],"weights":[0.1,0.8]}',
        b'{"n_qubits":2,"shots":null,"states":[0,3],"weights":[-0.1,1.1]}',
        b'{"n_qubits":2,"shots":10,"states":[0,3],"weights":[4.0,5.0]}',
        b'{"n_qubits":2,"shots":true,"states":[0],"weights":[1.0]}',
        b'{"n_qubits":2,"shots":null,"states":[],"weights":[]}',
        b'{"n_qubits":2,"shots":null,"states":["0"],"weights":[1.0]}',
        b'{"n_qubits":2,"shots":null,"states":[99999999999999999999],"weights":[1.0]}',
        b"[" * 100_000,
        "text",
        17,
        2.5,
        None,
    ],
)
def test_an_entry_that_is_not_ours_is_a_miss(cache, value):
    cache.put_many([("a", EXACT)])
    rewrite(cache, value=value)
    assert cache.get_many(["a"]) == [None]


@pytest.mark.parametrize("keep", [0, 10, 5000])
def test_a_truncated_database_costs_time_and_not_results(cache, keep, caplog):
    cache.put_many([("a", EXACT)])
    cache.close()
    path = cache.directory / "cache.db"
    for extra in cache.directory.glob("cache.db-*"):
        extra.unlink()
    path.write_bytes(path.read_bytes()[:keep])
    again = ResultCache(cache.directory)
    assert again.get_many(["a"]) == [None]
    again.put_many([("b", SAMPLED)])
    assert keep == 0 or "cache" in caplog.text


def test_a_directory_that_cannot_be_made_is_reported_and_misses(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = ResultCache(tmp_path / "file" / "results")
    cache.put_many([("a", EXACT)])
    assert cache.get_many(["a"]) == [None]
    assert len(cache) == 0
    assert "cannot be used" in caplog.text


def test_nothing_is_evicted(cache):
    cache.put_many([(str(k), EXACT) for k in range(300)])
    assert cache._cache.eviction_policy == "none"
    assert len(cache) == 300


def test_clear_removes_everything_and_says_how_much(cache):
    cache.put_many([("a", EXACT), ("b", SAMPLED)])
    assert cache.clear() == 2
    assert cache.get_many(["a", "b"]) == [None, None]


def test_eight_threads_share_a_cache(cache):
    wrong = []

    def work(number):
        for turn in range(20):
            keys = [f"{turn}-{k}" for k in range(5)]
            cache.put_many([(key, SAMPLED) for key in keys])
            wrong.extend(entry for entry in cache.get_many(keys) if not same(entry, SAMPLED))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(cache) == 100


CIRCUIT = Circuit(1, (Gate("gpi", (0,), (0.1,)),))
BASE = {"backend": "simulator", "noise_model": "forte-1", "noise_seed": 3, "exact": False}
URL = "https://a/v0.4"


def key(circuit=CIRCUIT, shots=100, url=URL, **settings):
    return KeyMaker(Settings(**{**BASE, **settings}), url).base(circuit, shots)


def test_a_key_depends_on_everything_that_the_outcome_depends_on():
    keys = [
        key(),
        key(Circuit(1, (Gate("gpi", (0,), (0.2,)),))),
        key(Circuit(2, CIRCUIT.gates)),
        key(shots=101),
        key(shots=None),
        key(url="https://b/v0.4"),
        key(backend="qpu.forte-1"),
        key(noise_model="aria-1"),
        key(noise_seed=4),
        key(noise_seed=None),
        key(error_mitigation=(("debiasing", True),)),
        key(error_mitigation=(("debiasing", False),)),
        key(exact=True),
        replicate_key(key(), 0),
        replicate_key(key(), 1),
    ]
    assert len(set(keys)) == len(keys)


def test_a_key_does_not_depend_on_names_and_sessions():
    assert key() == key(job_name="x", session_id="s", metadata=(("a", "b"),))
    assert key(error_mitigation=(("a", True), ("b", True))) == key(
        error_mitigation=(("b", True), ("a", True))
    )


def test_wide_exact_distributions_are_not_kept_and_wide_samples_are(cache):
    states = np.arange(5000)
    exact = Outcomes(13, states, np.full(5000, 1 / 5000), None)
    sampled = Outcomes(13, states, np.ones(5000), 5000)
    cache.put_many([("exact", exact), ("sampled", sampled), ("small", EXACT)])
    found = cache.get_many(["exact", "sampled", "small"])
    assert found[0] is None
    assert same(found[1], sampled)
    assert same(found[2], EXACT)
