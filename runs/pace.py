"""How often a run is read, and how many requests a key may make: pure functions of numbers. No clock, no
database."""

# Giga allows 60 requests a minute for one key. Readings get 0.7 a second, people 0.2 a second and a burst of
# 4: 42 + 12 + 4 = 58 in the worst 60 seconds.
POLL_RATE_PER_S = 0.7
PEOPLE_RATE_PER_S = 0.2
PEOPLE_BURST = 4

FASTEST_POLL_S = 1.5
SLOWEST_RETRY_S = 60


def poll_interval_s(active_runs: int) -> float:
    """Seconds between two readings of one run when all active runs of its key share the budget evenly."""
    return max(FASTEST_POLL_S, active_runs / POLL_RATE_PER_S)


def retry_delay_s(failures: int) -> float:
    """Seconds to wait after this many failures in a row: 2, 4, 8 … 60."""
    return min(SLOWEST_RETRY_S, 2.0 ** max(1, min(failures, 10)))


def settle_delay_s(readings: int) -> float:
    """Seconds until an `unknown` run's session is read again: three readings over at least 120 s, then a
    minute each."""
    return (5, 40, 80)[readings] if readings < 3 else SLOWEST_RETRY_S
