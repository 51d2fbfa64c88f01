"""What stands in front of Gigawatch and starts it, as the examples in deploy/ say, for real."""

import subprocess
from pathlib import Path

import pytest

from deploy import check_proxies
from tests.served import ROOT
from tests.servers import program

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with check_proxies.behind_a_proxy(tmp_path_factory.mktemp("behind"), LOG_LEVEL="WARNING") as served:
        yield served


@pytest.mark.xdist_group("proxies")
@pytest.mark.parametrize("name", ["nginx", "Caddy"])
def test_everything_works_behind_the_proxy_of_the_example(served, name):
    program(name.lower(), name.lower())
    with check_proxies.proxy(name, served.port) as started:
        assert len(list(check_proxies.check(started, served))) == 8


@pytest.mark.xdist_group("proxies")
@pytest.mark.parametrize("name", ["nginx", "Caddy"])
def test_while_nobody_answers_the_proxy_people_get_a_page(name):
    program(name.lower(), name.lower())
    check_proxies.meet_nobody(name)


@pytest.mark.xdist_group("proxies")
@pytest.mark.parametrize("header", check_proxies.FORGOTTEN)
def test_a_header_that_the_proxy_forgets_is_seen_in_the_log(served, header):
    program("nginx", "nginx-light")
    check_proxies.meet(served, header)


def test_the_unit_of_systemd_is_right_and_lets_gigawatch_do_no_more_than_it_must(tmp_path):
    """For a checkout that is here, as systemd looks whether what it starts is there."""
    analyze = program("systemd-analyze", "systemd")
    unit = tmp_path / "gigawatch.service"
    text = (ROOT / "deploy" / "gigawatch.service").read_text()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.symlink_to("/bin/true")
    unit.write_text(text.replace("/opt/gigawatch", str(tmp_path)))
    verified = said(analyze, "verify", "--man=no", unit)  # of other units, too
    assert [line for line in verified.splitlines() if "gigawatch" in line] == []
    # From 0, nothing allowed, to 100.
    said(analyze, "security", "--offline=true", "--threshold=15", unit)


def said(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr
