"""
Bluesky, live: one Jetstream connection, v1 (`/subscribe`) or v2 (`subscribeEvents`).

After a reconnect the stream is read again from a few seconds before the last event, on the next
host: cursors of v1 are times and hold on all hosts. Deletions of posts and accounts are passed on.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Literal
from urllib.parse import urlencode

import structlog
import zstandard

from stream.authors import Authors
from stream.report import Deletion, Report
from stream.sources import jetstream, jetstream_v2
from stream.sources.jetstream import EPOCH, POSTS, SOURCE, Frame, InvalidFrame
from stream.sources.live import Disconnected, Received, Refused
from stream.sources.manners import Manners
from stream.sources.websocket import messages

log = structlog.get_logger()

SILENCE = 30.0  # seconds; posts come some forty times a second
REWIND = timedelta(seconds=5)
# The server keeps about 36 hours; a jump longer than this at the start is a gap that it clamped.
GAP = timedelta(minutes=1)
# A cursor from the future would mean "now" after a reconnect, and lose what was missed.
FUTURE = timedelta(hours=1)
FIRST_MICROSECONDS = 10**15  # smaller cursors are sequence numbers of v2
MAX_FRAME = 1 << 20
GONE = frozenset({"deleted", "takendown", "suspended", "deactivated"})
PATH_V2 = "/xrpc/network.bsky.jetstream.subscribeEvents"


class Bluesky:
    """The firehose's posts from one of *hosts* (``wss://…``), read again from a cursor."""

    name = SOURCE
    resumable = True

    def __init__(
        self,
        hosts: Sequence[str],
        authors: Authors,
        *,
        protocol: Literal["v1", "v2"] = "v1",
        manners: Manners | None = None,
        dictionary: bytes | None = None,
        silence: float = SILENCE,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        self._hosts = list(hosts)
        self._authors = authors
        self._v2 = protocol == "v2"
        self._manners = manners or Manners()
        self._silence = silence
        self._clock = clock
        self._inflate = _inflater(dictionary)
        self._compress = dictionary is not None and not self._v2
        self._turn = 0
        self._n_refused = 0
        self._from_now = False

    @property
    def host(self) -> str:
        """The host that is used now."""
        return self._hosts[self._turn % len(self._hosts)]

    def rotate(self) -> None:
        """Use the next host."""
        self._turn += 1

    def receive(self, cursor: str | None, stop: Event) -> Iterator[Received]:
        """Yield what comes on one connection; raises as `LiveSource` says."""
        start = self._start(cursor)
        first = True
        for data in self._messages(self.uri(start), stop):
            received = self.read(data, self._clock()) if data else Received()
            if first and received.event_at:
                self._say_gap(start, received.event_at)
                first = False
            yield received

    def uri(self, start: int | None) -> str:
        """Return the address to connect to, to read from cursor *start* or from now."""
        names = {"collections": POSTS} if self._v2 else {"wantedCollections": POSTS}
        if start is not None:
            names["cursor"] = str(start)
        if self._compress:
            names["compress"] = "true"
        path = PATH_V2 if self._v2 else "/subscribe"
        return f"{self.host.rstrip('/')}{path}?{urlencode(names)}"

    def read(self, data: bytes, now: datetime) -> Received:
        """Return what one message means; raises `Disconnected` for a last word of the server."""
        try:
            if self._v2:
                event = jetstream_v2.decode(data)
                if event is None:
                    return Received(n_bytes=len(data))
                frame, cursor = event.frame, str(event.seq)
            else:
                frame = jetstream.decode(self._inflate(data))
                cursor = str(frame.time_us)
            at = EPOCH + timedelta(microseconds=frame.time_us)
            records = self._records(frame, min(at, now), now)
        except (InvalidFrame, OverflowError) as error:
            return Received(invalid=str(error), n_bytes=len(data))
        usable = self._v2 or at <= now + FUTURE
        return Received(
            records=records,
            cursor=cursor if usable else None,
            event_at=min(at, now),
            n_bytes=len(data),
        )

    def _records(self, frame: Frame, at: datetime, now: datetime) -> tuple[Report | Deletion, ...]:
        if frame.is_deleted_post:
            return (self._deletion(frame, frame.post_id, at),)
        if frame.account is not None and not frame.account.active and frame.account.status in GONE:
            return (self._deletion(frame, f"bsky:{frame.did}/", at),)
        report = jetstream.report(frame, authors=self._authors, received_at=now)
        if report is None or not self._manners.allow(SOURCE, frame.did, report.text):
            return ()
        return (report,)

    def _deletion(self, frame: Frame, id: str, at: datetime) -> Deletion:
        if not 0 < len(id) <= 200:
            raise InvalidFrame(f"deletion of {id[:80]!r}: expected at most 200 characters")
        return Deletion(source=SOURCE, id=id, at=at, author=self._authors.hash(SOURCE, frame.did))

    def _start(self, cursor: str | None) -> int | None:
        """Return the cursor to ask for: some seconds before the last one; None for now."""
        if cursor is None or self._from_now:
            return None
        number = int(cursor)
        if self._v2 == (number >= FIRST_MICROSECONDS):
            log.warning("cursor_of_other_protocol", source=SOURCE, cursor=cursor)
            return None
        return number if self._v2 else number - int(REWIND / timedelta(microseconds=1))

    def _messages(self, uri: str, stop: Event) -> Iterator[bytes]:
        try:
            for data in messages(uri, stop, silence=self._silence, key="sources.bluesky.hosts"):
                self._n_refused = 0
                self._from_now = self._from_now and not data
                yield data
        except Refused as refused:
            # One host may have a quarrel with us; all of them mean that we are not welcome.
            self._n_refused += 1
            if self._n_refused >= len(self._hosts):
                raise
            raise Disconnected(str(refused)) from refused
        except Disconnected as error:
            if "CursorTooOld" in str(error):
                log.error("source_gap", source=SOURCE, reason="the cursor is too old")
                self._from_now = True
            raise

    def _say_gap(self, start: int | None, first_at: datetime) -> None:
        if start is None or self._v2:
            return
        asked = EPOCH + timedelta(microseconds=start)
        if first_at - asked > GAP + REWIND:
            log.error(
                "source_gap", source=SOURCE, after=asked.isoformat(), until=first_at.isoformat()
            )


def _inflater(dictionary: bytes | None) -> Callable[[bytes], bytes]:
    if dictionary is None:
        return lambda data: data
    zstd = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))

    def inflate(data: bytes) -> bytes:
        if data[:1] == b"{":
            return data
        try:
            return zstd.decompress(data, max_output_size=MAX_FRAME)
        except zstandard.ZstdError as error:
            raise InvalidFrame(f"not a zstd frame of this dictionary: {error}") from error

    return inflate
