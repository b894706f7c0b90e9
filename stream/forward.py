"""Sends to Kafka what people reported on the page, like every other report."""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import redis
import structlog

from detector.counts import Counts
from detector.health import Health
from detector.inbox import SOURCE, Inbox, Submission
from stream.authors import Authors
from stream.producer import BrokerUnreachable, DeliveryError, Producer
from stream.report import Report, decode, encode

log = structlog.get_logger()

IDLE_SECONDS = 1.0
RETRY_SECONDS = 3.0


def event_time(now: datetime, health: Health, lateness: timedelta) -> datetime:
    """
    Return the event time of a form that is sent at wall-clock time *now*.

    That is the log's own present, at most *lateness* ahead of what the other sources have sent: in
    a replay, and behind a source that is cut off and will catch up, a report from the wall clock
    would make their posts late.
    """
    seen = [
        at
        for source in health.sources
        if source.name != SOURCE
        for at in (source.last_post_at, source.last_heartbeat_at)
        if at is not None
    ]
    return min(now, max(seen) + lateness) if seen else now


def report(entry_id: str, sent: Submission, authors: Authors, at: datetime) -> Report | None:
    """Return *sent* as a report at event time *at*, or None when it is not a valid one."""
    made = Report(
        id=f"form:{entry_id}",
        source=SOURCE,
        author=authors.hash(SOURCE, sent.sender),
        text=sent.comment,
        posted_at=at,
        received_at=at,
        country=sent.country,
        service=sent.service,
        symptom=sent.symptom,  # type: ignore[arg-type]  # checked by decode
    )
    try:
        return decode(encode(made))
    except ValueError:
        return None


class Forward:
    """The loop; *connect* makes a producer, and is called again after Kafka was away."""

    def __init__(
        self,
        inbox: Inbox,
        counts: Counts,
        connect: Callable[[], Producer],
        authors: Authors,
        *,
        allowed_lateness: timedelta,
        clock: Callable[[], datetime],
    ):
        self._inbox = inbox
        self._counts = counts
        self._connect = connect
        self._authors = authors
        self._lateness = allowed_lateness
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Forward until *stop*; what Kafka or Redis did not take stays where it was."""
        while not stop.is_set():
            try:
                with self._connect() as producer:
                    while not stop.is_set():
                        self.step(producer)
            except (BrokerUnreachable, DeliveryError, redis.RedisError) as error:
                log.warning("form_waits", reason=str(error))
                stop.wait(RETRY_SECONDS)

    def step(self, producer: Producer, wait: float = IDLE_SECONDS) -> int:
        """Send what waits, or wait up to *wait* seconds; return how many were sent."""
        if not self._inbox.wait(wait):
            return 0
        found = self._inbox.waiting()
        at = event_time(self._clock(), self._counts.health(), self._lateness)
        n_sent = 0
        for made in self._reports(found, at):
            producer.send(made)
            n_sent += 1
        producer.flush()
        self._inbox.done([entry_id for entry_id, _ in found])
        log.info("forms_sent", n_sent=n_sent, n_refused=len(found) - n_sent)
        return n_sent

    def _reports(self, found: Iterable[tuple[str, Submission]], at: datetime) -> Iterable[Report]:
        for entry_id, sent in found:
            made = report(entry_id, sent, self._authors, at)
            if made is None:
                log.warning("form_refused", entry=entry_id)
            else:
                yield made
