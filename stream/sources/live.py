"""What a live source is: one connection at a time, and how a connection ends. Values and a type."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from stream.report import Deletion, Report

# A platform is slow to hand out some posts: up to here its own time is the event time…
PROMPT = timedelta(seconds=20)
# …and up to here the post is as good as new, and happens when it is heard.
FRESH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """
    What one message of the source brought, nothing for a sign of life.

    *cursor* is where to read on after it; *event_at* the event time up to which all has come;
    *invalid* is why something in it could not be read.
    """

    records: tuple[Report | Deletion, ...] = ()
    cursor: str | None = None
    event_at: datetime | None = None
    n_bytes: int = 0
    invalid: str | None = None


class LiveSource(Protocol):
    """
    A stream, or a page that is asked again and again.

    *resumable* sources can read again what was missed, from a cursor; of the others, posts are
    shed when Kafka is slower than they are.
    """

    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def resumable(self) -> bool: ...
    def receive(self, cursor: str | None, stop: Event) -> Iterator[Received]:
        """
        Connect, yield what comes, and end by raising `Disconnected`, `Throttled` or `Refused`.

        Yields at least every few seconds while the connection lives. Returns when *stop* is set.
        """
        ...

    def rotate(self) -> None:
        """Use another host for the next connection, where there are several."""
        ...


class Disconnected(Exception):
    """The connection is gone, or was never made: worth another try."""


class Throttled(Disconnected):
    """The server asks to wait for *seconds*."""

    def __init__(self, reason: str, seconds: float):
        super().__init__(reason)
        self.seconds = seconds


class Refused(Exception):
    """The server does not let us in: no use trying again. Says which setting to change."""


def event_time(posted_at: datetime, received_at: datetime) -> datetime:
    """
    Return when a post that cannot be asked for again happened, for the counts.

    Its own time, unless the platform or its clock was somewhat late with it: then it happens when
    it is heard. A post from long ago keeps its time, and is counted as late.
    """
    age = received_at - posted_at
    if age <= PROMPT:
        return min(posted_at, received_at)
    return received_at if age <= FRESH else posted_at
