"""Who reads German reads it everywhere: in pages, in what is pushed, in what was stored in English; and
colleagues who read English beside them still do."""

import re
from datetime import datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client
from django.utils import timezone, translation

from dashboard.asgi import application
from people import team
from people.audit import Act, AuditEntry
from people.models import Preferences, Workspace
from runs import limits
from runs.sayings import FORMS, form_of, told
from runs.status import Status
from tests import factories
from tests.asgi_socket import Socket

pytestmark = pytest.mark.any_database


def reader_of(workspace, language: str, *, role: str = "operator") -> Client:
    person = factories.make_person(workspace, username=f"{role}-{language}", role=role)
    Preferences.objects.create(user=person, language=language)
    client = Client()
    client.force_login(person)
    return client


def words_of(answer, *choices: tuple[str, str]) -> list[str]:
    """Of each pair the words that stand in the page."""
    page = answer.content.decode()
    return [word for pair in choices for word in pair if word in page]


@pytest.mark.parametrize("language", ["en", "de"])
class TestPages:
    def words(self, answer, language, *choices):
        found = words_of(answer, ('<html lang="en"', '<html lang="de"'), *choices)
        assert found == [
            pair[language == "de"] for pair in (('<html lang="en"', '<html lang="de"'), *choices)
        ]

    def test_the_list(self, workspace, language):
        factories.make_run(workspace, Status.UNKNOWN)
        answer = reader_of(workspace, language).get("/runs/")
        self.words(
            answer,
            language,
            (">Runs</h1>", ">Läufe</h1>"),
            (">Active", ">Aktiv"),
            ("may be running, being checked", "läuft vielleicht, wird geprüft"),
            ("Live updates are paused.", "Live-Aktualisierung pausiert."),
        )

    def test_a_runs_page_and_what_was_stored_about_it_in_english(self, workspace, language):
        run = factories.make_run(workspace)
        run.move_to(Status.FAILED, why="The agent was interrupted.", reason="The agent was interrupted.")
        answer = reader_of(workspace, language).get(f"/runs/{run.pk}/")
        self.words(
            answer,
            language,
            ("Failed: The agent was interrupted.</h2>", "Gescheitert: Der Agent wurde unterbrochen.</h2>"),
            ("Relaunch with changes", "Mit Änderungen erneut starten"),
            (">Activity <span", ">Verlauf <span"),
        )


def test_drawings_keep_their_points(workspace):
    """German writes 0,5: no place and no width in a drawing may."""
    now = timezone.now()
    run = factories.make_run(
        workspace,
        queued_at=now - timedelta(minutes=7),
        sent_at=now - timedelta(minutes=5),
        started_at=now - timedelta(minutes=3),
    )
    page = reader_of(workspace, "de").get(f"/runs/{run.pk}/").content.decode()
    places = re.findall(r' (?:x|width)="([^"]*)%"', page)
    assert any("." in place for place in places)
    assert [place for place in places if "," in place] == []


NOON = datetime.fromisoformat("2020-11-03T12:00:07+00:00")


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", ["Tue 3 Nov 2020 12:00:07 UTC", "3 Nov 2020", "0.4 s", "~21.3", "from 1 Nov 2020"]),
        ("de", ["Di 03.11.2020 12:00:07 UTC", "03.11.2020", "0,4 s", "~21,3", "ab 01.11.2020"]),
    ],
)
def test_dates_and_numbers_are_in_the_order_and_signs_of_the_language(workspace, language, written):
    exactly, day, seconds, credits, since = written
    reader = reader_of(workspace, language)
    ended = {"started_at": NOON, "ended_at": NOON + timedelta(minutes=64)}
    times = {"queued_at": NOON, "sent_at": NOON, "accepted_at": NOON}
    run = factories.make_run(workspace, Status.COMPLETED, **times, **ended)
    page = reader.get(f"/runs/{run.pk}/").content.decode()
    assert f"<dd>{exactly}</dd>" in page
    assert f"<b>{credits}</b>" in page
    rows = reader.get("/runs/?since=2020-11-01").content.decode()
    assert f'title="{exactly}" data-relative>{day}</time>' in rows
    assert f">{since}<" in rows
    now = timezone.now()
    session_at = {"queued_at": now, "session_at": now + timedelta(seconds=0.4)}
    starting = factories.make_run(workspace, Status.SENDING, **session_at)
    assert f'<span class="num">{seconds}</span>' in reader.get(f"/runs/{starting.pk}/").content.decode()


@pytest.mark.parametrize("form", FORMS)
def test_each_stored_sentence_is_read_as_itself_and_as_no_value_of_another(form):
    assert form_of(re.sub(r"%\(\w+\)s", "some value", form))[0] == form


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("Run run_1", "Lauf run_1"),
        (
            "No contact: Giga cannot be reached: connection refused",
            "Kein Kontakt: Giga ist nicht erreichbar: Verbindung abgelehnt",
        ),
        (
            "Giga gave a desktop address that is not shown: it names no host.",
            "Giga nannte eine Desktop-Adresse, die nicht gezeigt wird: sie nennt keinen Host.",
        ),
        (
            "Giga gave HTTP 502 without a reason. Trying again by itself.",
            "Giga gab HTTP 502 ohne Grund. Neuer Versuch von selbst.",
        ),
        ("What Giga said in its own words", "What Giga said in its own words"),
        ("Computer: initializing", "Computer: wird eingerichtet"),
        ("Computer: Ready", "Computer: bereit"),
        ("Computer: restored", "Computer: wiederhergestellt"),
        ("Computer: asleep", "Computer: asleep"),
    ],
)
def test_stored_sentences_are_told_with_the_problem_in_them(stored, german):
    with translation.override("de"):
        assert told(stored) == german


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("2026-03-02T13:32:07+00:00", "2 Mar 14:32"), ("13:32", "13:32"), ("early", "early")],
)
def test_a_stored_moment_is_told_in_the_zone_of_its_reader(stored, shown):
    with timezone.override("Europe/Berlin"):
        assert told(f"Giga cannot be reached since {stored}. Trying again by itself.") == (
            f"Giga cannot be reached since {shown}. Trying again by itself."
        )


@pytest.mark.django_db(transaction=True)
async def test_one_change_is_pushed_to_each_in_their_language():
    @sync_to_async
    def make_cast():
        workspace = factories.make_workspace()
        cookies = [
            reader_of(workspace, language).cookies[settings.SESSION_COOKIE_NAME].value
            for language in ("en", "de")
        ]
        return factories.make_run(workspace), cookies

    run, cookies = await make_cast()
    sockets = []
    for cookie in cookies:
        headers = [
            (b"origin", settings.SITE_ORIGINS[0].encode()),
            (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()),
        ]
        sockets.append(Socket(application, "/ws/runs/", headers))
        assert await sockets[-1].connect()
        assert (await sockets[-1].receive_json())["type"] == "hello"
    await sync_to_async(run.move_to)(Status.WAITING)
    rows = [(await socket.receive_json())["content"] for socket in sockets]
    words = ["Waiting", "paused by Giga", "Pausiert", "von Giga pausiert"]
    assert [[word for word in words if word in row] for row in rows] == [words[:2], words[2:]]
    for socket in sockets:
        await socket.disconnect()


def test_what_was_noted_by_who_reads_german_is_kept_in_english_and_told_to_each(workspace):
    reader_of(workspace, "de", role="viewer").get("/runs/new/")
    manager = factories.make_person(workspace, role="manager").memberships.get()
    Workspace.objects.filter(pk=workspace.pk).update(run_hours_a_day=1)
    factories.make_run(workspace)
    with translation.override("de"), limits.going_over(True):
        limits.keep_limits(manager, hours=1, title="Count")
        team.revoke(manager, team.invite(manager, role="viewer")[0])
    noted = AuditEntry.objects.exclude(act=Act.SIGNED_IN).order_by("number")
    kept = [(entry.before, entry.object, entry.after) for entry in noted]
    spent = "1 of 1 run-hour of the last 24 hours is used: this one does not fit."
    assert kept == [
        ({}, "GET /runs/new/", {"reason": "Only operators and managers launch runs."}),
        ({}, "Count", {"limit": spent}),
        ({}, "", {"role": "viewer"}),
        ({"role": "viewer"}, "", {}),
    ]
    in_english, in_german = (
        reader_of(workspace, language, role="manager").get("/team/audit/") for language in ("en", "de")
    )
    in_both = [
        ("Only operators and managers launch runs.", "Läufe starten nur Bediener und Verwalter."),
        (spent, "1 von 1 Laufstunde der letzten 24 Stunden ist verbraucht: dieser Lauf passt nicht mehr."),
    ]
    assert words_of(in_english, *in_both) == [english for english, _ in in_both]
    assert words_of(in_german, *in_both) == [german for _, german in in_both]
