"""Everything in one process: web, sockets, tasks and watcher; in demo mode the simulated Giga too."""

import fcntl
import logging
import os
import socket
import threading
import time

import uvicorn
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from people.links import sign_in_path
from runs import instance
from runs.management.commands.collect import collect_static_files
from runs.models import GigaAccount, Run
from simulator.app import Config
from simulator.server import start_in_thread

logger = logging.getLogger(__name__)

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- to recognise it, not to listen there
PORTS_TRIED = 20
KEY_SHAPE = "giga_sk_ and 32 hexadecimal digits"
STOP_WITHIN_S = 3


class Command(BaseCommand):
    help = "Runs the whole of Gigawatch in one process."
    requires_system_checks = []

    def handle(self, *args, **options):
        os.umask(0o077)  # what is written into the data folder is for its owner only
        lock = only_one_per_folder()
        listening = bind(settings.HOST, settings.PORT)
        call_command("migrate", verbosity=0, interactive=False)
        collect_static_files()
        workspace = instance.first_workspace()
        instance.first_administrator(
            workspace,
            username=settings.SUPERUSER_USERNAME,
            password=settings.SUPERUSER_PASSWORD,
            email=settings.SUPERUSER_EMAIL,
        )
        simulator = start_simulator() if settings.IS_DEMO else None
        connect_giga(workspace, simulator)
        free_dead_claims()
        self.greet(simulator)
        try:
            serve(listening)
        except KeyboardInterrupt:
            pass
        finally:
            if simulator:
                simulator.stop()
            lock.close()
            self.stdout.write("Stopped.")
        leave()

    def greet(self, simulator) -> None:
        host = "127.0.0.1" if settings.HOST in EVERYWHERE else settings.HOST
        address = settings.SITE_URL.rstrip("/") or f"http://{host}:{settings.PORT}"
        self.stdout.write(f"Gigawatch is at {address}/")
        if simulator:
            self.stdout.write(f"Demo: no GIGA_API_KEY is set, Giga is simulated on port {simulator.port}")
        for user in get_user_model().objects.filter(is_superuser=True, is_active=True):
            if not user.has_usable_password():
                self.stdout.write(f"Sign in once as {user.username}: {address}{sign_in_path(user)}")
        self.stdout.write("Ctrl+C stops it.")
        self.stdout.flush()


def only_one_per_folder():
    """Hold the data folder's lock for as long as this process lives. Raises CommandError when another has
    it."""
    lock = open(settings.DATA / "serve.lock", "a")  # noqa: SIM115 -- open as long as the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandError(
            f"another serve is running on {settings.DATA}; set GIGAWATCH_DATA for a second one"
        ) from None
    return lock


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CommandError with the reason."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        raise CommandError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; set HOST or PORT"
        ) from None
    return listening


def start_simulator():
    """A simulated Giga on the next free port: another port is another origin. It remembers its runs."""
    config = Config(speed=settings.SIMULATOR_SPEED, state_path=settings.DATA / "simulator.jsonl")
    for port in range(settings.PORT + 1, settings.PORT + 1 + PORTS_TRIED):
        try:
            return start_in_thread(config, host=settings.HOST, port=port)
        except OSError:
            continue
    raise CommandError(f"no free port for the simulated Giga from {settings.PORT + 1} on")


def connect_giga(workspace, simulator) -> None:
    if simulator is None:
        if not instance.KEY_PATTERN.fullmatch(settings.GIGA_API_KEY):
            logger.warning("GIGA_API_KEY is not %s; trying it all the same", KEY_SHAPE)
        instance.connect_account(
            workspace, api_url=settings.GIGA_API_URL, api_key=settings.GIGA_API_KEY, is_simulated=False
        )
        return
    account = GigaAccount.objects.filter(workspace=workspace, is_simulated=True).first()
    key = account.api_key if account else instance.demo_key()
    # Asked at loopback even when it listens everywhere: its desktops' addresses are made from this name.
    api_url = f"http://127.0.0.1:{simulator.port}"
    instance.connect_account(workspace, api_url=api_url, api_key=key, is_simulated=True)


def free_dead_claims() -> None:
    """This process alone works on this folder, so every claim that is still held was left by a dead one."""
    Run.objects.active().exclude(claimed_until=None).update(claimed_until=timezone.now())
    GigaAccount.objects.update(lease_holder="", lease_until=None, polls_per_s=0)


def serve(listening: socket.socket) -> None:
    config = uvicorn.Config(
        "dashboard.asgi:application",
        lifespan="on",
        # Compressing costs four times the processor for a busy desktop, and its pictures are compressed
        # already.
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=64 * 1024,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[listening])


def leave() -> None:
    """End now: a thread that still waits for Giga would hold the process for up to 35 s. Its run is a row
    that says so, and is settled after the next start."""
    deadline = time.monotonic() + STOP_WITHIN_S
    workers = [thread for thread in threading.enumerate() if thread.name.startswith(("work", "watch"))]
    for thread in workers:
        thread.join(max(0.0, min(0.5, deadline - time.monotonic())))
    if any(thread.is_alive() for thread in workers):
        os._exit(0)
