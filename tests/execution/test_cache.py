import base64
import json
import os
import pickle
import sqlite3
import stat
import threading

import diskcache
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pennylane_qstore.execution.cache import KeyMaker, Limits, ResultCache, replicate_key
from pennylane_qstore.execution.cache_entries import decode, encode
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
    entry = json.loads(value)
    assert (entry["n_qubits"], entry["shots"]) == (3, 100)
    for field, numbers in (("states", SAMPLED.states), ("weights", SAMPLED.weights)):
        name, encoded = entry[field].split()
        assert np.array_equal(np.frombuffer(base64.b64decode(encoded), name), numbers)


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
        b'{"n_qubits":2,"shots":2,"states":"|u1 AAM=","weights":"|u1 AQE"}',
        b'{"n_qubits":2,"shots":2,"states":"|u1 AA M=","weights":"|u1 AQE="}',
        b'{"n_qubits":2,"shots":2,"states":"|u1 AAM=","weights":"<u2 AQE="}',
        b'{"n_qubits":2,"shots":2,"states":"|u1 AAM=","weights":"|u1 AQI="}',
        b'{"n_qubits":2,"shots":2,"states":"|u1 AwA=","weights":"|u1 AQE="}',
        b'{"n_qubits":2,"shots":2,"states":"|u1 AAQ=","weights":"|u1 AQE="}',
        b'{"n_qubits":2,"shots":1,"states":"|u1 AAM=","weights":"|u1 AAE="}',
        b'{"n_qubits":2,"shots":2,"states":"|i1 AAM=","weights":"|u1 AQE="}',
        b'{"n_qubits":2,"shots":2,"states":"|O AAM=","weights":"|u1 AQE="}',
        b'{"n_qubits":2,"shots":2,"states":"<f8 AAAAAAAAAAA=","weights":"|u1 Ag=="}',
        b'{"n_qubits":2,"shots":2,"states":"|u1 ","weights":"|u1 "}',
        b'{"n_qubits":2,"shots":2,"states":"|u1","weights":"|u1"}',
        b'{"n_qubits":2,"shots":null,"states":"|u1 AA==","weights":"<f8 AAAAAAAA+H8="}',
        b'{"n_qubits":2,"shots":2,"states":{},"weights":7}',
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
    assert again.stats().misses == 1


def test_a_directory_that_cannot_be_made_is_reported_and_misses(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = ResultCache(tmp_path / "file" / "results")
    cache.put_many([("a", EXACT)])
    assert cache.get_many(["a"]) == [None]
    assert len(cache) == 0
    assert "cannot be used" in caplog.text


def test_nothing_is_evicted_without_limits(cache):
    cache.put_many([(str(k), EXACT) for k in range(300)])
    assert len(cache) == 300


def test_the_bytes_that_the_rejected_ones_are_made_from_are_good():
    """The rejected entries above differ from this one in what they are rejected for."""
    good = b'{"n_qubits":2,"shots":2,"states":"|u1 AAM=","weights":"|u1 AQE="}'
    assert same(decode(good), Outcomes(2, np.array([0, 3]), np.array([1.0, 1.0]), 2))


@pytest.mark.parametrize(
    ("value", "outcomes"),
    [
        (b'{"n_qubits":2,"shots":null,"states":[0,3],"weights":[0.1,0.9]}', EXACT),
        (b'{"n_qubits":3,"shots":100,"states":[1,6],"weights":[40.0,60.0]}', SAMPLED),
    ],
)
def test_entries_of_before_are_read(value, outcomes):
    assert same(decode(value), outcomes)


def database_of_before(directory):
    """A file as written before results had a price: no columns for it, arrays as lists."""
    old = diskcache.Cache(str(directory), eviction_policy="none")
    old["exact"] = b'{"n_qubits":2,"shots":null,"states":[0,3],"weights":[0.1,0.9]}'
    old["paid"] = b'{"n_qubits":3,"shots":100,"states":[1,6],"weights":[40.0,60.0]}'
    old.close()


def test_a_database_of_before_is_read_and_knows_what_was_paid_for(tmp_path):
    database_of_before(tmp_path)
    cache = ResultCache(tmp_path, limits=Limits(max_entries=1))
    assert same(cache.get_many(["exact"])[0], EXACT)
    cache.put_many([("new", SAMPLED)])
    found = cache.get_many(["exact", "paid", "new"])
    assert found[0] is None
    assert same(found[1], SAMPLED)
    assert same(found[2], SAMPLED)


@given(
    st.integers(1, 62).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.dictionaries(
                st.integers(0, 2**n - 1), st.integers(1, 2**33), min_size=1, max_size=9
            ),
        )
    )
)
def test_counts_survive_exactly(drawn):
    n_qubits, weights = drawn
    values = np.array([float(weights[state]) for state in sorted(weights)])
    outcomes = Outcomes(n_qubits, np.array(sorted(weights)), values, sum(weights.values()))
    assert same(decode(encode(outcomes)), outcomes)


@given(st.binary(max_size=200))
def test_no_bytes_are_decoded_to_nonsense_or_raise(value):
    assert decode(value) is None


@given(st.data())
def test_a_changed_byte_is_a_miss_or_valid(data):
    value = bytearray(encode(SAMPLED))
    value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    found = decode(bytes(value))
    assert found is None or found.weights.sum() == found.shots


@pytest.mark.parametrize("weights", [[40.5, 59.5], [99.0, 1.0], [255.0, 1.0], [256.0, 1.0]])
def test_counts_are_written_without_loss(weights):
    """Also fractions, as a service may return after error mitigation."""
    outcomes = Outcomes(3, np.array([1, 6]), np.array(weights), int(sum(weights)))
    assert same(decode(encode(outcomes)), outcomes)


@pytest.mark.parametrize("shots", [None, 10])
def test_outcomes_without_states_are_not_stored(cache, shots):
    nothing = Outcomes(3, np.array([], dtype=int), np.array([]), shots)
    cache.put_many([("nothing", nothing), ("a", EXACT)])
    found = cache.get_many(["nothing", "a"])
    assert found[0] is None
    assert same(found[1], EXACT)


def test_one_bad_row_does_not_spoil_its_batch(cache):
    cache.put_many([("bad", EXACT), ("good", SAMPLED)])
    cache.close()
    with sqlite3.connect(cache.directory / "cache.db") as connection:
        connection.execute(
            "UPDATE Cache SET value = CAST(x'ff80' AS TEXT), cost = CAST(x'ff80' AS TEXT), "
            "seconds = CAST(x'ff80' AS TEXT) WHERE key = 'bad'"
        )
    connection.close()
    bad, good = cache.get_many(["bad", "good"])
    assert bad is None
    assert same(good, SAMPLED)
    assert (cache.stats().hits, cache.stats().misses) == (1, 1)


def test_a_bad_price_does_not_spoil_its_entry(cache):
    cache.put_many([("a", SAMPLED)])
    rewrite(cache, seconds=b"\xff", cost='{"USD":1}')
    assert same(cache.get_many(["a"])[0], SAMPLED)
    rewrite(cache, seconds=-1.0, cost=b'{"USD":-1,"EUR":"x","credits":2}')
    assert same(cache.get_many(["a"])[0], SAMPLED)
    rewrite(cache, seconds=float("inf"), cost=b"[1]")
    assert same(cache.get_many(["a"])[0], SAMPLED)
    assert cache.stats().seconds_saved == 0
    assert cache.stats().cost_saved == {"credits": 2.0}


def modes(directory):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


def test_all_files_are_the_users_alone(cache):
    before = os.umask(0)
    try:
        cache.put_many([("a", EXACT)])
        open_cache = ResultCache(cache.directory.parent / "other")
        open_cache.put_many([("a", EXACT)])
        for directory in (cache.directory, open_cache.directory):
            assert modes(directory) == dict.fromkeys(
                ("cache.db", "cache.db-wal", "cache.db-shm"), 0o600
            )
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_files_that_others_could_read_are_closed_to_them(cache):
    cache.put_many([("a", EXACT)])
    for path in cache.directory.iterdir():
        path.chmod(0o644)
    again = ResultCache(cache.directory)
    assert same(again.get_many(["a"])[0], EXACT)
    assert set(modes(cache.directory).values()) == {0o600}


@pytest.mark.parametrize("name", ["cache.db", "cache.db-wal", "cache.db-shm"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_neither_followed_nor_removed(tmp_path, caplog, name, exists):
    victim, directory = tmp_path / "victim", tmp_path / "results"
    directory.mkdir()
    if exists:
        victim.write_bytes(b"")
    (directory / name).symlink_to(victim)
    cache = ResultCache(directory)
    cache.put_many([("a", EXACT)])
    assert cache.get_many(["a"]) == [None]
    assert victim.exists() == exists
    assert not exists or victim.read_bytes() == b""
    assert "not a plain file" in caplog.text


def test_settings_in_the_file_are_not_obeyed(cache, tmp_path):
    cache.put_many([("a", EXACT)])
    cache.close()
    (tmp_path / "elsewhere").mkdir()
    hostile = {
        "_directory": str(tmp_path / "elsewhere"),
        "_disk": "x",
        "disk_put": "x",
        "get_many": 7,
        "sqlite_temp_store_directory": str(tmp_path),
        "sqlite_journal_mode": "off",
        "eviction_policy": "least-recently-stored",
        "size_limit": 1,
        "cull_limit": 10,
    }
    with sqlite3.connect(cache.directory / "cache.db") as connection:
        statement = "INSERT OR REPLACE INTO Settings VALUES (?, ?)"
        connection.executemany(statement, hostile.items())
    connection.close()
    again = ResultCache(cache.directory)
    again.put_many([("b", SAMPLED)])
    found = again.get_many(["a", "b"])
    assert same(found[0], EXACT)
    assert same(found[1], SAMPLED)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (cache.directory / "cache.db-wal").exists()


def test_counts_of_entries_that_are_lies_cost_no_results(cache):
    cache.put_many([("a", SAMPLED)])
    cache.close()
    with sqlite3.connect(cache.directory / "cache.db") as connection:
        connection.execute("UPDATE Settings SET value = 'many' WHERE key = 'count'")
    connection.close()
    again = ResultCache(cache.directory, limits=Limits(max_entries=1))
    again.put_many([("b", EXACT)])
    assert same(again.get_many(["a"])[0], SAMPLED)
    assert len(again) >= 1


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
