"""Recovery codes on the screen or in a file: allauth's pages, and a row for each time they are handed out."""

from functools import wraps

from allauth.mfa.recovery_codes.views import download_recovery_codes, view_recovery_codes

from people.audit import Act, audit


def noted(view):
    @wraps(view)
    def wrapped(request, *args, **kwargs):
        response = view(request, *args, **kwargs)
        # Where they were seen before, the page has stars in their place.
        if (getattr(response, "context_data", None) or {}).get("can_view_codes", response.status_code == 200):
            audit(request, Act.CODES_SEEN, request.user)
        return response

    return wrapped


view = noted(view_recovery_codes)
download = noted(download_recovery_codes)
