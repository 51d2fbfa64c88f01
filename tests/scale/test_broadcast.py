"""Announcements over Redis from threads without a loop: they arrive, and leave nothing behind."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis as redis_client
from channels.layers import get_channel_layer

from runs import broadcast
from tests.served import eventually

THREADS, EACH = 4, 10


@pytest.fixture
def connections(redis, settings):
    """How many connections Redis has now, besides the one that asks."""
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend, "CONFIG": {"hosts": [redis.url]}}}
    asking = redis_client.Redis.from_url(redis.url)
    yield lambda: len(asking.client_list()) - 1
    asking.close()


def announce(_number) -> None:
    for event in range(EACH):
        broadcast.announce_run(run_id=7, workspace_id=1, event_id=event)


def announce_from_threads() -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(announce, range(THREADS)))


async def heard_while(announcing) -> int:
    """How many announcements reached a listener while `announcing` ran."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(broadcast.run_group(7), channel)
    await asyncio.to_thread(announcing)
    for number in range(THREADS * EACH):
        message = await asyncio.wait_for(layer.receive(channel), 10)
        assert message["type"] == "run.changed", number
    await layer.flush()
    return number + 1


def test_each_announcement_arrives_and_none_leaves_a_connection(connections):
    before, files = connections(), len(os.listdir("/proc/self/fd"))
    assert asyncio.run(heard_while(announce_from_threads)) == THREADS * EACH
    eventually(lambda: connections() <= before)
    assert get_channel_layer()._layers == {}
    assert len(os.listdir("/proc/self/fd")) <= files + 1


async def announce_over_this_loop() -> int:
    broadcast.use_server_loop(asyncio.get_running_loop())
    return await heard_while(announce_from_threads)


def test_over_a_loop_all_share_its_connection(connections):
    before = connections()
    assert asyncio.run(announce_over_this_loop()) == THREADS * EACH
    eventually(lambda: connections() <= before)
