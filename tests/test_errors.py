"""Pages that say no, and the id by which what a person saw is found in the log."""

import logging
import re
from types import SimpleNamespace

import pytest
from django.test import Client

from dashboard.outages import InOneLine
from dashboard.request_ids import ShortRefusals, WithRequestId
from tests import factories

ID = re.compile(r"req_[0-9a-f]{16}")


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    client.raise_request_exception = False
    return client


def heading(answer) -> str:
    return re.search(r"<h1>(.*?)</h1>", answer.content.decode())[1]


def test_every_answer_has_an_id_of_its_own(signed_in):
    ids = [
        signed_in.get(path).headers["X-Request-Id"] for path in ("/runs/", "/runs/", "/runs/99/", "/healthz")
    ]
    assert all(ID.fullmatch(found) for found in ids) and len(set(ids)) == 4


@pytest.mark.urls("tests.failing.urls")
def test_an_error_shows_the_id_that_is_in_its_line_of_the_log(signed_in, caplog):
    answer = signed_in.get("/broken/")
    assert (answer.status_code, heading(answer)) == (500, "Something went wrong here")
    request_id = answer.headers["X-Request-Id"]
    page = answer.content.decode()
    assert ID.findall(page) == [request_id] * 2 and f'data-copy="{request_id}"' in page
    (record,) = [record for record in caplog.records if record.name == "django.request"]
    assert record.request.id == request_id and "It broke" in record.exc_text


def test_a_line_of_the_log_names_its_request(settings):
    about_a_request = {"msg": "Internal Server Error: /runs/", "request": SimpleNamespace(id="req_1")}
    assert logged(settings, about_a_request) == "WARNING django.request: req_1 Internal Server Error: /runs/"
    assert logged(settings, {"msg": "Started"}) == "WARNING django.request: Started"


def logged(settings, what: dict) -> str:
    """The line of the log for this, without its time."""
    form = settings.LOGGING["formatters"]["line"]
    formatter = logging.Formatter(form["format"], style=form["style"])
    record = logging.makeLogRecord({"name": "django.request", "levelname": "WARNING", **what})
    filters = {"request": WithRequestId(), "refusals": ShortRefusals(), "outages": InOneLine()}
    for name in settings.LOGGING["handlers"]["stderr"]["filters"]:
        assert filters[name].filter(record)
    return formatter.format(record).split(" ", 2)[2]


@pytest.mark.urls("tests.failing.urls")
def test_what_cannot_be_understood_is_said_in_words(signed_in):
    answer = signed_in.get("/suspicious/")
    assert (answer.status_code, heading(answer)) == (400, "Not understood")


def test_a_form_from_elsewhere_shows_an_id_too(operator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    answer = client.post("/me/", {"name": "Mallory"})
    assert (answer.status_code, heading(answer)) == (403, "This form was not accepted")
    assert answer.headers["X-Request-Id"] in answer.content.decode()


def test_who_may_not_is_told_who_may_and_what_they_are(client, viewer):
    client.force_login(viewer)
    answer = client.get("/runs/new/")
    assert (answer.status_code, heading(answer)) == (403, "Not allowed")
    assert "Only operators and managers launch runs." in answer.content.decode()
    assert (
        "Your role in Acme Ops: Viewer. A manager of the workspace can change it." in answer.content.decode()
    )


def test_not_yours_and_not_there_are_the_same_bytes(signed_in):
    others = factories.make_run(factories.make_workspace("Other team"))
    not_yours, not_there = signed_in.get(f"/runs/{others.pk}/"), signed_in.get(f"/runs/{others.pk + 1}/")
    assert (not_yours.status_code, heading(not_yours)) == (404, "Not found")
    assert not_yours.content == not_there.content
