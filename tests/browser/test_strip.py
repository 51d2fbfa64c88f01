"""The strip of a run: its times never touch each other, however wide it is and however far the run is."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.utils import timezone, translation

from runs.models import AgentSession, Run
from runs.status import Status
from tests.browser.driving import intercept
from tests.served import ROOT

# On one worker: the pages it looks at are made and served once.
pytestmark = pytest.mark.xdist_group("accessibility")

WIDTHS = (320, 390, 700, 1024, 1440)
STYLES = "".join(
    Path(ROOT, "static/css", name).read_text() for name in ("tokens.css", "gigawatch.css", "run.css")
)
# Of each strip, what is written under it and seen: left, right and text.
LABELS = """strips => strips.map(strip => [...strip.querySelectorAll('.ticks text')].map(text => {
    const box = text.getBoundingClientRect();
    return [box.left, box.right, text.textContent, box.width];
}).filter(([left, right, text, width]) => width).sort((one, other) => one[0] - other[0]))"""


def running(*, hours: int, share: float, status=Status.RUNNING, **fields) -> Run:
    """Of its paid time this share is over."""
    started_at = timezone.now() - timedelta(hours=hours) * share
    early = {"queued_at": started_at - timedelta(seconds=20), "sent_at": started_at - timedelta(seconds=18)}
    agent_session = AgentSession(duration_hours=hours, sandbox_template="giga-standard")
    return Run(agent_session=agent_session, status=status, started_at=started_at, **early, **fields)


def ended(status, *, after: timedelta) -> Run:
    now = timezone.now()
    started = {"queued_at": now - after, "sent_at": now - after, "started_at": now - 0.9 * after}
    agent_session = AgentSession(duration_hours=8, sandbox_template="giga-standard")
    return Run(agent_session=agent_session, status=status, ended_at=now, **started)


def all_kinds() -> list[Run]:
    shares = (0, 0.01, 0.03, 0.06, 0.09, 0.15, 0.22, 0.3, 0.45, 0.6, 0.75, 0.88, 0.93, 0.97, 1, 1.1)
    lasting = [timedelta(seconds=9), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=8)]
    return [
        *(running(hours=hours, share=share) for hours in (1, 8, 24) for share in shares),
        *(running(hours=1, share=share, extended_minutes=15) for share in shares),
        *(running(hours=1, share=share, status=Status.UNKNOWN) for share in shares),
        *(ended(status, after=after) for status in (Status.COMPLETED, Status.REJECTED) for after in lasting),
    ]


def assert_nothing_touches(strips, *, at_least: int = 1) -> None:
    for labels in strips:
        assert len(labels) >= at_least
        for (_left, right, text, _width), (next_left, _right, next_text, _next) in pairwise(labels):
            assert right + 2 <= next_left, f"“{text}” touches “{next_text}”"


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_times_under_a_strip_touch(page, language):
    with translation.override(language):
        strips = [
            render_to_string("runs/_run_strip.html", {"run": run, "agent_session": run.agent_session})
            for run in all_kinds()
        ]
    page.set_content(f"<style>{STYLES}</style>{''.join(strips)}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        labels = page.locator(".strip").evaluate_all(LABELS)
        assert len(labels) == len(strips)
        assert_nothing_touches(labels)
    # A wide strip has room for more than its ends.
    assert sum(len(strip) for strip in labels) > 4 * len(strips)


# No socket of the page opens; the desktop's are its own.
SILENT = "if (window === top) window.WebSocket = class extends EventTarget { close() {} };"


@pytest.mark.parametrize("width", [390, 1440])
def test_no_times_touch_while_now_moves_on(frozen, page, width):
    frozen.sign_in(page.context, "every")
    page.set_viewport_size({"width": width, "height": 900})
    page.clock.install()
    # The server would tell the time, which stands still there.
    page.add_init_script(SILENT)
    page.goto(frozen.address("/runs/{running}/"))
    intercept(page, "**/runs/*/", lambda route: route.abort())
    places = []
    for _minute in range(58):
        labels = page.locator("#run-strip").evaluate_all(LABELS)
        assert_nothing_touches(labels, at_least=2)
        places.append(page.locator("#run-strip .now").bounding_box()["x"])
        page.clock.fast_forward("01:00")
    assert max(places) - min(places) > 200
