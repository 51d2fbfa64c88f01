"""The cache of several processes. It holds nothing that must survive, and nobody is locked out without it."""

import time

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

# So long nobody waits for a Redis that hangs.
AWAY_S = 5.0

_away_until = 0.0


class RedisOrOwnMemory(RedisCache):
    """Redis; while it is away, this process's own memory."""

    def __init__(self, server, params):
        super().__init__(server, params)
        self.own = LocMemCache("while-redis-is-away", params)

    def _either(self, name: str, *args, **kwargs):
        global _away_until
        if time.monotonic() >= _away_until:
            try:
                return getattr(super(), name)(*args, **kwargs)
            except RedisError:
                _away_until = time.monotonic() + AWAY_S
        return getattr(self.own, name)(*args, **kwargs)

    def add(self, *args, **kwargs):
        return self._either("add", *args, **kwargs)

    def get(self, *args, **kwargs):
        return self._either("get", *args, **kwargs)

    def set(self, *args, **kwargs):
        return self._either("set", *args, **kwargs)

    def delete(self, *args, **kwargs):
        return self._either("delete", *args, **kwargs)

    def incr(self, *args, **kwargs):
        return self._either("incr", *args, **kwargs)
