"""The head of a run says whose it is; a moment that is not of today is told with its day; ids stay whole."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from runs.status import Status
from runs.templatetags.parts import whole_ids
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def part(client, run, name: str) -> str:
    """One part of the run's page, without its markup but for times."""
    page = client.get(f"/runs/{run.pk}/").content.decode()
    found = re.search(rf'id="{name}".*?(?=<[a-z]+[^>]* id="(?:run-|desktop"))', page, re.DOTALL)
    return found[0]


def test_it_says_who_launched_it_when_and_on_what_computer(signed_in, workspace, operator):
    run = factories.make_run(workspace, by=operator)
    head = part(signed_in, run, "run-head")
    assert operator.get_full_name() in head
    assert run.agent_session.sandbox_template in head
    assert f'<time datetime="{run.queued_at.isoformat()}"' in head


def test_who_has_left_is_said_to_have(signed_in, workspace):
    assert "somebody who has left" in part(signed_in, factories.make_run(workspace), "run-head")


@pytest.mark.parametrize(("days", "form"), [(3, "j M H:i"), (800, "j M Y")])
def test_what_is_of_another_day_is_told_with_that_day(noon, signed_in, workspace, operator, days, form):
    at = timezone.now() - timedelta(days=days)
    day = date_format(timezone.localtime(at), form)
    times = dict.fromkeys(["queued_at", "sent_at", "accepted_at", "started_at"], at)
    session = factories.make_session(workspace, created_at=at)
    times |= {"agent_session": session, "ended_at": at + timedelta(hours=1)}
    run = factories.make_run(workspace, Status.COMPLETED, by=operator, **times)
    run.judge("achieved", by=operator)
    run.events.update(at=at)
    for name in ("run-head", "run-strip", "run-verdict"):
        assert re.search(rf">[^<]*{day}", part(signed_in, run, name)), name
    for address in ("/runs/", "/sessions/"):
        assert re.search(rf">{day}[^<]*</time>", signed_in.get(address).content.decode()), address


def test_the_end_of_a_run_that_ends_tomorrow_has_its_day_and_zone(noon, signed_in, workspace, operator):
    session = factories.make_session(workspace, duration_hours=24)
    run = factories.make_run(workspace, agent_session=session, by=operator)
    tomorrow = date_format(timezone.localtime(run.ends_at), "j M H:i")
    assert f"ends about {tomorrow} {timezone.localtime().tzname()}" in part(signed_in, run, "run-strip")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Run run_cm3x8k2p1", "Run <code>run_cm3x8k2p1</code>"),
        ("thread-demo-6-101", "<code>thread-demo-6-101</code>"),
        ("550e8400-e29b-41d4-a716-446655440000", "<code>550e8400-e29b-41d4-a716-446655440000</code>"),
        ("giga-standard for 1 h, re-run", "giga-standard for 1 h, re-run"),
        ("<b>run_1</b> & more", "&lt;b&gt;<code>run_1</code>&lt;/b&gt; &amp; more"),
        ("", ""),
    ],
)
def test_ids_in_texts_stay_in_one_piece(text, shown):
    assert whole_ids(text) == shown
