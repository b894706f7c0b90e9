"""What the official pages said, in Redis: filled from its topic, which can fill it again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import redis

from detector.incidents import Incident
from detector.official import (
    AFTER,
    BEFORE,
    Official,
    OfficialEvent,
    PageState,
    Scoreboard,
    merged,
    official,
    scoreboard,
)

Record = OfficialEvent | PageState

_record: Any = msgspec.json.Decoder(OfficialEvent | PageState)


def encode(record: Record) -> bytes:
    """Return *record* as it is in the topic and in Redis."""
    return msgspec.json.encode(record)


def decode(body: bytes) -> Record:
    """Return the record in *body*; raises `ValueError`."""
    try:
        found: Record = _record.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not an official record: {error}") from error
    return found


class OfficialStore:
    """Everything official under *prefix*; one writer, any number of readers."""

    def __init__(self, client: redis.Redis, prefix: str = "outcry"):
        self._redis: Any = client
        self._base = f"{prefix}:v1:{{official}}:"

    def apply(self, partition: int, next_offset: int, records: Sequence[Record]) -> None:
        """Store *records*, and that *partition* is read up to *next_offset*; idempotent."""
        events: dict[str, OfficialEvent] = {}
        for record in records:
            if isinstance(record, OfficialEvent):
                old = events.get(record.key) or self._event(record.key)
                events[record.key] = merged(old, record)
        with self._redis.pipeline(transaction=True) as pipe:
            for key, event in events.items():
                pipe.hset(self._base + "events", key, encode(event))
                pipe.zadd(self._base + "index", {key: event.posted_at.timestamp()})
            for record in records:
                if isinstance(record, PageState):
                    pipe.hset(self._base + "pages", record.service, encode(record))
            pipe.hset(self._base + "progress", str(partition), next_offset)
            pipe.execute()

    def next_offset(self, partition: int) -> int | None:
        """Return where the topic's *partition* is to be read on."""
        found = self._redis.hget(self._base + "progress", str(partition))
        return None if found is None else int(found)

    def events(self, since: datetime, until: datetime) -> tuple[OfficialEvent, ...]:
        """Return what was first posted in [since, until], oldest first."""
        keys = self._redis.zrangebyscore(self._base + "index", since.timestamp(), until.timestamp())
        rows = self._redis.hmget(self._base + "events", keys) if keys else []
        return tuple(_only_event(row) for row in rows if row is not None)

    def latest(self, limit: int = 1_000) -> tuple[OfficialEvent, ...]:
        """Return the events posted last, newest first."""
        keys = self._redis.zrevrange(self._base + "index", 0, limit - 1)
        rows = self._redis.hmget(self._base + "events", keys) if keys else []
        return tuple(_only_event(row) for row in rows if row is not None)

    def version(self) -> bytes:
        """Return what changes whenever anything is written."""
        rows = self._redis.hgetall(self._base + "progress")
        return b" ".join(b"%b:%b" % item for item in sorted(rows.items()))

    def pages(self) -> dict[str, PageState]:
        """Return the last state of each page that was ever asked, by service."""
        rows = self._redis.hgetall(self._base + "pages")
        found = (decode(rows[name]) for name in sorted(rows))
        return {one.service: one for one in found if isinstance(one, PageState)}

    def of(self, incident: Incident) -> Official:
        """Return what is officially known of *incident*."""
        end = incident.resolved_at or incident.updated_at
        events = self.events(incident.onset_at - BEFORE, end + AFTER)
        return official(incident, events, self.pages())

    def scoreboard(
        self, incidents: Sequence[Incident], since: datetime, until: datetime
    ) -> Scoreboard:
        """Compare *incidents* opened in [since, until] with what was official in that time."""
        ours = [one for one in incidents if since <= one.opened_at <= until]
        return scoreboard(ours, self.events(since, until), self.pages())

    def forget(self, before: datetime) -> None:
        """Delete what was posted before *before*."""
        keys = self._redis.zrangebyscore(self._base + "index", "-inf", f"({before.timestamp()}")
        if keys:
            self._redis.hdel(self._base + "events", *keys)
            self._redis.zrem(self._base + "index", *keys)

    def _event(self, key: str) -> OfficialEvent | None:
        row = self._redis.hget(self._base + "events", key)
        return None if row is None else _only_event(row)


def _only_event(row: bytes) -> OfficialEvent:
    found = decode(row)
    assert isinstance(found, OfficialEvent)
    return found
