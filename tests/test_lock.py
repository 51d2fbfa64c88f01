"""What is installed was looked at: requirements*.txt name each package, its version and its hashes."""

import re

import pytest

from tests.served import ROOT

NAMES = ["requirements", "requirements-scale", "requirements-dev"]


def pins(text: str) -> dict[str, str]:
    """Version by name of package, spelled one way: `channels_redis` and `Channels-Redis` are the same."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def without_hash(text: str) -> list[str]:
    """Lines that name a package or a place and no hash."""
    whole = re.sub(r"\s*\\\n\s*", " ", text)
    return [
        line
        for line in whole.splitlines()
        if line.strip() and not line.lstrip().startswith("#") and "--hash=sha256:" not in line
    ]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_asked_for_is_what_is_locked(name):
    asked = pins((ROOT / f"{name}.in").read_text())
    locked = pins((ROOT / f"{name}.txt").read_text())
    assert asked == {package: locked.get(package) for package in asked}, "`make lock` brings it in line"
    assert asked


@pytest.mark.parametrize("name", NAMES)
def test_every_locked_package_has_a_hash_and_no_place_is_named(name):
    text = (ROOT / f"{name}.txt").read_text()
    assert without_hash(text) == []
    assert "://" not in text


def test_no_package_stands_in_two_versions():
    smaller, middle, larger = (pins((ROOT / f"{name}.txt").read_text()) for name in NAMES)
    assert smaller == {package: (middle | larger).get(package) for package in smaller}
    assert {package: larger.get(package, version) for package, version in middle.items()} == middle


def test_the_rules_find_what_breaks_them():
    assert pins("Channels_Redis==4.3.0 \\\n    --hash=sha256:1\npsycopg[binary,pool]==3.3.9 ; x\n# a==1") == {
        "channels-redis": "4.3.0",
        "psycopg": "3.3.9",
    }
    assert without_hash("a==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n    # via b\nb==2\n-i x") == [
        "b==2",
        "-i x",
    ]
