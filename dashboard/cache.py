"""The cache of several processes. It holds nothing that must survive, and nobody is locked out without it.
What it holds is JSON: a pickle would run whatever program somebody puts there."""

import json
import logging
import time

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from dashboard.own_memory import OwnMemory

logger = logging.getLogger(__name__)

# So long nobody waits for a Redis that hangs.
AWAY_S = 5.0

_away_until = 0.0


class Json:
    """How values are written. Numbers as they are, so that Redis itself can count."""

    def dumps(self, value):
        return value if type(value) is int else json.dumps(value)

    def loads(self, data):
        return json.loads(data)


class RedisOrOwnMemory(RedisCache):
    """Redis; while it is away, this process's own memory."""

    def __init__(self, server, params):
        params = {**params, "OPTIONS": {**params.get("OPTIONS", {}), "serializer": Json}}
        super().__init__(server, params)
        self.own = OwnMemory("while-redis-is-away", {})

    def _either(self, name: str, *args, **kwargs):
        global _away_until
        if time.monotonic() >= _away_until:
            try:
                return getattr(super(), name)(*args, **kwargs)
            except RedisError:
                logger.warning("Redis is away: the cache is this process's own memory", exc_info=True)
                _away_until = time.monotonic() + AWAY_S
        return getattr(self.own, name)(*args, **kwargs)

    def add(self, *args, **kwargs):
        return self._either("add", *args, **kwargs)

    def get(self, key, default=None, **kwargs):
        try:
            return self._either("get", key, default, **kwargs)
        except ValueError:  # nothing of ours
            return default

    def set(self, *args, **kwargs):
        return self._either("set", *args, **kwargs)

    def delete(self, *args, **kwargs):
        return self._either("delete", *args, **kwargs)

    def incr(self, *args, **kwargs):
        return self._either("incr", *args, **kwargs)
