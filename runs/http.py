"""One HTTP request that surely ends: a deadline for the whole call, a size limit, no redirects, no retries.
The only module that opens connections to Giga. Knows nothing of Giga's answers."""

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import requests
import urllib3
from requests.adapters import HTTPAdapter

CONNECT_S = 5
MAX_ANSWER_BYTES = 1_000_000


class NotSent(Exception):
    """No connection stood, so the request was not carried out; the text says why."""


class Broken(Exception):
    """The request may have been carried out, but no complete answer came back; the text says why."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def one_request(method: str, url: str, *, body: dict | None, headers: dict, within_s: float) -> Answer:
    """Send `body` as JSON and read the whole answer within `within_s` seconds. Raises NotSent or Broken."""
    try:
        with (
            _deadline(within_s) as deadline,
            _session().request(
                method,
                url,
                json=body,
                headers=headers,
                timeout=(CONNECT_S, within_s),
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            raw = _read(response)
            if deadline.has_passed:
                raise Broken(f"no complete answer within {within_s:g} s")
            return Answer(response.status_code, response.headers, raw)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if not deadline.has_connected:
            raise NotSent(_reason(error)) from None
        if deadline.has_passed:
            raise Broken(f"no complete answer within {within_s:g} s") from None
        raise Broken("the connection broke off") from None


def _read(response: requests.Response) -> bytes:
    """The body, at most MAX_ANSWER_BYTES of it after decompression."""
    parts, size = [], 0
    while part := response.raw.read(65536, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise Broken("it is larger than 1 MB")
    return b"".join(parts)


def _reason(error: BaseException) -> str:
    """Why no connection stood, in words; the libraries' own texts print addresses and object ids."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError) or "CERTIFICATE" in text:
        return "its certificate is not accepted"
    if "NameResolution" in text or "getaddrinfo" in text:
        return "its name is not known"
    if "refused" in text:
        return "connection refused"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {CONNECT_S} s"
    return "no connection"


# The timeouts of requests and urllib3 start anew with every byte: a server that drips holds a call for ever.
# So each connection says here when it is used, and `_clock` shuts its socket down when the time is up. A look
# up of a name cannot be cut: when it ends too late, nothing is sent any more.
_current = threading.local()


class _Deadline:
    def __init__(self, seconds: float):
        self.ends_at = time.monotonic() + seconds
        self.has_connected = False
        self.connection: urllib3.connection.HTTPConnection | None = None
        # Kept here too: a connection that will close after this answer lets go of its socket at once.
        self.sock: socket.socket | None = None

    @property
    def has_passed(self) -> bool:
        return time.monotonic() >= self.ends_at

    def cut(self) -> None:
        sock = self.sock or (self.connection and self.connection.sock)
        if sock:
            with suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_RDWR)


class _Clock:
    """Cuts what has run out of time: one thread for all calls, where a timer for each cost a third of it."""

    def __init__(self) -> None:
        self.running: set[_Deadline] = set()
        self.changed = threading.Condition()
        self.wakes_at = 0.0
        self.thread = threading.Thread()

    def add(self, deadline: _Deadline) -> None:
        """Raises RuntimeError when there is no thread to be had."""
        with self.changed:
            if not self.thread.is_alive():  # none yet, or this process is a fork
                self.wakes_at = 0.0
                self.thread = threading.Thread(target=self.run, name="deadlines", daemon=True)
                self.thread.start()
            self.running.add(deadline)
            if deadline.ends_at < self.wakes_at:
                self.changed.notify()

    def remove(self, deadline: _Deadline) -> None:
        with self.changed:
            self.running.discard(deadline)

    def run(self) -> None:
        while True:
            with self.changed:
                passed = [deadline for deadline in self.running if deadline.has_passed]
                self.running.difference_update(passed)
                self.wakes_at = min((deadline.ends_at for deadline in self.running), default=float("inf"))
                if not passed:
                    self.changed.wait(min(self.wakes_at - time.monotonic(), threading.TIMEOUT_MAX))
            for deadline in passed:
                deadline.cut()


_clock = _Clock()


@contextmanager
def _deadline(seconds: float):
    deadline = _current.deadline = _Deadline(seconds)
    try:
        _clock.add(deadline)
    except RuntimeError:
        raise NotSent("this machine has no free thread") from None
    try:
        yield deadline
    finally:
        _clock.remove(deadline)
        _current.deadline = None


class _Watched:
    """Tells the deadline of this thread's call which connection it is on, and that bytes are about to be
    sent."""

    def request(self, *args, **kwargs):
        deadline = getattr(_current, "deadline", None)
        if deadline is not None:
            deadline.connection = self
            if self.sock is None:
                self.connect()
            if deadline.has_passed:
                raise TimeoutError("connected too late")
            deadline.sock, deadline.has_connected = self.sock, True
        return super().request(*args, **kwargs)


class _HTTPConnection(_Watched, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Watched, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def _session() -> requests.Session:
    """This thread's session: connections are kept open, nothing is retried, the environment changes
    nothing."""
    session = getattr(_current, "session", None)
    if session is None:
        session = _current.session = requests.Session()
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(max_retries=urllib3.Retry(0, read=False), pool_maxsize=4))
    session.cookies.clear()
    return session
