"""What repeats in the history of a run, as one line: a launch that waits asks each minute. No queries."""

from runs.history import RunEvent
from runs.sayings import form_of
from runs.status import Status


def folded(events: list[RunEvent]) -> list[RunEvent]:
    """These events, newest first, without those that repeat the one before. That one has in `times` how often
    it happened, and in `first_at` when it was the first time."""
    lines: list[RunEvent] = []
    newest, reads = None, None
    for attempt in _attempts(events):
        event = attempt[0]
        if newest and _is_a_machines(event) and _reads(event) == reads:
            newest.times += 1
            newest.first_at = event.at
            continue
        newest, reads = event, _reads(event)
        newest.times, newest.first_at = 1, event.at
        lines += attempt
    return lines


def _is_a_machines(event: RunEvent) -> bool:
    """Whether it is asked, or waited, without anybody's doing."""
    return event.kind in ("wait", "settle", "contact") or event.was == Status.SENDING


def _attempts(events: list[RunEvent]) -> list[list[RunEvent]]:
    """Each event by itself, but for a launch that was put back into the queue: with that it was sent."""
    groups: list[list[RunEvent]] = []
    for event in events:
        if event.now == Status.SENDING and groups and groups[-1][0].was == Status.SENDING:
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def _reads(event: RunEvent) -> tuple:
    """What makes two events repeats: the same was said. While a launch waits, its place may differ."""
    is_waiting = event.kind == "wait" or event.now == Status.QUEUED
    return event.kind, event.was, event.now, form_of(event.why)[0] if is_waiting else event.why
