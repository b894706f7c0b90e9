"""Says of sources that keep crashing that they failed, where people look for how sources do."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import msgspec
import redis
import structlog
from msgspec.structs import replace

from detector.feeds import Feed, Feeds

log = structlog.get_logger()

RETRY = timedelta(seconds=5)


class Failures:
    """What `outcry up` says of its sources; *connect* is called when there is news."""

    def __init__(self, connect: Callable[[], AbstractContextManager[redis.Redis]], prefix: str):
        self._connect = connect
        self._prefix = prefix
        self._said: dict[str, str] | None = None
        self._waits_until: datetime | None = None

    def say(self, failed: Mapping[str, str], now: datetime) -> None:
        """Mark those that *failed*, by name and why, and no others; again if Redis was away."""
        if failed == self._said or (self._waits_until and now < self._waits_until):
            return
        try:
            with self._connect() as client:
                _mark(Feeds(client, self._prefix), failed, now)
        except (redis.RedisError, msgspec.DecodeError) as error:
            self._waits_until = now + RETRY
            log.warning("failures_not_told", error=str(error))
        else:
            self._said = dict(failed)


def _mark(feeds: Feeds, failed: Mapping[str, str], now: datetime) -> None:
    known = {feed.name: feed for feed in feeds.all()}
    for name, reason in failed.items():
        feed = known.get(name) or Feed(name=name, state="connecting", updated_at=now)
        # What a source has said of itself, such as that its token is refused, is more exact.
        if feed.state != "refused":
            feeds.save(replace(feed, state="failed", detail=reason, updated_at=now))
    for feed in known.values():
        if feed.state == "failed" and feed.name not in failed:
            _unmark(feeds, feed, now)


def _unmark(feeds: Feeds, feed: Feed, now: datetime) -> None:
    if feed.started_at is None:  # never said anything itself
        feeds.remove(feed.name)
    else:
        feeds.save(replace(feed, state="stopped", detail="", updated_at=now))
