"""Answers no Giga should give, byte for byte over a real connection: nothing raises, nothing is stuck, and
what may have been started is never called off."""

import json

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as drawn
from hypothesis import strategies as some

from runs import following, launching, settling
from runs.models import AgentSession, GigaAccount, Run
from runs.status import READABLE, Status
from tests import factories
from tests.faults.raw import RawServer
from tests.faults.raw import http as answer_of

pytestmark = pytest.mark.any_database

STARTED = b'{"threadId": "t1", "runId": "run_1", "publicAccessToken": "x", "messageId": "m"}'
RUNNING = b'{"id": "run_1", "status": "RUNNING", "isCompleted": false, "isErrored": false, "metadata": {}}'
THREAD = b'{"thread": {"id": "t1", "messages": [], "metadata": {}}}'
NOTHING_TOLD = {
    "nothing": b"",
    "a line end": b"\r\n\r\n",
    "a greeting of another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a status that is no number": b"HTTP/1.1 OK 200\r\n\r\n",
    "a status of three thousand digits": b"HTTP/1.1 " + b"2" * 3000 + b" OK\r\n\r\n",
    "a negative status": b"HTTP/1.1 -201 Created\r\n\r\n" + STARTED,
    "HTTP/9.9": b"HTTP/9.9 201 Created\r\n\r\n",
    "a header without a colon": b"HTTP/1.1 201 Created\r\nnonsense\r\n\r\n",
    "a header of 100 kB": b"HTTP/1.1 201 Created\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "a thousand headers": b"HTTP/1.1 201 Created\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    "headers that do not end": b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n",
    "half the body": answer_of(STARTED[:30], "201 Created", Content_Length=str(len(STARTED))),
    "two lengths": answer_of(STARTED, "201 Created", Content_Length=f"{len(STARTED)}, 3"),
    "a chunk of no size": b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk of endless size": (
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + b"F" * 300 + b"\r\nx"
    ),
    "gzip that is none": answer_of(STARTED, "201 Created", Content_Encoding="gzip"),
    "deflate that is none": answer_of(STARTED, "201 Created", Content_Encoding="deflate"),
    "a redirect to itself": answer_of(b"", "307 Temporary Redirect", Location="/api/sessions/t1/runs"),
    "a redirect to nowhere": answer_of(b"", "308 Permanent Redirect", Location="http://[::1"),
    "204 without a body": answer_of(b"", "204 No Content"),
    "206, a part": answer_of(STARTED[:20], "206 Partial Content"),
    "304": answer_of(b"", "304 Not Modified"),
    "101": answer_of(b"", "101 Switching Protocols", Upgrade="websocket", Connection="Upgrade"),
    "JSON in UTF-16": answer_of(STARTED.decode().encode("utf-16"), "201 Created"),
    "JSON after a BOM": answer_of(b"\xef\xbb\xbf" + STARTED, "201 Created"),
    "two JSON values": answer_of(STARTED + STARTED, "201 Created"),
    "a list around it": answer_of(b"[" + STARTED + b"]", "201 Created"),
    "a deep list": answer_of(b"[" * 50_000, "201 Created"),
    "a number of a million digits": answer_of(b'{"runId": ' + b"7" * 900_000 + b"}", "201 Created"),
    "runId null": answer_of(b'{"runId": null}', "201 Created"),
    "runId an object": answer_of(b'{"runId": {"$ne": ""}}', "201 Created"),
    "runId a path": answer_of(b'{"runId": "../../keys"}', "201 Created"),
    "runId a header": answer_of(b'{"runId": "x\\r\\nAuthorization: y"}', "201 Created"),
    "runId of 5 kB": answer_of(b'{"runId": "' + b"x" * 5000 + b'"}', "201 Created"),
    "an error that is a text": answer_of(b'{"error": "no"}', "400 Bad Request"),
    "an error without a code": answer_of(b'{"error": {"message": "no"}}', "400 Bad Request"),
    "an error with a code of another type": answer_of(b'{"error": {"code": ["X"]}}', "403 Forbidden"),
    "an error that says 200": answer_of(b'{"error": {"code": "INVALID_REQUEST"}, "success": false}'),
    "500 with the answer of a success": answer_of(STARTED, "500 Internal Server Error"),
    "409 in the API's own form": answer_of(b'{"error": {"code": "CONFLICT"}}', "409 Conflict"),
    "408": answer_of(b'{"error": {"code": "TIMEOUT"}}', "408 Request Timeout"),
    "425": answer_of(b'{"error": {"code": "TOO_EARLY"}}', "425 Too Early"),
}


@pytest.fixture
def server(raw) -> RawServer:
    """Answers everything with `server.bytes`."""
    started = raw(lambda _: [started.bytes])
    return started


@pytest.fixture
def workspace(db, server):
    return factories.make_workspace(api_url=server.url)


@pytest.fixture
def run(workspace) -> Run:
    agent_session = factories.make_session(workspace, thread_id="t1")
    return factories.make_run(workspace, Status.QUEUED, agent_session=agent_session, remote_id=None)


def again(run: Run, status: Status, **fields) -> Run:
    """The same run as if nothing had happened yet."""
    GigaAccount.objects.update(
        free_at=0,
        launches_first_until=0,
        paused_at=None,
        not_before=None,
        broken_since=None,
        outages=0,
    )
    fields = {"due_at": timezone.now(), "claimed_until": None, "failed_reads": 0, "attempt": 0, **fields}
    Run.objects.filter(pk=run.pk).update(status=status, **fields)
    run.refresh_from_db()
    return run


def is_kept_up(run: Run) -> bool:
    return run.is_final or bool(run.due_at)


@pytest.mark.long
@pytest.mark.parametrize("said", NOTHING_TOLD.values(), ids=NOTHING_TOLD.keys())
def test_a_start_answered_with_nonsense_is_unknown_and_sent_once(run, server, said):
    server.bytes = said
    launching.launch(run.pk)
    run.refresh_from_db()
    assert run.status == Status.UNKNOWN and run.due_at
    launching.launch(run.pk)
    assert server.requests == ["POST /api/sessions/t1/runs HTTP/1.1"]


@pytest.mark.long
@pytest.mark.parametrize("said", NOTHING_TOLD.values(), ids=NOTHING_TOLD.keys())
def test_a_session_answered_with_nonsense_starts_nothing(run, server, said):
    AgentSession.objects.update(thread_id="")
    server.bytes = said
    launching.launch(run.pk)
    run.refresh_from_db()
    assert run.status in (Status.QUEUED, Status.STARTING) and run.due_at
    assert server.requests == ["POST /api/sessions HTTP/1.1"]


@pytest.mark.long
@pytest.mark.parametrize("said", NOTHING_TOLD.values(), ids=NOTHING_TOLD.keys())
def test_readings_answered_with_nonsense_change_no_status(run, server, said):
    server.bytes = said
    for status, read in ((Status.UNKNOWN, settling.settle), (Status.RUNNING, following.refresh)):
        again(run, status, remote_id="run_1")
        read(run.pk)
        run.refresh_from_db()
        assert run.status == status and run.due_at


def damaged(whole: bytes) -> some.SearchStrategy[bytes]:
    """An answer with a few of its bytes exchanged, left out or repeated."""
    place = some.integers(0, len(whole) - 1)
    change = some.tuples(place, some.integers(0, 12), some.binary(max_size=6))

    def apply(changes) -> bytes:
        data = whole
        for at, length, instead in changes:
            data = data[:at] + instead + data[at + length :]
        return data

    return some.lists(change, min_size=1, max_size=4).map(apply)


any_answer = some.one_of(
    damaged(answer_of(STARTED, "201 Created")),
    damaged(answer_of(RUNNING)),
    damaged(answer_of(THREAD)),
    damaged(answer_of(json.dumps({"error": {"code": "RATE_LIMITED"}}).encode(), "429 No", Retry_After="9")),
    some.binary(max_size=300),
)


@pytest.mark.long
@drawn(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=any_answer)
def test_whatever_bytes_come_nothing_raises_and_nothing_is_stuck(run, server, said):
    server.bytes = said
    for status, act in (
        (Status.QUEUED, launching.launch),
        (Status.UNKNOWN, settling.settle),
        (Status.RUNNING, following.refresh),
    ):
        again(run, status, remote_id="run_1" if status in READABLE else None)
        act(run.pk)
        run.refresh_from_db()
        assert run.status != Status.SENDING and is_kept_up(run)
