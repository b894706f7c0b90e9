"""What the tests of sources share: reading a source for a while, and pumping it into Kafka."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from detector.feeds import Feed, Feeds
from stream.authors import Authors
from stream.producer import Producer
from stream.report import Deletion, Report
from stream.sources.backoff import Backoff
from stream.sources.live import LiveSource, Received
from stream.sources.pump import Pump
from tests import topic_records
from tests.web_double import until

AUTHORS = Authors(b"an author key of tests")
NOW = datetime(2026, 7, 4, 12, 0, 10, tzinfo=UTC)


def read(
    source: LiveSource, enough: Callable[[list[Received]], object], cursor: str | None = None
) -> list[Received]:
    """Return what *source* yields on one connection until there is *enough*."""
    stop, found = threading.Event(), list[Received]()
    incoming = source.receive(cursor, stop)
    for received in incoming:
        found.append(received)
        if enough(found):
            stop.set()
            break
    incoming.close()  # type: ignore[attr-defined]
    return found


def reports(found: list[Received]) -> list[Report]:
    """Return the reports in *found*."""
    return [one for received in found for one in received.records if isinstance(one, Report)]


def gone(found: list[Received]) -> list[str]:
    """Return the ids of the deletions in *found*."""
    return [one.id for received in found for one in received.records if isinstance(one, Deletion)]


def quick() -> Backoff:
    """Waits as short as a test wants them."""
    return Backoff(first=0.01, most=0.05, dice=random.Random(1))


@contextmanager
def pumping(pump: Pump) -> Iterator[list[BaseException]]:
    """Run *pump* beside the test; yields the list that its error, if any, will be in."""
    stop, errors = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            pump.run(stop)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield errors
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


class Trial:
    """A source that is pumped into *topic* while a test makes trouble."""

    def __init__(self, source: LiveSource, feeds: Feeds, kafka: str, topic: str):
        self.source, self._feeds, self._kafka, self._topic = source, feeds, kafka, topic

    @property
    def feed(self) -> Feed | None:
        """What the source says of itself."""
        return self._feeds.get(self.source.name)

    def run(self, trouble: Callable[[], set[str]]) -> Feed:
        """
        Pump while *trouble* lasts, which returns the ids that the protocol allows to keep, and
        until all of them were sent. Each must be in the topic once; the figures are printed.
        """
        pump = Pump(
            self.source, lambda: Producer(self._kafka, self._topic), self._feeds, backoff=quick()
        )
        with pumping(pump) as errors:
            wanted = trouble()
            until(lambda: errors or ((feed := self.feed) and feed.n_sent >= len(wanted)))
        assert errors == []
        found = topic_records.reports(self._kafka, self._topic)
        assert sorted(one.id for one in found) == sorted(wanted)
        assert all(one.posted_at <= one.received_at for one in found)
        feed = self.feed
        assert feed is not None
        figures(feed, len(wanted))
        return feed


def figures(feed: Feed, n_sent: int) -> None:
    """Print what became of the *n_sent* posts of a source; pytest shows it with -rP."""
    print(
        f"{feed.name}: {n_sent} posts sent, {feed.n_sent} kept and {feed.n_duplicate} duplicates "
        f"dropped, {feed.n_invalid} unreadable, {feed.n_shed} shed, "
        f"{feed.n_connections} connections"
    )
