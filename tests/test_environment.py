"""Where settings come from: the environment, `.env` beside `manage.py`, and files that hold a secret."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.environment import SETTINGS
from tests.refused_settings import refusal, settings_of
from tests.served import KEY, ROOT

CANARY = "giga_sk_" + "c" * 32
IN_THE_SOURCES = (
    "dashboard",
    "runs",
    "people",
    "outbound",
    "simulator",
    "locale",
    "templates",
    "static",
    "tests",
)


@pytest.fixture
def checkout(tmp_path):
    """The sources with a `.env` beside `manage.py`."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / "manage.py", folder)
    for name in IN_THE_SOURCES:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".env").write_text(
        f"GIGA_API_KEY={CANARY}\nTIME_ZONE=Europe/Berlin\n# a comment\nSESSION_DAYS=\n"
    )
    (folder / ".env").chmod(0o600)
    return folder


def python(folder, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    """As somebody would run it there, outside the suite."""
    clean = {name: value for name, value in os.environ.items() if name not in (*SETTINGS, "ENV_FILE")}
    env = {**clean, "GIGAWATCH_DATA": str(folder / "data"), "LOG_LEVEL": "INFO", **env}
    return subprocess.run([sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True)


SAY = "from django.conf import settings as s; print(s.GIGA_API_KEY, s.TIME_ZONE, s.SESSION_DAYS)"


@pytest.mark.process
def test_commands_read_the_file_beside_manage_py_and_the_environment_wins(checkout):
    said = python(checkout, "manage.py", "shell", "--no-imports", "-c", SAY, TIME_ZONE="Asia/Tokyo")
    assert (said.stdout, said.stderr) == (f"{CANARY} Asia/Tokyo 7\n", "")
    (checkout / ".env").chmod(0o640)
    said = python(checkout, "manage.py", "new_key")
    assert said.stderr.strip() == (
        f"{checkout}/.env holds secrets and others may read it (640): chmod 600 {checkout}/.env"
    )
    (checkout / ".env").unlink()
    (checkout / ".env").symlink_to("not-mounted")
    said = python(checkout, "manage.py", "new_key")
    assert said.stderr == f"gigawatch: {checkout}/.env cannot be read: No such file or directory\n"


@pytest.mark.process
def test_tests_benchmarks_and_the_simulated_giga_never_read_it(checkout):
    """They start nothing with a real key. The suite's own processes are told to read none; what does not go
    through manage.py reads none by itself."""
    suite = (
        "import os, tests.environment; os.environ['DJANGO_SETTINGS_MODULE'] = 'dashboard.settings'; " + SAY
    )
    alone = "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'dashboard.settings'; " + SAY
    for program in (("-c", suite), ("-c", alone), ("manage.py", "simulator", "--help")):
        ended = python(checkout, *program)
        assert ended.returncode == 0, ended.stderr
        assert CANARY not in ended.stdout + ended.stderr
    started = python(checkout, "manage.py", "shell", "--no-imports", "-c", SAY, ENV_FILE="")
    assert started.stdout == " UTC 7\n"
    simulator = "import sys; sys.argv[1:] = ['simulator', '--port', '0', '--speed', '0']; "
    simulator += (
        "import runpy\ntry: runpy.run_path('manage.py', run_name='__main__')\nexcept SystemExit: pass\n"
    )
    assert CANARY not in python(checkout, "-c", simulator + SAY).stdout


def test_nothing_but_manage_py_names_a_file_to_read():
    """So that a new benchmark cannot hold a real key by accident. (The check of the image names one that it
    makes, for compose.yaml.)"""
    folders = ("dashboard", "runs", "people", "simulator", "outbound", "benchmarks", "tools", "deploy")
    paths = [ROOT / "manage.py", *(path for folder in folders for path in (ROOT / folder).rglob("*.py"))]
    mentioning = [str(path.relative_to(ROOT)) for path in paths if "ENV_FILE" in path.read_text()]
    assert mentioning == ["manage.py", "dashboard/environment.py", "deploy/check_image.py"]


def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "database").write_text("postgres://giga:hidden@127.0.0.1:5432/watch")
    found = settings_of(
        tmp_path, GIGA_API_KEY_FILE=str(tmp_path / "key"), DATABASE_URL_FILE=str(tmp_path / "database")
    )
    assert (found["GIGA_API_KEY"], found["DATABASES"]["default"]["PASSWORD"]) == (KEY, "hidden")


WRITTEN = {
    "by Windows": f"GIGA_API_KEY={KEY}\r\nTIME_ZONE=Asia/Tokyo\r\n",
    "with a mark in front": f"\ufeffGIGA_API_KEY={KEY}\nTIME_ZONE=Asia/Tokyo",
    "quoted": f"GIGA_API_KEY=\"{KEY}\"\nTIME_ZONE='Asia/Tokyo'\n",
    "for a shell": f"#!/bin/sh\nexport GIGA_API_KEY={KEY}\nexport TIME_ZONE=Asia/Tokyo  # ours\n",
    "with spaces": f"  GIGA_API_KEY = {KEY} \n\n TIME_ZONE = Asia/Tokyo\n",
    "twice, and the last one counts": f"TIME_ZONE=UTC\nGIGA_API_KEY={KEY}\nTIME_ZONE=Asia/Tokyo\n",
}


@pytest.mark.parametrize("how", WRITTEN)
def test_the_file_may_be_written_as_people_write_them(tmp_path, how):
    file = tmp_path / "settings"
    file.write_bytes(WRITTEN[how].encode())
    file.chmod(0o600)
    found = settings_of(tmp_path / "data", ENV_FILE=str(file))
    assert (found["GIGA_API_KEY"], found["TIME_ZONE"]) == (KEY, "Asia/Tokyo")


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n"])
def test_a_file_of_one_secret_may_end_as_it_likes(tmp_path, end):
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + KEY.encode() + end)
    assert settings_of(tmp_path / "data", GIGA_API_KEY_FILE=str(tmp_path / "key"))["GIGA_API_KEY"] == KEY


REFUSED = [
    (
        {"GIGA_API_KEY": KEY, "GIGA_API_KEY_FILE": "{folder}/key"},
        "GIGA_API_KEY and GIGA_API_KEY_FILE are both",
    ),
    ({"DATABASE_URL": "postgres://u:hidden@h/n", "DATABASE_URL_FILE": "{folder}/key"}, "are both set"),
    ({"SECRET_KEY_FILE": "{folder}/nothing"}, "the file in SECRET_KEY_FILE cannot be read: No such file"),
    ({"SMTP_URL_FILE": "{folder}"}, "the file in SMTP_URL_FILE cannot be read: Is a directory"),
    ({"GIGA_API_KEY_FILE": "{folder}/key/key"}, "the file in GIGA_API_KEY_FILE cannot be read: Not a dir"),
    ({"GIGA_API_KEY_FILE": "hidden" * 60}, "the file in GIGA_API_KEY_FILE cannot be read: File name too"),
    ({"GIGA_API_KEY_FILE": "{folder}/empty"}, "the file in GIGA_API_KEY_FILE is empty"),
    ({"GIGA_API_KEY_FILE": "{folder}/bytes"}, "the file in GIGA_API_KEY_FILE holds no text"),
    ({"ENV_FILE": "{folder}/nothing"}, "nothing cannot be read: No such file"),
    ({"ENV_FILE": "{folder}"}, "cannot be read: Is a directory"),
    ({"ENV_FILE": "{folder}/bytes"}, "bytes cannot be read: it holds no text"),
    ({"ENV_FILE": "{folder}/zeros"}, "zeros cannot be read: it holds no text"),
    ({"ENV_FILE": "{folder}/unclosed"}, "unclosed cannot be read: line 2 is not NAME=value"),
    ({"ENV_FILE": "{folder}/colon"}, "colon cannot be read: line 1 is not NAME=value"),
]


def test_what_cannot_be_read_or_is_said_twice_is_refused_in_one_line_without_the_secret(tmp_path):
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "bytes").write_bytes(b"SECRET_KEY=\xff\xfe hidden")
    (tmp_path / "zeros").write_bytes(b"GIGA_API_KEY=\0hidden")
    (tmp_path / "unclosed").write_text(f'TIME_ZONE=UTC\nGIGA_API_KEY="{KEY}\nPORT=8000\n')
    (tmp_path / "colon").write_text(f"GIGA_API_KEY: {KEY}\n")
    (tmp_path / "empty").write_text(" \n")
    for name in ("bytes", "zeros", "unclosed", "colon"):
        (tmp_path / name).chmod(0o600)
    said = []
    for env, words in REFUSED:
        env = {name: value.format(folder=tmp_path) for name, value in env.items()}
        said.append((words, refusal(tmp_path / "data", **env)))
    assert [
        (words, line)
        for words, line in said
        if words not in line or "\n" in line or KEY in line or "hidden" in line
    ] == []


def test_the_data_folder_is_the_same_wherever_a_command_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings_of("here")["DATA"] == ROOT / "here"
