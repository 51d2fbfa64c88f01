"""The data folder and what is in it are for the owner only, and its secrets are made once and whole."""

import os
import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dashboard.secret_files import make_data_folder, new_secret_key, read_or_make
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
def test_whatever_command_is_first_makes_the_database_for_its_owner_only(folder):
    ended = manage("showmigrations", "people", data=folder)
    assert ended.returncode == 0, ended.stderr
    modes = {path.name: mode_of(path) for path in folder.iterdir() if path.is_file()}
    assert set(modes.values()) == {"600"} and "gigawatch.sqlite3" in modes
    assert mode_of(folder) == "700"


@pytest.mark.process
def test_a_folder_open_to_others_is_refused_in_one_line(folder):
    (folder / "somebody-else").touch()
    ended = manage("check", data=folder)
    assert ended.returncode == 1 and ended.stderr.count("\n") == 1
    assert f"the data folder {folder} cannot be used: others may look into it (755)" in ended.stderr


def test_a_secret_is_made_once_however_many_start(tmp_path):
    path = tmp_path / "secret_key"
    with ThreadPoolExecutor(8) as pool:
        texts = set(pool.map(lambda _: read_or_make(path, new_secret_key), range(24)))
    assert len(texts) == 1 and path.read_text() == f"{texts.pop()}\n" and mode_of(path) == "600"


def full_disk() -> None:
    """No file may grow, as on a disk without room."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.process
def test_a_secret_that_found_no_room_is_made_by_the_next_start(tmp_path):
    make = "import sys; from pathlib import Path; from dashboard.secret_files import *; "
    make += "read_or_make(Path(sys.argv[1]), new_secret_key)"
    path = tmp_path / "secret_key"
    program = [sys.executable, "-c", make, str(path)]
    first = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, preexec_fn=full_disk)
    assert "File too large" in first.stderr and path.read_text() == ""
    assert len(read_or_make(path, new_secret_key)) > 50
