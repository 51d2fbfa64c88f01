"""How a run, its computer and its conversation go on in time."""

from urllib.parse import parse_qs, urlsplit


def test_a_run_is_queued_then_boots_then_is_ready_then_ends(giga):
    thread_id, run_id = giga.launch()
    run = giga.read_run(thread_id, run_id)
    assert run == {
        "id": run_id,
        "status": "QUEUED",
        "isCompleted": False,
        "isErrored": False,
        "metadata": {},
    }
    giga.advance(2.5)
    run = giga.read_run(thread_id, run_id)
    assert (run["status"], run["metadata"]) == ("RUNNING", {"sandboxStatus": "initializing"})
    giga.advance(6)
    run = giga.read_run(thread_id, run_id)
    assert (run["status"], run["metadata"]["sandboxStatus"]) == ("RUNNING", "ready")
    assert run["metadata"]["sandboxId"].isalnum()
    giga.advance(120)
    run = giga.read_run(thread_id, run_id)
    assert (run["status"], run["isCompleted"], run["isErrored"]) == ("COMPLETED", True, False)


def test_speed_divides_all_times(giga):
    giga.switch("default", speed=1000)
    thread_id, run_id = giga.launch()
    giga.advance(0.2)
    assert giga.read_run(thread_id, run_id)["status"] == "COMPLETED"


def test_the_desktop_is_where_the_request_came_to(giga):
    thread_id, run_id = giga.launch()
    giga.advance(10)
    metadata = giga.read_run(thread_id, run_id)["metadata"]
    url = urlsplit(metadata["vncUrl"])
    assert f"{url.scheme}://{url.netloc}" == giga.url
    assert url.path == "/vnc.html"
    assert parse_qs(url.query) == {
        "autoconnect": ["true"],
        "resize": ["scale"],
        "path": [f"websockify/{metadata['sandboxId']}"],
    }


def test_the_desktop_may_be_a_bare_stream(giga):
    giga.switch("default", desktop="stream")
    thread_id, run_id = giga.launch()
    giga.advance(10)
    metadata = giga.read_run(thread_id, run_id)["metadata"]
    assert metadata["vncUrl"] == f"ws://{urlsplit(giga.url).netloc}/websockify/{metadata['sandboxId']}"


def test_a_second_run_is_given_the_same_computer(giga):
    thread_id, first = giga.launch()
    giga.advance(200)
    second = giga.start_run(thread_id, "And now September")
    giga.advance(3)
    metadata = giga.read_run(thread_id, second)["metadata"]
    assert metadata["sandboxStatus"] == "restored"
    assert metadata["sandboxId"] == giga.read_run(thread_id, first)["metadata"]["sandboxId"]


def test_a_dead_computer_still_reads_ready_and_the_next_run_boots_another(giga):
    thread_id, first = giga.launch()
    giga.advance(16 * 60)
    dead = giga.read_run(thread_id, first)["metadata"]
    assert dead["sandboxStatus"] == "ready"
    second = giga.start_run(thread_id)
    giga.advance(9)
    alive = giga.read_run(thread_id, second)["metadata"]
    assert alive["sandboxStatus"] == "ready"
    assert alive["sandboxId"] != dead["sandboxId"]


def test_extensions_stack_while_the_computer_lives(giga):
    thread_id, run_id = giga.launch()
    giga.advance(10)
    sandbox_id = giga.read_run(thread_id, run_id)["metadata"]["sandboxId"]
    for _ in range(2):
        answer = giga.post("/api/sandbox/extend", {"sandboxId": sandbox_id})
        assert answer.json() == {
            "success": True,
            "message": "Sandbox lifecycle extended by 15 minutes",
            "sandboxId": sandbox_id,
        }
    giga.advance(44 * 60)
    assert giga.post("/api/sandbox/extend", {"sandboxId": sandbox_id}).status_code == 200
    giga.advance(20 * 60)
    assert giga.post("/api/sandbox/extend", {"sandboxId": sandbox_id}).status_code == 404
    assert len(giga.ledger()["extends"]) == 3


def test_a_computer_that_still_boots_cannot_be_extended(giga):
    giga.launch()
    sandbox_id = giga.ledger()["runs_started"][0]["sandbox_id"]
    assert giga.post("/api/sandbox/extend", {"sandboxId": sandbox_id}).status_code == 404
    assert giga.post("/api/sandbox/extend", {}).status_code == 400


def test_a_session_that_was_never_started_holds_its_prompt_only(giga):
    thread = giga.read_thread(giga.create_session("Look around"))
    assert [message["content"] for message in thread["messages"]] == ["Look around"]
    assert thread["metadata"] == {}
    assert "status" not in thread


def test_an_agent_without_a_computer_says_nothing(giga):
    thread_id, _ = giga.launch("Look around [scenario:sandbox-failed]")
    giga.advance(500)
    assert [message["role"] for message in giga.read_thread(thread_id)["messages"]] == ["user", "user"]


def test_the_conversation_grows_while_the_agent_works(giga):
    thread_id, run_id = giga.launch()
    assert [message["role"] for message in giga.read_thread(thread_id)["messages"]] == ["user", "user"]
    giga.advance(40)
    early = giga.read_thread(thread_id)["messages"]
    giga.advance(200)
    thread = giga.read_thread(thread_id)
    late = thread["messages"]
    assert late[: len(early)] == early
    assert len(late) > len(early) > 5
    assert late[-1]["content"] == "I am done. You wanted: All invoices are in the folder"
    assert [message["createdAt"] for message in late] == sorted(message["createdAt"] for message in late)
    assert len({message["id"] for message in late}) == len(late)
    assert thread["status"] == "COMPLETED"
    assert thread["metadata"] == giga.read_run(thread_id, run_id)["metadata"]
