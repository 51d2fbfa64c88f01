"""Every hostile text, in every field of every form: taken to the letter or refused with a sentence, and then
everything typed is still there. Never an error."""

import inspect
import itertools
import re
import unicodedata

import pytest
from django import forms
from django.contrib import admin
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.http import urlencode

from dashboard.door import MOST_ADDRESS
from dashboard.unstorable import storable
from people import forms as people_forms
from people import preferences, team
from people.address_form import AddressForm
from people.fields import Label
from people.models import Membership, Workspace
from people.names import invisible_in, visible
from runs import forms as runs_forms
from runs.models import GigaAccount, SavedView
from runs.status import Status
from tests import factories
from tests.access import same_login
from tests.hostile_texts import TEXTS
from tests.markup import Markup
from tests.served import ROOT
from tests.test_headers import addresses
from tests.walk import cell

# The clock stands: pages that are compared show the same times.
pytestmark = [pytest.mark.strictest_database, pytest.mark.long, pytest.mark.usefixtures("noon")]

VIEWS = [path for room in ("people", "runs") for path in (ROOT / room / "views").glob("*.py")]

# Those that have most ways to hurt a page, a header or a column.
WORST = [
    "the ends of elements",
    "the end of a quoted value",
    "the end of a value in single quotes",
    "a template",
    "headers",
    "a NUL",
    "joined pictures",
    "one long word",
    "a number",
    "an address",
]


def forms_of(*modules) -> list[type[forms.BaseForm]]:
    return [
        form
        for module in modules
        for _name, form in inspect.getmembers(module, inspect.isclass)
        if issubclass(form, forms.BaseForm) and form.__module__ == module.__name__
    ]


OUR_FORMS = forms_of(runs_forms, people_forms, preferences)
# What some forms are made with.
MADE_WITH = {preferences.PreferencesForm: lambda: {"user": factories.make_person()}}


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def test_each_field_takes_it_to_the_letter_or_says_what_is_wrong(db):
    wrong = []
    for form, (name, text) in itertools.product(OUR_FORMS, TEXTS.items()):
        more, text = MADE_WITH.get(form, dict)(), storable(text)
        names = form.base_fields if issubclass(form, AddressForm) else form(**more).fields
        typed = {name: [text] for name in names}
        filled = form(MultiValueDict(typed), **more)
        for field, kind in filled.fields.items():
            sentences = [str(sentence) for sentence in filled.errors.get(field, [])]
            value = filled.cleaned_data.get(field)
            if sentences:
                is_right = all(sentence.rstrip().endswith((".", "…")) for sentence in sentences)
            else:
                as_typed = (text, text.strip(), text.replace("\r\n", "\n"))
                if isinstance(kind, Label):  # without what nobody sees, and each letter in one form
                    as_typed += (on_one_line(visible(unicodedata.normalize("NFC", on_one_line(text)))),)
                is_right = not isinstance(kind, forms.CharField) or value in as_typed
            if not is_right:
                wrong.append((form.__name__, field, name, sentences or value))
    assert wrong == []


@pytest.fixture
def signed_in(client, workspace, manager):
    factories.sign_in(client, manager)
    return client


@pytest.fixture
def run(workspace, manager):
    return factories.make_run(workspace, Status.UNKNOWN, by=manager)


@pytest.fixture
def invited(workspace, manager) -> Client:
    """Somebody without an account who has opened the link of an invitation."""
    visitor = Client()
    _invitation, token = team.invite(Membership.objects.get(user=manager), role="viewer")
    visitor.get(reverse("invitation", args=[token]))
    return visitor


def refused(answer, *kept: str) -> Markup:
    """An answer that refuses, and shows all that was typed."""
    markup = Markup(answer.content.decode())
    assert answer.status_code == 422 and [text[:99] for text in kept if not markup.says(storable(text))] == []
    return markup


# Each form that refuses, by the address it is sent to; the fields that are shown again as they were typed.
REFUSING = {
    "/runs/new/": ["user_prompt", "goal_prompt", "system_prompt", "sandbox_template"],
    "/runs/{run}/settle/": ["remote_id"],
    "/runs/{run}/follow-up/": ["message"],
    "/team/limits/": ["active_runs", "launches_a_minute"],
    "/team/invite/": ["email"],
    "/me/": ["time_zone"],
}


@pytest.mark.parametrize("address", REFUSING)
def test_a_refused_form_keeps_what_was_typed(signed_in, run, settings, address):
    """The page is of the same elements whatever was typed."""
    settings.CAN_SEND_MAIL = True
    address, fields = address.format(run=run.pk), REFUSING[address]
    filler = {
        "decision": "running",
        "role": "viewer",
        "token": "x",
        "duration_hours": "many",
        "language": "xx",
    }
    for text in (TEXTS[name] for name in WORST):
        plain = ("x " * len(text))[: len(text)]
        hostile, twin = (
            refused(signed_in.post(address, filler | dict.fromkeys(fields, one)), one)
            for one in (text, plain)
        )
        assert hostile.elements == twin.elements


def test_an_account_is_not_made_of_it(invited, db):
    fields = ("full_name", "username", "email", "password")
    plain = refused(invited.post("/invitation/", dict.fromkeys(fields, "plain words")), "plain words")
    for name in WORST:
        text = TEXTS[name]
        markup = refused(invited.post("/invitation/", dict.fromkeys(fields, text)), text)
        kinds = {element.split()[0] for element in plain.elements}
        assert {element.split()[0] for element in markup.elements} <= kinds, name


def test_a_key_is_never_shown_again(signed_in, workspace):
    wrong = []
    for name in WORST:
        text = TEXTS[name]
        with cell(wrong, name):
            answer = signed_in.post("/team/key/", {"api_key": text})
            assert answer.status_code == 422 and storable(text) not in answer.content.decode()
            assert not Markup(answer.content.decode()).says(storable(text))
            assert GigaAccount.objects.get(workspace=workspace).api_key == factories.KEY
    assert wrong == []


def test_a_door_lets_nobody_in_and_keeps_the_name(db):
    wrong = []
    for name in WORST:
        text, stranger = TEXTS[name], Client()
        with cell(wrong, name):
            answer = stranger.post("/accounts/login/", {"login": text, "password": text, "next": text})
            assert answer.status_code == 200 and Markup(answer.content.decode()).says(storable(text))
            stranger.post("/accounts/password/reset/", {"email": text})
            assert mail.outbox == []
    assert wrong == []


def test_names_of_teams_people_and_views(signed_in, workspace, manager, mailoutbox, settings):
    """They stand on every page, in the mail that invites, and above the list."""
    settings.CAN_SEND_MAIL = True
    chosen = {"language": "", "time_zone": "", "times": "relative", "single_keys": "on"}
    looks = set()
    for text in map(TEXTS.get, [*WORST, "many lines", "the other way round"]):
        name, view = storable(text[:80]).strip(), Label().clean(storable(text[:60]))
        if invisible_in(name):
            for address, more in (("/team/settings/", {}), ("/me/", chosen)):
                refused(signed_in.post(address, {**more, "name": text[:80]}), text[:80])
            name = visible(name).strip()
        assert signed_in.post("/team/settings/", {"name": name}).status_code == 302
        assert signed_in.post("/me/", {**chosen, "name": name}).status_code == 302
        kept = signed_in.post("/runs/views/", {"name": text[:60]})
        invitation = {"role": "viewer", "email": "nina@acme.example"}
        assert signed_in.post("/team/invite/", invitation).status_code == 302
        assert Workspace.objects.get(pk=workspace.pk).name == name
        manager.refresh_from_db()
        assert manager.get_full_name() == name and SavedView.objects.latest("id").name == view
        sent = mailoutbox.pop()
        assert sent.to == ["nina@acme.example"] and sent.message()["Bcc"] is None and name in sent.body
        shown = Markup(signed_in.get(kept.headers["Location"]).content.decode())
        assert shown.says(name) and shown.says(view)
        looks.add(tuple(shown.elements))
    assert len(looks) == 1


# Whatever an address may say, by the name of its page.
ASKED = {
    "run-list": [*runs_forms.RunFilterForm.base_fields],
    "run-bulk": [*runs_forms.RunFilterForm.base_fields],
    "run-views": [*runs_forms.RunFilterForm.base_fields],
    "session-list": ["q", "before"],
    "wall": [*runs_forms.WallForm.base_fields],
    "run-new": ["run", "from", "kept", "example"],
    "find": ["q", "run"],
    "own-workspaces": ["next"],
    "workspaces": ["next"],
    "team-audit": ["q", "before"],
    "account_login": ["next"],
}


# These look for it in the database; lists of runs and sessions as the palette does.
SEARCHED = {"find", "team-audit"}


@pytest.mark.parametrize("name", ASKED)
def test_an_address_may_say_anything(signed_in, run, name):
    """It is read as a filter, or said to be none; it says itself again as a text."""
    kinds = {element.split()[0] for element in Markup(signed_in.get(reverse(name)).content.decode()).elements}
    kinds |= {"<p", "</p>", "<button", "</button>", "<section", "</section>", "<div", "</div>", "<b", "</b>"}
    kinds |= {"<bdi", "</bdi>"}  # around what is not understood
    wrong = []
    for said in TEXTS if name in SEARCHED else WORST:
        with cell(wrong, f"{said} at {name}"):
            answer = signed_in.get(reverse(name), dict.fromkeys(ASKED[name], TEXTS[said]))
            is_count = name == "run-bulk" and answer.headers["Content-Type"].startswith("text/plain")
            assert answer.status_code in (200, 302) or (is_count and answer.status_code == 422)
            if answer.status_code == 200:
                markup = Markup(answer.content.decode())
                assert {element.split()[0] for element in markup.elements} - kinds == set()
                assert [one for one in markup.elements if "pwned" in one or "evil" in one] == []
    assert wrong == []


def test_nobody_is_sent_elsewhere(signed_in, workspace):
    """Wherever an address says where to go on."""
    wrong = []
    for name, text in TEXTS.items():
        # What is longer the door refuses.
        query = urlencode({"q": text, "template": text})[: MOST_ADDRESS - 99]
        for address, fields in (
            ("/workspaces/switch/", {"workspace": workspace.pk, "next": text}),
            ("/runs/bulk/", {"action": "tag"}),
            ("/runs/look/", {"shown": text, "density": text}),
        ):
            with cell(wrong, f"{name} at {address}"):
                answer = same_login(signed_in).post(f"{address}?{query}", fields)
                assert answer.status_code == 302
                assert re.match(r"/(runs/|$)", answer.headers["Location"])
    assert wrong == []


def test_a_view_whose_filters_are_too_long_is_not_kept(signed_in):
    wide = "\U0001f600" * 200
    markup = refused(signed_in.post(f"/runs/views/?{urlencode({'q': wide})}", {"name": "Mine"}), "Mine")
    assert markup.says("shorten the search") and not SavedView.objects.exists()


OTHERS_FIELDS = [
    *("login", "password", "password1", "password2", "oldpassword", "email", "next", "code", "name"),
    *("credential", "action_add", "action_primary", "action_remove", "authenticators", "passwordless"),
    *("recovery_codes", "csrfmiddlewaretoken", "state", "error", "id_token", "process"),
]


@pytest.mark.parametrize("said", ["the end of a quoted value", "a NUL", "headers", "one long word"])
def test_pages_of_others_do_not_break(signed_in, said):
    """allauth's, with every field they know."""
    fields, wrong = dict.fromkeys(OTHERS_FIELDS, TEXTS[said]), []
    for name, path in addresses(1).items():
        if ":" not in name and path.startswith("/accounts/"):
            with cell(wrong, name):
                assert same_login(signed_in).get(path, fields).status_code < 500
                if name != "account_set_password":
                    assert same_login(signed_in).post(path, fields).status_code < 500
    assert wrong == []


def test_the_admin_searches_for_anything(signed_in, manager, run):
    manager.is_staff = manager.is_superuser = True
    manager.save()
    models = sorted(admin.site._registry, key=lambda model: model._meta.label)
    tried = [(models[number % len(models)], text) for number, text in enumerate(TEXTS.values())]
    tried += [(type(run), TEXTS[name]) for name in ("many lines", "a search", "a query")]
    for model, text in tried:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        answer = signed_in.get(path, {"q": text})
        assert answer.status_code == 200
        elements = Markup(answer.content.decode()).elements
        assert [one for one in elements if "pwned" in one or "evil" in one] == []
    for text in (TEXTS[name] for name in WORST):
        asked = {"status__exact": text, "o": text, "p": text}
        assert signed_in.get("/admin/runs/run/", asked).status_code < 400


def test_what_only_browsers_say(signed_in, run):
    """Headers are texts, too: the browser's name is shown among one's devices."""
    names = (
        "User-Agent",
        "Accept-Language",
        "HX-Current-URL",
        "HX-Prompt",
        "X-Down-To",
        "Referer",
        "X-Request-Id",
    )
    wrong = []
    for name, address in itertools.product(WORST, ("/runs/", "/accounts/sessions/", f"/runs/{run.pk}/")):
        said = storable(TEXTS[name]).encode("latin-1", "replace").decode("latin-1")
        said = said.replace("\r", " ").replace("\n", " ")
        with cell(wrong, f"{name} at {address}"):
            answer = signed_in.get(address, headers=dict.fromkeys(names, said))
            assert answer.status_code == 200
            elements = Markup(answer.content.decode()).elements
            assert [one for one in elements if "pwned" in one or "evil" in one] == []
    assert wrong == []


def read_from_requests() -> set[str]:
    """What our pages read from a request by its name, without a form."""
    sources = [path.read_text() for room in ("people", "runs") for path in (ROOT / room).rglob("*.py")]
    return {name for text in sources for name in re.findall(r'\.(?:GET|POST)\.\w+\("(\w+)"', text)}


def test_nothing_is_read_that_was_not_tried():
    tried = {"go_over", "workspace", "density", "shown", *itertools.chain(*ASKED.values())}
    assert read_from_requests() <= tried
    forms_tried = {form.__name__ for form in OUR_FORMS}
    used = {name for path in VIEWS for name in re.findall(r"\b(\w+Form)\(", path.read_text())}
    assert used <= forms_tried
