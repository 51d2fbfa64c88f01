"""Characters no database stores and no keyboard types: NUL, and halves of a pair."""

import re

from django.http import QueryDict

UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable_texts(get_response):
    """What came with a request can be stored, searched and shown: each such character is replaced by one that
    whoever sent it sees. Postgres would refuse NUL, and every database half a pair, in mid-page."""

    def middleware(request):
        request.COOKIES = {name: storable(value) for name, value in request.COOKIES.items()}
        request.GET = _storable_all(request.GET)
        if request.method == "POST":
            request.POST = _storable_all(request.POST)
        return get_response(request)

    return middleware


def storable(text: str) -> str:
    return UNSTORABLE.sub(REPLACEMENT, text)


def _storable_all(sent: QueryDict) -> QueryDict:
    if not any(UNSTORABLE.search(text) for name, texts in sent.lists() for text in (name, *texts)):
        return sent
    cleaned = QueryDict(mutable=True)
    for name, texts in sent.lists():
        cleaned.setlist(storable(name), [storable(text) for text in texts])
    cleaned._mutable = False
    return cleaned
