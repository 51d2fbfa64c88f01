"""The cache while Redis is away: nobody is locked out, and what was counted meanwhile is counted."""

import pickle
from datetime import timedelta
from decimal import Decimal

import pytest
import redis
from django.core.cache import caches

from dashboard import cache as own_cache
from dashboard.own_memory import OwnMemory
from tests.servers import Redis


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(own_cache, "_away_until", 0.0)
    server = Redis()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture
def cache(server, settings):
    settings.CACHES = {"default": {"BACKEND": "dashboard.cache.RedisOrOwnMemory", "LOCATION": server.url}}
    return caches["default"]


def test_it_goes_on_in_memory_without_redis_and_comes_back(cache, server, monkeypatch):
    cache.set("attempts", 1)
    assert cache.incr("attempts") == 2
    server.kill()
    assert cache.get("attempts", "not known") == "not known"
    assert cache.add("attempts", 1) and not cache.add("attempts", 1)
    assert cache.incr("attempts") == 2 and cache.delete("attempts")
    server.start()
    assert not cache.get("attempts"), "asked again too soon"
    monkeypatch.setattr(own_cache, "_away_until", 0.0)
    cache.set("attempts", 3)
    assert cache.get("attempts") == 3


class Planted:
    """Its pickle makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_that_somebody_put_there_is_not_run(cache, server, tmp_path):
    with redis.Redis.from_url(server.url) as connection:
        for value in (pickle.dumps(Planted(tmp_path / "ran")), b"\x80", b"{", b""):
            connection.set(cache.make_key("tries"), value)
            assert cache.get("tries", "none") == "none"
    assert not (tmp_path / "ran").exists()


VALUES = [0, 7, -1, True, None, 1.5, "text", [1.5, 2.5], {"a": [1, "b"]}, [], ""]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_kept_comes_back(cache, value):
    for kept in (cache, OwnMemory("of a test", {})):
        kept.set("value", value)
        assert kept.get("value", "none") == value and type(kept.get("value", "none")) is type(value)


@pytest.mark.parametrize("value", [object, {1, 2}, b"bytes", timedelta(1), Decimal(1)], ids=repr)
def test_what_is_no_json_is_refused_on_both(cache, value):
    for kept in (cache, OwnMemory("of a test", {})):
        for keep in (kept.set, kept.add):
            with pytest.raises(TypeError):
                keep("value", value)
