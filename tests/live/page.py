"""A page without a browser: the rules of `live.js` and `list.js` for its live parts, and nothing else of it.

It takes messages when the test lets it, so that a fetch can be on its way while pushes arrive."""

import json
import re
from collections import deque

from django.conf import settings

from dashboard.asgi import application
from tests.asgi_socket import Socket

PARTIAL = re.compile(r'<hx-partial hx-target="#([\w-]+)" hx-swap="\w+">(.*?)</hx-partial>', re.S)
ROW = re.compile(r'<tr id="run-(\d+)".*?</tr>', re.S)


class Page:
    """`parts` is what it shows, by id. A page that was refused shows none, and `status` says how."""

    def __init__(self, client, address: str, layer):
        self.client, self.address, self.layer = client, address, layer
        self.socket, self.closed_sockets = None, []
        self.inbox: deque[dict] = deque()
        self.fetching = self.loading_more = None
        self.is_at_top = True
        self.load()

    def load(self):
        """As a browser loads an address: everything anew."""
        answer = self.client.get(self.address)
        self.status = answer.status_code
        self.parts, self.new_rows = {}, set()
        self.owed = self.paid = self.shown = 0
        self.fetching = self.loading_more = None
        self.inbox.clear()
        if self.status == 200:
            live = answer.content.decode().split('<div id="live"')[1].split(">")[0]
            data = dict(re.findall(r'([\w-]+)="([^"]*)"', live.replace("hx-ws:connect", "connect")))
            self.socket_path, self.data_page = data["connect"].replace("&amp;", "&"), data["data-page"]
            self.data_page = self.data_page.replace("&amp;", "&")
            self.shown, self.standing = int(data["data-event"]), data["data-standing"]
            self.parts = parts_of(self.client.get(self.address, headers={"X-Live-Parts": "1"}))

    @property
    def is_behind(self) -> bool:
        return self.owed > self.paid

    @property
    def rows(self) -> list[int]:
        return [int(pk) for pk in ROW.findall(self.parts.get("list", ""))]

    @property
    def has_more(self) -> bool:
        return 'id="more-rows"' in self.parts.get("list", "")

    @property
    def newest_event_shown(self) -> int:
        """Of a run's history; 0 on a list."""
        return max(map(int, re.findall(r'id="event-(\d+)"', self.parts.get("run-activity", ""))), default=0)

    # The socket

    async def connect(self):
        headers = [(b"origin", settings.SITE_ORIGINS[0].encode())]
        if cookie := self.client.cookies.get(settings.SESSION_COOKIE_NAME):
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie.value}".encode()))
        self.socket = Socket(application, self.socket_path, headers)
        assert await self.socket.connect()
        # It is greeted, or closed for a reason.
        self.take_in(await self.socket.receive_output())

    async def cut(self):
        """The connection is gone for both sides."""
        if self.socket:
            self.inbox.clear()
            await self.socket.disconnect()
            self.socket = None
            self.owed += 1

    def receive(self):
        """What has arrived by now."""
        while self.socket and not self.socket.output_queue.empty():
            self.take_in(self.socket.output_queue.get_nowait())

    def take_in(self, message: dict):
        if message["type"] == "websocket.close":
            # Kept: its consumer lives as long as it does, and has to say good-bye.
            self.closed_sockets.append(self.socket)
            self.socket.input_queue.put_nowait({"type": "websocket.disconnect", "code": message["code"]})
            self.inbox.append({"type": "closed", "code": message["code"]})
        else:
            self.inbox.append(json.loads(message["text"]))

    def hear(self):
        """Takes its messages in turn. Contents wait while a fetch is on its way."""
        while self.inbox and self.status == 200:
            message = self.inbox[0]
            if message["type"] == "closed":
                return self.closed(message["code"])
            if message["type"] == "hello" and message["standing"] != self.standing:
                return self.leave()
            if message["type"] != "run.changed" and not message.setdefault("is_noted", False):
                message["is_noted"] = True
                if message["event"] > self.shown:
                    self.owed += 1
                if self.is_behind:
                    self.start_fetch()
            if "content" in message and self.fetching:
                return None
            self.inbox.popleft()
            if "content" in message and message["event"] >= self.shown:
                self.apply(self.in_its_place(message))
            if message["type"] == "run.changed":
                self.shown = max(self.shown, message["event"])
            if self.is_behind:
                self.start_fetch()
        return None

    def closed(self, code: int):
        self.inbox.clear()
        self.socket = None
        self.owed += 1
        if code == 4403:
            self.leave()
        elif code in (4401, 4404):
            self.start_fetch()

    def leave(self):
        self.inbox.clear()
        self.load()

    # The fetch

    def start_fetch(self):
        """The server answers now; `finish_fetch` puts the answer in place."""
        if self.fetching or self.status != 200:
            return
        end = self.rows[-1] if self.rows else None
        headers = {"X-Live-Parts": "1"} | ({"X-Down-To": str(end)} if end else {})
        self.fetching = (self.owed, end, self.client.get(self.data_page, headers=headers))

    def finish_fetch(self):
        if not self.fetching:
            return
        owed, end, answer = self.fetching
        self.fetching = None
        if answer.status_code != 200 or answer.headers["X-Standing"] != self.standing:
            self.leave()
            return
        if end == (self.rows[-1] if self.rows else None):
            self.new_rows = set()
            self.apply(self.holding_back(answer.content.decode()))
            self.shown, self.paid = int(answer.headers["X-Newest-Event"]), owed
        if self.is_behind:
            self.start_fetch()

    def load_more(self):
        """ "Load more": the server answers now, and `finish_loading` puts the rows in place."""
        if self.has_more and not self.loading_more:
            more = re.search(r'hx-get="([^"]+)"', self.parts["list"])[1].replace("&amp;", "&")
            self.loading_more = self.client.get(
                self.address.split("?")[0] + more, headers={"HX-Request": "true"}
            )

    def finish_loading(self):
        answer, self.loading_more = self.loading_more, None
        if not answer or answer.status_code != 200 or not self.has_more:
            return
        more = parts_of(answer)
        button = re.compile(r'<div class="more".*?</div>', re.S)
        listed = button.sub(lambda _: more["more-rows"], self.parts["list"])
        self.parts["list"] = plain(listed.replace("</tbody>", f"{more['rows']}</tbody>"))
        if int(answer.headers["X-Newest-Event"]) < self.shown:
            self.owed += 1
            self.start_fetch()

    # The places

    def apply(self, content: str):
        for target, html in PARTIAL.findall(content):
            if not target.startswith("run-") or not target[4:].isdecimal():
                self.parts[target] = plain(html)
            elif "list" in self.parts:
                row = re.compile(rf'<tr id="{target}".*?</tr>', re.S)
                self.parts["list"] = row.sub(lambda _, html=html: plain(html), self.parts["list"])

    def holding_back(self, content: str) -> str:
        if self.is_at_top or not self.rows:
            return content
        top = self.rows[0]
        self.new_rows = {int(pk) for pk in ROW.findall(content) if int(pk) > top}
        return ROW.sub(lambda row: "" if int(row[1]) > top else row[0], content)

    def in_its_place(self, message: dict) -> str:
        content = message["content"]
        if "list" not in self.parts or "run" not in message:
            return content
        run, rows = message["run"], self.rows
        if run in rows:
            if not message["matches"]:  # nobody's pointer is on it
                row = re.compile(rf'<tr id="run-{run}".*?</tr>', re.S)
                self.parts["list"] = row.sub("", self.parts["list"])
                if not self.rows:
                    self.owed += 1
            return content
        is_newest = bool(rows) and run > rows[0]
        if not message["matches"]:
            self.new_rows.discard(run)
        elif is_newest and not self.is_at_top:
            self.new_rows.add(run)
        elif is_newest:
            top = f'<tr id="run-{rows[0]}"'
            self.parts["list"] = self.parts["list"].replace(top, f'<tr id="run-{run}"></tr>{top}')
        elif not (rows and run < rows[-1] and self.has_more):
            self.owed += 1
        return content


def parts_of(answer) -> dict[str, str]:
    """The live parts in an answer, by id."""
    return {target: plain(html) for target, html in PARTIAL.findall(answer.content.decode())}


def plain(html: str) -> str:
    """Without what no reader sees: how much space is between two things."""
    return " ".join(html.split()).replace("> <", "><")
