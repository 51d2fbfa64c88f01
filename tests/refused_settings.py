"""What is said of settings that are refused, without a process for each: `manage.py` prints the same words
and ends (`tests/test_serve.py`)."""

import os
import runpy
from pathlib import Path
from unittest import mock

from django.core.exceptions import ImproperlyConfigured

from tests.environment import SETTINGS
from tests.served import ROOT


def settings_of(data: Path, **env: str) -> dict:
    """All settings, by name. Raises ImproperlyConfigured."""
    others = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    with mock.patch.dict(os.environ, {**others, "GIGAWATCH_DATA": str(data), **env}, clear=True):
        return runpy.run_path(str(ROOT / "dashboard" / "settings.py"))


def refusal(data: Path, **env: str) -> str:
    """Why these settings are refused; "" when they are not."""
    try:
        settings_of(data, **env)
    except ImproperlyConfigured as error:
        return str(error)
    return ""
