"""The socket and the page through which a desktop is watched, as E2B serves them. What is shown is
`desktop`'s matter."""

import asyncio
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from simulator import rfb
from simulator.desktop import Desktop, Viewer

PAGE = Path(__file__).resolve().parent / "vnc.html"
DEAD_PAGE = """<!doctype html><html><head><title>502 Bad Gateway</title></head><body>
<h1>The sandbox was not found</h1><p>It is not running any more.</p></body></html>"""


async def watch(websocket: WebSocket) -> None:
    """The desktop's socket: `/websockify/<sandbox>`, or `/websockify?token=<sandbox>`."""
    world, desktops = websocket.app.state.world, websocket.app.state.desktops
    sandbox_id = websocket.path_params.get("sandbox_id") or websocket.query_params.get("token", "")
    if not world.computer(sandbox_id):
        await websocket.send_denial_response(HTMLResponse(DEAD_PAGE, 502))
        return
    await websocket.accept("binary" if "binary" in websocket.scope["subprotocols"] else None)
    desktop = desktops.get(sandbox_id)
    if desktop is None:
        desktop = desktops[sandbox_id] = Desktop(world, sandbox_id)
        desktop.draw()
    viewer = Viewer(websocket, desktop, world.config.desktop_password)
    desktop.viewers.add(viewer)
    sending = asyncio.create_task(viewer.send())
    if desktop.living is None:
        desktop.living = asyncio.create_task(desktop.live())
    try:
        await _listen(websocket, viewer)
    finally:
        desktop.viewers.discard(viewer)
        if not desktop.viewers and desktops.get(sandbox_id) is desktop:
            del desktops[sandbox_id]
        sending.cancel()


async def _listen(websocket: WebSocket, viewer: Viewer) -> None:
    """Take what the viewer sends until it leaves or says what it should not."""
    with suppress(WebSocketDisconnect, rfb.Broken):
        while True:
            viewer.take(await websocket.receive_bytes())
    # What was refused is told before the line is cut.
    with suppress(RuntimeError, WebSocketDisconnect):
        await viewer.send_outgoing()


async def vnc_page(request: Request) -> Response:
    """noVNC's page, as E2B serves it; for a computer that is gone, what E2B's proxy says."""
    path = request.query_params.get("path", "")
    sandbox_id = path.rpartition("/")[2].rpartition("token=")[2]
    if sandbox_id and not request.app.state.world.computer(sandbox_id):
        return HTMLResponse(DEAD_PAGE, 502)
    return FileResponse(PAGE)


async def novnc_file(request: Request) -> Response:
    folder = Path(request.app.state.world.config.novnc_path)
    file = folder / request.path_params["name"]
    if request.path_params["name"].startswith(".") or not file.is_file():
        return PlainTextResponse(f"There is no {request.path_params['name']} in the noVNC folder", 404)
    return FileResponse(file)


routes = [
    WebSocketRoute("/websockify", watch),
    WebSocketRoute("/websockify/{sandbox_id}", watch),
    Route("/vnc.html", vnc_page, methods=["GET"]),
    Route("/novnc/{name}", novnc_file, methods=["GET"]),
]
