"""Names for states of the list, and how it looks to a person."""

import pytest

from runs.models import SavedView
from runs.remembering import COLUMNS, ListLook
from tests import factories


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


def save(client, name, query="", **fields):
    return client.post(f"/runs/views/{query}", {"name": name, **fields})


class TestViews:
    def test_a_state_of_the_list_gets_a_name_and_is_called_up_by_it(self, signed_in, workspace):
        answer = save(signed_in, "My failures", "?status=failed&q=shop&before=7")
        view = SavedView.objects.get()
        assert (view.name, view.query, view.is_shared) == ("My failures", "?status=failed&q=shop", False)
        assert answer.url == f"/runs/?status=failed&q=shop&view={view.pk}"
        page = signed_in.get(answer.url)
        assert (page.context["view"], page.context["view_is_changed"]) == (view, False)
        changed = signed_in.get(f"/runs/?status=failed&view={view.pk}")
        assert changed.context["view_is_changed"] and b"Not as it was saved" in changed.content

    def test_the_same_name_is_given_anew(self, signed_in, workspace):
        save(signed_in, "Mine", "?status=failed")
        save(signed_in, "Mine", "?status=active", is_shared="on")
        view = SavedView.objects.get()
        assert (view.query, view.is_shared) == ("?status=active", True)

    def test_colleagues_see_what_is_shared_and_nothing_else(self, signed_in, client, workspace, viewer):
        save(signed_in, "Private one")
        save(signed_in, "Shared one", is_shared="on")
        client.force_login(viewer)
        page = client.get("/runs/views/", headers={"HX-Request": "true"}).content.decode()
        assert "Shared one" in page and "Private one" not in page
        assert "/delete/" not in page

    def test_other_teams_see_none(self, signed_in, client, workspace, stranger):
        save(signed_in, "Shared one", is_shared="on")
        client.force_login(stranger)
        assert b"Shared one" not in client.get("/runs/views/").content
        view = SavedView.objects.get()
        assert client.get(f"/runs/?view={view.pk}").context["view"] is None

    def test_only_its_owner_deletes_a_view(self, signed_in, client, workspace, viewer, operator):
        save(signed_in, "Shared one", is_shared="on")
        delete = f"/runs/views/{SavedView.objects.get().pk}/delete/"
        client.force_login(viewer)
        assert client.post(delete).status_code == 404
        client.force_login(operator)
        assert client.post(delete).status_code == 302
        assert not SavedView.objects.exists()

    @pytest.mark.parametrize(
        "name, sentence", [(" ", "Give it a name."), ("x" * 61, "At most 60 characters.")]
    )
    def test_a_bad_name_is_said_at_its_field(self, signed_in, workspace, name, sentence):
        answer = save(signed_in, name)
        assert answer.status_code == 422 and sentence in answer.content.decode()
        assert not SavedView.objects.exists()

    def test_everybody_has_the_standard_ones(self, signed_in, workspace, operator):
        answer = signed_in.get("/runs/views/")
        names = [(view["name"], view["query"]) for view in answer.context["standard_views"]]
        assert names == [
            ("All", ""),
            ("Mine", f"?who={operator.pk}"),
            ("Running now", "?status=active"),
            ("Today", "?when=today"),
            ("To judge", "?status=to_judge"),
        ]


class TestLook:
    def test_columns_and_density_are_remembered(self, signed_in, workspace, operator):
        factories.make_run(workspace)
        shown = [name for name in COLUMNS if name not in ("queue", "tags")]
        signed_in.post("/runs/look/?status=active", {"shown": shown, "density": "comfortable"})
        look = signed_in.get("/runs/").context["look"]
        assert look == ListLook(frozenset({"queue", "tags"}), "comfortable")
        page = signed_in.get("/runs/").content.decode()
        assert 'value="queue" >' in page and 'value="who" checked>' in page

    def test_it_goes_back_to_the_list_as_it_was(self, signed_in, workspace):
        assert signed_in.post("/runs/look/?status=active", {}).url == "/runs/?status=active"

    @pytest.mark.parametrize("kept", ["x", [], {"hidden": "who"}, {"hidden": [1, "who"], "density": 7}])
    def test_what_is_not_understood_is_as_good_as_nothing(self, signed_in, workspace, operator, kept):
        ListLook().keep(operator)
        operator.preferences.remembered = {"runs": kept}
        operator.preferences.save()
        assert signed_in.get("/runs/").context["look"].density == "compact"
