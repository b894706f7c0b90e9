"""How each source does, and how far it has read: written by the sources, shown to people."""

from datetime import datetime
from typing import Any, Literal

import msgspec
import redis

FeedState = Literal["connecting", "live", "waiting", "refused", "stopped", "failed"]


class Feed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One source as it was at *updated_at*; counts are since its process started.

    *cursor* is where to read on, all before it is acknowledged by Kafka; *host* the server that
    gave it. *event_at* is the event time up to which all has come. *n_shed* were thrown away
    because Kafka was too slow for a stream that cannot be read again; *detail* says what is wrong.
    "failed" is said by `outcry up` of a process that crashes again and again.
    """

    name: str
    state: FeedState
    updated_at: datetime
    started_at: datetime | None = None
    detail: str = ""
    host: str = ""
    cursor: str | None = None
    event_at: datetime | None = None
    n_received: int = 0
    n_bytes: int = 0
    n_sent: int = 0
    n_deleted: int = 0
    n_duplicate: int = 0
    n_invalid: int = 0
    n_shed: int = 0
    n_connections: int = 0


_decode = msgspec.json.Decoder(Feed).decode


class Feeds:
    """The feeds under *prefix*; raises redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, prefix: str = "outcry"):
        self._redis: Any = client
        self._key = f"{prefix}:v1:{{watch}}:feeds"

    def save(self, feed: Feed) -> None:
        """Overwrite what is known of the source."""
        self._redis.hset(self._key, feed.name, msgspec.json.encode(feed))

    def remove(self, name: str) -> None:
        """Forget the source, and how far it has read."""
        self._redis.hdel(self._key, name)

    def get(self, name: str) -> Feed | None:
        """Return what is known of the source *name*, or None."""
        row = self._redis.hget(self._key, name)
        return None if row is None else _decode(row)

    def all(self) -> tuple[Feed, ...]:
        """Return all sources that ever ran, by name."""
        rows = self._redis.hgetall(self._key)
        return tuple(_decode(rows[name]) for name in sorted(rows))
