"""What can be set about one simulated Giga, and what cannot. No behaviour."""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from simulator.scenarios import SCENARIOS

REPOSITORY = Path(__file__).resolve().parent.parent

CONCURRENT_RUNS = {"free": 1, "starter-pro": 5, "max": None}


@dataclass(frozen=True)
class Config:
    """Seconds are simulated ones: `speed` divides them. A run keeps the times it was started with."""

    scenario: str = "default"
    speed: float = 1.0
    plan: str = "max"
    rate_per_minute: int = 60
    start_delay: float = 0.4  # how long `POST …/runs` holds its answer
    queued_s: float = 2.0
    booting_s: float = 6.0
    run_seconds: float = 120.0  # from the ready desktop to the end of the run
    sandbox_s: float = 15 * 60.0  # Giga's default lifetime, whatever `duration` was asked for
    credits: float = 10_000.0  # a month
    retry_after_s: int = 90  # what the scenario "rate-limited" asks for
    accept_keys: Container[str] | None = None  # these alone; otherwise every key of the documented form
    desktop: str = "page"  # "page": vncUrl is a noVNC page; "stream": a bare websocket
    desktop_url: str = ""  # vncUrl as it is: a desktop of somebody else
    desktop_password: str = ""  # asked for by VNC authentication, and written into a page's vncUrl
    dashboard_url: str = "http://127.0.0.1:8000/"  # what the scenario "vnc-own-host" points at
    extensions: bool = False  # routes that are only guessed; their answers carry X-Simulated-Extension: 1
    state_path: str | Path | None = None
    ledger_length: int = 5000  # how many requests it remembers
    novnc_path: str | Path = REPOSITORY / "static" / "vendor" / "novnc"

    def __post_init__(self):
        if self.scenario not in SCENARIOS:
            raise ValueError(f"there is no scenario {self.scenario!r}")
        if isinstance(self.accept_keys, str):
            raise ValueError("accept_keys is a list of keys")  # a text holds each part of itself
        if self.plan not in CONCURRENT_RUNS:
            raise ValueError(f"there is no plan {self.plan!r}")
        if self.desktop not in ("page", "stream"):
            raise ValueError('desktop is "page" or "stream"')
        if not self.speed > 0:
            raise ValueError("speed must be more than 0")
