"""A data folder with tables and static files, for tests that are not about a first start. It is made once for
all of them, on whichever worker they run, and copied."""

import fcntl
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.served import KEY, ROOT, Served


def prepared_serve(data: Path, **env: str) -> Served:
    """A `serve` that finds this folder prepared."""
    if not data.exists():
        copy_prepared(data)
    return Served(data, STATIC_ROOT=str(static_files()), **env)


def copy_prepared(data: Path) -> Path:
    """All but the static files, which are the same for everybody."""
    return Path(shutil.copytree(prepared_folder(), data, ignore=shutil.ignore_patterns("static")))


def static_files() -> Path:
    return prepared_folder() / "static"


@functools.cache
def prepared_folder() -> Path:
    shared = Path(os.environ["GIGAWATCH_DATA"])
    folder, unfinished = shared / "prepared", shared / "preparing"
    with (shared / "preparing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            env = Served(unfinished, GIGA_API_KEY=KEY).env
            for command in ("migrate", "collect"):
                program = [sys.executable, "manage.py", command]
                subprocess.run(program, cwd=ROOT, env=env, check=True, capture_output=True)
            unfinished.rename(folder)
    return folder
