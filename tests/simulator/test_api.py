"""Shapes, codes and limits of Giga's API, as its pages document them."""

import re

import pytest
import requests

from tests.simulator.conftest import PROMPTS, Client


def assert_refused(answer: requests.Response, status: int, code: str) -> dict:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"]
    assert re.fullmatch(r"[0-9a-f-]{36}", error["requestId"])
    return error


def test_a_session_echoes_its_prompts(giga):
    answer = giga.post("/api/sessions", {"prompts": PROMPTS, "template": "giga-pro", "duration": 3})
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"threadId", "messageId", "deploymentConfig"}
    assert body["deploymentConfig"] == {"template": "giga-pro", "duration": 3, "prompts": PROMPTS}


def test_a_run_is_answered_bare_with_a_token(giga):
    thread_id = giga.create_session()
    answer = giga.post(f"/api/sessions/{thread_id}/runs", {"message": "Go"})
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"threadId", "runId", "publicAccessToken", "messageId"}
    assert body["runId"].startswith("run_")
    assert body["publicAccessToken"].count(".") == 2


def test_without_a_key_nothing_is_told(giga):
    assert_refused(requests.get(giga.url + "/api/billing", timeout=60), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("key", ["giga_sk_short", "giga_sk_" + "g" * 32, "sk_" + "a" * 32])
def test_a_malformed_key_is_refused(giga, key):
    assert_refused(Client(giga.url, key).get("/api/billing"), 401, "INVALID_API_KEY")


def test_only_the_accepted_key_is_let_in(giga):
    giga.switch("default", accept_keys=["giga_sk_" + "f" * 32])
    assert_refused(giga.get("/api/keys"), 401, "INVALID_API_KEY")
    assert Client(giga.url, "giga_sk_" + "f" * 32).get("/api/keys").status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"prompts": None}, 400, "INVALID_REQUEST"),
        ({"prompts": {"userPrompt": "x"}}, 400, "INVALID_REQUEST"),
        ({"prompts": {"userPrompt": "  ", "goalPrompt": "x"}}, 400, "INVALID_REQUEST"),
        ({"prompts": {**PROMPTS, "systemPrompt": 7}}, 400, "INVALID_FIELD"),
        ({"duration": 0}, 400, "INVALID_FIELD"),
        ({"duration": 25}, 400, "INVALID_FIELD"),
        ({"duration": True}, 400, "INVALID_FIELD"),
        ({"duration": "2"}, 400, "INVALID_FIELD"),
        ({"template": "windows"}, 400, "UNSUPPORTED_PLATFORM"),
        ({"template": ["giga-standard"]}, 400, "UNSUPPORTED_PLATFORM"),
        ({"deploymentId": "dep_other"}, 404, "RESOURCE_NOT_FOUND"),
    ],
)
def test_a_wrong_session_is_refused(giga, change, status, code):
    assert_refused(giga.post("/api/sessions", {"prompts": PROMPTS, **change}), status, code)
    assert giga.ledger()["sessions"] == []


def test_a_wrong_field_is_named_in_the_hint(giga):
    answer = giga.post("/api/sessions", {"prompts": PROMPTS, "duration": 99})
    assert assert_refused(answer, 400, "INVALID_FIELD")["hint"] == "duration"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(giga, body):
    answer = requests.post(giga.url + "/api/sessions", data=body, headers=giga.headers, timeout=60)
    assert_refused(answer, 400, "INVALID_REQUEST")


def test_a_run_needs_a_message_and_a_session(giga):
    thread_id = giga.create_session()
    assert_refused(giga.post(f"/api/sessions/{thread_id}/runs", {}), 400, "INVALID_REQUEST")
    assert_refused(giga.post("/api/sessions/none/runs", {"message": "Go"}), 404, "RESOURCE_NOT_FOUND")
    assert giga.ledger()["runs_started"] == []


def test_another_key_finds_nothing(giga):
    thread_id, run_id = giga.launch()
    other = Client(giga.url, "giga_sk_" + "b" * 32)
    assert_refused(other.get(f"/api/sessions/{thread_id}"), 404, "RESOURCE_NOT_FOUND")
    assert_refused(other.get(f"/api/sessions/{thread_id}/runs/{run_id}"), 404, "RESOURCE_NOT_FOUND")


def test_a_run_is_found_in_its_own_session_only(giga):
    _, run_id = giga.launch()
    elsewhere = giga.create_session()
    assert_refused(giga.get(f"/api/sessions/{elsewhere}/runs/{run_id}"), 404, "RESOURCE_NOT_FOUND")


def test_the_same_start_twice_starts_twice(giga):
    thread_id = giga.create_session()
    giga.start_run(thread_id)
    giga.start_run(thread_id)
    assert len(giga.ledger()["runs_started"]) == 2


@pytest.mark.parametrize("path", ["/api/nothing", "/elsewhere", "/api/sessions/x/runs/y/cancel"])
def test_an_unknown_route_is_not_found(giga, path):
    assert_refused(giga.get(path), 404, "RESOURCE_NOT_FOUND")


def test_there_is_no_way_to_delete_a_session(giga):
    thread_id = giga.create_session()
    answer = requests.delete(giga.url + f"/api/sessions/{thread_id}", headers=giga.headers, timeout=60)
    assert answer.status_code == 405
    assert giga.read_thread(thread_id)["id"] == thread_id


def test_the_sixty_first_request_of_a_minute_is_refused(giga):
    giga.switch("default", rate_per_minute=3)
    assert [giga.get("/api/keys").headers["X-RateLimit-Remaining"] for _ in range(3)] == ["2", "1", "0"]
    answer = giga.get("/api/keys")
    assert_refused(answer, 429, "RATE_LIMITED")
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert Client(giga.url, "giga_sk_" + "b" * 32).get("/api/keys").status_code == 200
    giga.advance(60)
    assert giga.get("/api/keys").status_code == 200


def test_a_plan_allows_so_many_runs_at_once(giga):
    giga.switch("default", plan="free")
    giga.launch()
    second = giga.create_session()
    answer = giga.post(f"/api/sessions/{second}/runs", {"message": "Go"})
    assert_refused(answer, 429, "CONCURRENCY_LIMIT_EXCEEDED")
    assert "Retry-After" not in answer.headers
    giga.advance(200)
    assert giga.start_run(second)


def test_credits_are_used_up_by_work(giga):
    giga.switch("default", credits=0.5)
    giga.launch()
    assert giga.get("/api/billing").json()["data"]["billing"]["totalBalance"] == 0.5
    giga.advance(200)
    assert giga.get("/api/billing").json()["data"]["billing"]["totalBalance"] == 0
    answer = giga.post(f"/api/sessions/{giga.create_session()}/runs", {"message": "Go"})
    assert_refused(answer, 402, "INSUFFICIENT_CREDITS")


def test_billing_names_both_pools_and_the_period(giga):
    billing = giga.get("/api/billing").json()["data"]["billing"]
    assert set(billing) == {
        "plan",
        "planCreditsRemaining",
        "prepaidBalance",
        "totalBalance",
        "currentPeriodStart",
        "currentPeriodEnd",
    }
    assert re.fullmatch(r"\d{4}-\d\d-01T00:00:00\.000Z", billing["currentPeriodEnd"])


def test_the_hostile_scenario_lists_hostile_files(giga):
    giga.switch("hostile")
    files = giga.get("/api/files?deploymentId=dep_demo").json()["data"]["files"]
    assert files[:2] == [None, "report.csv"] and "<script>" in files[4]["fileName"]


def test_files_of_the_demo_deployment_can_be_downloaded(giga):
    files = giga.get("/api/files?deploymentId=dep_demo").json()["data"]["files"]
    assert {"_id", "fileName", "fileSize", "mimeType", "storagePath", "status"} <= set(files[0])
    url = giga.get(f"/api/files/download?fileId={files[0]['_id']}").json()["data"]["url"]
    assert len(requests.get(url, timeout=60).content) == files[0]["fileSize"]
    assert_refused(giga.get("/api/files"), 400, "INVALID_REQUEST")
    assert_refused(giga.get("/api/files?deploymentId=dep_other"), 404, "RESOURCE_NOT_FOUND")


def test_guessed_routes_are_there_only_when_asked_for(giga):
    assert_refused(giga.get("/api/deployments"), 404, "RESOURCE_NOT_FOUND")
    giga.switch("default", extensions=True)
    answer = giga.get("/api/deployments")
    assert answer.headers["X-Simulated-Extension"] == "1"
    assert answer.json()["data"]["deployments"][0]["id"] == "dep_demo"


def test_the_ledger_tells_what_was_asked(giga):
    thread_id, _ = giga.launch()
    giga.get("/api/sessions/none")
    asked = [(entry["method"], entry["path"], entry["status"]) for entry in giga.ledger()["requests"]]
    assert asked == [
        ("POST", "/api/sessions", 201),
        ("POST", f"/api/sessions/{thread_id}/runs", 201),
        ("GET", "/api/sessions/none", 404),
    ]
    assert giga.ledger()["requests"][1]["body"] == {"message": "Start the task now."}
    assert giga.ledger()["requests"][0]["key_last4"] == "cdef"
    assert giga.ledger()["runs_started"][0]["user_prompt"] == PROMPTS["userPrompt"]


def test_a_web_page_cannot_use_the_simulators_own_routes(giga):
    answer = requests.post(giga.url + "/_reset", headers={"Origin": "https://evil.example"}, timeout=60)
    assert answer.status_code == 404


def test_a_reset_forgets_everything(giga):
    thread_id = giga.create_session()
    giga.switch("key-refused")
    giga.post("/_reset", {})
    assert giga.get(f"/api/sessions/{thread_id}").status_code == 404
    assert giga.ledger()["sessions"] == []
