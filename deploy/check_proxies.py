"""Starts nginx and Caddy as the examples beside this file say, each in front of a real `manage.py serve`, and
asks through them what browsers ask. Then takes out of the one for nginx what people forget, and shows what
Gigawatch says of that.

    python deploy/check_proxies.py

Needs nginx and Caddy, no settings and no network: watch.example.com is this machine here. Half a minute."""

import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import requests
from urllib3.util import connection
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.certificates import make_certificate  # noqa: E402
from tests.served import PASSWORD, STARTS_WITHIN_S, Served, eventually, free_port  # noqa: E402

NAME = "watch.example.com"
SITE = f"https://{NAME}"
RUNS = 2000
PATIENCE_S = 60
# Of this machine, too: so they stand for people elsewhere.
SOMEBODY, SOMEBODY_ELSE = "127.0.0.2", "127.0.0.3"
GUESSERS = {"nginx": "127.0.0.4", "Caddy": "127.0.0.5"}
# What is left out of the example for nginx, and what the log says of it.
FORGOTTEN = {
    "X-Forwarded-Proto": "the proxy in front must set X-Forwarded-Proto",
    "Host": "Invalid HTTP_HOST header",
    "X-Forwarded-For": "Requests come by a proxy without X-Forwarded-For",
    "Upgrade": "the proxy in front does not hand on websockets",
}


@dataclass
class Proxy:
    """One that was started, and who comes to it from where."""

    name: str
    ports: dict[int, int]
    process: subprocess.Popen
    log: Path

    def at(self, address: str) -> "Browser":
        return Browser(self, address)


class Browser(requests.Session):
    """Somebody who asks the proxy from one address, with their cookies."""

    def __init__(self, proxy: Proxy, address: str):
        super().__init__()
        self.trust_env = False
        self.proxy, self.address = proxy, address
        self.verify = str(proxy.log.parent / "cert.pem")

    def dial(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.proxy.ports[port]), PATIENCE_S, (self.address, 0))

    def request(self, method, url, **options) -> requests.Response:
        """As if the proxy were where its name is."""
        options.setdefault("timeout", PATIENCE_S)
        url = url if "://" in url else SITE + url
        here = mock.patch.object(
            connection, "create_connection", lambda address, *_, **__: self.dial(address[1])
        )
        with here:
            return super().request(method, url, **options)

    def sign_in(self, password: str = PASSWORD) -> requests.Response:
        self.get("/accounts/login/")
        form = {"login": "admin", "password": password, "csrfmiddlewaretoken": self.csrf_token}
        page = f"{SITE}/accounts/login/"
        return self.post(page, data=form, headers={"Referer": page}, allow_redirects=False)

    @property
    def csrf_token(self) -> str:
        return next(cookie.value for cookie in self.cookies if cookie.name.endswith("-csrf"))

    def open_socket(self):
        """To the list of runs; raises InvalidStatus where none is opened."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
        trusting = ssl.create_default_context(cafile=self.verify)
        return connect(
            f"wss://{NAME}/ws/runs/",
            sock=self.dial(443),
            ssl=trusting,
            origin=SITE,
            additional_headers={"Cookie": cookies},
            proxy=None,
        )


def nginx_command(folder: Path, ports: dict[int, int], web: int, leave_out: str = "") -> list[str]:
    """The example with its ports and places changed to these, and without the header that is left out."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    # What this machine may not have, and what needs a name.
    text = re.sub(r"\n *listen \[::\].*", "", text)
    for port, here in ports.items():
        text = text.replace(f"listen {port}", f"listen 127.0.0.1:{here}")
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{web}")
    text = text.replace(f"/etc/ssl/{NAME}.pem", str(folder / "cert.pem"))
    text = text.replace(f"/etc/ssl/private/{NAME}.key", str(folder / "key.pem"))
    if leave_out:
        text, count = re.subn(rf"\n *proxy_set_header {leave_out} .*", "", text)
        assert count == 1, leave_out
    around = f"""
        daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
        events {{ worker_connections 512; }}
        http {{
            access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            include {folder}/gigawatch.conf;
        }}"""
    (folder / "gigawatch.conf").write_text(text)
    (folder / "nginx.conf").write_text(around)
    return [
        shutil.which("nginx") or "/usr/sbin/nginx",
        "-e",
        "stderr",
        "-p",
        str(folder),
        "-c",
        f"{folder}/nginx.conf",
    ]


def caddy_command(folder: Path, ports: dict[int, int], web: int) -> list[str]:
    """The example with its ports changed to these, and a certificate that is there already."""
    text = (ROOT / "deploy" / "Caddyfile").read_text()
    text = text.replace("# tls internal", f"tls {folder}/cert.pem {folder}/key.pem")
    of_all = (
        f"{{\n\tadmin off\n\thttp_port {ports[80]}\n\thttps_port {ports[443]}\n\tskip_install_trust\n}}\n"
    )
    (folder / "Caddyfile").write_text(of_all + text)
    return [
        *(
            "env",
            f"SITE_URL={SITE}",
            f"GIGAWATCH_WEB=127.0.0.1:{web}",
            f"HOME={folder}",
            f"XDG_DATA_HOME={folder}",
        ),
        *(
            shutil.which("caddy") or "caddy",
            "run",
            "--config",
            f"{folder}/Caddyfile",
            "--adapter",
            "caddyfile",
        ),
    ]


@contextmanager
def proxy(name: str, web: int, **options) -> Iterator[Proxy]:
    make = {"nginx": nginx_command, "Caddy": caddy_command}[name]
    with tempfile.TemporaryDirectory() as place:
        folder, ports = Path(place), {80: free_port(), 443: free_port()}
        folder.chmod(0o755)  # nginx's own user is none of ours
        make_certificate(folder, NAME)
        log = folder / "log"
        with log.open("w") as out:
            process = subprocess.Popen(make(folder, ports, web, **options), stdout=out, stderr=out)
        started = Proxy(name, ports, process, log)
        try:
            eventually(lambda: ended(process) or (is_open(ports[443]) and is_open(ports[80])))
            assert process.poll() is None, log.read_text()
            yield started
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def is_ready(served: Served) -> bool:
    """Whether it can do its work. (Its pages are for those who come by the proxy.)"""
    return is_open(served.port) and requests.get(f"{served.url}/readyz", timeout=PATIENCE_S).ok


def is_open(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def ended(process: subprocess.Popen) -> bool:
    return process.poll() is not None


@contextmanager
def behind_a_proxy(folder: Path, **env: str) -> Iterator[Served]:
    """The demo, with a long list of runs."""
    served = Served(folder / "data", SITE_URL=SITE, TRUSTED_PROXIES="1", **env)
    served.start()
    try:
        eventually(lambda: ended(served.process) or is_ready(served), within_s=STARTS_WITHIN_S)
        history = [sys.executable, "manage.py", "demo_history", "--runs", str(RUNS)]
        subprocess.run(history, cwd=ROOT, env=served.env, check=True, capture_output=True)
        yield served
    finally:
        served.end()


def latest_address(served: Served, act: str) -> str:
    """From where the audit log says that was done."""
    with closing(sqlite3.connect(served.data / "gigawatch.sqlite3")) as database:
        rows = database.execute(
            "SELECT address FROM people_auditentry WHERE act = ? ORDER BY number DESC LIMIT 1", [act]
        )
        return rows.fetchone()[0]


def check(proxy: Proxy, served: Served) -> Iterator[str]:
    """What holds, a sentence for each. Raises AssertionError for what does not."""
    browser = proxy.at(SOMEBODY)
    browser.headers["X-Forwarded-For"] = "203.0.113.9"  # a lie

    plain = browser.get(f"http://{NAME}/runs/?q=a+b", allow_redirects=False)
    assert plain.status_code in (301, 308) and plain.headers["Location"] == f"{SITE}/runs/?q=a+b"
    yield "http is sent to https, with the whole address"

    asked = browser.get("/runs/")
    assert asked.url == f"{SITE}/accounts/login/?next=/runs/" and asked.ok, asked.url
    assert "max-age=31536000" in asked.headers["Strict-Transport-Security"]
    yield "whoever is not signed in gets to the sign-in page of the name they asked for"

    answer = browser.sign_in()
    assert answer.status_code == 302 and answer.headers["Location"] == "/runs/", answer.text
    cookie = next(cookie for cookie in browser.cookies if cookie.name == "__Host-gigawatch")
    assert cookie.secure and cookie.domain in (NAME, f".{NAME}")
    yield "signing in works, and its cookie is for https alone"

    assert latest_address(served, "sign-in") == SOMEBODY
    yield "the audit log has the address of who signed in, whatever they claim"

    with browser.open_socket() as live:
        assert live.ping().wait(PATIENCE_S)
    yield "the list's websocket opens, and speaks both ways"

    form = {"action": "json", "everything": "1", "csrfmiddlewaretoken": browser.csrf_token}
    export = browser.post("/runs/bulk/", data=form, headers={"Referer": f"{SITE}/runs/"})
    assert len(export.json()) == RUNS and "temporary file" not in proxy.log.read_text()
    yield f"an export of {len(export.content) // 1000} KB comes whole, and is not kept on the way"

    for large in (b"x" * 2_000_000, iter([b"x" * 50_000] * 40)):
        refused = browser.post("/accounts/login/", data=large, headers={"Referer": SITE})
        assert refused.status_code == 413, refused.status_code
    yield "2 MB of anything are refused, whether their length is said before or not"

    guesser = GUESSERS[proxy.name]
    for number in range(12):
        proxy.at(guesser).sign_in(f"wrong {number}")
    assert proxy.at(guesser).sign_in().status_code != 302, "guessing goes on"
    assert proxy.at(SOMEBODY_ELSE).sign_in().status_code == 302
    yield "who guesses passwords is stopped, and nobody else is"


def meet(served: Served, forgotten: str) -> str:
    """What somebody meets where nginx does not hand on this header. Raises AssertionError where the log does
    not say so."""
    before = len(served.said)
    with proxy("nginx", served.port, leave_out=forgotten) as started:
        browser = started.at(SOMEBODY)
        page = browser.get("/accounts/login/", allow_redirects=False)
        met = str(page.status_code)
        if page.status_code == 200:
            browser.sign_in()
            met += f", in the audit log {latest_address(served, 'sign-in')}"
            try:
                browser.open_socket().close()
            except InvalidStatus as refused:
                met += f", no websocket ({refused.response.status_code})"
    said = served.said[before:]
    assert FORGOTTEN[forgotten] in said, said
    return met


def meet_nobody(name: str) -> str:
    """What people get while nothing answers the proxy: a page that looks again. Raises AssertionError."""
    with proxy(name, free_port()) as started:
        browser = started.at(SOMEBODY)
        for answer in (browser.get("/runs/"), browser.post("/runs/new/", data={"user_prompt": "x"})):
            assert answer.status_code == 503 and answer.headers["Retry-After"] == "5", answer.status_code
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8" and answer.encoding == "utf-8"
            assert 'http-equiv="refresh"' in answer.text and "Gestartete Läufe laufen weiter." in answer.text
            # A page that is open and asks for a part of it keeps what it has.
            assert answer.headers["HX-Reswap"] == "none"
    return "while nobody answers it, people get a page that says so and looks again"


def main() -> None:
    with tempfile.TemporaryDirectory() as place, behind_a_proxy(Path(place), LOG_LEVEL="WARNING") as served:
        for name in GUESSERS:
            began = time.monotonic()
            with proxy(name, served.port) as started:
                for holds in check(started, served):
                    print(f"{name}: {holds}", flush=True)
            print(f"{name}: {meet_nobody(name)}")
            print(f"{name}: {time.monotonic() - began:.1f} s")
        for what, said in FORGOTTEN.items():
            print(f"nginx without {what}: {meet(served, what)}; the log: … {said} …", flush=True)


if __name__ == "__main__":
    main()
