"""The client on a bad network: every call ends in time, and says rightly whether Giga may have heard it."""

import datetime
import errno
import ipaddress
import itertools
import socket
import ssl
import threading
import time

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runs import giga as client
from runs import http
from runs.giga import Access, GigaError, Outcome
from tests.factories import KEY
from tests.faults.raw import http as answer_of

pytestmark = pytest.mark.long

RUN = b'{"id": "run_1", "status": "RUNNING", "isCompleted": false, "isErrored": false, "metadata": {}}'
CONFIGURATION = {
    "user_prompt": "do",
    "goal_prompt": "done",
    "system_prompt": "",
    "sandbox_template": "giga-standard",
    "duration_hours": 1,
    "deployment_id": "",
}


# A deadline a test can wait for, and whatever was sent has arrived by then: also on a machine that takes its
# time, which is why those that wait for it do so side by side.
IMPATIENT_S = 1.5


def read_run(url: str):
    return client.get_run(Access(url, KEY), thread_id="t1", run_id="run_1")


def failed(url: str, call=read_run, *, within_s: float = 35) -> GigaError:
    """The error a call ends with, when it may take so long."""
    return failed_side_by_side({url: call}, within_s=within_s)[url]


def failed_side_by_side(calls: dict, *, within_s: float) -> dict[str, GigaError]:
    """The errors these calls end with, by address. Each must end by itself: two minutes are no measure but a
    net."""
    caught = {}

    def in_thread(url, call):
        try:
            call(url)
        except GigaError as error:
            caught[url] = error

    with pytest.MonkeyPatch.context() as patience:
        patience.setattr(client, "READ_S", within_s)
        patience.setattr(client, "START_RUN_S", within_s)
        threads = [threading.Thread(target=in_thread, args=each, daemon=True) for each in calls.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert not any(thread.is_alive() for thread in threads), "a call does not end"
    assert caught.keys() == calls.keys(), "a call did not fail"
    return caught


def session_on(network) -> str:
    return client.create_session(Access(network.url, KEY), **CONFIGURATION).thread_id


def start_on(network, thread_id: str):
    return client.start_run(Access(network.url, KEY), thread_id=thread_id, message="Go")


# Slow


def test_answers_in_slices_of_a_byte_are_understood(giga, network):
    thread_id = session_on(network)
    network.does(slice_bytes=1)
    assert start_on(network, thread_id).run_id == giga.runs[0]["run_id"]


def test_answers_that_come_a_little_late_are_understood(network):
    network.does(latency_s=0.05)
    assert session_on(network)


DRIPS = {
    "in the headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "in a body of known length": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
    "in a body that ends with the connection": b"HTTP/1.1 200 OK\r\n\r\n",
    "in a body after which the connection closes": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5000\r\n\r\n"
    ),
    "in HTTP/1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n",
    "in the size of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n",
}


def dripping(raw, head: bytes, **options) -> str:
    """The address of a server that begins so and then drips."""

    def drip(_):
        yield head
        while True:
            yield b"0" + server.wait(0.05)

    server = raw(drip, **options)
    return server.url


def continuing(raw) -> str:
    """The address of a server that says every millisecond that it will answer."""

    def go_on(_):
        while True:
            yield b"HTTP/1.1 100 Continue\r\n\r\n" + server.wait(0.001)

    server = raw(go_on)
    return server.url


def test_a_server_that_drips_does_not_hold_a_call(raw, certified):
    servers = {dripping(raw, head): words for words, head in DRIPS.items()}
    servers[dripping(raw, DRIPS["in a body of known length"], tls=certified())] = "over TLS"
    servers[continuing(raw)] = "in answers that announce another"
    errors = failed_side_by_side(dict.fromkeys(servers, read_run), within_s=IMPATIENT_S)
    wrong = {
        servers[url]: error
        for url, error in errors.items()
        if error.outcome != Outcome.UNCLEAR or f"within {IMPATIENT_S} s" not in error.message
    }
    assert wrong == {}


def test_a_server_that_never_ends_is_cut_at_a_megabyte(raw):
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = raw(lambda _: itertools.chain([head], itertools.repeat(chunk)))
    assert failed(server.url).outcome == Outcome.UNCLEAR


def test_a_line_that_is_slow_or_silent_or_deaf_does_not_hold_a_start_and_it_is_sent_once(giga, networks):
    """Which of them the start got through is Giga's alone to know."""
    slow, silent, deaf = networks(3)
    threads = {network.url: session_on(network) for network in (slow, silent, deaf)}
    slow.does(bytes_per_s=100, slice_bytes=20)
    silent.does(is_silent=True)
    deaf.does(is_deaf=True)

    def start(url: str):
        return client.start_run(Access(url, KEY), thread_id=threads[url], message="Go")

    errors = failed_side_by_side(dict.fromkeys(threads, start), within_s=IMPATIENT_S)
    assert {error.outcome for error in errors.values()} == {Outcome.UNCLEAR}
    assert f"within {IMPATIENT_S} s" in errors[slow.url].message
    assert {run["thread_id"] for run in giga.runs} == {threads[slow.url], threads[deaf.url]}
    assert giga.asked("POST", "/runs") == 2


# Cut


@pytest.mark.parametrize("is_reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("limit", [0, 1, 15, 60, 200])
def test_an_answer_cut_anywhere_is_unclear_and_nothing_is_sent_again(giga, network, limit, is_reset):
    thread_id = session_on(network)
    network.drop()
    network.does(limit=limit, is_reset=is_reset)
    assert failed(network.url, lambda url: start_on(network, thread_id)).outcome == Outcome.UNCLEAR
    assert len(giga.runs) == 1
    assert giga.asked("POST", "/runs") == 1


@pytest.mark.parametrize("is_reset", [False, True], ids=["FIN", "RST"])
def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(giga, network, is_reset):
    thread_id = session_on(network)
    network.drop(is_reset=is_reset)
    assert start_on(network, thread_id).run_id == giga.runs[0]["run_id"]


def test_a_kept_connection_that_went_deaf_is_given_up_and_the_next_call_takes_a_new_one(network, monkeypatch):
    thread_id = session_on(network)
    network.does(is_deaf=True)
    with pytest.raises(GigaError) as caught, monkeypatch.context() as impatient:
        impatient.setattr(client, "READ_S", IMPATIENT_S)
        client.get_thread(Access(network.url, KEY), thread_id=thread_id)
    assert caught.value.outcome == Outcome.UNCLEAR
    network.works()
    assert client.get_thread(Access(network.url, KEY), thread_id=thread_id).is_recognised
    assert network.accepted == 2


# Never there


def test_a_refused_connection_means_nothing_was_sent(giga, network):
    thread_id = session_on(network)
    network.down()
    assert failed(network.url, lambda url: start_on(network, thread_id)).outcome == Outcome.NOT_SENT
    assert giga.runs == []


def test_a_name_that_resolves_after_the_deadline_sends_nothing_any_more(raw, monkeypatch):
    server = raw(lambda _: [answer_of(RUN)])
    resolve = socket.getaddrinfo

    def slowly(*args, **kwargs):
        time.sleep(0.2)
        return resolve(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    assert failed(server.url, within_s=0.1).outcome == Outcome.NOT_SENT
    assert server.requests == []


def test_without_a_free_thread_nothing_is_sent(raw, monkeypatch):
    def no_thread(self):
        raise RuntimeError("can't start new thread")

    server = raw(lambda _: [answer_of(RUN)])
    monkeypatch.setattr(http, "_clock", http._Clock())  # as in a new process
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(GigaError) as caught:
        read_run(server.url)
    assert caught.value.outcome == Outcome.NOT_SENT
    assert server.requests == []


def test_without_a_free_file_descriptor_nothing_is_sent(raw, monkeypatch):
    def no_socket(*args, **kwargs):
        raise OSError(errno.EMFILE, "Too many open files")

    server = raw(lambda _: [answer_of(RUN)])
    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(GigaError) as caught:
        read_run(server.url)
    assert caught.value.outcome == Outcome.NOT_SENT
    assert server.requests == []


# TLS


@pytest.fixture
def certified(tmp_path, monkeypatch):
    """A server's TLS with a certificate for this name and so many days; trusted only when asked for."""

    def make(*, name="127.0.0.1", days=1, is_trusted=True) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Giga")])
        now = datetime.datetime.now(datetime.UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))])
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), serial_number=1)
            .not_valid_before(now - datetime.timedelta(days=10))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(names, critical=False)
            .sign(key, hashes.SHA256())
        )
        public = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (tmp_path / "own.pem").write_bytes(private + public)
        if is_trusted:
            (tmp_path / "trusted.pem").write_bytes(public)
            monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "trusted.pem"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "own.pem")
        return context

    return make


def test_over_tls_with_a_good_certificate_all_is_well(raw, certified):
    server = raw(lambda _: [answer_of(RUN)], tls=certified())
    assert read_run(server.url).word == "RUNNING"


@pytest.mark.parametrize(
    "flaw",
    [{"is_trusted": False}, {"days": -1}, {"name": "127.0.0.2"}],
    ids=["nobody vouches for it", "expired", "of another host"],
)
def test_a_bad_certificate_is_refused_and_nothing_is_sent(raw, certified, flaw):
    server = raw(lambda _: [answer_of(RUN)], tls=certified(**flaw))
    error = failed(server.url)
    assert error.outcome == Outcome.NOT_SENT
    assert error.message == "Giga cannot be reached: its certificate is not accepted"
    assert server.requests == []


def test_a_server_that_speaks_no_tls_gets_nothing_in_clear(raw, monkeypatch):
    monkeypatch.setattr(http, "CONNECT_S", 0.3)
    server = raw(lambda _: [answer_of(RUN)])
    assert failed(server.url.replace("http:", "https:")).outcome == Outcome.NOT_SENT
    assert server.requests == []


def test_a_handshake_that_never_comes_means_nothing_was_sent(network, monkeypatch):
    monkeypatch.setattr(http, "CONNECT_S", 0.3)
    network.does(is_silent=True)
    assert failed(network.url.replace("http:", "https:")).outcome == Outcome.NOT_SENT
