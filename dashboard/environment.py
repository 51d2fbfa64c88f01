"""Where settings come from: the environment, then the file that ENV_FILE names, and secrets from files of
their own. No settings here."""

import io
import logging
import os
import stat
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from environs import Env, EnvError

from dashboard.data_folder import FOR_OTHERS

logger = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent.parent


class Environment(Env):
    """With `_FILE` behind its name a setting names a file that holds the value, as container engines hand out
    secrets. What is set to nothing is not set; a file with nothing in it is a secret that did not arrive."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        name_of_file = f"{env_key}_FILE"
        path = os.environ.get(name_of_file)
        if not path:
            return super()._get_value(env_key, default) or default
        if os.environ.get(env_key):
            raise EnvError(f"{env_key} and {name_of_file} are both set: take one of them away")
        try:
            value = (HERE / path).read_text(encoding="utf-8-sig").strip()
        except OSError as error:
            raise EnvError(f"the file in {name_of_file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise EnvError(f"the file in {name_of_file} holds no text") from None
        if not value:
            raise EnvError(f"the file in {name_of_file} is empty")
        return value


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
        if fault := fault_in(text):
            raise EnvError(f"{path} cannot be read: {fault}")
        if mode & FOR_OTHERS:
            logger.warning("%s holds secrets and others may read it (%o): chmod 600 %s", path, mode, path)
        for name, value in dotenv_values(stream=io.StringIO(text)).items():
            os.environ.setdefault(name, value or "")
    return Environment()


def fault_in(text: str) -> str:
    """Why this is no list of settings; "" when it is. A line that was left out would be a setting that was
    meant, and a start without it may be one as a demo."""
    if "\0" in text:
        return "it holds no text"
    lines = [found.original.line for found in parse_stream(io.StringIO(text)) if found.error]
    return f"line {lines[0]} is not NAME=value" if lines else ""
