"""Whether the time of an answer tells what its text does not: each question is asked about something that is
there and about something that is not, in turn, and the medians are compared.

The real web process over HTTP; every request says it comes from another address, so that no limit on tries
answers in its stead. "By itself" compares every other answer of the first kind with the rest of them: what
differs no more than that is noise. Usage: `python benchmarks/answer_times.py [answers of each kind]`."""

import contextlib
import itertools
import os
import random
import socketserver
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.served import eventually, free_port  # noqa: E402

PORT, SMTP_PORT = free_port(), free_port()
os.environ.update(
    GIGAWATCH_DATA=tempfile.mkdtemp(prefix="gigawatch-answers-"),
    DJANGO_SETTINGS_MODULE="dashboard.settings",
    PORT=str(PORT),
    TRUSTED_PROXIES="1",
    SMTP_URL=f"smtp+plain://127.0.0.1:{SMTP_PORT}",
    MAIL_FROM="gigawatch@example.com",
)

import django  # noqa: E402

django.setup()

import requests  # noqa: E402
from allauth.account.models import EmailAddress  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from people import team  # noqa: E402
from people.links import sign_in_path  # noqa: E402
from people.models import Invitation  # noqa: E402
from tests import factories  # noqa: E402

SITE = f"http://127.0.0.1:{PORT}"
WARM_UP = 5
PASSWORD = "a long password of mona"  # noqa: S105
addresses = itertools.count(1)


class Mailbox(socketserver.StreamRequestHandler):
    """A mail server that takes everything, as slowly as one in the same building."""

    def handle(self):
        self.say("220 here")
        is_text = False
        for line in self.rfile:
            if is_text:
                if line == b".\r\n":
                    is_text = False
                    self.say("250 kept")
            elif line.upper().startswith(b"DATA"):
                is_text = True
                self.say("354 go on")
            else:
                self.say("250 fine")

    def say(self, line: str) -> None:
        time.sleep(0.005)
        with contextlib.suppress(OSError):
            self.wfile.write(f"{line}\r\n".encode())


class Browser(requests.Session):
    """One connection that is kept, a CSRF token, and a new address with every request."""

    def __init__(self):
        super().__init__()
        self.ask("/accounts/login/")
        self.token = self.cookies[settings.CSRF_COOKIE_NAME]

    def ask(self, path: str, form: dict | None = None) -> int:
        number = next(addresses)
        headers = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        url = SITE + path
        if form is None:
            return self.get(url, headers=headers, timeout=30, allow_redirects=False).status_code
        form = {**form, "csrfmiddlewaretoken": self.token}
        headers["Referer"] = url
        return self.post(url, form, headers=headers, timeout=30, allow_redirects=False).status_code


def main(times: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("collect")
    questions = make_questions(times)
    program = [sys.executable, "-m", "uvicorn", "dashboard.asgi:application", "--lifespan", "off"]
    program += ["--log-level", "error", "--port", str(PORT), "--ws", "websockets-sansio"]
    mailbox = socketserver.ThreadingTCPServer(("127.0.0.1", SMTP_PORT), Mailbox)
    mailbox.daemon_threads = True
    threading.Thread(target=mailbox.serve_forever, daemon=True).start()
    with subprocess.Popen(program, cwd=ROOT, stderr=subprocess.DEVNULL) as server:
        try:
            eventually(answers)
            print("| question | about | median | ratio | by itself |\n|---|---|---|---|---|")
            for question, kinds in questions():
                report(question, measure(kinds, times))
        finally:
            server.kill()
            mailbox.shutdown()


def answers() -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{SITE}/healthz", timeout=10).status_code > 0
    return False


def measure(kinds: dict, times: int) -> dict[str, list[float]]:
    """Milliseconds of each answer by kind. All kinds in each round, in an order drawn anew; all must say the
    same."""
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(WARM_UP + times):
        said = set()
        for kind in random.sample(list(kinds), len(kinds)):
            began = time.perf_counter()
            said.add(kinds[kind]())
            assert 429 not in said
            if number >= WARM_UP:
                taken[kind].append((time.perf_counter() - began) * 1000)
        assert len(said) == 1, said
    return taken


def report(question: str, taken: dict[str, list[float]]) -> None:
    first, *others = taken
    base = statistics.median(taken[first])
    noise = statistics.median(taken[first][::2]) / statistics.median(taken[first][1::2])
    print(f"| {question} | {first} | {base:.2f} ms | | {noise:.3f} |")
    for kind in others:
        median = statistics.median(taken[kind])
        print(f"| | {kind} | {median:.2f} ms | {median / base:.3f} | |", flush=True)


def make_questions(times: int):
    """The rows, and a function that gives each question with what asks it, by what it is about."""
    ours, theirs = factories.make_workspace(), factories.make_workspace("Other team")
    mona = factories.make_person(
        ours, role="manager", username="mona", password=PASSWORD, email="mona@example.com"
    )
    EmailAddress.objects.create(user=mona, email=mona.email, verified=True, primary=True)
    factories.make_person(ours, username="sso")
    for number in range(WARM_UP + times):
        factories.make_person(ours, username=f"known{number}", email=f"known{number}@example.com")
    run = factories.make_run(theirs, by=factories.make_person(theirs))
    used, used_token = team.invite(mona.memberships.get(), role="viewer", email="")
    Invitation.objects.filter(pk=used.pk).update(accepted_at=timezone.now())
    revoked, revoked_token = team.invite(mona.memberships.get(), role="viewer", email="")
    team.revoke(mona.memberships.get(), revoked)
    no_token = used_token[::-1]
    uid, link_token = sign_in_path(mona).strip("/").split("/")[-2:]
    client = Client()
    client.force_login(mona)
    login = client.cookies[settings.SESSION_COOKIE_NAME].value

    def sign_in(browser, name):
        return lambda: browser.ask("/accounts/login/", {"login": name, "password": "a wrong one"})

    def forget(browser, name):
        numbers = itertools.count()  # a new one each time: one address is mailed five times a minute
        return lambda: browser.ask(
            "/accounts/password/reset/", {"email": f"{name}{next(numbers)}@example.com"}
        )

    def look(browser, path):
        return lambda: browser.ask(path)

    def open_socket(path):
        return lambda: code_of(path, login)

    def questions():
        stranger, member = Browser(), Browser()
        member.cookies.set(settings.SESSION_COOKIE_NAME, login)
        yield (
            "signing in with a wrong password",
            {
                "nobody": sign_in(stranger, "nobody"),
                "a name": sign_in(stranger, "mona"),
                "nobody's address": sign_in(stranger, "nobody@example.com"),
                "an address": sign_in(stranger, "mona@example.com"),
                "somebody without a password": sign_in(stranger, "sso"),
            },
        )
        yield (
            "a forgotten password",
            {
                "nobody's address": forget(stranger, "nobody"),
                "an address": forget(stranger, "known"),
            },
        )
        for what, path, pk in (
            ("a run", "/runs/{}/", run.pk),
            ("a session", "/sessions/{}/", run.agent_session_id),
        ):
            yield (
                what,
                {"none": look(member, path.format(999999)), "another team's": look(member, path.format(pk))},
            )
        yield (
            "an invitation",
            {
                "none": look(stranger, f"/invitation/{no_token}/"),
                "used": look(stranger, f"/invitation/{used_token}/"),
                "revoked": look(stranger, f"/invitation/{revoked_token}/"),
            },
        )
        yield (
            "a one-time link",
            {
                "nobody": look(stranger, f"/enter/OTk5OTk5/{link_token[::-1]}/"),
                "somebody": look(stranger, f"/enter/{uid}/{link_token[::-1]}/"),
            },
        )
        yield (
            "a run's socket",
            {"none": open_socket("/ws/runs/999999/"), "another team's": open_socket(f"/ws/runs/{run.pk}/")},
        )

    return questions


def code_of(path: str, login: str) -> int:
    """The code with which this socket is closed."""
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={login}", "Origin": settings.SITE_ORIGINS[0]}
    url = f"ws://127.0.0.1:{PORT}{path}"
    with connect(url, additional_headers=headers, compression=None) as socket:
        try:
            socket.recv(timeout=30)
        except ConnectionClosed as closed:
            return closed.rcvd.code
    raise AssertionError("it stays open")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
