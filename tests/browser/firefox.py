"""A Firefox without windows and the one page that is open in it, driven by WebDriver BiDi, which it speaks by
itself: https://w3c.github.io/webdriver-bidi/."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from websockets.sync.client import connect

from tests.served import STARTS_WITHIN_S, eventually

# By the names of keys as WebDriver writes them: https://w3c.github.io/webdriver/#keyboard-actions.
KEYS = {"Control": "\ue009", "Enter": "\ue007", "Escape": "\ue00c"}
PREFERENCES = 'user_pref("ui.prefersReducedMotion", 1);\n'
MIDDLE = """(selector) => {
    const one = document.querySelector(selector);
    one.scrollIntoView({block: 'center', behavior: 'instant'});
    const box = one.getBoundingClientRect();
    return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)];
}"""


def find_firefox() -> str | None:
    """The path of one on this machine: `FIREFOX`, else by its names."""
    names = filter(None, [os.environ.get("FIREFOX"), "firefox-esr", "firefox"])
    return next(filter(None, map(shutil.which, names)), None)


class Refused(Exception):
    """Firefox did not do what it was told: the page is on its way to another one, or nothing is there."""


class Firefox:
    """`problems` are errors in the console and violations of the content policy, of all pages and frames so
    far."""

    def __init__(self, program: str, profile: Path):
        profile.mkdir()
        (profile / "user.js").write_text(PREFERENCES)
        command = [program, "--headless", "--no-remote", "--profile", str(profile)]
        with (profile.parent / "firefox.log").open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--remote-debugging-port", "0", "about:blank"], stdout=log, stderr=log
            )
        self.problems: list[str] = []
        self.told = 0
        address = eventually(lambda: self._address(profile), within_s=STARTS_WITHIN_S)
        self.socket = connect(address, max_size=None, open_timeout=STARTS_WITHIN_S)
        self._tell("session.new", capabilities={})
        self._tell("session.subscribe", events=["log.entryAdded"])
        self.page = self._tell("browsingContext.getTree")["contexts"][0]["context"]
        self._tell("browsingContext.setViewport", context=self.page, viewport={"width": 1440, "height": 900})

    @staticmethod
    def _address(profile: Path) -> str | None:
        """Where it listens, once it does."""
        try:
            said = json.loads((profile / "WebDriverBiDiServer.json").read_text())
        except (OSError, ValueError):
            return None
        return f"ws://{said['ws_host']}:{said['ws_port']}/session"

    def _tell(self, method: str, **params) -> dict:
        """What it answers; what it says meanwhile is kept where it is a problem."""
        self.told += 1
        self.socket.send(json.dumps({"id": self.told, "method": method, "params": params}))
        while True:
            said = json.loads(self.socket.recv())
            if said["type"] == "event":
                self._hear(said["params"])
            elif said["type"] == "error":
                raise Refused(f"{method}: {said['error']}: {said['message']}")
            else:
                return said["result"]

    def _hear(self, entry: dict) -> None:
        # noVNC writes down that its page is left.
        if entry["level"] == "error" and not entry["text"].startswith("Failed when connecting"):
            self.problems.append(entry["text"])

    def open(self, address: str) -> None:
        self._tell("browsingContext.navigate", context=self.page, url=address, wait="complete")

    def evaluate(self, function: str, *arguments, frame: str = ""):
        """What this function returns in the page, or in a frame of it."""
        said = self._tell(
            "script.evaluate",
            expression=f"Promise.resolve(({function})(...{json.dumps(arguments)})).then(JSON.stringify)",
            target={"context": frame or self.page},
            awaitPromise=True,
        )
        if said["type"] == "exception":
            raise Refused(said["exceptionDetails"]["text"])
        value = said["result"].get("value")
        return None if value is None else json.loads(value)

    def until(self, function: str, *arguments, in_a_frame: bool = False):
        """Waits until it returns something true in the page, or in any frame of it."""

        def look():
            try:
                targets = self._frames() if in_a_frame else [self.page]
                return any(self.evaluate(function, *arguments, frame=target) for target in targets)
            except Refused:
                return False

        eventually(look)

    def _frames(self) -> list[str]:
        pages = self._tell("browsingContext.getTree", root=self.page)["contexts"]
        frames = []
        while pages:
            inner = pages.pop()["children"]
            frames += [frame["context"] for frame in inner]
            pages += inner
        return frames

    def until_path(self, pattern: str) -> None:
        """Until it is on such a page, and what was loaded has begun."""
        eventually(lambda: re.fullmatch(pattern, self._path() or ""))

    def _path(self) -> str | None:
        try:
            return self.evaluate("() => document.readyState === 'complete' && location.pathname")
        except Refused:
            return None

    def click(self, selector: str) -> None:
        x, y = self.evaluate(MIDDLE, selector)
        moves = [{"type": "pointerMove", "x": x, "y": y}]
        presses = [{"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")]
        self._act(type="pointer", id="mouse", actions=moves + presses)

    def press(self, *names: str) -> None:
        """These keys at once."""
        keys = [KEYS.get(name, name) for name in names]
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._act(type="key", id="keyboard", actions=down + up)

    def write(self, selector: str, text: str) -> None:
        """Into this field."""
        self.click(selector)
        strokes = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act(type="key", id="keyboard", actions=strokes)

    def _act(self, **source) -> None:
        self._tell("input.performActions", context=self.page, actions=[source])

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait()
