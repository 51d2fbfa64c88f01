"""Many viewers of a run hear of a change at the same moment: those who see the same share one rendering."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import connection

from people.models import Preferences, membership_of
from people.reading import reading_as
from runs import live
from runs.status import Status
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(workspace):
    return factories.make_run(workspace, Status.RUNNING)


@pytest.fixture
def rendered(monkeypatch):
    """The roles for which the parts were rendered, in order."""
    roles, render = [], live.run_parts

    def run_parts(run, membership):
        roles.append(membership.role)
        return render(run, membership)

    monkeypatch.setattr(live, "run_parts", run_parts)
    return roles


def push(run, person, languages="en") -> str:
    with reading_as(person, languages):
        return live.run_push(run.pk, membership_of(person), live.newest_event_of_run(run.pk))["content"]


def test_two_who_see_the_same_share_one_rendering(run, workspace, operator, rendered):
    another = factories.make_person(workspace, role="operator")
    assert push(run, operator) == push(run, another)
    assert rendered == ["operator"]


def test_who_may_do_less_is_not_shown_what_others_may_do(run, operator, viewer):
    assert "Relaunch with changes" in push(run, operator)
    assert "Relaunch with changes" not in push(run, viewer)


@pytest.mark.parametrize(
    "chosen", [{"language": "de"}, {"time_zone": "Asia/Kolkata"}, {"remembered": {"exact_times": True}}]
)
def test_who_reads_otherwise_is_told_otherwise(noon, run, workspace, operator, chosen):
    reader = factories.make_person(workspace, role="operator")
    Preferences.objects.create(user=reader, **chosen)
    run.write_note("It asks for a code", by=operator)  # its page says how long ago
    assert push(run, operator) != push(run, reader)


def test_a_browser_of_another_language_is_told_otherwise(noon, run, operator, rendered):
    assert push(run, operator, "en") != push(run, operator, "de")


def test_what_happens_next_is_told_anew(run, operator):
    before = push(run, operator)
    run.move_to(Status.WAITING, why="It asks something")
    assert "It asks something" not in before
    assert "It asks something" in push(run, operator)


@pytest.mark.django_db(transaction=True)
def test_who_asks_meanwhile_waits_for_the_one_rendering(run, operator, monkeypatch):
    membership, begun, may_go_on = membership_of(operator), Event(), Event()

    def run_parts(run, membership):
        assert not begun.is_set()
        begun.set()
        assert may_go_on.wait(10)
        return "parts"

    def ask() -> str:
        try:
            return live.run_push(run.pk, membership, 1)["content"]
        finally:
            connection.close()

    monkeypatch.setattr(live, "run_parts", run_parts)
    with ThreadPoolExecutor(4) as readers:
        first = readers.submit(ask)
        assert begun.wait(10)
        others = [readers.submit(ask) for _ in range(3)]
        may_go_on.set()
        contents = {asked.result(10) for asked in [first, *others]}
    assert len(contents) == 1 and contents.pop().startswith("parts<")


def test_a_rendering_that_failed_is_nobodys_answer(run, operator, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(LookupError):
        patch.setattr(live, "run_parts", lambda *_: {}["x"])
        push(run, operator)
    assert "run-head" in push(run, operator)
