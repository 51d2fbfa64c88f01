"""What a simulator knows after it was stopped, or killed."""

import socket
import stat

import pytest

from simulator.config import Config
from simulator.server import _listen, start_in_thread
from tests.simulator.conftest import Client


@pytest.fixture
def state(tmp_path):
    return tmp_path / "simulator.jsonl"


def test_runs_go_on_after_a_restart(start, state):
    first = start(state_path=state)
    thread_id, run_id = first.launch()
    first.get("/api/sessions/none")
    again = start(state_path=state)
    again.advance(10)
    metadata = again.read_run(thread_id, run_id)["metadata"]
    assert metadata["sandboxStatus"] == "ready"
    again.post("/api/sandbox/extend", {"sandboxId": metadata["sandboxId"]})
    third = start(state_path=state)
    assert [run["run_id"] for run in third.ledger()["runs_started"]] == [run_id]
    assert len(third.ledger()["extends"]) == 1


def test_a_run_keeps_the_pace_it_was_started_with(start, state):
    thread_id, run_id = start(state_path=state, run_seconds=5).launch()
    again = start(state_path=state, run_seconds=5000)
    again.advance(20)
    assert again.read_run(thread_id, run_id)["status"] == "COMPLETED"


def test_the_file_is_for_its_owner_only(start, state):
    start(state_path=state).create_session()
    assert stat.S_IMODE(state.stat().st_mode) == 0o600


def test_the_file_holds_no_key(start, state):
    start(state_path=state).launch()
    assert "giga_sk_" not in state.read_text()


def test_half_a_line_does_no_harm(start, state):
    thread_id = start(state_path=state).create_session()
    with state.open("ab") as file:
        file.write(b'{"kind": "session", "thread_id": "tor')
    second = start(state_path=state)
    run_id = second.start_run(thread_id)
    third = start(state_path=state)
    assert [run["run_id"] for run in third.ledger()["runs_started"]] == [run_id]


def test_foreign_lines_are_passed_over(start, state):
    state.write_bytes(b'\xff\xfe\n[]\n{"kind":"moon"}\n{"kind":"run","run_id":1}\n\n')
    assert start(state_path=state).ledger()["runs_started"] == []


def test_a_reset_empties_the_file(start, state):
    giga = start(state_path=state)
    giga.launch()
    giga.post("/_reset", {})
    assert start(state_path=state).ledger()["sessions"] == []


def test_a_taken_address_is_an_error():
    server = start_in_thread(Config())
    with pytest.raises(OSError):
        start_in_thread(Config(), port=server.port)
    server.stop()
    server.stop()
    again = start_in_thread(Config(), port=server.port)
    assert Client(again.url).get("/api/keys").status_code == 200
    again.stop()


def test_an_impossible_port_is_the_same_error():
    with pytest.raises(OSError):
        start_in_thread(Config(), port=70_000)


def test_answers_are_not_held_back_by_nagles_delay():
    with _listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # or asyncio leaves the delay on, 40 ms an answer


@pytest.mark.parametrize("wrong", [{"scenario": "none"}, {"plan": "gold"}, {"speed": 0}, {"desktop": "film"}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError):
        Config(**wrong)
