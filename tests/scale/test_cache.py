"""The cache while Redis is away: nobody is locked out, and what was counted meanwhile is counted."""

import pytest
from django.core.cache import caches

from dashboard import cache as own_cache
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
