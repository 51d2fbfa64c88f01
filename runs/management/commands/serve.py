"""Everything in one process: web, sockets, tasks and watcher; in demo mode the simulated Giga too."""

import os
import signal
import socket
import threading
import time
from contextlib import suppress

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from people import later, network
from runs import instance
from runs.accounts import is_demo_key
from runs.desktop import is_loopback
from runs.management.commands.prepare import connect_giga, prepare, say_sign_in_links
from runs.management.waiting_page import waiting_page
from runs.models import GigaAccount, Run
from simulator.app import Config
from simulator.server import start_in_thread

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- to recognise it, not to listen there
PORTS_TRIED = 20
WAITING_PAGE = "runs.management.waiting_page:application"
STOP_WITHIN_S = 3


class Command(BaseCommand):
    help = "Runs the whole of Gigawatch in one process."
    requires_system_checks = []

    def handle(self, *args, **options):
        if settings.CELERY_BROKER_URL:
            raise CommandError(
                "CELERY_BROKER_URL is set: start `prepare` once, then any number of `web` and `work`"
            )
        if not instance.hold_folder():
            raise CommandError(
                f"another serve is running on {settings.DATA}; set GIGAWATCH_DATA for a second one"
            )
        listening = bind(settings.HOST, settings.PORT)
        stop_as_by_ctrl_c()
        simulator = None
        try:
            with waiting_page(listening, server_config(WAITING_PAGE, lifespan="off")):
                simulator = self.prepare()
            self.greet(simulator)
            serve(listening)
        except KeyboardInterrupt:  # while it was prepared: what was begun, the next start goes on with
            pass
        finally:
            if simulator:
                simulator.stop()
        self.stdout.write("Stopped.")
        self.stdout.flush()
        leave()

    def prepare(self):
        """Everything that is there before the first page, and the simulated Giga of a demo, or None."""
        workspace = prepare(self.stdout)
        simulator = start_demo() if settings.IS_DEMO else None
        if not simulator:
            connect_giga(workspace)
        if not settings.DATABASE_URL:
            free_dead_claims()
        return simulator

    def greet(self, simulator) -> None:
        host = "127.0.0.1" if settings.HOST in EVERYWHERE else settings.HOST
        address = settings.SITE_ORIGINS[0] if settings.SITE_URL else f"http://{spelled(host, settings.PORT)}"
        self.stdout.write(f"Gigawatch is at {address}/")
        if simulator:
            self.stdout.write(f"Demo: no GIGA_API_KEY is set, Giga is simulated on port {simulator.port}")
        say_sign_in_links(self.stdout, address)
        self.stdout.write("Ctrl+C stops it.")
        self.stdout.flush()


def spelled(host: str, port: int) -> str:
    """As it stands in an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CommandError with the reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named in full: without the protocol asyncio leaves Nagle's delay on, and each answer waits 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        raise CommandError(
            f"cannot listen on {spelled(host, port)}: {error.strerror or error}; set HOST or PORT"
        ) from None
    return listening


def start_demo():
    """A simulated Giga that every workspace asks. Raises CommandError where a real one was asked before."""
    if why_not := instance.why_no_demo():
        raise CommandError(why_not)
    simulator = start_simulator()
    instance.connect_demo(simulator.url)
    return simulator


class DemoKeys:
    """The keys that this instance made for its demo: the simulated Giga takes no others."""

    def __contains__(self, key: str) -> bool:
        return is_demo_key(key)


def start_simulator():
    """A simulated Giga on the next free port, for this machine alone: another port is another origin. It
    remembers its runs. Its desktops are pages of its own where browsers are on this machine too, else streams
    that this server passes on."""
    is_for_this_machine = is_loopback(settings.HOST) and not settings.SITE_URL
    config = Config(
        speed=settings.SIMULATOR_SPEED,
        state_path=settings.DATA / "simulator.jsonl",
        accept_keys=DemoKeys(),
        desktop="page" if is_for_this_machine else "stream",
    )
    for port in range(settings.PORT + 1, settings.PORT + 1 + PORTS_TRIED):
        try:
            return start_in_thread(config, port=port)
        except OSError:
            continue
    raise CommandError(f"no free port for the simulated Giga from {settings.PORT + 1} on")


def free_dead_claims() -> None:
    """This process alone works on this folder, so every claim that is still held was left by a dead one. (The
    folder's lock says nothing about a Postgres: there they run out by themselves.)"""
    Run.objects.active().exclude(claimed_until=None).update(claimed_until=timezone.now())
    GigaAccount.objects.update(lease_holder="", lease_until=None)


def stop_as_by_ctrl_c() -> None:
    """SIGTERM is what Ctrl+C is, while it is prepared, too; and SIGINT is heard also where a script does not
    wait for what it starts, as a shell has it ignored there."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


class Server(uvicorn.Server):
    """uvicorn's, which ends in the same order however often it is told to: it is a matter of seconds, and
    uvicorn would leave the engine as it stands the second time."""

    def handle_exit(self, sig, frame):
        self.should_exit = True


def serve(listening: socket.socket) -> None:
    """Until it is told to stop."""
    network.warn_of_untrusted_proxy()
    with suppress(KeyboardInterrupt):
        Server(server_config("dashboard.asgi:application", lifespan="on")).run(sockets=[listening])


def server_config(application, *, lifespan: str) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        lifespan=lifespan,
        http="dashboard.punctual:Protocol",
        # Compressing costs four times the processor for a busy desktop, and its pictures are compressed
        # already.
        ws="dashboard.punctual:SocketProtocol",
        ws_per_message_deflate=False,
        ws_max_size=4 * 1024,  # as much as is taken of one message, and here before it is held
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Whose headers are believed about where a request comes from is for people/network.py to say.
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )


def leave() -> None:
    """End now: a thread that still waits for Giga would hold the process for up to 35 s. Its run is a row
    that says so, and is settled after the next start."""
    deadline = time.monotonic() + STOP_WITHIN_S
    names = ("work", "watch", "ThreadPoolExecutor")  # the last are those of requests
    workers = [thread for thread in threading.enumerate() if thread.name.startswith(names)]
    for thread in workers:
        thread.join(max(0.0, min(0.5, deadline - time.monotonic())))
    if any(thread.is_alive() for thread in workers):
        later.finish(max(0.0, deadline - time.monotonic()))
        os._exit(0)
