"""Where a request comes from."""

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied


def address_of(request) -> str:
    """The client's network address, as far as it is known: what a client claims in a header counts only
    behind as many proxies as TRUSTED_PROXIES says."""
    try:
        return get_adapter().get_client_ip(request)
    except (PermissionDenied, ImproperlyConfigured):
        return ""
