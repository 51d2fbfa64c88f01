"""A simulated Giga to talk to, over real HTTP."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from simulator.config import Config
from simulator.server import start_in_thread

KEY = "giga_sk_" + "0123456789abcdef" * 2
PROMPTS = {"userPrompt": "Download every invoice of October", "goalPrompt": "All invoices are in the folder"}


class Client:
    """Somebody who uses a simulated Giga with one key."""

    def __init__(self, url: str, key: str = KEY):
        self.url = url
        self.headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **options) -> requests.Response:
        return requests.get(self.url + path, headers=self.headers, timeout=60, **options)

    def post(self, path: str, body: object, **options) -> requests.Response:
        return requests.post(self.url + path, headers=self.headers, json=body, timeout=60, **options)

    def create_session(self, user_prompt: str = PROMPTS["userPrompt"], **fields) -> str:
        answer = self.post("/api/sessions", {"prompts": {**PROMPTS, "userPrompt": user_prompt}, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["threadId"]

    def start_run(self, thread_id: str, message: str = "Start the task now.") -> str:
        answer = self.post(f"/api/sessions/{thread_id}/runs", {"message": message})
        assert answer.status_code == 201, answer.text
        return answer.json()["runId"]

    def launch(self, user_prompt: str = PROMPTS["userPrompt"]) -> tuple[str, str]:
        thread_id = self.create_session(user_prompt)
        return thread_id, self.start_run(thread_id)

    def read_run(self, thread_id: str, run_id: str) -> dict:
        answer = self.get(f"/api/sessions/{thread_id}/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read_thread(self, thread_id: str) -> dict:
        return self.get(f"/api/sessions/{thread_id}").json()["thread"]

    def advance(self, seconds: float) -> None:
        self.post("/_advance", {"seconds": seconds})

    def switch(self, name: str, **changes) -> None:
        assert self.post("/_scenario", {"name": name, **changes}).ok

    def ledger(self) -> dict:
        return requests.get(self.url + "/_ledger", timeout=60).json()


@pytest.fixture
def start():
    """Start a simulated Giga with these settings and get a client of it; all are stopped after the test."""
    servers = []

    def start_one(**settings) -> Client:
        server = start_in_thread(Config(**{"start_delay": 0, **settings}))
        servers.append(server)
        return Client(server.url)

    def stop_all() -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda server: server.stop(), servers))

    start_one.stop_all = stop_all
    yield start_one
    stop_all()


@pytest.fixture(scope="session")
def shared_server():
    server = start_in_thread(Config(start_delay=0))
    yield server
    server.stop()


@pytest.fixture
def giga(shared_server):
    """A client of a simulated Giga that knows nothing yet and where everything works."""
    client = Client(shared_server.url)
    client.post("/_reset", {})
    return client
