"""The Giga client: what answers become, and that every call ends."""

import contextlib
import gzip
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import responses

from runs import giga, http
from runs.giga import Access, GigaError, Outcome
from tests.factories import KEY

URL = "https://api.giga.example"
ACCESS = Access(URL, KEY, client_id="gigawatch-1")
RUN_URL = f"{URL}/api/sessions/t1/runs/run_1"
RUN = {
    "id": "run_1",
    "status": "RUNNING",
    "isCompleted": False,
    "isErrored": False,
    "metadata": {"sandboxId": "abc", "vncUrl": "https://6080-abc.e2b.app/", "sandboxStatus": "ready"},
}
CONFIGURATION = {
    "user_prompt": "do",
    "goal_prompt": "done",
    "system_prompt": "",
    "sandbox_template": "giga-standard",
    "duration_hours": 2,
    "deployment_id": "",
}


def read_run():
    return giga.get_run(ACCESS, thread_id="t1", run_id="run_1")


@pytest.fixture
def answers():
    with responses.RequestsMock() as mocked:
        yield mocked


def test_a_session_is_asked_for_as_documented(answers):
    answers.post(f"{URL}/api/sessions", json={"threadId": "t1", "messageId": "m1"}, status=201)
    session = giga.create_session(ACCESS, **CONFIGURATION)
    request = answers.calls[0].request
    assert (session.thread_id, session.message_id) == ("t1", "m1")
    assert json.loads(request.body) == {
        "prompts": {"userPrompt": "do", "goalPrompt": "done"},
        "template": "giga-standard",
        "duration": 2,
    }
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["X-Client-Id"] == "gigawatch-1"


def test_optional_parts_are_sent_when_given(answers):
    answers.post(f"{URL}/api/sessions", json={"threadId": "t1"}, status=201)
    giga.create_session(ACCESS, **CONFIGURATION | {"system_prompt": "never pay", "deployment_id": "dep_1"})
    body = json.loads(answers.calls[0].request.body)
    assert body["prompts"]["systemPrompt"] == "never pay"
    assert body["deploymentId"] == "dep_1"


def test_a_started_run_keeps_its_token_out_of_sight(answers):
    body = {"threadId": "t1", "runId": "run_1", "publicAccessToken": "secret-token", "messageId": "m2"}
    answers.post(f"{URL}/api/sessions/t1/runs", json=body, status=201)
    started = giga.start_run(ACCESS, thread_id="t1", message="Start")
    assert (started.run_id, started.public_access_token) == ("run_1", "secret-token")
    assert "secret-token" not in repr(started)
    assert KEY not in repr(ACCESS)


def test_a_run_is_read_and_its_raw_form_holds_no_address(answers):
    answers.get(RUN_URL, json=RUN | {"publicAccessToken": "secret"})
    run = read_run()
    assert (run.word, run.sandbox_id, run.sandbox_status) == ("RUNNING", "abc", "ready")
    assert run.desktop_url == "https://6080-abc.e2b.app/"
    assert "e2b.app" not in json.dumps(run.raw) and "secret" not in json.dumps(run.raw)


def test_a_wrapped_answer_is_unwrapped(answers):
    answers.get(RUN_URL, json={"success": True, "data": RUN})
    assert read_run().word == "RUNNING"


def test_ids_cannot_leave_their_place_in_the_address(answers):
    answers.get(f"{URL}/api/sessions/..%2F..%2Fkeys/runs/x%3Fy", json=RUN)
    giga.get_run(ACCESS, thread_id="../../keys", run_id="x?y")


@pytest.mark.parametrize(
    "status, code, outcome",
    [
        (400, "INVALID_REQUEST", Outcome.REFUSED),
        (400, "UNSUPPORTED_PLATFORM", Outcome.REFUSED),
        (401, "UNAUTHORIZED", Outcome.KEY_REFUSED),
        (401, "INVALID_API_KEY", Outcome.KEY_REFUSED),
        (402, "INSUFFICIENT_CREDITS", Outcome.REFUSED),
        (403, "FORBIDDEN", Outcome.REFUSED),
        (403, "PLAN_LIMIT_EXCEEDED", Outcome.REFUSED),
        (404, "RESOURCE_NOT_FOUND", Outcome.GONE),
        (422, "SOMETHING_NEW", Outcome.REFUSED),
        (429, "RATE_LIMITED", Outcome.RATE_LIMITED),
        (429, "SOMETHING_NEW", Outcome.RATE_LIMITED),
        (429, "CONCURRENCY_LIMIT_EXCEEDED", Outcome.NO_FREE_COMPUTER),
        (500, "INTERNAL_ERROR", Outcome.UNCLEAR),
        (500, "SANDBOX_FAILED", Outcome.UNCLEAR),
        (503, "", Outcome.UNCLEAR),
    ],
)
def test_an_error_says_what_to_do(answers, status, code, outcome):
    body = {"error": {"code": code, "message": "No.", "hint": "Try b.", "requestId": "req-1"}}
    answers.get(RUN_URL, json=body, status=status)
    with pytest.raises(GigaError) as caught:
        read_run()
    error = caught.value
    assert (error.outcome, error.code, error.message) == (outcome, code, "No.")
    assert (error.hint, error.request_id, error.status_code) == ("Try b.", "req-1", status)


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("7", 7),
        ("0", 1),
        ("-5", 60),
        ("3600", 3600),
        ("0000000000009", 9),
        ("120, 30", 120),
        ("99999", 86_400),
        (None, 60),
        ("soon", 60),
        ("", 60),
        ("1.5", 1.5),
        ("3600.5", 3600.5),
        ("1e3", 60),
        ("120 s", 60),
        ("+120", 60),
        ("9" * 400, 86_400),
    ],
)
def test_retry_after_is_read_defensively(answers, header, seconds):
    headers = {} if header is None else {"Retry-After": header}
    answers.get(RUN_URL, json={"error": {"code": "RATE_LIMITED"}}, status=429, headers=headers)
    with pytest.raises(GigaError) as caught:
        read_run()
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 425, 500, 502, 503])
def test_retry_after_counts_with_whatever_status_it_comes(answers, status):
    """Some give 403 to whoever asks too often, and 409 to who comes too soon; who says nothing is asked
    again."""
    for headers, seconds in (({"Retry-After": "3600"}, 3600), ({"Retry-After": "soon"}, 0), ({}, 0)):
        answers.get(RUN_URL, json={"error": {"code": "NO"}}, status=status, headers=headers)
        with pytest.raises(GigaError) as caught:
            read_run()
        assert caught.value.retry_after_s == seconds
        answers.reset()


def test_retry_after_as_a_date_is_how_long_that_is_from_now(answers):
    for hours, seconds in ((1, 3600), (-24, 1), (24 * 30, 86_400)):
        said = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
        answers.get(RUN_URL, json={"error": {"code": "NO"}}, status=429, headers={"Retry-After": said})
        with pytest.raises(GigaError) as caught:
            read_run()
        assert caught.value.retry_after_s == pytest.approx(seconds, abs=5)
        answers.reset()


UNREADABLE = [
    (200, b""),
    (200, b"null"),
    (200, b"[]"),
    (200, b'"x"'),
    (200, b"<html>sign in</html>"),
    (200, json.dumps(RUN)[:-20].encode()),
    (200, json.dumps(RUN).encode("utf-16")),
    (200, b'{"status": NaN}'),
    (200, b'{"id": ' + b"9" * 5000 + b"}"),
    (200, b"[" * 100_000),
    (200, b'{"success": false, "status": "RUNNING"}'),
    (200, b'{"id": "run_1"}'),
    (200, b'{"status": null}'),
    (200, b'{"status": ["RUNNING"]}'),
    (200, b'{"status": true}'),
    (301, b""),
    (502, b"<html>Bad Gateway</html>"),
    (418, b"{}"),
    (500, b'{"error": "text"}'),
]


@pytest.mark.parametrize("status, body", UNREADABLE)
def test_what_is_not_documented_is_unclear_and_never_a_crash(answers, status, body):
    answers.get(RUN_URL, body=body, status=status)
    with pytest.raises(GigaError) as caught:
        read_run()
    assert caught.value.outcome == Outcome.UNCLEAR


@pytest.mark.parametrize(
    "metadata", [None, [], "ready", 7, {"sandboxId": {}, "sandboxStatus": ["x"]}, {"sandboxId": "a/../b"}]
)
def test_metadata_of_any_form_is_survived(answers, metadata):
    answers.get(RUN_URL, json=RUN | {"metadata": metadata})
    run = read_run()
    assert (run.word, run.sandbox_id, run.sandbox_status, run.desktop_url) == ("RUNNING", "", "", None)


def test_half_characters_and_nul_become_something_that_can_be_stored(answers):
    answers.get(RUN_URL, body=b'{"status": "A\\ud800\\u0000B"}')
    assert read_run().word == "A?B"


@pytest.mark.parametrize(
    "run_id", ["", " ", "a b", "a/b", "../x", "x" * 201, "a\r\nX: y", None, {}, [], True]
)
def test_a_run_id_that_cannot_be_used_makes_the_start_unclear(answers, run_id):
    answers.post(f"{URL}/api/sessions/t1/runs", json={"runId": run_id}, status=201)
    with pytest.raises(GigaError) as caught:
        giga.start_run(ACCESS, thread_id="t1", message="Start")
    assert caught.value.outcome == Outcome.UNCLEAR


def test_a_number_as_run_id_is_taken_as_text(answers):
    answers.post(f"{URL}/api/sessions/t1/runs", json={"runId": 17}, status=201)
    assert giga.start_run(ACCESS, thread_id="t1", message="Start").run_id == "17"


def test_an_error_that_quotes_our_key_does_not_carry_it_on(answers):
    answers.get(RUN_URL, json={"error": {"code": "INVALID_API_KEY", "message": f"Bad key {KEY}"}}, status=401)
    with pytest.raises(GigaError) as caught:
        read_run()
    assert caught.value.message == "Bad key (key)"


class TestThread:
    def read(self, answers, thread):
        answers.get(f"{URL}/api/sessions/t1", json={"thread": thread})
        return giga.get_thread(ACCESS, thread_id="t1")

    def test_messages_are_found_under_three_names(self, answers):
        for name in ("messages", "history", "items"):
            answers.reset()
            thread = self.read(answers, {name: [{"role": "user", "content": "Hello"}]})
            assert [(m.role, m.text) for m in thread.messages] == [("user", "Hello")]

    def test_parts_are_joined_and_strangers_left_out(self, answers):
        entries = [
            {
                "role": "assistant",
                "content": [{"text": "One"}, {"image": "x"}, "two"],
                "createdAt": "2026-11-23T10:00:00Z",
            },
            {"role": "<script>", "content": "no"},
            {"role": "user"},
            {"role": "user", "content": {"deep": "x"}},
            "text",
            None,
        ]
        thread = self.read(answers, {"messages": entries})
        assert [(m.role, m.text) for m in thread.messages] == [("assistant", "One\ntwo")]
        assert thread.is_recognised

    def test_an_unknown_form_is_said_to_be_unknown(self, answers):
        thread = self.read(answers, {"turns": {"a": 1}})
        assert not thread.is_recognised and not thread.shows_life

    def test_a_computer_or_a_second_message_is_a_sign_of_life(self, answers):
        hello = {"role": "user", "content": "Hello"}
        assert not self.read(answers, {"messages": [hello]}).shows_life
        answers.reset()
        assert self.read(answers, {"messages": [hello, hello]}).shows_life
        answers.reset()
        assert self.read(answers, {"messages": [], "metadata": {"sandboxId": "abc"}}).shows_life

    def test_no_thread_at_all_is_unclear(self, answers):
        with pytest.raises(GigaError):
            self.read(answers, None)


class Server:
    """A raw TCP server that answers each connection with a function of its own."""

    def __init__(self, answer):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.requests = []
        self.answer = answer
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def access(self):
        return Access(f"http://127.0.0.1:{self.listening.getsockname()[1]}", KEY)

    def serve(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                self.requests.append(connection.recv(65536))
                with contextlib.suppress(OSError):
                    self.answer(connection)


@pytest.fixture
def server():
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for each in servers:
        each.listening.close()


def drip(head):
    def answer(connection):
        connection.sendall(head)
        for _ in range(100):
            connection.sendall(b"x")
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"]
)
def test_a_server_that_drips_does_not_hold_a_call(server, monkeypatch, head):
    monkeypatch.setattr(giga, "READ_S", 0.3)
    dripping = server(drip(head))
    with pytest.raises(GigaError) as caught:
        giga.get_run(dripping.access, thread_id="t1", run_id="r1")
    assert caught.value.outcome == Outcome.UNCLEAR
    assert "within 0.3 s" in caught.value.message


def test_a_closed_port_means_nothing_was_sent():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(GigaError) as caught:
        giga.get_run(Access(f"http://127.0.0.1:{port}", KEY), thread_id="t1", run_id="r1")
    assert caught.value.outcome == Outcome.NOT_SENT
    assert "connection refused" in caught.value.message


def test_a_name_nobody_knows_means_nothing_was_sent():
    with pytest.raises(GigaError) as caught:
        giga.get_run(Access("https://no-such-host.invalid", KEY), thread_id="t1", run_id="r1")
    assert caught.value.outcome == Outcome.NOT_SENT


def test_a_connection_that_breaks_after_sending_is_unclear(server):
    broken = server(lambda connection: connection.close())
    with pytest.raises(GigaError) as caught:
        giga.start_run(broken.access, thread_id="t1", message="Start")
    assert caught.value.outcome == Outcome.UNCLEAR
    assert len(broken.requests) == 1


def test_a_redirect_is_not_followed_and_carries_nothing_away(server):
    thief = server(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
    where = thief.access.api_url.encode()
    redirecting = server(
        lambda connection: connection.sendall(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + where + b"/\r\nContent-Length: 0\r\n\r\n"
        )
    )
    with pytest.raises(GigaError):
        giga.start_run(redirecting.access, thread_id="t1", message="Start")
    assert thief.requests == []


def test_a_small_answer_that_grows_to_200_mb_is_cut(server):
    packed = gzip.compress(b" " * 200_000_000, compresslevel=6)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    bomb = server(lambda connection: connection.sendall(head + packed))
    with pytest.raises(GigaError, match="larger than 1 MB"):
        giga.get_run(bomb.access, thread_id="t1", run_id="r1")


def test_the_environment_does_not_send_requests_elsewhere(server, monkeypatch):
    proxy = server(lambda connection: None)
    monkeypatch.setenv("HTTP_PROXY", proxy.access.api_url)
    monkeypatch.setenv("http_proxy", proxy.access.api_url)
    body = json.dumps(RUN).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    right = server(lambda connection: connection.sendall(head + body))
    assert giga.get_run(right.access, thread_id="t1", run_id="r1").word == "RUNNING"
    assert proxy.requests == []


def test_the_limits_are_those_promised():
    assert (http.CONNECT_S, giga.READ_S, giga.START_RUN_S, http.MAX_ANSWER_BYTES) == (5, 20, 35, 1_000_000)
