"""
The loop that empties the outbox into the channels: slow, failing and restarted channels included.

Each channel has a cursor of its own in Redis and a thread of its own here, so that none waits for
another. An entry is sent first and marked afterwards: a crash in between repeats it, none is lost.
"""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis
import structlog

from detector.incident_store import IncidentStore, OutboxEntry
from stream.alerts.channel import Alert, AlertError, Channel, is_story

POLL_SECONDS = 0.2
_BACKOFF_FIRST_SECONDS = 1.0
_BACKOFF_LIMIT_SECONDS = 300.0
_RETRY_AFTER_LIMIT_SECONDS = 3_600.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """
    What one pass did: entries sent, folded into a later one of their incident, refused for good.

    *retry_at* is when the next pass makes sense, None for whenever something new is there;
    *n_failures* counts the retryable failures in a row, for the next pass.
    """

    n_sent: int = 0
    n_folded: int = 0
    n_refused: int = 0
    retry_at: datetime | None = None
    n_failures: int = 0


def drain(
    store: IncidentStore,
    channel: Channel,
    now: datetime,
    *,
    n_failures: int = 0,
    jitter: Callable[[], float] = random.random,
) -> Drained:
    """
    Send what waits in the outbox for *channel*, oldest first, until one fails or a pause is due.

    A message that is edited in place gets the newest waiting snapshot at once, so that entries
    which are no story of their own need no sending when a later one of their incident waits. A
    refused entry is logged and passed: the next step of its incident tells it again.
    """
    entries = store.outbox(channel.name)
    last = {entry.incident.id: entry for entry in entries}
    n_sent = n_folded = n_refused = 0
    for entry in entries:
        newest = last[entry.incident.id]
        if newest.id != entry.id and not is_story(entry.transition):
            _mark(store, channel, entry, None)
            n_folded += 1
            continue
        try:
            _send(store, channel, entry, newest)
            n_sent += 1
        except AlertError as error:
            if error.retryable:
                delay = backoff(n_failures, error.retry_after, jitter())
                _log_retry(channel, entry, error, n_failures + 1, delay)
                retry_at, n_failures = now + timedelta(seconds=delay), n_failures + 1
                break
            _refuse(store, channel, entry, error)
            n_refused += 1
        n_failures = 0
        if channel.pause_seconds:
            retry_at = now + timedelta(seconds=channel.pause_seconds)
            break
    else:
        retry_at = None
    return Drained(
        n_sent=n_sent,
        n_folded=n_folded,
        n_refused=n_refused,
        retry_at=retry_at,
        n_failures=n_failures,
    )


def backoff(n_failures: int, retry_after: float | None, jitter: float) -> float:
    """
    Return the seconds to wait after the failure number *n_failures*, counted from 0.

    Full jitter: uniform between 0 and an exponentially growing, bounded span, *jitter* being the
    draw from [0, 1); see Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    What the other side asked for comes on top, up to an hour.
    """
    span = min(_BACKOFF_LIMIT_SECONDS, _BACKOFF_FIRST_SECONDS * 2.0 ** min(n_failures, 30))
    if retry_after is None:
        return jitter * span
    return min(max(retry_after, 0.0), _RETRY_AFTER_LIMIT_SECONDS) + jitter * min(span, 1.0)


def run(
    store: IncidentStore,
    channels: Sequence[Channel],
    stop: threading.Event,
    leads: Callable[[], bool] = lambda: True,
) -> None:
    """
    Drain into each of *channels* until *stop* is set; a Redis that is away is waited for.

    Nothing is sent while *leads* says False: of several processes with the same channels only one
    may send, or people are told twice. Sets *stop* and raises when anything else goes wrong, so
    that the watcher does not run on with nobody told.
    """
    if not channels:
        return
    with ThreadPoolExecutor(len(channels), thread_name_prefix="notify") as pool:
        for served in [pool.submit(_serve, store, channel, stop, leads) for channel in channels]:
            served.result()


def _serve(
    store: IncidentStore, channel: Channel, stop: threading.Event, leads: Callable[[], bool]
) -> None:
    n_failures = 0
    try:
        while not stop.is_set():
            if not leads():
                stop.wait(POLL_SECONDS)
                continue
            now = datetime.now(UTC)
            try:
                drained = drain(store, channel, now, n_failures=n_failures)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                delay = backoff(n_failures, None, random.random())
                n_failures += 1
                log.warning("alert_store_away", channel=channel.name, error=type(error).__name__)
            else:
                n_failures = drained.n_failures
                delay = (drained.retry_at - now).total_seconds() if drained.retry_at else 0.0
            stop.wait(max(delay, POLL_SECONDS))
    except BaseException:
        stop.set()
        raise


def _send(store: IncidentStore, channel: Channel, entry: OutboxEntry, newest: OutboxEntry) -> None:
    alert = Alert(
        entry_id=entry.id,
        incident=entry.incident,
        transition=entry.transition,
        newest=newest.incident,
    )
    reference = channel.send(alert, store.reference(channel.name, entry.incident.id))
    _mark(store, channel, entry, reference)
    log.info("alert_sent", **_names(channel, entry))


def _refuse(store: IncidentStore, channel: Channel, entry: OutboxEntry, error: AlertError) -> None:
    log.error("alert_refused", reason=error.reason, **_names(channel, entry))
    _mark(store, channel, entry, None)


def _mark(
    store: IncidentStore, channel: Channel, entry: OutboxEntry, reference: str | None
) -> None:
    store.mark_sent(channel.name, entry.id, entry.incident.id, reference)


def _log_retry(
    channel: Channel, entry: OutboxEntry, error: AlertError, n_failures: int, delay: float
) -> None:
    facts = {"reason": error.reason, "n_failures": n_failures, "delay_seconds": round(delay, 1)}
    log.warning("alert_retry", **facts, **_names(channel, entry))


def _names(channel: Channel, entry: OutboxEntry) -> dict[str, str]:
    return {
        "channel": channel.name,
        "incident": entry.incident.id,
        "step": entry.transition.step,
        "entry": entry.id,
    }
