"""What every answer says to the browser beside its content policy, static files included."""

HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    # Full screen and the clipboard are for the desktop's frame, which asks for them by `allow`.
    "Permissions-Policy": (
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), "
        "microphone=(), midi=(), payment=(), usb=()"
    ),
}


# A browser heeds these on documents alone. On each of the twenty files of a page they would be weight: half a
# kilobyte, which no compression touches.
OF_DOCUMENTS = ("Content-Security-Policy", "Permissions-Policy", "Cross-Origin-Opener-Policy")
NO_DOCUMENTS = ("text/css", "text/javascript", "font/woff2")

# The viewer of a desktop lives in a frame without an origin, to which we are strangers.
OF_THE_VIEWER = (
    "/static/css/tokens.",
    "/static/css/gigawatch.",
    "/static/js/viewer.",
    "/static/vendor/novnc/",
)


def of_static_files(headers, path, url) -> None:
    if url.startswith(OF_THE_VIEWER):
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def headers(get_response):
    def middleware(request):
        response = get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if response.headers.get("Content-Type", "").startswith(NO_DOCUMENTS):
            for name in OF_DOCUMENTS:
                del response.headers[name]
        return response

    return middleware
