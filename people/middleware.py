"""What every answer to a signed-in person carries. No database here."""


def no_store(get_response):
    """A signed-in person's page stays out of every cache: after signing out, Back must not show it."""

    def middleware(request):
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware
