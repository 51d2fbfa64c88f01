"""Listens while the suite runs: each answer and each log line is searched for secrets."""

import logging

import pytest
from django.test import Client

from tests.canaries import DESKTOP_DOOR, found, look, look_at_line


class Ear(logging.Handler):
    """Hears every log line. The simulator is Giga, and may talk about what is Giga's."""

    def emit(self, record):
        if not record.name.startswith(("uvicorn", "asyncio", "simulator")):
            look_at_line(record.name, self.format(record))


def listen_to_answers(monkeypatch) -> None:
    plain = Client.request

    def request(self, **asked):
        response = plain(self, **asked)
        where = asked.get("PATH_INFO", "")
        headers = dict(response.headers.items())
        if where.endswith(DESKTOP_DOOR):
            headers.pop("Location", None)
        look(f"the headers of {where}", repr(headers))
        if not response.streaming:
            look(f"the answer of {where}", response.content)
        return response

    monkeypatch.setattr(Client, "request", request)


@pytest.fixture(scope="session", autouse=True)
def ears():
    with pytest.MonkeyPatch.context() as monkeypatch:
        listen_to_answers(monkeypatch)
        ear = Ear(logging.DEBUG)
        logging.getLogger().addHandler(ear)
        yield
        logging.getLogger().removeHandler(ear)


@pytest.fixture(autouse=True)
def no_secret_comes_out(ears):
    yield
    leaks = found[:]
    found.clear()
    assert leaks == []
