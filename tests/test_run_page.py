"""The run page: what people add to a run there, who may, and what it costs to show."""

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from people.models import Membership, Preferences
from runs import live
from runs.models import Run, RunEvent
from runs.status import Status, Verdict
from tests import factories
from tests.hostile_texts import TEXTS

ACTS = {
    "verdict": {"verdict": "achieved"},
    "notes": {"text": "Second page"},
    "flag": {"needs": "A second factor"},
    "take": {},
    "unflag": {},
    "relaunch": {"token": "6d1f3a52-5c1e-4a55-9f0a-0d5d3a3f0c15"},
    "follow-up": {"token": "6d1f3a52-5c1e-4a55-9f0a-0d5d3a3f0c15", "message": "More"},
}


@pytest.fixture
def signed_in(client, operator):
    client.force_login(operator)
    return client


@pytest.fixture
def run(workspace):
    return factories.make_run(workspace)


@pytest.fixture
def ended(workspace):
    return factories.make_run(workspace, Status.COMPLETED)


def fresh(run) -> Run:
    return Run.objects.get(pk=run.pk)


def page_of(client, run) -> str:
    return client.get(f"/runs/{run.pk}/").content.decode()


@pytest.mark.parametrize("act, fields", ACTS.items())
class TestWhoMay:
    def test_a_viewer_may_not(self, client, viewer, ended, act, fields):
        client.force_login(viewer)
        events = RunEvent.objects.count()
        assert client.post(f"/runs/{ended.pk}/{act}/", fields).status_code == 403
        assert RunEvent.objects.count() == events and Run.objects.count() == 1

    def test_a_stranger_finds_nothing(self, client, stranger, ended, act, fields):
        client.force_login(stranger)
        assert client.post(f"/runs/{ended.pk}/{act}/", fields).status_code == 404

    def test_looking_changes_nothing(self, signed_in, ended, act, fields):
        assert signed_in.get(f"/runs/{ended.pk}/{act}/").status_code == 405


class TestVerdict:
    @pytest.mark.parametrize(
        "verdict, word",
        [("achieved", "Achieved"), ("not_achieved", "Not achieved"), ("cannot_tell", "Ended")],
    )
    def test_a_verdict_is_kept_with_its_judge_and_shows_in_the_pill(
        self, signed_in, ended, operator, verdict, word
    ):
        signed_in.post(f"/runs/{ended.pk}/verdict/", {"verdict": verdict})
        run = fresh(ended)
        assert (run.verdict, str(run.look.label)) == (verdict, word)
        assert [(event.why, event.by) for event in run.events.filter(kind="verdict")] == [(verdict, operator)]
        assert "says olga" in page_of(signed_in, run)

    def test_it_can_be_changed_and_taken_back(self, signed_in, ended):
        for verdict in ("achieved", "not_achieved", ""):
            signed_in.post(f"/runs/{ended.pk}/verdict/", {"verdict": verdict})
            assert fresh(ended).verdict == verdict
        assert "Was the goal met?" in page_of(signed_in, ended)

    def test_a_verdict_nobody_knows_is_refused(self, signed_in, ended):
        assert signed_in.post(f"/runs/{ended.pk}/verdict/", {"verdict": "great"}).status_code == 422
        assert fresh(ended).verdict == ""

    @pytest.mark.parametrize("status", [Status.RUNNING, Status.UNKNOWN, Status.FAILED])
    def test_it_is_not_asked_before_the_end_nor_after_a_failure(self, signed_in, workspace, status):
        run = factories.make_run(workspace, status)
        assert "Was the goal met?" not in page_of(signed_in, run)

    def test_it_repeats_what_done_means(self, signed_in, ended):
        asked = page_of(signed_in, ended).split('id="run-verdict"')[1].split("</section>")[0]
        assert ">All PDFs are in the folder.</p>" in asked


class TestNotes:
    def test_a_note_is_kept_with_its_author(self, signed_in, run, operator):
        signed_in.post(f"/runs/{run.pk}/notes/", {"text": "Look at this"})
        note = run.notes.get()
        assert (note.text, note.by) == ("Look at this", operator)

    @pytest.mark.parametrize(
        "text, sentence",
        [("", "Write something first."), (" \n", "Write something first."), ("x" * 5001, "At most 5000")],
    )
    def test_what_cannot_be_kept_comes_back_with_a_sentence(self, signed_in, run, text, sentence):
        answer = signed_in.post(f"/runs/{run.pk}/notes/", {"text": text})
        assert answer.status_code == 422 and sentence in answer.content.decode()
        assert text.strip() in answer.content.decode() and not run.notes.exists()

    def test_what_cannot_be_stored_is_shown_as_such(self, signed_in, run):
        signed_in.post(f"/runs/{run.pk}/notes/", {"text": "a\0b"})
        assert run.notes.get().text == "a\ufffdb"

    def test_htmx_gets_an_empty_form_and_the_live_parts(self, signed_in, run):
        answer = signed_in.post(
            f"/runs/{run.pk}/notes/", {"text": "Second page"}, headers={"HX-Request": "true"}
        )
        text = answer.content.decode()
        assert text.startswith('<form class="note-form"') and 'hx-target="#run-notes"' in text
        assert answer.headers["X-Newest-Event"] == str(live.newest_event_of_run(run.pk))

    def test_a_refused_note_comes_back_to_htmx_as_its_form_alone(self, signed_in, run):
        answer = signed_in.post(f"/runs/{run.pk}/notes/", {"text": ""}, headers={"HX-Request": "true"})
        assert answer.status_code == 422
        assert answer.content.decode().startswith('<form class="note-form"')


class TestFlag:
    def test_somebody_is_called_takes_it_and_is_done(self, signed_in, run, operator, workspace):
        mara = factories.make_person(workspace, username="mara", first_name="Mara", last_name="L")
        signed_in.post(f"/runs/{run.pk}/flag/", {"needs": "A code by phone"})
        assert fresh(run).needs_somebody and fresh(run).needs_by == operator
        page = page_of(signed_in, run)
        assert "olga needs somebody here." in page and '<div id="run-alert"></div>' in page
        signed_in.force_login(mara)
        signed_in.post(f"/runs/{run.pk}/take/")
        assert "Mara L is on it." in page_of(signed_in, run)
        signed_in.post(f"/runs/{run.pk}/unflag/")
        assert fresh(run).needs == "" and "is on it." not in page_of(signed_in, run)
        assert list(run.events.values_list("kind", flat=True)) == ["unflag", "take", "flag", "status"]

    def test_of_two_who_take_it_the_first_has_it(self, signed_in, run, operator, workspace):
        run.call_for_somebody("Help", by=operator)
        signed_in.post(f"/runs/{run.pk}/take/")
        signed_in.force_login(factories.make_person(workspace))
        assert signed_in.post(f"/runs/{run.pk}/take/").status_code == 302
        assert fresh(run).taken_by == operator

    def test_the_end_lowers_it(self, run, operator):
        run.call_for_somebody("Help", by=operator)
        run.move_to(Status.COMPLETED)
        assert fresh(run).needs_at is None

    @pytest.mark.parametrize("needs", ["", "x" * 201])
    def test_a_flag_says_what_for_and_briefly(self, signed_in, run, needs):
        assert signed_in.post(f"/runs/{run.pk}/flag/", {"needs": needs}).status_code == 422
        assert fresh(run).needs_at is None


class TestRelaunch:
    def press(self, client, run):
        token = client.get(f"/runs/{run.pk}/").context["relaunch_token"]
        return client.post(f"/runs/{run.pk}/relaunch/", {"token": str(token)})

    def test_it_is_the_same_again_and_goes_to_the_new_run(self, signed_in, ended):
        answer = self.press(signed_in, ended)
        run = Run.objects.latest("id")
        assert answer.url == f"/runs/{run.pk}/"
        assert run.agent_session.relaunched_from == ended
        assert run.agent_session.user_prompt == ended.agent_session.user_prompt
        assert run.agent_session_id != ended.agent_session_id
        page = page_of(signed_in, run)
        assert "nothing changed" in page and f'href="/runs/{ended.pk}/"' in page

    def test_one_press_is_one_launch_and_another_press_another(self, signed_in, ended):
        token = signed_in.get(f"/runs/{ended.pk}/").context["relaunch_token"]
        form = {"token": str(token)}
        first = signed_in.post(f"/runs/{ended.pk}/relaunch/", form).url
        assert signed_in.post(f"/runs/{ended.pk}/relaunch/", form).url == first
        assert self.press(signed_in, ended).url != first
        assert Run.objects.count() == 3

    def test_the_source_says_that_it_was_relaunched(self, signed_in, ended, operator):
        self.press(signed_in, ended)
        event = ended.events.get(kind="relaunch")
        assert (event.by, event.why) == (operator, str(Run.objects.latest("id").pk))

    def test_a_run_that_goes_on_is_not_relaunched(self, signed_in, run):
        signed_in.post(f"/runs/{run.pk}/relaunch/", ACTS["relaunch"])
        assert Run.objects.count() == 1


class TestFold:
    """What is beside the desktop may be folded."""

    def test_it_is_remembered_for_this_person_beside_what_else_is(self, signed_in, run, operator):
        signed_in.post("/runs/look/", {"shown": ["who"], "density": "comfortable"})
        assert not self.is_folded(signed_in, run)
        assert signed_in.post("/runs/side/", {"is_folded": "on"}).status_code == 204
        operator.preferences.refresh_from_db()
        assert operator.preferences.remembered["run"] == {"side_folded": True}
        assert operator.preferences.remembered["runs"]["density"] == "comfortable"
        assert self.is_folded(signed_in, run)
        signed_in.post("/runs/side/", {})
        assert not self.is_folded(signed_in, run)

    @pytest.mark.parametrize("kept", [{"run": "x"}, {"run": {"side_folded": "yes"}}, {"run": None}])
    def test_what_is_not_understood_counts_as_never_chosen(self, signed_in, run, operator, kept):
        Preferences.objects.create(user=operator, remembered=kept)
        assert not self.is_folded(signed_in, run)

    def is_folded(self, client, run) -> bool:
        field = page_of(client, run).split('id="side-fold"')[1].split(">")[0]
        return "checked" in field


class TestHistory:
    def test_each_kind_of_event_is_told_in_words_with_an_icon(self, signed_in, run, operator):
        run.write_note("Look here", by=operator)
        run.tag(["acme", "march"], by=operator)
        run.tag([], by=operator)
        run.call_for_somebody("Help", by=operator)
        run.take_on(by=operator)
        run.lower_flag(by=operator)
        run.move_to(Status.COMPLETED, why="Giga says “COMPLETED”")
        run.judge(Verdict.ACHIEVED, by=operator)
        run.judge("", by=operator)
        page = page_of(signed_in, run)
        for words in (
            "Note",
            "Look here",
            "Tags: acme, march",
            "Tags taken away",
            "Needs somebody",
            "Taken on",
            "Nobody is needed any more",
            "Judged: Achieved",
            "Judgement taken back",
        ):
            assert words in page.split('id="run-activity"')[1].split("</ol>")[0]

    def test_days_before_today_stand_above_what_happened_on_them(self, noon, signed_in, run):
        today = timezone.localdate()

        def heads(*days_ago: int) -> list[int]:
            run.events.all().delete()
            for ago in days_ago:
                at = timezone.now() - timedelta(days=ago)
                RunEvent.objects.create(run=run, workspace=run.workspace, kind="unflag", at=at)
            found = re.findall(r'<li class="day" id="day-([-0-9]+)">', page_of(signed_in, run))
            return [(today - date.fromisoformat(day)).days for day in found]

        assert heads(0, 0) == []
        assert heads(3, 1, 1, 0) == [1, 3]
        assert heads(3, 1, 1) == [1, 3]

    def test_hostile_event_kinds_and_words_are_survived(self, signed_in, run):
        for kind in ("nobody-knows", "verdict"):
            why = "" if kind == "verdict" else TEXTS["a script"]
            RunEvent.objects.create(run=run, workspace=run.workspace, kind=kind, why=why)
        assert "<script>window" not in page_of(signed_in, run)


class TestCost:
    @pytest.mark.parametrize("count", [1, 3])
    def test_the_page_takes_the_same_queries_for_one_note_and_three(
        self, signed_in, ended, operator, workspace, count, django_assert_num_queries
    ):
        for number in range(count):
            ended.write_note(f"Note {number}", by=factories.make_person(workspace))
        page_of(signed_in, ended)
        with django_assert_num_queries(15):
            page_of(signed_in, ended)


def test_a_viewer_reads_everything_and_is_offered_nothing(client, viewer, ended, operator):
    ended.write_note("Second page", by=operator)
    client.force_login(viewer)
    page = page_of(client, ended)
    assert "Second page" in page
    for act in ACTS:
        assert f'action="/runs/{ended.pk}/{act}/"' not in page or act == "follow-up"
    assert Membership.objects.filter(user=viewer, role="viewer").exists()
