"""Builds the image, starts it alone and as the project of compose.yaml, looks at both, stops them, and does
so again with what `docker save` and `docker load` made of it: as a registry or another machine would get it.
Compose's proxy is asked over plain http and, with a certificate of Caddy's own, over https.

    python deploy/check_image.py [further options of docker build]

Needs Docker with BuildKit and Compose 2, and the network for what the image is made of; some minutes, and no
settings. What it makes is called gigawatch-check, and removed in the end; the engine's build cache is
emptied. Not a part of `make test`."""

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
NAME = "gigawatch-check"
PASSWORD = secrets.token_hex(12)
STARTS_WITHIN_S = 300
OF_THIS, ENDED_BADLY = ("--filter", f"name={NAME}"), ("--filter", "exited=1")
HEALTHY_WITHIN_S = 120
REQUIRED = ("GIGA_API_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD")
LET_IN = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
CONTENTS = {*LET_IN, "staticfiles"}


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on."""
    for first in range(18_000, 19_000, count):
        with ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return first
    raise SystemExit("no port is free")


PORT = free_ports(3)
SETTINGS = {
    "GIGAWATCH_IMAGE": NAME,
    "SITE_URL": f"http://127.0.0.1:{PORT}",
    "HTTP_PORT": f"127.0.0.1:{PORT}",
    "HTTPS_PORT": f"127.0.0.1:{PORT + 1}",
    # A key of the right shape for a Giga that is not there: pages and sockets do without.
    "GIGA_API_KEY": "giga_sk_" + "0" * 32,
    "GIGA_API_URL": "https://giga.invalid",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    "POSTGRES_PASSWORD": secrets.token_hex(24),
    "REDIS_PASSWORD": secrets.token_hex(24),
    # One that compose.yaml hands on as it is.
    "TIME_ZONE": "Asia/Tokyo",
}


def docker(*words: str, env: dict | None = None, fails: bool = False) -> str:
    """What it printed. Ends the check where the command fails, or does not where it must."""
    own = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        ["docker", *words], cwd=ROOT, env={**own, **(env or {})}, capture_output=True, text=True, check=False
    )
    if (done.returncode != 0) != fails:
        raise SystemExit(f"docker {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stderr if fails else done.stdout


def compose(*words: str, settings: dict = SETTINGS, fails: bool = False) -> str:
    """With these settings as .env, and without anybody's own."""
    with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
        file.flush()
        alone = ("compose", "--project-name", NAME, "--env-file", file.name)
        return docker(*alone, *words, env={"ENV_FILE": file.name}, fails=fails)


def containers(*words: str) -> list[dict]:
    """What `docker compose ps` says of each."""
    return [json.loads(line) for line in compose("ps", *words, "--format", "json").splitlines()]


class Browser(requests.Session):
    """Somebody at one address, with their cookies."""

    def __init__(self, port: int):
        super().__init__()
        self.trust_env = False
        self.port = port
        self.address = f"http://127.0.0.1:{port}"

    def page(self, path: str, form: dict | None = None) -> requests.Response:
        method = "POST" if form else "GET"
        headers = {"Referer": self.address + path}
        answer = self.request(method, self.address + path, data=form, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer

    def wait(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                self.page("/readyz")
            except requests.RequestException as error:
                if time.monotonic() > deadline or docker("ps", "--all", "--quiet", *OF_THIS, *ENDED_BADLY):
                    raise SystemExit(f"{self.address} does not answer: {error}") from None
                time.sleep(0.5)
            else:
                return

    def sign_in(self) -> str:
        """The first page."""
        asked = self.page("/accounts/login/").text
        token = asked.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        form = {"login": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
        answer = self.page("/accounts/login/", form)
        assert answer.url == f"{self.address}/runs/", f"signing in led to {answer.url}"
        return answer.text

    def open_socket(self) -> str:
        """The first line of the answer."""
        lines = (
            *("GET /ws/runs/ HTTP/1.1", f"Host: 127.0.0.1:{self.port}"),
            *("Upgrade: websocket", "Connection: Upgrade", f"Origin: {self.address}"),
            *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="),
            "Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as line:
            line.sendall("\r\n".join([*lines, "", ""]).encode())
            return line.recv(1000).partition(b"\r\n")[0].decode()


def look_at(port: int) -> None:
    """Signs in, and finds pages, static files and sockets."""
    browser = Browser(port)
    browser.wait()
    page = browser.sign_in()
    assert "/static/css/gigawatch." in page
    for path in sorted(set(re.findall(r'"(/static/[^"#]+)', page))):
        browser.page(path)
    answer = browser.open_socket()
    assert answer.startswith("HTTP/1.1 101"), f"no socket: {answer}"


def check_contents() -> None:
    found = set(docker("run", "--rm", "--network", "none", NAME, "ls", "-A", "/app").split())
    assert found == CONTENTS, f"other things in the image: {sorted(found ^ CONTENTS)}"


def check_alone(port: int) -> None:
    """The demo in one container, which may do no more than compose.yaml lets it."""
    hardened = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")  # noqa: S108 -- in the container
    hardened += ("--security-opt", "no-new-privileges")
    settings = {"SITE_URL": f"http://127.0.0.1:{port}", "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    env = [word for name in settings for word in ("--env", name)]
    where = ("--network", NAME, "--publish", f"127.0.0.1:{port}:8000", "--volume", f"{NAME}-alone:/data")
    try:
        docker("run", "--detach", "--name", NAME, "--init", *hardened, *env, *where, NAME, env=settings)
        look_at(port)
        docker("stop", NAME)
        ended = docker("inspect", "--format", "{{.State.ExitCode}}", NAME).strip()
        assert ended == "0", f"stopping it ended with {ended}"
    except BaseException:
        subprocess.run(["docker", "logs", NAME], check=False)
        raise
    finally:
        docker("rm", "--force", NAME)


def check_together() -> None:
    """Two web processes, two workers, Postgres, Redis, and the proxy in front."""
    try:
        compose("up", "--detach", "--no-build")
        look_at(PORT)
        services = sorted(container["Service"] for container in containers())
        assert services == ["postgres", "proxy", "redis", "web", "web", "worker", "worker"], services
        assert "Asia/Tokyo" in compose("exec", "-T", "worker", "env"), "a setting is not handed on"
        refused = compose("exec", "-T", "--env", "REDISCLI_AUTH=", "redis", "redis-cli", "ping")
        assert "NOAUTH" in refused, f"Redis asks for no password: {refused}"
        check_address()
        check_health()
        check_one_web_is_enough()
        check_https()
        compose("stop")
        stopped = containers("--all")
        killed = [container["Name"] for container in stopped if container["ExitCode"] == 137]
        assert len(stopped) == 8 and killed == [], f"these did not end when they were told to: {killed}"
    except BaseException:
        print(compose("logs", "--tail", "50"))
        raise
    finally:
        compose("down")


def check_address() -> None:
    """The audit log has the address of who asks the proxy, not the proxy's."""
    ask = "from people.models import AuditEntry; print(AuditEntry.objects.filter(act='sign-in')[0].address)"
    noted = compose("exec", "-T", "web", "python", "manage.py", "shell", "--no-imports", "-c", ask).strip()
    network = json.loads(docker("network", "inspect", f"{NAME}_default"))[0]
    proxy = [one["IPv4Address"] for one in network["Containers"].values() if "-proxy-" in one["Name"]]
    assert noted and not proxy[0].startswith(f"{noted}/"), f"everybody comes from {noted}"


def check_health() -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_S
    while ill := {one["Name"]: one["Health"] for one in containers() if one["Health"] not in ("healthy", "")}:
        assert time.monotonic() < deadline, f"not healthy: {ill}"
        time.sleep(1)


def check_one_web_is_enough() -> None:
    webs = [container["Name"] for container in containers("web")]
    for name in webs:
        docker("stop", name)
        for _ in range(5):
            Browser(PORT).page("/accounts/login/")
        docker("start", name)
        check_health()


def check_https() -> None:
    """For a name that Caddy makes its own certificate for, as none is to be had elsewhere."""
    compose("up", "--detach", "--no-build", settings={**SETTINGS, "SITE_URL": "https://localhost"})
    root = "/data/caddy/pki/authorities/local/root.crt"
    deadline = time.monotonic() + STARTS_WITHIN_S
    with tempfile.TemporaryDirectory() as folder:
        while True:
            try:
                compose("cp", f"proxy:{root}", f"{folder}/root.crt")
                answer = requests.get(
                    f"https://localhost:{PORT + 1}/accounts/login/",
                    headers={"Host": "localhost"},
                    verify=f"{folder}/root.crt",
                    timeout=30,
                )
                answer.raise_for_status()
            except (SystemExit, requests.RequestException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                break
    assert "Strict-Transport-Security" in answer.headers and "__Host-gigawatch-csrf" in answer.cookies
    plain = requests.get(
        f"http://localhost:{PORT}/runs/", headers={"Host": "localhost"}, allow_redirects=False, timeout=30
    )
    assert plain.headers["Location"] == "https://localhost/runs/", plain.headers


def check_refusals() -> None:
    """Nothing starts with a password that everybody knows, or as a demo."""
    for name in REQUIRED:
        settings = {key: value for key, value in SETTINGS.items() if key != name}
        said = compose("up", "--detach", "--no-build", settings=settings, fails=True)
        if "prepare" in said:
            said = compose("logs", "prepare")
            compose("down", "--volumes")
        assert f"needs {name}" in said or f"variable {name} is missing" in said, said


def check() -> None:
    check_refusals()
    check_contents()
    check_alone(PORT + 2)
    check_together()


def carry() -> None:
    """As by a registry: away with everything that was made in building, and what was written comes back."""
    with tempfile.TemporaryDirectory() as folder:
        archive = f"{folder}/image.tar"
        docker("save", NAME, "--output", archive)
        docker("rmi", NAME)
        docker(
            "builder", "prune", "--all", "--force"
        )  # it has the same layers, as they were before they were saved
        docker("load", "--input", archive)


def remove() -> None:
    compose("down", "--volumes", "--remove-orphans")
    for words in (("rmi",), ("volume", "rm"), ("network", "rm")):
        name = f"{NAME}-alone" if words[0] == "volume" else NAME
        subprocess.run(["docker", *words, name], capture_output=True, check=False)


def main() -> None:
    remove()
    try:
        docker("build", *sys.argv[1:], "--tag", NAME, ".", env={"DOCKER_BUILDKIT": "1"})
        docker("network", "create", NAME)
        print("built; starting it")
        check()
        print("it runs, alone and with others; saving and loading it")
        carry()
        check()
        print("what was loaded runs, too, on what the first one left")
    finally:
        remove()


if __name__ == "__main__":
    main()
