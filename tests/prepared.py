"""A data folder as `manage.py prepare` leaves it, for tests that are not about a first start. It is made once
for all of them, on whichever worker they run, and copied."""

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
    prepared = prepared_folder()
    if not data.exists():
        shutil.copytree(prepared, data, ignore=shutil.ignore_patterns("static"))
    return Served(data, STATIC_ROOT=str(prepared / "static"), **env)


@functools.cache
def prepared_folder() -> Path:
    shared = Path(os.environ["GIGAWATCH_DATA"])
    folder, unfinished = shared / "prepared", shared / "preparing"
    with (shared / "preparing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            env = Served(unfinished, GIGA_API_KEY=KEY, GIGA_API_URL="http://127.0.0.1:1").env
            subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, env=env, check=True)
            unfinished.rename(folder)
    return folder
