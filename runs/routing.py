"""Where the sockets are."""

from django.urls import path, re_path

from runs import consumers
from runs.desktop_consumer import DesktopConsumer
from runs.sockets import NoSuchSocket

# The pages' own sockets: they carry a login cookie, so only our own pages may open them.
live_sockets = [
    path("ws/runs/", consumers.RunListConsumer.as_asgi()),
    path("ws/runs/<int:pk>/", consumers.RunConsumer.as_asgi()),
    path("ws/wall/", consumers.WallConsumer.as_asgi()),
    re_path("", NoSuchSocket.as_asgi()),
]
# The viewer lives in a frame without an origin and without cookies: its token says who it is.
desktop_sockets = [path("ws/desktop/<str:token>/", DesktopConsumer.as_asgi())]
