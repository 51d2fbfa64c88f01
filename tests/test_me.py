"""How a person wants to read, and that pages and pushes keep to it."""

import re
from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import Client

from dashboard.asgi import application
from people.models import Preferences
from people.preferences import zone_names
from people.reading import language_of, reading_as, wants_exact_times
from runs.status import Status
from runs.templatetags.gigawatch import when
from tests import factories
from tests.asgi_socket import Socket

pytestmark = pytest.mark.any_database

NOON_UTC = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CHOSEN = {"name": "Olga Ivanova", "language": "de", "time_zone": "Asia/Tokyo", "times": "exact"}


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def language_of_page(answer) -> str:
    return re.search(r'<html lang="([^"]+)"', answer.content.decode())[1]


class TestPreferences:
    def test_what_is_chosen_is_kept_and_shown(self, signed_in, operator):
        answer = signed_in.post("/me/", CHOSEN)
        assert (answer.status_code, answer.url) == (302, "/me/")
        kept = Preferences.objects.get(user=operator)
        assert (kept.language, kept.time_zone) == ("de", "Asia/Tokyo")
        assert kept.remembered == {"exact_times": True, "single_keys": False}
        operator.refresh_from_db()
        assert operator.get_full_name() == "Olga Ivanova"
        page = signed_in.get("/me/")
        assert page.context["form"].initial == {**CHOSEN, "single_keys": False}
        assert 'data-zone="Asia/Tokyo"' in page.content.decode()

    def test_everything_can_be_left_to_the_browser_again(self, signed_in, operator):
        signed_in.post("/me/", CHOSEN)
        signed_in.post("/me/", {"name": "", "times": "relative", "single_keys": "on"})
        kept = Preferences.objects.get(user=operator)
        assert (kept.language, kept.time_zone) == ("", "")
        assert kept.remembered == {"exact_times": False, "single_keys": True}

    def test_what_pages_remember_stays(self, signed_in, operator):
        Preferences.objects.create(user=operator, remembered={"columns": ["who"]})
        signed_in.post("/me/", {"times": "exact"})
        assert Preferences.objects.get(user=operator).remembered["columns"] == ["who"]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("time_zone", "Mars/Olympus"),
            ("time_zone", "../../etc/passwd"),
            ("language", "tlh"),
            ("times", ""),
            ("name", "x" * 151),
        ],
    )
    def test_a_wrong_one_comes_back_with_its_sentence(self, signed_in, field, value):
        answer = signed_in.post("/me/", {**CHOSEN, field: value})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert value[:60] in answer.content.decode()
        assert not Preferences.objects.exists()

    def test_single_keys_can_be_switched_off(self, signed_in):
        assert "data-no-keys" not in signed_in.get("/runs/").content.decode()
        signed_in.post("/me/", {"times": "relative"})
        assert " data-no-keys" in signed_in.get("/runs/").content.decode()

    def test_somebody_of_no_workspace_has_preferences_too(self, client, db):
        client.force_login(factories.make_person())
        assert client.post("/me/", CHOSEN).status_code == 302
        assert language_of_page(client.get("/me/")) == "de"

    def test_zones_are_places_and_utc(self):
        assert {"Europe/Berlin", "Asia/Tokyo", "UTC"} <= set(zone_names())
        assert not any(name.startswith("Etc/") or name == "EST5EDT" for name in zone_names())


class TestLanguage:
    @pytest.mark.parametrize(
        ("said", "spoken"),
        [
            ("de-AT,de;q=0.9,en;q=0.5", "de"),
            ("fr,de;q=0.5", "de"),
            ("fr", None),
            ("*", None),
            ("", None),
            ("en-GB", "en"),
            (";;;=,,de", None),
            ("x" * 9000, None),
        ],
    )
    def test_the_first_language_of_the_browser_that_is_spoken_here(self, said, spoken):
        assert language_of(said) == spoken

    def test_pages_speak_the_browsers_language_until_one_is_chosen(self, signed_in, operator):
        german = {"HTTP_ACCEPT_LANGUAGE": "de"}
        assert language_of_page(signed_in.get("/runs/")) == "en"
        assert language_of_page(signed_in.get("/runs/", **german)) == "de"
        Preferences.objects.create(user=operator, language="en")
        assert language_of_page(signed_in.get("/runs/", **german)) == "en"

    def test_so_do_pages_for_strangers_and_pages_that_say_no(self, client, signed_in):
        assert language_of_page(Client().get("/accounts/login/", HTTP_ACCEPT_LANGUAGE="de")) == "de"
        assert language_of_page(signed_in.get("/runs/99/", HTTP_ACCEPT_LANGUAGE="de")) == "de"


class TestTimes:
    def test_they_are_told_in_the_readers_zone_and_words(self, operator):
        operator.preferences = Preferences(user=operator, language="de", time_zone="Asia/Tokyo")
        with reading_as(operator):
            shown = when(NOON_UTC)
        assert 'title="Di 10.03.2026 21:00:00 JST"' in shown and "data-relative" in shown

    def test_exact_ones_stay_as_they_are(self, operator):
        remembered = {"exact_times": True}
        operator.preferences = Preferences(user=operator, time_zone="Asia/Tokyo", remembered=remembered)
        with reading_as(operator):
            shown = when(NOON_UTC)
        assert ">10 Mar 21:00</time>" in shown and "data-relative" not in shown
        assert not wants_exact_times()

    def test_they_are_the_browsers_while_no_zone_is_chosen(self, signed_in, operator):
        signed_in.cookies["gigawatch-zone"] = "America/Lima"
        assert 'data-zone="America/Lima"' in signed_in.get("/runs/").content.decode()
        signed_in.post("/me/", CHOSEN)
        assert 'data-zone="Asia/Tokyo"' in signed_in.get("/runs/").content.decode()

    @pytest.mark.parametrize(
        "said",
        ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Etc/Unknown", '"><script>', "é" * 5000],
    )
    def test_what_no_zone_is_called_changes_nothing(self, signed_in, said):
        signed_in.cookies["gigawatch-zone"] = said
        answer = signed_in.get("/runs/")
        assert answer.status_code == 200 and 'data-zone="UTC"' in answer.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("chosen", "said"), [("Pacific/Kiritimati", "Asia/Tokyo"), ("", "Pacific/Kiritimati")]
)
async def test_pushes_are_in_the_language_and_zone_of_their_reader(chosen, said):
    @sync_to_async
    def make_cast():
        workspace = factories.make_workspace()
        reader = factories.make_person(workspace)
        Preferences.objects.create(user=reader, time_zone=chosen, remembered={"exact_times": True})
        client = Client()
        client.force_login(reader)
        run = factories.make_run(workspace, Status.RUNNING, queued_at=NOON_UTC)
        return client.cookies[settings.SESSION_COOKIE_NAME].value, run

    cookie, run = await make_cast()
    headers = [
        (b"origin", settings.SITE_ORIGINS[0].encode()),
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}; gigawatch-zone={said}".encode()),
        (b"accept-language", b"de"),
    ]
    live = Socket(application, "/ws/runs/", headers)
    assert await live.connect()
    assert (await live.receive_json())["type"] == "hello"
    await sync_to_async(run.move_to)(Status.WAITING)
    content = (await live.receive_json())["content"]
    assert ">11. März 02:00</time>" in content
    await live.disconnect()
