"""What is kept of a test that failed in the browser, its trace and a picture of each page: cleared before the
first test, named at the end. All processes have these hooks, also the one that only hands out tests."""

import os
import shutil

import pytest

KEPT = "playwright_"


def pytest_sessionstart(session):
    is_first = "PYTEST_XDIST_WORKER" not in os.environ
    if is_first and not session.config.option.collectonly:
        shutil.rmtree(session.config.getoption("--output"), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir():
    """Done at the start: a worker that begins late would delete what another one has kept."""


def pytest_terminal_summary(terminalreporter):
    reports = [report for some in terminalreporter.stats.values() for report in some]
    kept = {
        (report.nodeid, name.removeprefix(KEPT), path)
        for report in reports
        for name, path in getattr(report, "user_properties", ())
        if name.startswith(KEPT)
    }
    if kept:
        terminalreporter.section("kept of failures")
    for nodeid, kind, path in sorted(kept):
        terminalreporter.line(f"{nodeid}\n  {kind}: {path}")
