"""What may go wrong, each scenario by its name. The ledger says what really happened."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from simulator.mishaps import MISHAPS
from simulator.scenarios import EVERY_CALL, SCENARIOS
from tests.simulator.conftest import PROMPTS


def start_request(giga, thread_id: str, **options) -> requests.Response:
    return giga.post(f"/api/sessions/{thread_id}/runs", {"message": "Go"}, **options)


@pytest.mark.parametrize(
    ("scenario", "status", "is_completed", "is_errored"),
    [
        ("default", "COMPLETED", True, False),
        ("fails", "FAILED", True, True),
        ("crashed", "CRASHED", True, True),
        ("sandbox-failed", "FAILED", True, True),
        ("timed-out", "TIMED_OUT", False, False),
        ("canceled", "CANCELED", True, False),
        ("expired", "EXPIRED", False, False),
        ("unknown-status", "FOO", True, False),
        ("never-ends", "RUNNING", False, False),
        ("lower-case", "completed", True, False),
        ("metadata-missing", "COMPLETED", True, False),
    ],
)
def test_a_run_ends_as_its_scenario_says(giga, scenario, status, is_completed, is_errored):
    giga.switch(scenario)
    thread_id, run_id = giga.launch()
    giga.advance(1000)
    run = giga.read_run(thread_id, run_id)
    assert (run["status"], run["isCompleted"], run["isErrored"]) == (status, is_completed, is_errored)


def test_a_prompt_can_ask_for_a_scenario(giga):
    thread_id, run_id = giga.launch("Show me [scenario:fails] please")
    other_thread, other_run = giga.launch()
    giga.advance(1000)
    assert giga.read_run(thread_id, run_id)["status"] == "FAILED"
    assert giga.read_run(other_thread, other_run)["status"] == "COMPLETED"


def test_a_prompt_that_asks_for_nothing_known_is_just_a_prompt(giga):
    thread_id, run_id = giga.launch("Show me [scenario:moon]")
    giga.advance(1000)
    assert giga.read_run(thread_id, run_id)["status"] == "COMPLETED"


def test_what_a_run_will_do_is_decided_when_it_starts(giga):
    giga.switch("fails")
    thread_id, run_id = giga.launch()
    giga.switch("default")
    giga.advance(1000)
    assert giga.read_run(thread_id, run_id)["status"] == "FAILED"


def test_a_computer_that_does_not_come_up_has_no_desktop(giga):
    giga.switch("sandbox-failed")
    thread_id, run_id = giga.launch()
    giga.advance(3)
    assert giga.read_run(thread_id, run_id)["metadata"] == {"sandboxStatus": "initializing"}
    giga.advance(10)
    assert giga.read_run(thread_id, run_id)["metadata"] == {"sandboxStatus": "failed"}


def test_a_run_may_wait_in_the_middle(giga):
    giga.switch("waiting")
    thread_id, run_id = giga.launch()
    words = []
    for _ in range(6):
        giga.advance(20)
        words.append(giga.read_run(thread_id, run_id)["status"])
    assert words == ["RUNNING", "RUNNING", "WAITING", "FROZEN", "RUNNING", "RUNNING"]


def test_metadata_may_be_missing(giga):
    giga.switch("metadata-missing")
    thread_id, run_id = giga.launch()
    giga.advance(10)
    assert "metadata" not in giga.read_run(thread_id, run_id)


@pytest.mark.parametrize(
    ("scenario", "address"),
    [
        ("vnc-ws", "ws://{host}/websockify/{sandbox}"),
        ("vnc-wss", "wss://6080-{sandbox}.e2b.invalid/websockify"),
        ("vnc-https", "https://6080-{sandbox}.e2b.invalid/vnc.html?autoconnect=true&resize=scale"),
        ("vnc-javascript", "javascript:alert(document.domain)//vnc.html"),
        ("vnc-userinfo", "https://{host}@evil.invalid/vnc.html"),
        ("vnc-own-host", "http://dashboard.example/vnc.html?autoconnect=true"),
        ("vnc-path", "/accounts/logout/?next=/vnc.html"),
        ("vnc-relative", "vnc.html?autoconnect=true"),
        ("vnc-slashes", "//evil.invalid/vnc.html"),
        ("vnc-number", 6080),
    ],
)
def test_the_desktop_may_be_said_to_be_elsewhere(giga, scenario, address):
    giga.switch(scenario, dashboard_url="http://dashboard.example/")
    thread_id, run_id = giga.launch()
    giga.advance(10)
    metadata = giga.read_run(thread_id, run_id)["metadata"]
    if isinstance(address, str):
        address = address.format(host=urlsplit(giga.url).netloc, sandbox=metadata["sandboxId"])
    assert metadata["vncUrl"] == address


def test_a_thread_may_have_another_form(giga):
    thread_id, _ = giga.launch()
    giga.switch("thread-b")
    thread = giga.read_thread(thread_id)
    assert thread["history"][0]["parts"] == [{"type": "text", "text": PROMPTS["userPrompt"]}]
    assert "metadata" not in thread
    giga.switch("thread-unknown")
    assert set(giga.read_thread(thread_id)) == {"v", "nodes"}


@pytest.mark.parametrize(
    ("scenario", "status", "code", "started"),
    [
        ("start-500", 500, "INTERNAL_ERROR", 0),
        ("start-500-created", 500, "INTERNAL_ERROR", 1),
        ("sandbox-failed-500", 500, "SANDBOX_FAILED", 0),
        ("bad-request", 400, "INVALID_REQUEST", 0),
        ("not-found", 404, "RESOURCE_NOT_FOUND", 0),
        ("no-computer", 429, "CONCURRENCY_LIMIT_EXCEEDED", 0),
        ("no-credits", 402, "INSUFFICIENT_CREDITS", 0),
        ("plan-limit", 403, "PLAN_LIMIT_EXCEEDED", 0),
        ("rate-limited", 429, "RATE_LIMITED", 0),
        ("key-refused", 401, "INVALID_API_KEY", 0),
        ("forbidden", 403, "FORBIDDEN", 0),
    ],
)
def test_a_start_may_be_refused(giga, scenario, status, code, started):
    thread_id = giga.create_session()
    giga.switch(scenario)
    answer = start_request(giga, thread_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert len(giga.ledger()["runs_started"]) == started


def test_a_rate_limit_may_ask_for_patience(giga):
    giga.switch("rate-limited")
    assert giga.get("/api/billing").headers["Retry-After"] == "90"


def test_one_run_at_a_time(giga):
    giga.switch("concurrency")
    giga.launch()
    answer = start_request(giga, giga.create_session())
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "CONCURRENCY_LIMIT_EXCEEDED")


def test_an_answer_may_be_lost_though_the_run_was_started(giga):
    thread_id = giga.create_session()
    giga.switch("answer-lost")
    with pytest.raises(requests.ConnectionError):
        start_request(giga, thread_id)
    assert len(giga.ledger()["runs_started"]) == 1
    assert giga.ledger()["requests"][-1]["status"] is None
    assert len(giga.read_thread(thread_id)["messages"]) == 2


def test_an_answer_may_never_come_though_the_run_was_started(giga):
    thread_id = giga.create_session()
    giga.switch("answer-timeout")
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{giga.url}/api/sessions/{thread_id}/runs",
            json={"message": "Go"},
            headers=giga.headers,
            timeout=0.3,
        )
    assert len(giga.ledger()["runs_started"]) == 1
    assert giga.ledger()["requests"][-1]["status"] is None


def test_a_slow_start_is_answered_all_the_same(giga):
    giga.switch("slow-start", speed=100)
    began = time.monotonic()
    assert start_request(giga, giga.create_session()).status_code == 201
    assert time.monotonic() - began >= 0.15


def test_a_start_may_be_answered_without_an_id(giga):
    giga.switch("no-run-id")
    answer = start_request(giga, giga.create_session())
    assert answer.status_code == 201
    assert "runId" not in answer.json()
    assert len(giga.ledger()["runs_started"]) == 1


def test_bodies_may_be_wrapped(giga):
    giga.switch("wrapped")
    answer = giga.post("/api/sessions", {"prompts": PROMPTS})
    assert answer.status_code == 201
    assert answer.json()["success"] is True
    assert answer.json()["data"]["threadId"]


@pytest.mark.parametrize(
    ("scenario", "status", "kind"),
    [
        ("bad-gateway", 502, "text/html"),
        ("text-503", 503, "text/plain"),
        ("html-200", 200, "text/html"),
        ("garbage", 200, "application/json"),
    ],
)
def test_an_answer_may_be_no_json(giga, scenario, status, kind):
    giga.switch(scenario)
    answer = giga.get("/api/billing")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith(kind)
    with pytest.raises(ValueError):
        json.loads(answer.content)


def test_an_answer_may_deny_success(giga):
    giga.switch("success-false")
    assert giga.get("/api/billing").json()["success"] is False


def test_an_answer_may_be_huge(giga):
    giga.switch("huge")
    assert len(giga.get("/api/billing").content) > 10_000_000


def test_an_answer_may_drip(giga):
    giga.switch("drip")
    with giga.get("/api/billing", stream=True) as answer:
        pieces = answer.raw.stream(1, decode_content=False)
        assert next(pieces) == b"{"
        assert next(pieces) == b'"'


def test_a_connection_may_be_closed_at_once(giga):
    giga.switch("unreachable")
    with pytest.raises(requests.ConnectionError):
        giga.get("/api/billing")


def test_runs_may_be_forgotten_after_a_while(giga):
    giga.switch("not-found-after")
    thread_id, run_id = giga.launch()
    giga.advance(10)
    assert giga.read_run(thread_id, run_id)["status"] == "RUNNING"
    giga.advance(60)
    assert giga.get(f"/api/sessions/{thread_id}/runs/{run_id}").status_code == 404
    assert giga.get(f"/api/sessions/{thread_id}").status_code == 200


def test_answers_may_be_hostile(giga):
    giga.switch("hostile")
    thread_id, run_id = giga.launch()
    run = giga.read_run(thread_id, run_id)
    assert "<script>" in run["status"] and "\x00" in run["status"] and "\ud800" in run["status"]
    assert not isinstance(run["metadata"]["vncUrl"], str)
    assert None in giga.read_thread(thread_id)["messages"]


def test_an_id_may_be_hostile(giga):
    giga.switch("hostile-ids")
    assert "<script>" in start_request(giga, giga.create_session()).json()["runId"]


def test_a_mishap_may_be_told_which_calls_to_befall(giga):
    thread_id, run_id = giga.launch()
    giga.switch("bad-gateway", calls=["read-run"])
    assert giga.get(f"/api/sessions/{thread_id}/runs/{run_id}").status_code == 502
    assert giga.get(f"/api/sessions/{thread_id}").status_code == 200
    giga.switch("default")
    assert giga.read_run(thread_id, run_id)["status"] == "QUEUED"


@pytest.mark.parametrize(
    "wrong",
    [{"name": "moon"}, {"name": "huge", "calls": ["x"]}, {"moon": 1}, {"speed": "fast"}, {"plan": "x"}, [1]],
)
def test_a_wrong_switch_changes_nothing(giga, wrong):
    assert giga.post("/_scenario", wrong).status_code == 400
    assert giga.get("/api/billing").status_code == 200


def test_every_mishap_exists_and_has_its_calls():
    for name, scenario in SCENARIOS.items():
        assert scenario.line, name
        assert set(scenario.calls) <= set(EVERY_CALL), name
        assert bool(scenario.mishap) == bool(scenario.calls), name
    assert {scenario.mishap for scenario in SCENARIOS.values() if scenario.mishap} == set(MISHAPS)


def test_a_stop_does_not_wait_for_answers_that_never_come(start):
    giga = start(scenario="answer-timeout")
    thread_id = giga.create_session()
    address = urlsplit(giga.url)
    with socket.create_connection((address.hostname, address.port)) as raw:
        body = b'{"message": "Go"}'
        head = f"POST /api/sessions/{thread_id}/runs HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        raw.sendall(f"{head}Authorization: {giga.headers['Authorization']}\r\n\r\n".encode() + body)
        while not giga.ledger()["runs_started"]:
            time.sleep(0.01)
        start.stop_all()
        assert raw.recv(1) == b""
