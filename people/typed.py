"""What was typed into a form that was not taken: scripts keep it in the browser (static/js/typed.js), and who
has none gets it back to copy. It is never sent by a button: its sender has to see first who they are."""

import re

from django.shortcuts import render
from django.views.debug import SafeExceptionReporterFilter

from people.texts import is_blank

SECRET = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|CODE|CREDENTIAL", re.IGNORECASE)
# A choice of a menu, the number of a row, or soon typed again.
ONE_WORD = re.compile(r"[!-~]{1,40}")


def texts_in(request) -> list[str]:
    """Its texts, but for secrets. Ask for a form of ours alone: what another site wrote is nobody's text."""
    return [
        value
        for name, values in request.POST.lists()
        if not SECRET.search(name)
        for value in values
        if not is_blank(value) and not ONE_WORD.fullmatch(value)
    ]


def back_to_copy(request, url: str):
    """The way to where one shows who one is, past these texts; None where a form has none. With a script it
    leads on by itself."""
    texts = texts_in(request) if request.method == "POST" else []
    context = {"texts": texts, "url": url}
    return render(request, "people/typed_back.html", context, status=401) if texts else None
