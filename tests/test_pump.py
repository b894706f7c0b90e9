"""From a live source to Kafka: order of acknowledgement and cursor, shedding, backoff, time."""

import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.feeds import Feed, Feeds
from stream.producer import DeliveryError, Producer
from stream.report import Report
from stream.sources.backoff import Backoff
from stream.sources.inbox import Inbox
from stream.sources.live import FRESH, PROMPT, Received, event_time
from stream.sources.pump import Pump
from stream.sources.recent import Recent
from stream.sources.web import MAX_WAIT, wait_seconds
from tests.topic_records import reports
from tests.web_double import until

NOW = datetime(2026, 7, 4, 12, tzinfo=UTC)


def report(i: int) -> Report:
    now = datetime.now(UTC)
    return Report(
        id=f"r{i}",
        source="test",
        author=f"{i:016x}",
        text="t",
        posted_at=now,
        received_at=now,
    )


class Counting:
    """A source that gives numbered posts for as long as it is read."""

    name = "counting"
    host = "here"
    resumable = True

    def __init__(self, n: int):
        self._n = n

    def rotate(self) -> None:
        """There is one host only."""

    def receive(self, cursor: str | None, stop: threading.Event) -> Iterator[Received]:
        """Yield posts from *cursor* on, then wait for the end."""
        for i in range(int(cursor or -1) + 1, self._n):
            yield Received(records=(report(i),), cursor=str(i), event_at=datetime.now(UTC))
        stop.wait(30)


class Failing(Producer):
    """A real producer whose first flush reports that the broker took nothing."""

    failed = False

    def flush(self) -> None:
        if not Failing.failed:
            Failing.failed = True
            raise DeliveryError(self.bootstrap, 1, TimeoutError("away"))
        super().flush()


def test_what_the_broker_did_not_take_is_sent_again_before_the_cursor_moves(
    redis, kafka: str, topic: str
) -> None:
    Failing.failed = False
    feeds, stop = Feeds(redis, "test"), threading.Event()
    pump = Pump(Counting(50), lambda: Failing(kafka, topic), feeds)
    thread = threading.Thread(target=pump.run, args=(stop,))
    thread.start()
    try:
        until(lambda: (feed := feeds.get("counting")) and feed.cursor == "49")
    finally:
        stop.set()
        thread.join()

    assert Failing.failed
    assert {one.id for one in reports(kafka, topic)} == {f"r{i}" for i in range(50)}


def test_a_post_that_comes_twice_is_sent_once(redis, kafka: str, topic: str) -> None:
    class Twice(Counting):
        """Gives every post two times."""

        def receive(self, cursor: str | None, stop: threading.Event) -> Iterator[Received]:
            """Yield the same again."""
            for received in super().receive(cursor, stop):
                yield received
                yield received

    feeds, stop = Feeds(redis, "test"), threading.Event()
    pump = Pump(Twice(10), lambda: Producer(kafka, topic), feeds)
    thread = threading.Thread(target=pump.run, args=(stop,))
    thread.start()
    try:
        until(lambda: (feed := feeds.get("counting")) and feed.n_duplicate == 10)
    finally:
        stop.set()
        thread.join()

    assert len(reports(kafka, topic)) == 10


def test_a_full_inbox_sheds_the_oldest_and_counts_them_or_makes_the_writer_wait() -> None:
    stop = threading.Event()
    shedding, waiting = Inbox(3, shed=True), Inbox(3, shed=False)
    for i in range(5):
        shedding.put(Received(records=(report(i),), cursor=str(i)), stop)
    assert shedding.n_shed == 2
    assert [one.cursor for one in shedding.take(9, 0)] == ["2", "3", "4"]

    writer = threading.Thread(
        target=lambda: [waiting.put(Received(cursor=str(i)), stop) for i in range(5)]
    )
    writer.start()
    taken: list[Received] = []
    until(lambda: taken.extend(waiting.take(1, 0.1)) or len(taken) == 5)
    writer.join()
    assert [one.cursor for one in taken] == ["0", "1", "2", "3", "4"]
    assert waiting.n_shed == 0


def test_a_writer_that_waits_for_room_gives_up_when_it_is_told_to_stop() -> None:
    stop, inbox = threading.Event(), Inbox(1, shed=False)
    inbox.put(Received(), stop)
    stop.set()

    inbox.put(Received(), stop)

    assert len(inbox) == 1


@given(st.integers(0, 2**32), st.lists(st.sampled_from([0.0, 1.0, 100.0]), max_size=30))
def test_waits_stay_below_a_bound_that_falls_back_only_after_health(
    seed: int, lived: list[float]
) -> None:
    backoff = Backoff(first=1.0, most=60.0, healthy=30.0, dice=random.Random(seed))
    failures = 0
    for seconds in lived:
        failures = 1 if seconds >= 30 else failures + 1
        assert 0 <= backoff.next(seconds) <= min(60.0, 2.0 ** (failures - 1))


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_event_time_is_never_in_the_future_and_forgives_a_slow_platform(age: timedelta) -> None:
    at = event_time(NOW - age, NOW)

    assert at <= NOW
    if age < timedelta(0) or PROMPT < age <= FRESH:
        assert at == NOW
    else:
        assert at == NOW - age


def test_only_the_last_posts_are_remembered() -> None:
    recent = Recent(size=3)

    assert [recent.add(name) for name in "abca"] == [True, True, True, False]
    assert [recent.add(name) for name in "da"] == [True, True]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 30.0),
        ("7", 7.0),
        ("-3", 0.0),
        ("1e99", MAX_WAIT),
        ("nan", 30.0),
        ("soon", 30.0),
        ("Sat, 04 Jul 2026 12:01:00 GMT", 60.0),
        ("2026-07-04T12:02:00Z", 120.0),
        (str(int(NOW.timestamp()) + 90), 90.0),
    ],
)
def test_retry_after_is_seconds_or_a_moment(header: str | None, seconds: float) -> None:
    assert wait_seconds(header, NOW) == seconds


def test_a_feed_is_kept_as_it_was(redis) -> None:
    feeds = Feeds(redis, "test")
    feed = Feed(name="bluesky", state="live", updated_at=NOW, cursor="7", n_sent=3)
    feeds.save(feed)

    assert feeds.get("bluesky") == feed
    assert feeds.all() == (feed,)
    assert feeds.get("x") is None


def test_stopping_is_quick(redis, kafka: str, topic: str) -> None:
    stop = threading.Event()
    pump = Pump(Counting(1), lambda: Producer(kafka, topic), Feeds(redis, "test"))
    thread = threading.Thread(target=pump.run, args=(stop,))
    thread.start()
    until(lambda: Feeds(redis, "test").get("counting"))
    began = time.monotonic()
    stop.set()
    thread.join(10)

    assert time.monotonic() - began < 8
    found = Feeds(redis, "test").get("counting")
    assert found is not None
    assert found.state == "stopped"
