"""Everything web processes and workers import, loaded once in the process that all of a fleet are forks of.
Without a thread and without a connection, which no fork would survive."""

import importlib

for name in (
    "dashboard.asgi",
    "dashboard.celery",
    "dashboard.punctual",
    "dashboard.urls",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "kombu.transport.redis",
    "psycopg",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
):
    importlib.import_module(name)
