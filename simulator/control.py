"""The simulator's own routes, for tests: what was asked, another scenario, a jump in time, a fresh start.
From this machine only, and never from a web page."""

import ipaddress
import json
from collections.abc import Callable
from contextlib import suppress

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.answers import as_error, as_json
from simulator.world import not_found


def local(act: Callable[[State, dict], dict]) -> Callable:
    async def endpoint(request: Request) -> Response:
        if "origin" in request.headers or not _is_local(request):
            return as_error(not_found("Route"))
        try:
            changes = json.loads(await request.body() or b"{}")
            return as_json(act(request.app.state, changes))
        except (ValueError, TypeError, KeyError) as error:
            return as_json({"error": str(error)}, 400)

    return endpoint


def _is_local(request: Request) -> bool:
    with suppress(ValueError):
        return bool(request.client) and ipaddress.ip_address(request.client.host).is_loopback
    return False


def read_ledger(state: State, changes: dict) -> dict:
    """What `World.ledger` tells, and how many watch which computer."""
    watched = {sandbox_id: len(desktop.viewers) for sandbox_id, desktop in state.desktops.items()}
    return {**state.world.ledger(), "watched": watched}


def switch_scenario(state: State, changes: dict) -> dict:
    state.world.switch(changes)
    return {"name": state.world.config.scenario}


def advance(state: State, changes: dict) -> dict:
    """Let `seconds` of real time pass at once."""
    state.world.skipped_s += float(changes["seconds"])
    return {"now": state.world.now()}


def reset(state: State, changes: dict) -> dict:
    state.world.reset()
    return {}


routes = [
    Route("/_ledger", local(read_ledger), methods=["GET"]),
    Route("/_scenario", local(switch_scenario), methods=["POST"]),
    Route("/_advance", local(advance), methods=["POST"]),
    Route("/_reset", local(reset), methods=["POST"]),
]
