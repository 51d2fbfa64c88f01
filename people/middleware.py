"""What every request and answer of a signed-in person carries."""

from people.models import membership_of


def membership(get_response):
    """`request.membership`: the workspace this person works in and their role there; None for a stranger."""

    def middleware(request):
        request.membership = membership_of(request.user)
        return get_response(request)

    return middleware


def no_store(get_response):
    """A signed-in person's page stays out of every cache: after signing out, Back must not show it."""

    def middleware(request):
        response = get_response(request)
        if request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware
