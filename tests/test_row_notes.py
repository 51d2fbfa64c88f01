"""Beside the title of a run stand three or four words; the whole sentence is on hover and in the glance."""

import pytest

from runs.sayings import ACTIVE_AT_ONCE, BRIEFS, FORMS
from runs.status import Status
from tests import factories

SAMPLES = {"problem": "Giga answered HTTP 502", "place": "12", "moment": "2026-03-02T13:32:07+00:00"}
SAMPLES |= {"count": "3", "number": "120"}


@pytest.fixture
def person(workspace):
    return factories.make_person(workspace)


def stored(sentence: str) -> str:
    return sentence % SAMPLES if sentence in FORMS else sentence


@pytest.mark.django_db
@pytest.mark.parametrize("sentence", [*map(stored, BRIEFS), ACTIVE_AT_ONCE.stored(number=3)])
def test_what_keeps_a_run_from_going_on_is_said_in_a_row_in_four_words(workspace, sentence):
    note = factories.make_run(workspace, Status.QUEUED, reason=sentence).note
    assert note.text and note.short != note.text
    # The time that a limit lasts is of today, as a rule.
    assert len(note.short.replace(" 2 Mar", "").split()) <= 4


@pytest.mark.django_db
@pytest.mark.parametrize("status", Status.values)
def test_so_is_how_a_run_stands(workspace, status):
    note = factories.make_run(workspace, status, failed_reads=0).note
    assert note is None or len(note.short.split()) <= 4


@pytest.mark.django_db
def test_a_row_has_the_words_and_the_glance_the_sentence(client, workspace, person):
    sentence = "Waiting for a free computer, place 2 in line."
    run = factories.make_run(workspace, Status.QUEUED, reason=sentence)
    client.force_login(person)
    row = client.get("/runs/").content.decode()
    assert f'title="{sentence}"><span>place 2 in line</span>' in row
    assert f">{sentence}</span>" in client.get(f"/runs/{run.pk}/peek/").content.decode()


@pytest.mark.django_db
def test_what_giga_says_stays_in_its_own_words(workspace):
    note = factories.make_run(workspace, Status.REJECTED, reason="Deployment dep_1 is not yours").note
    assert note.short == note.text == "Deployment dep_1 is not yours"
