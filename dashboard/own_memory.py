"""The cache of one process, in its own memory. It holds what Redis could: what works here works there."""

import json

from django.core.cache.backends.locmem import LocMemCache


def as_json(value):
    """A value as it comes back from where values are kept as JSON. Raises TypeError where it cannot be."""
    return json.loads(json.dumps(value))


class OwnMemory(LocMemCache):
    def add(self, key, value, *args, **kwargs):
        return super().add(key, as_json(value), *args, **kwargs)

    def set(self, key, value, *args, **kwargs):
        return super().set(key, as_json(value), *args, **kwargs)
