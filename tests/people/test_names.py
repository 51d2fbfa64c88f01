"""Names are to be read: nothing in them is unseen, and nothing turns round what stands beside them."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from people.names import folded, invisible_in, visible
from tests import factories

pytestmark = pytest.mark.any_database

UNSEEN = {
    "a line feed": "\n",
    "a bell": "\x07",
    "a control of Latin-1": "\x85",
    "an override to the left": "\u202e",
    "an isolate": "\u2066",
    "a mark to the left": "\u200f",
    "a mark of Arabic": "\u061c",
    "a space of no width": "\u200b",
    "a joiner of words": "\u2060",
    "a soft hyphen": "\u00ad",
    "a mark of byte order": "\ufeff",
    "a joiner between Latin letters": "\u200d",
    "a grapheme joiner": "\u034f",
    "a filler of Hangul": "\u3164",
    "a half filler of Hangul": "\uffa0",
    "a blank of Braille": "\u2800",
    "the place of an object": "\ufffc",
    "a space of a hair": "\u200a",
    "a space of a sixth": "\u2006",
    "a space of mathematics": "\u205f",
    "a narrow space": "\u202f",
    "a joiner of Brahmi numbers": "\U0001107f",
    "a selector of shorthand": "\U0001bc9d",
    "a variation selector": "\ufe0f",
    "a selector of the supplement": "\U000e0101",
    "a tag": "\U000e0041",
    "a sign of private use": "\ue000",
    "a sign that is none": "\U0001ffff",
    "an end of a line": "\u2028",
    "an end of a paragraph": "\u2029",
}
SEEN = [
    "Mara Lindqvist",
    "Ø. Ångström",
    "王小明",
    "אבי כהן",
    "علی‌رضا",
    "क्‍ष",
    "김철수",
    "Tom 🌻",
    "Ops ⚙️",
    "👩🏽‍💻 und ❤️‍🔥",
    "Team 1️⃣",
    "O’Neil",
    "Jean\u00a0Paul",
    "山田\u3000太郎",
    "é",
]


@pytest.mark.parametrize("sign", UNSEEN.values(), ids=UNSEEN)
def test_what_is_not_seen_is_found_and_left_out(sign):
    assert invisible_in(f"ro{sign}ot") == sign
    assert visible(f"ro{sign}ot") == "root"


@pytest.mark.parametrize("name", SEEN)
def test_names_of_people_stay_as_they_are_spelt(name):
    assert invisible_in(name) == "" and visible(name) == name


@pytest.mark.parametrize("name", ["\u200cab", "ab\u200c", "ا\u200c", "a\u200cb", "ا\u200db"])
def test_a_joiner_that_joins_nothing_is_not_seen(name):
    assert invisible_in(name) in ("\u200c", "\u200d") and invisible_in(visible(name)) == ""


@pytest.mark.parametrize(
    "one, other",
    [
        ("Tom", "tom"),
        ("ＴＯＭ", "tom"),
        ("straße", "STRASSE"),
        ("ﬁona", "FIONA"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("e\u0301mile", "Émile"),
        ("Ⅳ", "iv"),
        ("\u212aim", "kim"),
        ("ǅ", "dž"),
    ],
)
def test_names_that_are_the_same_letters_are_one_name(one, other):
    assert folded(one) == folded(other)


@given(st.text(max_size=12))
def test_a_name_that_was_folded_stays_so(name):
    assert folded(folded(name)) == folded(name)


@pytest.mark.parametrize("sign", ["\u202e", "\u200b", "\n", "\u3164"])
class TestWhereNamesAreTyped:
    def test_ones_own(self, client, operator, sign):
        client.force_login(operator)
        page = client.post("/me/", {"name": f"ro{sign}ot", "times": "relative"})
        assert page.status_code == 422 and "cannot be seen (U+" in page.content.decode()
        assert "Type the name anew" in page.content.decode() and "ot" in page.context["form"]["name"].value()
        operator.refresh_from_db()
        assert operator.get_full_name() == ""

    @pytest.mark.parametrize("field", ["name"])
    def test_a_workspaces(self, client, manager, workspace, sign, field):
        factories.sign_in(client, manager)
        page = client.post("/team/settings/", {field: f"Ac{sign}me"})
        assert page.status_code == 422 and b"cannot be seen" in page.content

    @pytest.mark.parametrize("field", ["username", "first_name", "last_name"])
    def test_in_the_admin(self, client, operator, sign, field):
        factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
        form = {"username": "olga", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
        page = client.post(
            f"/admin/auth/user/{operator.pk}/change/", {**form, field: f"ol{sign}ga", "is_active": "on"}
        )
        assert page.status_code == 200 and "Type the name anew" in page.content.decode()

    def test_a_workspaces_in_the_admin(self, client, workspace, sign):
        factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
        inline = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
        page = client.post(
            f"/admin/people/workspace/{workspace.pk}/change/", {"name": f"Ac{sign}me", **inline}
        )
        assert page.status_code == 200 and "Type the name anew" in page.content.decode()

    def test_a_groups_in_the_admin(self, client, db, sign):
        factories.sign_in(client, factories.make_person(is_staff=True, is_superuser=True))
        page = client.post("/admin/auth/group/add/", {"name": f"Hel{sign}pers"})
        assert page.status_code == 200 and "Type the name anew" in page.content.decode()

    def test_on_the_command_line(self, db, sign):
        with pytest.raises(CommandError):
            call_command("createsuperuser", username=f"ro{sign}ot", email="", interactive=False)
        assert not get_user_model().objects.exists()
