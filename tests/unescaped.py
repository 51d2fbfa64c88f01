"""The settings with the first fence taken down: templates escape nothing. For the proof that the second one,
the content policy, holds by itself."""

from copy import deepcopy

from dashboard.settings import *  # noqa: F403
from dashboard.settings import TEMPLATES

TEMPLATES = deepcopy(TEMPLATES)
TEMPLATES[0]["OPTIONS"]["autoescape"] = False
