"""What is answered while `serve` makes or upgrades the tables: a page that says so and looks again, and the
two addresses that programs ask. It reads no database."""

import threading
from contextlib import contextmanager
from socket import socket

import uvicorn
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from runs.upgrade import progress

LOOKS_AGAIN_S = 5
HEADERS = {
    "Retry-After": str(LOOKS_AGAIN_S),
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'",
}


def page(request):
    language = "de" if request.headers.get("accept-language", "").startswith("de") else "en"
    with translation.override(language):
        text = render_to_string("waiting.html", {"progress": progress, "looks_again_s": LOOKS_AGAIN_S})
    return HTMLResponse(text, 503, HEADERS)


def healthz(request):
    return JSONResponse({"process": "ok"})


def readyz(request):
    said = f"are upgraded, step {progress.done} of {progress.steps}" if progress.is_upgrade else "are made"
    return JSONResponse({"tables": said}, 503, HEADERS)


METHODS = ["GET", "HEAD", "POST"]
application = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Mount("/static", StaticFiles(directory=settings.BASE_DIR / "static")),
        Route("/{path:path}", page, methods=METHODS),
    ]
)


@contextmanager
def waiting_page(listening: socket, config: uvicorn.Config):
    """It is answered on this socket for the time being, which is whole again afterwards."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening.dup()]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
