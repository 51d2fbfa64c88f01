"""What looks empty counts as empty, and no text is cut in the middle of a letter."""

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from people.fields import Label
from people.models import initials_of
from people.oidc import InvitedByTheirDomain
from people.passkeys import RenamePasskeyForm
from people.texts import beginning, clusters, is_blank, shortened
from runs import comparing
from runs.models import AgentSession, Run, SavedView, Tag, first_words
from tests import factories
from tests.refused_settings import refusal

pytestmark = pytest.mark.any_database

LOOKS_EMPTY = {
    "spaces of all kinds": " \t\r\n\u00a0\u1680\u2003\u3000\u2028",
    "a space of no width": "\u200b",
    "a mark of byte order": "\ufeff",
    "joiners": "\u200c\u200d\u2060\u034f",
    "a soft hyphen": "\u00ad",
    "marks of direction": "\u200e\u202e\u2066\u2069\u061c",
    "fillers of Hangul": "\u115f\u1160\u3164\uffa0",
    "vowels of Khmer that are not written": "\u17b4\u17b5",
    "blanks of Braille": "\u2800 \u2800",
    "selectors": "\ufe0f\U000e0100\u180b",
    "tags of language": "\U000e0001\U000e0064\U000e0065\U000e007f",
    "controls": "\x01\x1b\x85",
    "private use": "\ue000\U000f0000",
    "what is no character": "\U0001ffff",
    "an accent on nothing": "\u0301",
    "a circle round nothing": " \u20dd",
}
SHOWS_SOMETHING = ["a", "\u200ba", ".", "👩‍👩‍👧", "می‌خواهم", "क्", "ㅎ", "⠁", "-", "\ufffd", "7"]

# What a reader takes for one letter.
LETTERS = {
    "a flag": "🇩🇪",
    "a flag of a country's part": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "a family": "👨‍👩‍👧‍👦",
    "a tone of skin": "👍🏽",
    "a key": "1\ufe0f\u20e3",
    "a picture as a picture": "❤\ufe0f",
    "an accent": "e\u0301",
    "many accents": "Z" + "\u0301\u0327" * 5,
    "a syllable of Hangul": "\u1112\u1161\u11ab",
    "a syllable of Hindi": "क्षि",
    "a letter of Tamil": "நி",
    "a tone of Thai": "ที่",
    "a variant of an ideograph": "葛\U000e0100",
}


@pytest.mark.parametrize("text", LOOKS_EMPTY.values(), ids=LOOKS_EMPTY)
def test_what_shows_nothing_is_blank(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", SHOWS_SOMETHING)
def test_what_shows_something_is_not(text):
    assert not is_blank(text)


@pytest.fixture
def signed_in(client, manager):
    factories.sign_in(client, manager)
    return client


@pytest.mark.parametrize("text", LOOKS_EMPTY.values(), ids=LOOKS_EMPTY)
def test_no_required_text_looks_empty(signed_in, workspace, rung, text):
    """elixir-ecto/ecto #4087, Expensify/App #96468: a run with such a task had a link that nobody could
    press."""
    run = factories.make_run(workspace)
    for field in ("user_prompt", "goal_prompt"):
        launch = {"user_prompt": "Do it", "goal_prompt": "Done", "sandbox_template": "giga-standard"}
        answer = signed_in.post("/runs/new/", {**launch, "duration_hours": "1", field: text})
        assert answer.status_code == 422 and field in answer.context["form"].errors
    ended = factories.make_run(workspace, "completed")
    token = {"token": "c4b1b3b0-0000-4000-8000-000000000000"}
    refused = {
        f"/runs/{ended.pk}/follow-up/": {"message": text, **token},
        f"/runs/{run.pk}/notes/": {"text": text},
        f"/runs/{run.pk}/flag/": {"needs": text},
        "/runs/views/": {"name": text},
        "/team/settings/": {"name": text},
    }
    for address, fields in refused.items():
        assert signed_in.post(address, fields).status_code == 422, address
    signed_in.post("/runs/bulk/", {"action": "tag", "run": run.pk, "tag": text})
    assert Run.objects.count() == AgentSession.objects.count() == 2 and rung == []
    assert not Tag.objects.exists() and not SavedView.objects.exists()


@pytest.mark.parametrize("text", ["\u200b", "\u3164", "\u0301"])
def test_no_name_looks_empty(signed_in, manager, text):
    answer = signed_in.post("/me/", {"name": text, "times": "relative"})
    assert answer.status_code == 422
    manager.refresh_from_db()
    assert manager.get_full_name() == ""


@pytest.mark.parametrize("text", ["\u200b", "\u3164", "\u0301", "\u2800"])
def test_a_provider_names_nobody_by_what_looks_empty(db, rf, text):
    user = factories.make_person()
    login = type("Login", (), {"user": user})()
    InvitedByTheirDomain().populate_user(rf.get("/"), login, {"first_name": text, "last_name": text})
    assert (user.first_name, user.last_name) == ("", "")


def test_a_passkey_is_not_renamed_to_what_looks_empty(db):
    key = type("Key", (), {"wrap": lambda self: type("Wrapped", (), {"name": "Key"})})()
    assert not RenamePasskeyForm({"name": "\u3164"}, instance=key).is_valid()


@pytest.mark.parametrize("name", ["DJANGO_SUPERUSER_USERNAME", "OIDC_NAME"])
@pytest.mark.parametrize("value", ["\u200b", "ad\u200bmin", "\u3164"])
def test_no_name_of_the_environment_hides_something(tmp_path, name, value):
    assert refusal(tmp_path, **{name: value}) == f"{name} is a name to read: nothing in it may be invisible"


def test_joiners_inside_a_text_stay(signed_in, workspace):
    text = "می\u200cخواهم 👩\u200d🚀 \u200bx"
    run = factories.make_run(workspace)
    signed_in.post(f"/runs/{run.pk}/notes/", {"text": text})
    assert run.notes.get().text == text


def test_a_label_is_one_line_without_what_nobody_sees():
    assert Label().clean(" in\u200bvoices \u202e of\n\tMay ") == "invoices of May"
    assert Label().clean("Cafe\u0301") == "Café"
    assert Label().clean("می\u200cخواهم") == "می\u200cخواهم"


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
class TestCutting:
    """langfuse/langfuse #16172, raycast/extensions #30542, mastodon #25148, bluesky-social #11568."""

    def test_a_title_is_cut_before_a_letter_and_not_in_it(self, letter):
        assert first_words("a" * 88 + letter + " tail") == (
            "a" * 88 + "…" if len(letter) > 1 else "a" * 88 + letter + "…"
        )
        assert first_words("b" * (89 - len(letter)) + letter + " tail").endswith(letter + "…")

    def test_at_every_place(self, letter):
        text = letter * 40
        for length in range(len(letter) + 1, len(text)):
            cut = shortened(text, length)
            assert len(cut) <= length and cut.endswith("…")
            assert set(clusters(cut[:-1])) == {letter}

    def test_after_much_space(self, letter):
        assert first_words(" " * 359 + letter) == letter

    def test_in_initials(self, letter):
        first, second = clusters(initials_of(f"{letter}x {letter}y"))
        assert (first, second) == (letter.upper(), letter.upper())

    def test_in_templates(self, letter):
        template = Template("{% load gigawatch %}{{ text|shortened:5 }}")
        assert template.render(Context({"text": f"aaaa{letter}b"})) in ("aaaa…", f"aaa{letter}…")

    def test_in_what_a_comparison_shows_as_changed(self, letter):
        parts = comparing.word_diff(f"see {letter} there", "see x there")
        assert "".join(part.text for part in parts if part.kind == "del") == letter


def test_one_letter_that_is_longer_than_the_place_is_cut_in_it():
    pile = "Z" + "\u0301" * 400
    assert len(first_words(pile)) == 90 and beginning(pile, 10) == pile[:10]


@given(st.text(max_size=60), st.integers(1, 60))
def test_a_beginning_is_whole_letters_of_the_text(text, length):
    begun = beginning(text, length)
    assert text.startswith(begun) and len(begun) <= length
    assert (
        not text
        or clusters(text)[: len(clusters(begun))] == clusters(begun)
        or len(clusters(text)[0]) > length
    )
