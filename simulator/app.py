"""The simulated Giga as one ASGI application. Puts the parts together; has no behaviour of its own but the
ledger of requests."""

import asyncio
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator import api, control, watching
from simulator.answers import as_error
from simulator.config import Config
from simulator.world import Refused, World, not_found

__all__ = ["Config", "create_app"]


def create_app(config: Config) -> Starlette:
    app = Starlette(
        routes=[*api.routes, *control.routes, *watching.routes],
        middleware=[Middleware(with_ledger)],
        exception_handlers={HTTPException: no_such_route, Exception: internal_error},
    )
    app.state.world = World(config)
    app.state.desktops = {}
    return app


def with_ledger(app: ASGIApp) -> ASGIApp:
    """Note every request to the API when it arrives, and its status when the answer begins."""

    async def noted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api"):
            await app(scope, receive, send)
            return
        key = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        entry = {
            "at": time.time(),
            "method": scope["method"],
            "path": scope["path"],
            "key_last4": key[-4:],
            "client_id": dict(scope["headers"]).get(b"x-client-id", b"").decode("latin-1"),
            "status": None,
        }
        scope["app"].state.world.requests.append(entry)

        async def note_status(message: Message) -> None:
            transport = scope.get("state", {}).get("transport")
            if message["type"] == "http.response.start" and not (transport and transport.is_closing()):
                entry["status"] = message["status"]
            await send(message)

        try:
            await app({**scope, "ledger_entry": entry}, receive, note_status)
        except asyncio.CancelledError:
            # The server stops, and this answer was still being held back: hang up without a word.
            scope["state"]["transport"].abort()
            await asyncio.sleep(0)

    return noted


async def internal_error(request: Request, error: Exception) -> Response:
    return as_error(Refused(500, "INTERNAL_ERROR", "The simulator itself is broken; see its output"))


async def no_such_route(request: Request, error: HTTPException) -> Response:
    if error.status_code == 405:
        return as_error(Refused(405, "INVALID_REQUEST", "Method not allowed"))
    return as_error(not_found("Route"))
