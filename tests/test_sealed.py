"""Secrets at rest open for their own place only, and never come back as something else."""

import pytest

from runs.sealed import Unreadable, seal, unseal

PLACE = "run:7:desktop_url"
OLD, NEW = "old:" + "A" * 43 + "=", "new:" + "B" * 43 + "="


def test_a_secret_comes_back_in_its_place(settings):
    sealed = seal("https://6080-x.e2b.app/", place=PLACE)
    assert ".e2b." not in sealed
    assert unseal(sealed, place=PLACE) == "https://6080-x.e2b.app/"


def test_nothing_stays_nothing():
    assert seal("", place=PLACE) == unseal("", place=PLACE) == ""


def test_the_same_secret_is_never_sealed_alike():
    assert seal("x", place=PLACE) != seal("x", place=PLACE)


@pytest.mark.parametrize("place", ["run:8:desktop_url", "run:7:public_token", "giga_account:7:api_key", ""])
def test_a_secret_moved_to_another_place_is_unreadable(place):
    with pytest.raises(Unreadable):
        unseal(seal("x", place=PLACE), place=place)


def test_damaged_texts_are_unreadable():
    sealed = seal("secret", place=PLACE)
    for damaged in (
        sealed[:-2],
        sealed + "A",
        "v2" + sealed[2:],
        "secret",
        "v1:x:y",
        "v1::",
        sealed.replace(":", ""),
    ):
        with pytest.raises(Unreadable):
            unseal(damaged, place=PLACE)


def test_an_old_key_still_opens_and_a_lost_key_does_not(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = seal("x", place=PLACE)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert unseal(sealed, place=PLACE) == "x"
    assert seal("x", place=PLACE).startswith("v1:new:")
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(Unreadable):
        unseal(sealed, place=PLACE)


def test_another_key_under_the_same_name_is_noticed(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = seal("x", place=PLACE)
    settings.ENCRYPTION_KEYS = ["old:" + "C" * 43 + "="]
    with pytest.raises(Unreadable):
        unseal(sealed, place=PLACE)
