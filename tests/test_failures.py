"""A source that keeps crashing is shown as failed in Redis, and no longer when it is back."""

from datetime import UTC, datetime

from msgspec.structs import replace
from redis import Redis

from detector.feeds import Feed, Feeds
from stream.doctor import trouble
from stream.failures import RETRY, Failures

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BLUESKY = Feed(name="bluesky", state="live", updated_at=NOW, started_at=NOW, cursor="17")


def test_a_failed_source_keeps_its_cursor_and_says_why(redis: Redis, redis_url: str) -> None:
    feeds = Feeds(redis)
    feeds.save(BLUESKY)
    failures = Failures(lambda: Redis.from_url(redis_url), "outcry")

    failures.say({"bluesky": "crashes again and again, last: no", "http": "the same"}, NOW)

    assert feeds.get("bluesky") == replace(
        BLUESKY, state="failed", detail="crashes again and again, last: no"
    )
    assert trouble(feeds.all()[0], NOW) == "bluesky failed: crashes again and again, last: no"
    assert [feed.name for feed in feeds.all()] == ["bluesky", "http"]

    failures.say({}, NOW)
    assert feeds.all() == (replace(BLUESKY, state="stopped"),)


def test_what_a_source_says_of_itself_stands(redis: Redis, redis_url: str) -> None:
    feeds = Feeds(redis)
    failures = Failures(lambda: Redis.from_url(redis_url), "outcry")
    refused = replace(BLUESKY, state="refused", detail="no such token")
    feeds.save(refused)
    failures.say({"bluesky": "exit code 2"}, NOW)
    assert feeds.get("bluesky") == refused

    feeds.save(BLUESKY)
    failures.say({}, NOW)
    assert feeds.get("bluesky") == BLUESKY


def test_a_mark_of_an_earlier_run_goes_and_news_waits_for_redis(
    redis: Redis, redis_url: str
) -> None:
    feeds = Feeds(redis)
    feeds.save(replace(BLUESKY, state="failed"))
    url = "redis://127.0.0.1:1"
    failures = Failures(lambda: Redis.from_url(url), "outcry")

    failures.say({}, NOW)
    assert feeds.get("bluesky") == replace(BLUESKY, state="failed")
    url = redis_url
    failures.say({}, NOW + RETRY)

    stopped = replace(BLUESKY, state="stopped", updated_at=NOW + RETRY)
    assert feeds.get("bluesky") == stopped
