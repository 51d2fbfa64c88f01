"""What goes into the image, and what compose.yaml starts it with. `make image` builds and starts both."""

import re
import runpy
import subprocess
import tomllib
from pathlib import PurePosixPath

import pytest
import yaml

from dashboard import VERSION
from tests.served import ROOT

IGNORED = [
    rule for rule in (ROOT / ".dockerignore").read_text().splitlines() if rule and not rule.startswith("#")
]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = ("prepare", "web", "worker")
FOR_COMPOSE = {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "HTTP_PORT", "HTTPS_PORT"}


def settings_read() -> set[str]:
    """The variables of dashboard/settings.py."""
    text = (ROOT / "dashboard" / "settings.py").read_text()
    return set(re.findall(r'(?:\benv\.\w+|\bserver_url)\(\s*"([A-Z_]+)"', text))


def goes_in(path: str) -> bool:
    """As Docker reads .dockerignore: the last rule about a path, or about a folder it is in, counts."""
    is_out, own = False, PurePosixPath(path)
    for rule in IGNORED:
        inside = re.escape(rule.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(inside, str(one)) for one in (own, *own.parents[:-1])):
            is_out = not rule.startswith("!")
    return not is_out


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env",
            ".env.production",
            "dashboard/.env",
            "var/secret_key",
            "data/gigawatch.sqlite3",
            "backup.tar",
        ),
        *(
            "vendor-source/novnc/core/rfb.js",
            "tools/pictures.py",
            "deploy/check_image.py",
            "tests/conftest.py",
        ),
        *("requirements-dev.txt", "compose.yaml", "Dockerfile", ".git/config", ".venv/bin/python"),
        *("runs/__pycache__/models.cpython-313.pyc", "id_rsa", "people/.idea/workspace.xml"),
    ],
)
def test_what_the_program_does_not_need_stays_out_of_the_image(path):
    assert not goes_in(path)


def needed() -> tuple[str, ...]:
    """The packages, and what stands beside them."""
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    return (*packages, "locale", "static", "templates", "manage.py")


def test_what_the_program_needs_is_in_the_image():
    listed = subprocess.run(
        ["git", "ls-files", *needed()], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = listed.stdout.split()
    assert [path for path in files if not goes_in(path)] == [] and len(files) > 200


def test_the_check_of_the_image_looks_for_what_is_let_in_and_what_is_made_there():
    looked_for = runpy.run_path(str(ROOT / "deploy" / "check_image.py"))["CONTENTS"]
    tops = {path.name for path in ROOT.iterdir() if goes_in(path.name)}
    assert looked_for == tops | {"staticfiles"} and looked_for > set(needed())


def test_the_image_says_what_it_is():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "Dockerfile").read_text()
    assert f"\nARG VERSION={VERSION}\n" in text
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', text))
    assert labels == {
        "title": "Gigawatch",
        "description": project["description"],
        "version": "$VERSION",
        "licenses": project["license"],
    }


def test_git_takes_no_env_file():
    said = subprocess.run(
        ["git", "check-ignore", ".env", ".env.production"], cwd=ROOT, capture_output=True, text=True
    )
    assert said.stdout.split() == [".env", ".env.production"]


@pytest.mark.parametrize("service", OURS)
def test_compose_hands_on_every_setting(service):
    """All that is in .env, but for what is so in a container whatever it says."""
    (file,) = SERVICES[service]["env_file"]
    assert file == {"path": "${ENV_FILE:-.env}", "required": False}
    stated = SERVICES[service]["environment"]
    assert set(stated) <= settings_read()
    of_the_container = {"HOST", "PORT", "GIGAWATCH_DATA", "STATIC_ROOT"}
    of_its_servers = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}
    assert {name for name, value in stated.items() if not str(value).startswith(f"${{{name}:-")} == (
        of_the_container | of_its_servers
    )


def test_every_setting_is_in_the_example_and_in_the_readme():
    told = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert told == settings_read() - {"CRASH_AT"} | FOR_COMPOSE
    readme = (ROOT / "README.md").read_text()
    table = readme.split("## Settings")[1].split("## ")[0]
    short = {"DJANGO_SUPERUSER_PASSWORD": "_PASSWORD", "DJANGO_SUPERUSER_EMAIL": "_EMAIL"}
    assert [
        name for name in settings_read() - {"CRASH_AT"} if f"`{short.get(name, name)}`" not in table
    ] == []


def test_compose_has_no_password_that_everybody_knows():
    text = (ROOT / "compose.yaml").read_text()
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{name}:?" in text, "it does not start without"
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "GIGA_API_KEY"):
        assert not re.search(rf"\$\{{{name}:?-[^}}$]", text), "it has a default"
    for service in OURS:
        assert "REDIS_PASSWORD" in SERVICES[service]["environment"]["REDIS_URL"]
        assert "REDIS_PASSWORD" in SERVICES[service]["environment"]["CELERY_BROKER_URL"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_may_do_no_more_than_it_must(service):
    allowed = SERVICES[service]
    assert allowed["read_only"] and allowed["cap_drop"] == ["ALL"] and "privileged" not in allowed
    assert allowed["security_opt"] == ["no-new-privileges:true"]
    if service == "proxy":
        # Caddy's program carries this one, and is not executed where it cannot have it: caddy-docker #396.
        assert allowed["cap_add"] == ["NET_BIND_SERVICE"]
        assert all(re.match(r"\$\{HTTPS?_PORT:-127\.0\.0\.1:", port) for port in allowed["ports"])
    else:
        assert "cap_add" not in allowed and "ports" not in allowed
        assert service in OURS or allowed["user"] == service


def test_one_address_serves_all_web_processes():
    proxy = SERVICES["proxy"]
    assert proxy["environment"]["GIGAWATCH_WEB"] == "web:8000"
    assert proxy["environment"]["SITE_URL"] == SERVICES["web"]["environment"]["SITE_URL"]
    assert SERVICES["web"]["environment"]["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"
    mounted = {volume.partition(":")[0] for volume in proxy["volumes"] if volume.startswith("./")}
    assert all((ROOT / path).is_file() for path in mounted) and mounted == {"./deploy/Caddyfile"}


def test_whatever_stays_is_asked_after_by_compose_itself():
    """An image in OCI's format carries no health check, as podman builds them."""
    asked = {name for name in SERVICES if "test" in SERVICES[name].get("healthcheck", {})}
    assert asked == set(SERVICES) - {"prepare"}
    (in_the_image,) = re.findall(r"HEALTHCHECK[^[]*(\[.*\])", (ROOT / "Dockerfile").read_text())
    assert "/healthz" in in_the_image and "/healthz" in SERVICES["web"]["healthcheck"]["test"][-1]


def test_redis_gets_its_password_unseen_and_is_the_process_that_is_told_to_stop(tmp_path):
    stand_in = tmp_path / "redis-server"
    stand_in.write_text('#!/bin/sh\necho "$$ $*"\ncat\n')
    stand_in.chmod(0o700)
    command = [word.replace("$$", "$") for word in SERVICES["redis"]["command"]]
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "REDISCLI_AUTH": "5ecret"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as started:
        said = started.communicate(timeout=30)[0]
    assert said == f"{started.pid} - --save  --appendonly no\nrequirepass 5ecret\n"
