"""The data folder and what is in it are for the owner only, and its secrets are made once and whole."""

import os
import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import pytest

from dashboard.data_folder import DataFolder, keep_secret, make_data_folder, new_secret_key
from tests.served import ROOT


def mode_of(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


@pytest.fixture
def folder(tmp_path):
    """Open to others, whatever the umask of this process."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def test_an_open_folder_of_ours_is_closed_and_so_is_what_lies_in_it(folder):
    names = ["secret_key", "encryption_keys", "gigawatch.sqlite3", "gigawatch.sqlite3-wal", "simulator.jsonl"]
    for name in names:
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    (folder / "static").mkdir()
    (folder / "static").chmod(0o755)
    make_data_folder(folder)
    assert mode_of(folder) == "700"
    assert {mode_of(folder / name) for name in names} == {"600"}
    assert mode_of(folder / "static") == "755", "it may be served by another program"


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o1777])
def test_an_empty_folder_is_closed(folder, mode):
    (folder / ".profile").touch()
    folder.chmod(mode)
    make_data_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0


def test_a_folder_that_is_not_ours_is_refused_and_left_as_it_is(folder):
    (folder / "somebody-else").touch()
    (folder / "somebody-else").chmod(0o644)
    with pytest.raises(OSError, match=r"others may look into it \(755\)"):
        make_data_folder(folder)
    assert (mode_of(folder), mode_of(folder / "somebody-else")) == ("755", "644")
    make_data_folder(folder / "new")
    assert mode_of(folder / "new") == "700"


def test_the_folder_that_nobody_named_is_ours_whatever_lies_in_it(folder):
    """As pictures and failures of tests in `var/`."""
    (folder / "pictures").mkdir(mode=0o755, parents=True)
    folder.chmod(0o755)
    make_data_folder(folder, is_ours=True)
    assert mode_of(folder) == "700"


def test_no_file_is_followed_out_of_the_folder(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o644)
    (folder / "secret_key").symlink_to(elsewhere)
    make_data_folder(folder)
    assert mode_of(elsewhere) == "644"


def manage(*arguments: str, data: Path) -> subprocess.CompletedProcess:
    env = {**os.environ, "GIGAWATCH_DATA": str(data)}
    env.pop("DATABASE_URL", None)
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        umask=0o022,
    )


@pytest.mark.process
def test_what_begins_an_instance_makes_the_database_for_its_owner_only(folder):
    ended = manage("migrate", "people", data=folder)
    assert ended.returncode == 0, ended.stderr
    modes = {path.name: mode_of(path) for path in folder.iterdir() if path.is_file()}
    assert set(modes.values()) == {"600"} and {"gigawatch.sqlite3", "secret_key", "encryption_keys"} <= set(
        modes
    )
    assert mode_of(folder) == "700"


READING = [
    ("verify_audit",),
    ("rotate_keys",),
    ("sign_in_link", "admin"),
    ("demo_history",),
    ("showmigrations",),
    ("new_key",),
    ("check",),
    ("--version",),
]


@pytest.mark.process
@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_command_that_only_reads_makes_no_folder_and_no_database(command, tmp_path):
    manage(*command, data=tmp_path / "data")
    assert not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir(mode=0o700)
    manage(*command, data=tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.process
def test_a_folder_open_to_others_is_refused_in_one_line(folder):
    (folder / "somebody-else").touch()
    ended = manage("migrate", data=folder)
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    assert f"the data folder {folder} cannot be used: others may look into it (755)" in ended.stderr


BROKEN = {
    "a key that is no text": ("secret_key", lambda path: path.write_bytes(b"\xff\xfe" * 50), "holds no text"),
    "a key that is a folder": ("encryption_keys", lambda path: path.mkdir(), "Is a directory"),
    "a database elsewhere that is gone": (
        "gigawatch.sqlite3",
        lambda path: path.symlink_to("/nowhere/gigawatch.sqlite3"),
        "No such file",
    ),
}


@pytest.mark.process
@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_read_in_the_folder_is_told_in_one_line(what, tmp_path):
    name, break_it, said = BROKEN[what]
    (tmp_path / "data").mkdir(mode=0o700)
    break_it(tmp_path / "data" / name)
    ended = manage("migrate", data=tmp_path / "data")
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr
    assert f"the data folder {tmp_path}/data cannot be used: " in ended.stderr and said in ended.stderr


@pytest.mark.parametrize("left_by_an_older_start", [None, ""], ids=["none yet", "an empty one"])
def test_a_secret_is_kept_once_however_many_start(left_by_an_older_start, tmp_path):
    for number in range(50):
        folder = tmp_path / str(number)
        folder.mkdir()
        if left_by_an_older_start is not None:
            (folder / "secret_key").write_text(left_by_an_older_start)
        kept, together = [], Barrier(8)

        def start(number: int, path=folder / "secret_key", kept=kept, together=together) -> None:
            together.wait()
            with suppress(FileExistsError):
                keep_secret(path, f"secret {number}")
                kept.append(number)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(start, range(8)))
        assert [(folder / "secret_key").read_text()] == [f"secret {number}\n" for number in kept]
        assert mode_of(folder / "secret_key") == "600" and os.listdir(folder) == ["secret_key"]


def test_a_secret_is_the_same_at_the_next_start(tmp_path):
    first = DataFolder(tmp_path / "data", is_ours=False)
    secret = first.secret("secret_key", new_secret_key)
    assert not first.path.exists()
    first.make()
    again = DataFolder(tmp_path / "data", is_ours=False)
    assert again.secret("secret_key", new_secret_key) == secret and not again.new_secrets


def full_disk() -> None:
    """No file may grow, as on a disk without room."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.process
def test_a_first_start_on_a_full_disk_leaves_nothing_half_made(tmp_path):
    data = tmp_path / "data"
    env = {**os.environ, "GIGAWATCH_DATA": str(data)}
    program = [sys.executable, "manage.py", "migrate"]
    first = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, preexec_fn=full_disk)
    assert (first.returncode, first.stderr.count("\n")) == (1, 1) and "File too large" in first.stderr
    assert list(data.iterdir()) == []
    second = manage("migrate", data=data)
    assert second.returncode == 0, second.stderr


def test_a_secret_that_an_older_start_left_empty_is_made_anew(tmp_path):
    (tmp_path / "secret_key").touch()
    folder = DataFolder(tmp_path, is_ours=True)
    secret = folder.secret("secret_key", new_secret_key)
    folder.make()
    assert (tmp_path / "secret_key").read_text() == f"{secret}\n"
