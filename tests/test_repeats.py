"""A launch that waits asks again each minute: its history says so in one line, however long it waits."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from runs.models import RunEvent
from runs.status import Status
from tests import factories

pytestmark = pytest.mark.django_db
BUSY = "Waiting for a free computer, place 1 in line: all of the plan are busy."


@pytest.fixture
def run(workspace):
    run = factories.make_run(workspace, Status.QUEUED, reason=BUSY)
    run.events.all().delete()
    return run


@pytest.fixture
def lines(client, operator, run):
    """The words of each line of its Activity, and of the glance, newest first."""
    client.force_login(operator)

    def read(address: str, start: str) -> list[str]:
        page = client.get(address).content.decode().split(start)[1].split("</ol>")[0]
        return [" ".join(re.sub("<[^>]*>", " ", line).split()) for line in page.split("<li ")[1:]]

    return lambda: read(f"/runs/{run.pk}/", 'id="run-activity"')


def happened(run, *events: dict) -> None:
    """These, a second apart, from the first to the last."""
    for number, fields in enumerate(events):
        at = timezone.now().replace(hour=0, minute=0, second=0) + timedelta(seconds=number)
        RunEvent.objects.create(run=run, workspace=run.workspace, at=at, **{"kind": "status", **fields})


def asked(why: str, times: int) -> list[dict]:
    once = [{"was": "queued", "now": "sending"}, {"was": "sending", "now": "queued", "why": why}]
    return once * times


def place(number: int) -> dict:
    return {"kind": "wait", "why": f"Waiting for a free computer, place {number} in line."}


def test_each_minute_of_waiting_is_no_line_of_its_own(noon, run, lines):
    happened(run, {"now": "queued"}, *asked(BUSY, 13))
    newest, sent, launched = lines()
    assert re.search(rf"Queued 13 times since 00:00:02 {re.escape(BUSY)}$", newest)
    assert sent.endswith("Sending") and launched.endswith("Queued")


def test_nor_is_each_place_in_line(noon, run, lines):
    happened(run, {"now": "queued"}, *map(place, (5, 4, 4, 2)))
    assert len(lines()) == 2
    assert lines()[0].endswith("place 2 in line. 4 times since 00:00:01")


def test_another_reason_begins_another_line(noon, run, lines):
    outage = "Giga cannot be reached since 2026-03-02T13:32:0%s+00:00. Trying again by itself."
    happened(run, *asked(BUSY, 2), *asked(outage % 1, 1), *asked(outage % 2, 1), *asked(BUSY, 3))
    times = [re.search(r"(\d+) times", line)[1] for line in lines() if "times" in line]
    assert times == ["3", "2", "2"]


def test_what_differs_stays_apart(noon, run, operator, lines):
    states = [{"kind": "computer", "why": f"Computer: {state}"} for state in ("initializing", "ready")]
    happened(run, *states, *[{"kind": "flag", "why": "A code", "by": operator}] * 2)
    assert len(lines()) == 4


def test_a_day_of_waiting_still_shows_who_launched_it(noon, run, operator, lines):
    happened(run, {"now": "queued", "by": operator}, *asked(BUSY, 400))
    assert len(lines()) == 3 and lines()[-1].endswith(f"by {operator.get_full_name() or operator}")
