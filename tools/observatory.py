#!/usr/bin/env python3
"""Grades the headers of a local start behind TLS with Mozilla's HTTP Observatory. Run by hand; needs npm.

    python tools/observatory.py

A real `serve` with an https SITE_URL, a small proxy that speaks TLS before it (it signs in where a page needs
that, and gives refusals the status 200, because the program grades no others; headers pass as they are)."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import requests
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.certificates import make_certificate  # noqa: E402
from tests.served import PASSWORD, Served, eventually, free_port  # noqa: E402

OBSERVATORY = "@mdn/mdn-http-observatory@1.4.8"
# Methods of Set that Node has from version 22 on.
POLYFILL = """
Set.prototype.difference ??= function (other) { return new Set([...this].filter((x) => !other.has(x))); };
Set.prototype.intersection ??= function (other) { return new Set([...this].filter((x) => other.has(x))); };
Set.prototype.union ??= function (other) { return new Set([...this, ...other]); };
Set.prototype.isSubsetOf ??= function (other) { return [...this].every((x) => other.has(x)); };
Set.prototype.isSupersetOf ??= function (other) { return [...other].every((x) => this.has(x)); };
Set.prototype.isDisjointFrom ??= function (other) { return ![...this].some((x) => other.has(x)); };
"""


def start_proxy(served: Served, folder: Path, port: int, answered: dict[str, int]) -> requests.Session:
    """TLS on `port`. The session returned holds the login that `/as-me/...` is asked with; `answered` gets
    the status of each address."""
    me = requests.Session()
    secure = {"X-Forwarded-Proto": "https", "Host": f"localhost:{port}"}

    def forward(request) -> Response:
        path = request.url.path
        client = requests
        if path.startswith("/as-me/"):
            client, path = me, path.removeprefix("/as-me")
        cookies = {"Cookie": "; ".join(f"{k}={v}" for k, v in me.cookies.items())} if client is me else {}
        answer = requests.get(
            f"{served.url}{path}", headers={**secure, **cookies}, allow_redirects=False, timeout=30
        )
        answered[request.url.path] = answer.status_code
        status = 200 if answer.status_code >= 400 else answer.status_code
        answer.headers.pop("content-encoding", None)
        answer.headers.pop("transfer-encoding", None)
        passed = Response(answer.content, status)
        passed.raw_headers = [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in answer.raw.headers.items()
            if name.lower() not in ("content-length", "content-encoding", "transfer-encoding")
        ]
        passed.raw_headers.append((b"content-length", str(len(answer.content)).encode()))
        return passed

    app = Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "OPTIONS"])])
    keys = {"ssl_keyfile": str(folder / "key.pem"), "ssl_certfile": str(folder / "cert.pem")}
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", server_header=False, **keys))
    threading.Thread(target=server.run, daemon=True).start()
    eventually(lambda: server.started)
    return me


def sign_in(served: Served, me: requests.Session, port: int) -> None:
    headers = {
        "X-Forwarded-Proto": "https",
        "Host": f"localhost:{port}",
        "Referer": f"https://localhost:{port}/",
    }
    page = f"{served.url}/accounts/login/"
    form_page = requests.get(page, headers=headers, timeout=30)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form_page.text)[1]
    cookie = "; ".join(f"{name}={value}" for name, value in form_page.cookies.items())
    form = {"login": "admin", "password": PASSWORD, "csrfmiddlewaretoken": token}
    answer = requests.post(
        page, data=form, headers={**headers, "Cookie": cookie}, allow_redirects=False, timeout=30
    )
    assert answer.status_code == 302, answer.status_code
    me.cookies.update(answer.cookies.get_dict())


def launch(served: Served, me: requests.Session, port: int) -> int:
    """A run whose page can be graded."""
    headers = {
        "X-Forwarded-Proto": "https",
        "Host": f"localhost:{port}",
        "Referer": f"https://localhost:{port}/",
    }
    page = f"{served.url}/runs/new/"
    headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in me.cookies.items())
    form_page = requests.get(page, headers=headers, timeout=30)
    fields = ("csrfmiddlewaretoken", "launch_token")
    form = {name: re.search(rf'name="{name}" value="([^"]+)"', form_page.text)[1] for name in fields}
    form |= {
        "user_prompt": "x",
        "goal_prompt": "y",
        "sandbox_template": "giga-standard",
        "duration_hours": "1",
    }
    answer = requests.post(page, data=form, headers=headers, allow_redirects=False, timeout=30)
    return int(answer.headers["Location"].strip("/").split("/")[-1])


def grade(folder: Path, address: str, certificate: Path) -> dict:
    scan = folder / "node_modules" / "@mdn" / "mdn-http-observatory" / "src" / "scan.js"
    env = {**os.environ, "NODE_EXTRA_CA_CERTS": str(certificate)}
    program = ["node", "--import", str(folder / "polyfill.mjs"), str(scan), address]
    scanned = subprocess.run(program, env=env, cwd=folder, capture_output=True, text=True, check=False)
    return json.loads(scanned.stdout)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "polyfill.mjs").write_text(POLYFILL)
        install = ["npm", "install", "--ignore-scripts", "--no-fund", "--no-audit", OBSERVATORY]
        subprocess.run(install, cwd=folder, check=True, capture_output=True)
        # Fetched by its install script: who is in the browsers' list. We are not.
        (folder / "node_modules" / "@mdn" / "mdn-http-observatory" / "conf" / "hsts-preload.json").write_text(
            "{}"
        )
        make_certificate(folder)
        port = free_port()
        env = {"SITE_URL": f"https://localhost:{port}", "SIMULATOR_SPEED": "4"}
        env["DJANGO_SETTINGS_MODULE"] = "tests.failing.settings"
        served = Served(folder / "data", **env).start().ready()
        try:
            answered: dict[str, int] = {}
            me = start_proxy(served, folder, port, answered)
            sign_in(served, me, port)
            run = launch(served, me, port)
            static = next((folder / "data" / "static" / "js").glob("core.*.js")).name
            paths = {
                "sign-in": "/accounts/login/",
                "runs list": "/as-me/runs/",
                "launch": "/as-me/runs/new/",
                "run page": f"/as-me/runs/{run}/",
                "not found": "/as-me/nothing/here/",
                "bad request": "/suspicious/",
                "error": "/broken/",
                "export": "/as-me/team/audit/export/",
                "static file": f"/static/js/{static}",
            }
            print("| page | status | grade | score | failed |\n|---|---|---|---|---|")
            for what, path in paths.items():
                result = grade(folder, f"localhost:{port}{path}", folder / "cert.pem")
                failed = [name for name, test in result.get("tests", {}).items() if not test["pass"]]
                scan = result.get("scan", result)
                graded = f"{answered[path]} | {scan.get('grade', scan)} | {scan.get('score')}"
                print(f"| {what} | {graded} | {', '.join(failed)} |")
        finally:
            with contextlib.suppress(Exception):
                served.kill()


if __name__ == "__main__":
    main()
