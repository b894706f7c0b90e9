"""
From one live source to Kafka, for ever: what was received is sent, acknowledged, then remembered.

The cursor is stored only after Kafka has acknowledged all before it; what is not acknowledged yet
is kept and sent again when the broker was away. A crash reads again from the stored cursor, and the
counts know the posts that come twice.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import redis
import structlog

from detector.feeds import Feed, Feeds
from stream.producer import BrokerUnreachable, DeliveryError, Producer
from stream.report import Deletion, Report
from stream.sources.backoff import Backoff
from stream.sources.connection import Connection
from stream.sources.inbox import Inbox
from stream.sources.live import LiveSource, Received
from stream.sources.recent import Recent

log = structlog.get_logger()

INBOX = 10_000  # messages; at 1 KB each some 10 MB
TAKE = 500
# While messages come, they are taken in portions of this long: to wake for each costs more than to
# send it. The first one after a pause is taken at once.
PORTION_SECONDS = 0.02
CHECKPOINT_SECONDS = 1.0
UNACKNOWLEDGED = 5_000
HEARTBEAT = timedelta(seconds=5)
# A connection that says nothing is taken for alive this long.
ALIVE = timedelta(seconds=30)


class Pump:
    """
    Moves the records of *source* into Kafka. `run` it until stop, then it is used up.

    Raises `stream.sources.live.Refused`; waits while Kafka or Redis is away.
    """

    def __init__(
        self,
        source: LiveSource,
        connect: Callable[[], Producer],
        feeds: Feeds,
        *,
        backoff: Backoff | None = None,
        inbox_size: int = INBOX,
    ):
        self._source = source
        self._connect = connect
        self._feeds = feeds
        self._backoff = backoff
        self._inbox = Inbox(inbox_size, shed=not source.resumable)
        self._recent = Recent()
        self._unacknowledged: list[Report | Deletion] = []
        self._feed = Feed(
            name=source.name,
            state="connecting",
            updated_at=datetime.now(UTC),
            started_at=datetime.now(UTC),
        )
        self._n: dict[str, int] = dict.fromkeys(
            ("received", "bytes", "sent", "deleted", "duplicate", "invalid"), 0
        )
        self._cursor: str | None = None
        self._event_at: datetime | None = None
        self._beat_at: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Read and send until *stop* is set; what was received by then is still sent."""
        found = self._feeds.get(self._source.name)
        self._cursor = found.cursor if found else None
        connection = Connection(self._source, self._inbox, self._cursor, stop, self._backoff)
        producer = self._connect()
        connection.start()
        checked = time.monotonic()
        try:
            while not stop.is_set() or len(self._inbox):
                if connection.crashed:
                    raise connection.crashed
                portion = self._inbox.take(TAKE, 0.2)
                for received in portion:
                    producer = self._take(received, producer, stop)
                if 0 < len(portion) < TAKE:
                    stop.wait(PORTION_SECONDS)
                due = time.monotonic() - checked >= CHECKPOINT_SECONDS
                if due or len(self._unacknowledged) >= UNACKNOWLEDGED:
                    producer = self._checkpoint(producer, connection, stop)
                    checked = time.monotonic()
                if connection.refused and not len(self._inbox):
                    self._checkpoint(producer, connection, stop)
                    raise connection.refused
            connection.state = "stopped"
            producer = self._checkpoint(producer, connection, stop)
            connection.join(2.0)
        finally:
            producer.__exit__(None, None, None)

    def _take(self, received: Received, producer: Producer, stop: threading.Event) -> Producer:
        self._n["received"] += 1
        self._n["bytes"] += received.n_bytes
        if received.invalid:
            self._n["invalid"] += 1
            log.debug("invalid", source=self._source.name, reason=received.invalid)
        for record in received.records:
            if isinstance(record, Report) and not self._recent.add(record.id):
                self._n["duplicate"] += 1
                continue
            self._n["deleted" if isinstance(record, Deletion) else "sent"] += 1
            self._unacknowledged.append(record)
            producer = self._send(record, producer, stop)
        self._cursor = received.cursor or self._cursor
        if received.event_at and (self._event_at is None or received.event_at > self._event_at):
            self._event_at = received.event_at
        return producer

    def _send(
        self, record: Report | Deletion, producer: Producer, stop: threading.Event
    ) -> Producer:
        try:
            _put(record, producer)
        except (DeliveryError, BrokerUnreachable) as error:
            return self._again(error, producer, stop)
        return producer

    def _checkpoint(
        self, producer: Producer, connection: Connection, stop: threading.Event
    ) -> Producer:
        """Have everything acknowledged, say that we live, and store the cursor."""
        try:
            self._heartbeat(producer, connection)
            producer.flush()
        except (DeliveryError, BrokerUnreachable) as error:
            return self._again(error, producer, stop)
        self._unacknowledged.clear()
        self._save(connection)
        return producer

    def _again(self, error: Exception, producer: Producer, stop: threading.Event) -> Producer:
        """Wait for the broker, and send again all that it has not acknowledged."""
        backoff = Backoff(first=0.5, most=15.0)
        while True:
            log.warning("broker_away", reason=str(error), n_waiting=len(self._unacknowledged))
            producer.abandon()
            if stop.wait(backoff.next(0.0)) and backoff.n_failures > 3:
                raise error  # told to stop, and the broker stays away: the cursor stays behind
            try:
                producer = self._connect()
                for record in self._unacknowledged:
                    _put(record, producer)
                producer.flush()
            except (DeliveryError, BrokerUnreachable) as again:
                error = again
                continue
            return producer

    def _heartbeat(self, producer: Producer, connection: Connection) -> None:
        now = datetime.now(UTC)
        alive = connection.heard_at is not None and now - connection.heard_at < ALIVE
        if connection.state != "live" or not alive or self._event_at is None:
            return
        if self._beat_at is None or self._event_at - self._beat_at >= HEARTBEAT:
            self._beat_at = self._event_at
            producer.heartbeat(self._source.name, min(self._event_at, now))

    def _save(self, connection: Connection) -> None:
        feed = Feed(
            name=self._source.name,
            state=connection.state,
            updated_at=datetime.now(UTC),
            started_at=self._feed.started_at,
            detail=connection.detail,
            host=self._source.host,
            cursor=self._cursor,
            event_at=self._event_at,
            n_shed=self._inbox.n_shed,
            n_connections=connection.n_connections,
            **{f"n_{name}": n for name, n in self._n.items()},
        )
        try:
            self._feeds.save(feed)
        except redis.RedisError as error:
            # The cursor stays behind, which costs duplicates at most.
            log.warning("redis_away", error=str(error))


def _put(record: Report | Deletion, producer: Producer) -> None:
    if isinstance(record, Report):
        producer.send(record)
    else:
        producer.delete(record)
