"""What Django's error page, which `DEBUG` shows to whoever makes an error, says of settings and requests."""

import re
from urllib.parse import urlsplit

from django.views.debug import SafeExceptionReporterFilter


class HidesSecrets(SafeExceptionReporterFilter):
    """Hides by name what may hold a secret, in settings, forms and the variables of a traceback alike, and by
    its form the address of a server, whatever it is called: most hold a password."""

    hidden_settings = re.compile(
        f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|DSN|DATABASE|BROKER|SMTP|EMAIL_HOST|COOKIE",
        re.IGNORECASE,
    )

    def cleanse_setting(self, key, value):
        if isinstance(value, str) and is_server_address(value):
            return self.cleansed_substitute
        return super().cleanse_setting(key, value)

    def get_safe_cookies(self, request):
        return dict.fromkeys(super().get_safe_cookies(request), self.cleansed_substitute)

    def get_post_parameters(self, request):
        parameters = super().get_post_parameters(request).copy()
        for name in list(parameters):
            parameters[name] = self.cleanse_setting(name, parameters[name])
        return parameters

    def get_traceback_frame_variables(self, request, tb_frame):
        variables = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self.cleanse_setting(name, value)) for name, value in variables]


def is_server_address(text: str) -> bool:
    """Whether it is the address of something that is no page, or holds a name or a password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "://" in text
    return bool(parts.netloc) and (parts.scheme not in ("http", "https") or "@" in parts.netloc)
