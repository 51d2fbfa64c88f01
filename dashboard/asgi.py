"""Web, sockets and the in-process engine, put together for one ASGI server."""

import asyncio
import gc
import os

from asgiref.sync import sync_to_async
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.umask(0o077)  # what is written is for its owner only
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
django_application = get_asgi_application()

# These need the apps to be loaded.
from django.conf import settings  # noqa: E402

from dashboard import engine  # noqa: E402
from dashboard.door import Door  # noqa: E402
from dashboard.origins import OnlyOurPages  # noqa: E402
from runs import broadcast, instance, routing  # noqa: E402

SECOND_PROCESS = (
    f"another process serves {settings.DATA}: several need CELERY_BROKER_URL, REDIS_URL and DATABASE_URL"
)


async def lifespan(scope, receive, send):
    """Starts the engine with the server and stops it with the server. uvicorn calls this; Daphne does not.
    Where workers do the work (CELERY_BROKER_URL) there is no engine here."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            if not settings.CELERY_BROKER_URL:
                if not instance.hold_folder():
                    await send({"type": "lifespan.startup.failed", "message": SECOND_PROCESS})
                    return
                if why_not := settings.IS_DEMO and await sync_to_async(instance.why_no_demo)():
                    await send({"type": "lifespan.startup.failed", "message": why_not})
                    return
                engine.start()
            broadcast.use_server_loop(asyncio.get_running_loop())
            # What is loaded now stays: looking through it for garbage held up frames for 50 ms and more.
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(engine.stop)
            broadcast.use_server_loop(None)
            await send({"type": "lifespan.shutdown.complete"})
            return


# Whose login it is each socket reads itself, anew with every look.
live_sockets = OnlyOurPages(SessionMiddlewareStack(URLRouter(routing.live_sockets)))
# The viewer of a desktop lives in a frame without an origin, which browsers call null.
sockets = OnlyOurPages(URLRouter([*routing.desktop_sockets, re_path("", live_sockets)]), or_from=["null"])

application = Door(
    ProtocolTypeRouter(
        {
            "http": django_application,
            "websocket": sockets,
            "lifespan": lifespan,
        }
    )
)
