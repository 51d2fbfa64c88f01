"""The simulator's own routes, for tests: what was asked, another scenario, a jump in time, a fresh start.
From this machine only, and never from a web page."""

import ipaddress
import json
from collections.abc import Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.answers import as_error, as_json
from simulator.world import World, not_found


def local(act: Callable[[World, dict], dict]) -> Callable:
    async def endpoint(request: Request) -> Response:
        if "origin" in request.headers or not _is_local(request):
            return as_error(not_found("Route"))
        try:
            changes = json.loads(await request.body() or b"{}")
            return as_json(act(request.app.state.world, changes))
        except (ValueError, TypeError) as error:
            return as_json({"error": str(error)}, 400)

    return endpoint


def _is_local(request: Request) -> bool:
    with suppress(ValueError):
        return bool(request.client) and ipaddress.ip_address(request.client.host).is_loopback
    return False


def read_ledger(world: World, changes: dict) -> dict:
    return world.ledger()


def switch_scenario(world: World, changes: dict) -> dict:
    world.switch(changes)
    return {"name": world.config.scenario}


def advance(world: World, changes: dict) -> dict:
    """Let `seconds` of real time pass at once."""
    world.skipped_s += float(changes["seconds"])
    return {"now": world.now()}


def reset(world: World, changes: dict) -> dict:
    world.reset()
    return {}


routes = [
    Route("/_ledger", local(read_ledger), methods=["GET"]),
    Route("/_scenario", local(switch_scenario), methods=["POST"]),
    Route("/_advance", local(advance), methods=["POST"]),
    Route("/_reset", local(reset), methods=["POST"]),
]
