"""Tags and saved views: one of a name, however the name is written."""

import csv
import importlib
import io
import json

import pytest
from django.apps import apps

from runs.models import Run, RunEvent, SavedView, Tag
from tests import factories
from tests.streamed import body_of

# Each line is one tag.
SAME = [
    ["Invoices", "invoices", "INVOICES", "in\u200bvoices", "in\u00advoices", " Invoices\t", "Ｉnvoices"],
    ["Café", "Cafe\u0301", "CAFÉ", "cafe\u0301\u200d"],
    ["Straße", "STRASSE", "strasse"],
    ["ﬁrst of  May", "first of May", "first\u00a0of\u3000May"],
    ["ΟΔΟΣ", "οδος", "οδοσ"],
    ["❤\ufe0f", "❤"],
]
OTHERS = ["Cafe", "cafés", "Invoice", "in voices", "ⓘ", "a;b", "שלום", "👩\u200d🚀"]


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def add(client, run, tag: str):
    return client.post("/runs/bulk/", {"action": "tag", "run": run.pk, "tag": tag}, follow=True)


def told(answer) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


@pytest.mark.parametrize("names", SAME, ids=[names[0] for names in SAME])
def test_a_tag_is_one_however_it_is_written(signed_in, workspace, names):
    """TryGhost/Ghost #2495, hasgeek/funnel #1544."""
    run = factories.make_run(workspace)
    for name in names:
        add(signed_in, run, name)
    (tag,) = run.tags.all()
    other = factories.make_run(workspace)
    add(signed_in, other, names[-1])
    assert list(other.tags.all()) == [tag] and Tag.objects.count() == 1


def test_what_is_another_name_is_another_tag(signed_in, workspace):
    run = factories.make_run(workspace)
    for name in OTHERS:
        add(signed_in, run, name)
    assert sorted(run.tags.values_list("name", flat=True)) == sorted(OTHERS)


def test_a_tag_is_called_as_it_was_written_first(signed_in, workspace, operator):
    run, other = factories.make_run(workspace), factories.make_run(workspace)
    add(signed_in, run, "  Quarter \u200b end ")
    add(signed_in, other, "QUARTER END")
    assert [str(tag) for tag in other.tags.all()] == ["Quarter end"]
    assert RunEvent.objects.filter(run=other, kind="tag").get().why == "Quarter end"
    assert other.remove_tag("quarter end", by=operator) and not other.remove_tag("x", by=operator)
    assert not other.tags.exists() and run.tags.exists()


@pytest.mark.parametrize("name", ["a,b", ",", "invoices, October"])
def test_a_comma_is_refused(signed_in, workspace, name):
    run = factories.make_run(workspace)
    assert told(add(signed_in, run, name)) == ["A tag has no comma: add one after the other."]
    assert not Tag.objects.exists()


class TestOnTheRunPage:
    def test_a_tag_is_given_and_taken_off(self, signed_in, workspace):
        run = factories.make_run(workspace)
        assert signed_in.post(f"/runs/{run.pk}/tag/", {"tag": "Quarterly"}).url == f"/runs/{run.pk}/"
        page = signed_in.get(f"/runs/{run.pk}/").content.decode()
        assert f'href="/runs/?tag={run.tags.get().pk}"' in page and "Take off the tag Quarterly" in page
        assert Run.objects.matching("quarterly").get() == run
        signed_in.post(f"/runs/{run.pk}/untag/", {"tag": "QUARTERLY"})
        assert not run.tags.exists() and not Run.objects.matching("quarterly").exists()

    def test_a_press_answers_with_the_tags_and_an_empty_form(self, signed_in, workspace):
        run = factories.make_run(workspace)
        answer = signed_in.post(f"/runs/{run.pk}/tag/", {"tag": "May"}, headers={"HX-Request": "true"})
        text = answer.content.decode()
        assert text.startswith('<form class="tag-form"') and 'hx-target="#run-tags"' in text

    @pytest.mark.parametrize("tag", ["a,b", "\u200b", "x" * 41])
    def test_what_is_none_comes_back_with_why(self, signed_in, workspace, tag):
        run = factories.make_run(workspace)
        for headers in ({}, {"HX-Request": "true"}):
            answer = signed_in.post(f"/runs/{run.pk}/tag/", {"tag": tag}, headers=headers)
            assert answer.status_code == 422 and b'id="tag-name-error"' in answer.content
        assert not Tag.objects.exists()

    def test_an_older_one_with_a_comma_can_be_taken_off(self, signed_in, workspace, operator):
        run = factories.make_run(workspace)
        run.tag(["a,b"], by=operator)
        signed_in.post(f"/runs/{run.pk}/untag/", {"tag": "a,b"})
        assert not run.tags.exists()

    def test_a_viewer_sees_tags_and_changes_none(self, client, workspace, operator, viewer):
        run = factories.make_run(workspace)
        run.tag(["May"], by=operator)
        client.force_login(viewer)
        for address in (f"/runs/{run.pk}/", f"/runs/{run.pk}/peek/"):
            page = client.get(address).content.decode()
            assert ">May</a>" in page and "tag-form" not in page and "/untag/" not in page


def test_another_team_has_tags_of_its_own(signed_in, workspace, stranger):
    theirs = Tag.objects.called(stranger.memberships.get().workspace_id, "Invoices")
    run = factories.make_run(workspace)
    add(signed_in, run, "invoices")
    assert run.tags.get() != theirs


def test_older_tags_with_commas_can_be_told_apart_in_an_export(signed_in, workspace, operator):
    run = factories.make_run(workspace)
    names = ["a", "a,b", 'say "x", y', '"q"']
    run.tag(names, by=operator)
    for kind in ("csv", "json"):
        answer = signed_in.post("/runs/bulk/", {"action": kind, "everything": "1"})
        text = body_of(answer).decode("utf-8-sig")
        row = next(csv.DictReader(io.StringIO(text))) if kind == "csv" else json.loads(text)[0]
        (told_apart,) = csv.reader([row["tags"].removeprefix("'")], skipinitialspace=True)
        assert sorted(told_apart) == sorted(names)


def test_a_view_is_one_however_its_name_is_written(signed_in, workspace):
    for number, name in enumerate(["Café", "Cafe\u0301", "CAFÉ", "ca\u200bfé"]):
        signed_in.post(f"/runs/views/?q={number}", {"name": name})
    view = SavedView.objects.get()
    assert (view.name, view.query) == ("café", "?q=3")
    signed_in.post("/runs/views/?q=4", {"name": "Cafe"})
    assert SavedView.objects.count() == 2


class TestOlderRows:
    """Made when each way to write a name was another one."""

    @pytest.fixture
    def migrate(self):
        migration = importlib.import_module("runs.migrations.0007_one_tag_of_a_name")
        return lambda: migration.fold_names(apps, None)

    def older(self, kind, **fields):
        """As it was stored, whatever is the same."""
        (made,) = kind.objects.bulk_create([kind(folded=f"\n{kind.objects.count()}", **fields)])
        return made

    def test_no_run_loses_a_tag_and_no_view_its_runs(self, workspace, stranger, operator, migrate):
        names = ["Café", "Invoices", "invoices", "Cafe\u0301", "in\u200bvoices", "a,b", "\u200b"]
        tags = [self.older(Tag, workspace=workspace, name=name) for name in names]
        other = self.older(Tag, workspace=stranger.memberships.get().workspace, name="INVOICES")
        runs = [factories.make_run(workspace, prompt=f"Task {number}") for number in range(3)]
        for run, places in zip(runs, [(0, 1, 2, 5), (3, 4), (2, 6)], strict=True):
            run.tags.set(tags[place] for place in places)
        view = self.older(
            SavedView, workspace=workspace, owner=operator, name="V", query=f"?tag={tags[4].pk}&q=task"
        )
        migrate()
        assert [sorted(run.tags.values_list("name", flat=True)) for run in runs] == [
            ["Café", "Invoices", "a,b"],
            ["Café", "Invoices"],
            ["Invoices", "U+200B"],
        ]
        assert Tag.objects.filter(workspace=workspace).count() == 4 and Tag.objects.contains(other)
        view.refresh_from_db()
        assert view.query == f"?tag={tags[1].pk}&q=task"
        runs_of_it = Run.objects.in_workspace(workspace).matching("", tag=tags[1].pk)
        assert set(runs_of_it) == set(runs)
        assert Tag.objects.called(workspace.pk, "INVOICES") == tags[1]

    def test_views_of_one_name_stay_beside_each_other(self, workspace, operator, viewer, migrate):
        names = ["Mine", "MINE", "mi\u200bne", "Mine (2)"]
        views = [
            self.older(SavedView, workspace=workspace, owner=operator, name=name, query=f"?q={name}")
            for name in names
        ]
        theirs = self.older(SavedView, workspace=workspace, owner=viewer, name="mine")
        migrate()
        for view in [*views, theirs]:
            view.refresh_from_db()
        assert [view.name for view in views] == ["Mine", "MINE (2)", "mine (3)", "Mine (2) (2)"]
        assert theirs.name == "mine" and [view.query for view in views] == [f"?q={name}" for name in names]
