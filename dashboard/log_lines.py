"""What may stand in a line of the log. Servers and frameworks print the addresses they are asked for, and an
address may hold a token: an invitation, a sign-in link, a new password, a desktop, a provider's answer."""

import logging
import re

OURS = ("dashboard", "people", "runs", "simulator")
MADE_BY_CHANCE = r"(?=[A-Za-z_-]*\d)[\w-]{20,}"
IN_TRACEBACKS = re.compile(MADE_BY_CHANCE)
# A long part of an address, its query, and whatever else looks made by chance.
IN_WORDS = re.compile(r"""(?<=/)[^/\s?"']{20,}|(?<=[^\s?]\?)[^\s"']+|""" + MADE_BY_CHANCE)


class LogLine(logging.LogRecord):
    """A line as Python makes it; those that others wrote tell no token. Ours name rows, never addresses."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.is_ours:
            return
        # A formatter may put the arguments together by itself, as uvicorn's does.
        if isinstance(self.args, tuple):
            self.args = tuple(
                IN_WORDS.sub("…", said) if isinstance(said, str) else said for said in self.args
            )
        if self.exc_info and self.exc_info[0]:
            self.exc_text = IN_TRACEBACKS.sub("…", logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:
        said = super().getMessage()
        return said if self.is_ours else IN_WORDS.sub("…", said)

    @property
    def is_ours(self) -> bool:
        # A line that is put together piece by piece has no name at first.
        return (self.name or "").split(".")[0] in OURS
