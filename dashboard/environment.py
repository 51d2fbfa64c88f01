"""Where settings come from: the environment, then the file that ENV_FILE names, and secrets from files of
their own. No settings here."""

import io
import logging
import os
import stat
from typing import Any

from dotenv import dotenv_values
from environs import EnvError, FileAwareEnv

from dashboard.data_folder import FOR_OTHERS

logger = logging.getLogger(__name__)


class Environment(FileAwareEnv):
    """With `_FILE` behind its name a setting names a file that holds the value, as container engines hand out
    secrets. What is set to nothing is not set."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        name_of_file = f"{env_key}_FILE"
        if os.environ.get(env_key) and os.environ.get(name_of_file):
            raise EnvError(f"{env_key} and {name_of_file} are both set: take one of them away")
        try:
            return super()._get_value(env_key, default) or default
        except UnicodeDecodeError:
            raise EnvError(f"the file in {name_of_file} holds no text") from None


def read_environment() -> Environment:
    """The environment, and where it says nothing what the file in ENV_FILE says. Raises EnvError when that
    cannot be read."""
    if path := os.environ.get("ENV_FILE"):
        try:
            with open(path, encoding="utf-8") as file:
                mode, text = stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.read()
        except OSError as error:
            raise EnvError(f"{path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise EnvError(f"{path} cannot be read: it holds no text") from None
        if mode & FOR_OTHERS:
            logger.warning("%s holds secrets and others may read it (%o): chmod 600 %s", path, mode, path)
        for name, value in dotenv_values(stream=io.StringIO(text)).items():
            os.environ.setdefault(name, value or "")
    return Environment(strip_whitespace=True)
