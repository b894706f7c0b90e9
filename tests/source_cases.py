"""What the tests of polled and streamed sources share: reading a source for a while."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from stream.authors import Authors
from stream.report import Deletion, Report
from stream.sources.live import LiveSource, Received

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
