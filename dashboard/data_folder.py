"""The data folder, for its owner only, and the two secrets an instance makes for itself on its first start.
No settings here, no models."""

import fcntl
import os
import secrets
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# By any of these a folder is known as one of ours.
OURS = {"secret_key", "encryption_keys", "gigawatch.sqlite3", "serve.lock", "static"}
FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class DataFolder:
    """The folder of an instance and the secrets in it. `is_ours`: nobody named it, so it is a folder of ours
    whatever lies in it. Nothing is written before `make`: commands that only read leave no folder behind."""

    def __init__(self, path: Path, *, is_ours: bool):
        self.path, self.is_ours = path, is_ours
        self.new_secrets: dict[str, str] = {}

    def secret(self, name: str, new) -> str:
        """The secret that is kept under this name; for an instance that has none, what `new()` returns, and
        what `make` keeps. Raises ImproperlyConfigured."""
        with self.said_in_a_line():
            if text := read_secret(self.path / name):
                return text
        return self.new_secrets.setdefault(name, new())

    def make(self) -> None:
        """Make and close it, and keep the secrets that are new. Raises ImproperlyConfigured."""
        with self.said_in_a_line():
            make_data_folder(self.path, is_ours=self.is_ours)
            for name, text in list(self.new_secrets.items()):
                keep_secret(self.path / name, text)
                del self.new_secrets[name]

    def held(self):
        """A context: for one start at a time."""
        return _held(self.path)

    @contextmanager
    def said_in_a_line(self):
        """What the system says of a file in it, as ImproperlyConfigured."""
        try:
            yield
        except FileExistsError:
            raise ImproperlyConfigured(f"another start makes {self.path} in this moment: try again") from None
        except OSError as error:
            raise ImproperlyConfigured(
                f"the data folder {self.path} cannot be used: {error.strerror or error} (set GIGAWATCH_DATA)"
            ) from None


def make_data_folder(path: Path, *, is_ours: bool = False) -> Path:
    """The data folder, readable by its owner only, as are the files in it. `is_ours`: nobody named it, so it
    is a folder of ours whatever lies in it. Raises OSError if it cannot be made or written, or stays open to
    others."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & FOR_OTHERS:
        _close(path, is_ours=is_ours)
    probe = path / f".writable-{os.getpid()}"
    probe.touch(mode=0o600)
    probe.unlink()
    for file in path.iterdir():
        with suppress(OSError):  # somebody else's, or gone meanwhile; the folder keeps others out
            if stat.S_ISREG(mode := file.lstat().st_mode) and mode & FOR_OTHERS:
                file.chmod(0o600)
    return path


def _close(path: Path, *, is_ours: bool) -> None:
    """Keep others out of a folder of ours, or of an empty one. Raises OSError: who names /tmp by mistake does
    not want that of it."""
    names = {name for name in os.listdir(path) if not name.startswith(".")}
    if is_ours or not names or names & OURS:
        with suppress(OSError):  # somebody else's
            path.chmod(0o700)
    if (mode := stat.S_IMODE(path.stat().st_mode)) & FOR_OTHERS:
        raise OSError(f"others may look into it ({mode:o}); make it 700, or name a new folder in it")


def read_secret(path: Path) -> str:
    """The text in `path`; "" where there is none yet. Raises OSError."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise OSError(f"{path.name} holds no text") from None


def keep_secret(path: Path, text: str) -> None:
    """Write `text`, for its owner only: whole or, where the disk is full, not at all. Raises FileExistsError
    where another start was quicker, OSError where it cannot be written."""
    number, unfinished = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(number, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(number)
        with _held(path.parent):
            if read_secret(path):
                raise FileExistsError(path)
            os.replace(unfinished, path)  # an older start may have left it empty on a full disk
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)


@contextmanager
def _held(folder: Path):
    """The folder, for one start at a time: what is looked at in it stays so until the end."""
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def new_secret_key() -> str:
    return secrets.token_urlsafe(64)
