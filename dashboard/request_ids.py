"""Each request has an id, by which what a person saw is found in the log."""

import logging
import secrets


def request_id(get_response):
    """`request.id`, said in the answer too."""

    def middleware(request):
        request.id = f"req_{secrets.token_hex(8)}"
        response = get_response(request)
        response.headers["X-Request-Id"] = request.id
        return response

    return middleware


class WithRequestId(logging.Filter):
    """Puts ` req_…` into a line that is about a request, for the formatter."""

    def filter(self, record) -> bool:
        found = getattr(getattr(record, "request", None), "id", "")
        record.request_id = f" {found}" if found else ""
        return True


class ShortRefusals(logging.Filter):
    """Anybody can say any host, as often and as long as they like. It was refused, and so is worth a line and
    no traceback."""

    def filter(self, record) -> bool:
        if record.name.startswith("django.security."):
            record.msg, record.args = record.getMessage()[:200], ()
            record.exc_info = record.exc_text = None
        return True
