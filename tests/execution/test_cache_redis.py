"""What is particular to the cache on Redis: its server can fail, lie, or forget."""

import logging
import pickle

import pytest

from pennylane_qstore.execution.cache import Limits, open_cache
from tests.execution.test_cache import Bomb
from tests.execution.test_cache_store import (
    EXACT,
    PASSWORD,
    SAMPLED,
    redis_url,
    same,
    start_server,
)

redis = pytest.importorskip("redis", reason="the package redis is not installed")
__all__ = ["redis_url"]


@pytest.fixture
def server(redis_url):
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    return client


@pytest.fixture
def cache(redis_url, server):
    return open_cache(redis_url)


def test_the_password_is_shown_nowhere(redis_url, caplog):
    caplog.set_level(logging.DEBUG)
    cache = open_cache(redis_url, limits=Limits(max_entries=1))
    cache.put_many([("a", SAMPLED), ("b", SAMPLED)])
    wrong = redis_url.replace(PASSWORD, f"{PASSWORD}-wrong")
    refused = open_cache(wrong)
    assert refused.get_many(["a"]) == [None]
    refused.put_many([("a", EXACT)])
    shown = [caplog.text, repr(cache), str(cache), repr(refused), str(vars(cache))]
    with pytest.raises(redis.RedisError) as caught:
        refused.clear()
    assert "cannot be used" in caplog.text
    assert "over its limits" in caplog.text
    assert PASSWORD not in "".join([*shown, str(caught.value), repr(caught.value)])


def test_a_server_that_is_gone_costs_time_and_not_results(tmp_path, redis_url, caplog):
    process, url = start_server("--dir", str(tmp_path))
    cache = open_cache(url)
    cache.put_many([("a", EXACT)])
    process.kill()
    process.wait(timeout=10)
    cache.put_many([("b", EXACT)])
    assert cache.get_many(["a", "b"]) == [None, None]
    assert cache.stats().misses == 2
    assert "cannot be written" in caplog.text
    assert "cannot be read" in caplog.text


def test_a_server_that_would_drop_paid_results_is_named(tmp_path, redis_url, caplog):
    options = ("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    process, url = start_server("--dir", str(tmp_path), *options)
    try:
        open_cache(url)
    finally:
        process.kill()
        process.wait(timeout=10)
    assert "noeviction" in caplog.text


def test_a_pickle_is_a_miss_and_is_not_run(cache, server, tmp_path):
    cache.put_many([("a", EXACT), ("b", SAMPLED)])
    (name,) = server.keys("*entry:a")
    server.hset(name, "value", pickle.dumps(Bomb(tmp_path / "boom")))
    server.hset(name, "cost", pickle.dumps(Bomb(tmp_path / "boom")))
    found = cache.get_many(["a", "b"])
    assert found[0] is None
    assert same(found[1], SAMPLED)
    assert not (tmp_path / "boom").exists()


def test_an_entry_of_another_type_is_a_miss(cache, server):
    cache.put_many([("a", EXACT), ("b", SAMPLED)])
    (name,) = server.keys("*entry:a")
    server.delete(name)
    server.set(name, "text")
    found = cache.get_many(["a", "b"])
    assert found[0] is None
    assert same(found[1], SAMPLED)


def test_nothing_is_left_behind(cache, server, caplog):
    cache.put_many([("a", EXACT), ("b", SAMPLED)], tag="t")
    cache.put_many([("a", EXACT)], tag="u")
    assert cache.stats().bytes > 0
    cache.clear()
    assert cache.stats().bytes == 0
    assert {name for name in server.keys("*") if not name.endswith(b"bytes")} == set()


def test_other_keys_on_the_server_are_left_alone(cache, server):
    server.set("theirs", "1")
    cache.put_many([("a", EXACT)])
    cache.clear()
    assert server.get("theirs") == b"1"
