"""
Mastodon: the streams of one instance over one WebSocket, as the account of a token.

The payload of an event is JSON within JSON, of a deletion a bare id. The stream has no cursor: what
was missed is fetched from the timelines, from the newest id that was seen. An edited post leaves
the evidence like a deleted one, as its text is no longer what its author says.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import structlog

from stream.authors import Authors
from stream.report import Deletion, Report
from stream.sources.draft import InvalidPost, draft
from stream.sources.live import Disconnected, Received
from stream.sources.manners import Manners
from stream.sources.mastodon_frames import MESSAGE, STATUS, STATUSES, Account, Status
from stream.sources.plain import plain
from stream.sources.web import ask, client, decoded
from stream.sources.websocket import messages

log = structlog.get_logger()

SOURCE = "mastodon"
KEY = "sources.mastodon.access_token"
SILENCE = 60.0  # a public stream of a small instance may pause; pings find a dead connection
PAGE = 40
MAX_PAGES = 25


class Mastodon:
    """Streams such as "public", "public:local" and "hashtag:down" of *instance* (https://…)."""

    name = SOURCE
    resumable = False

    def __init__(
        self,
        instance: str,
        token: str,
        authors: Authors,
        *,
        streams: Sequence[str] = ("public",),
        manners: Manners | None = None,
        silence: float = SILENCE,
    ):
        self._instance = instance.rstrip("/")
        self.host = urlsplit(instance).netloc
        self._headers = {"Authorization": f"Bearer {token}"}
        self._authors = authors
        self._streams = streams
        self._manners = manners or Manners()
        self._silence = silence

    def rotate(self) -> None:
        """There is one host only."""

    def receive(self, cursor: str | None, stop: Event) -> Iterator[Received]:
        """Yield what comes on one connection; raises as `LiveSource` says."""
        greeting = tuple(map(_subscription, self._streams))
        uri = f"{self._streaming_host()}/api/v1/streaming"
        incoming = messages(
            uri, stop, silence=self._silence, headers=self._headers, greeting=greeting, key=KEY
        )
        with closing(incoming):  # type: ignore[type-var]
            # The stream is open before what was missed is asked for: what comes in both ways is
            # known by its id, and nothing can come in neither.
            next(incoming, None)
            yield Received()
            if cursor:
                newest = cursor
                for received in self._missed(cursor):
                    newest = max(newest, received.cursor or "", key=_age)
                    # A crash amid several timelines must not take the newest of one for all.
                    yield replace(received, cursor=None)
                cursor = newest
                yield Received(cursor=cursor)
            for received in map(self._read_now, incoming):
                cursor = max(cursor or "", received.cursor or "", key=_age) or None
                yield replace(received, cursor=cursor)

    def read(self, data: bytes, now: datetime) -> Received:
        """Return what one message of the stream means; none is a sign of life."""
        try:
            message = MESSAGE.decode(data)
            if message.event == "update":
                return self._posted(STATUS.decode(message.payload or ""), now, len(data))
            if message.event == "delete":
                return self._gone(message.payload or "", now, len(data))
            if message.event == "status.update":
                return self._gone(STATUS.decode(message.payload or "").id, now, len(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidPost) as error:
            return Received(invalid=f"not a Mastodon event: {error}", n_bytes=len(data))
        return Received(event_at=now, n_bytes=len(data))

    def report(self, status: Status, now: datetime) -> Report | None:
        """Return *status* as a report, None if it is not public or not to be read."""
        account = status.account
        text = plain(status.content)
        if status.visibility != "public" or account.bot or account.noindex:
            return None
        if not self._manners.allow(SOURCE, self._account(account), text, plain(account.note)):
            return None
        boosted = status.reblog and self._id(status.reblog.id)
        return draft(
            id=self._id(status.id),
            source=SOURCE,
            author=self._authors.hash(SOURCE, self._account(account)),
            text=text,
            posted_at=status.created_at,
            received_at=now,
            lang=status.language,
            url=status.url,
            reply_to=status.in_reply_to_id and self._id(status.in_reply_to_id),
            repost_of=boosted,
        )

    def _read_now(self, data: bytes) -> Received:
        now = datetime.now(UTC)
        return self.read(data, now) if data else Received(event_at=now)

    def _posted(self, status: Status, now: datetime, n_bytes: int) -> Received:
        report = self.report(status, now)
        return Received(
            records=(report,) if report else (), cursor=status.id, event_at=now, n_bytes=n_bytes
        )

    def _gone(self, id: str, now: datetime, n_bytes: int) -> Received:
        if not id or len(id) > 60:
            raise InvalidPost(f"deletion of {id[:80]!r}: expected an id")
        deletion = Deletion(source=SOURCE, id=self._id(id), at=now)
        return Received(records=(deletion,), event_at=now, n_bytes=n_bytes)

    def _id(self, id: str) -> str:
        return f"mastodon:{self.host}/{id}"

    def _account(self, account: Account) -> str:
        return account.acct if "@" in account.acct else f"{account.acct}@{self.host}"

    def _streaming_host(self) -> str:
        with client() as web:
            found = decoded(ask(web, "GET", f"{self._instance}/api/v2/instance"))
        try:
            address = found["configuration"]["urls"]["streaming"]
        except (KeyError, TypeError) as error:
            raise Disconnected(
                f"{self.host} does not name its streaming server (configuration.urls.streaming)"
            ) from error
        return str(address).rstrip("/")

    def _missed(self, cursor: str) -> Iterator[Received]:
        """Fetch what came after *cursor* from each timeline, oldest first."""
        with client(self._headers) as web:
            for stream in self._streams:
                path, options = _timeline(stream)
                newest = cursor
                for _ in range(MAX_PAGES):
                    names = {**options, "min_id": newest, "limit": PAGE}
                    url = f"{self._instance}/api/v1/timelines/{path}"
                    found = _page(ask(web, "GET", url, params=names, key=KEY).content)
                    for status in sorted(found, key=lambda one: _age(one.id)):
                        yield self._checked(status)
                    if len(found) < PAGE:
                        break
                    newest = max((one.id for one in found), key=_age)
                else:
                    log.error("source_gap", source=SOURCE, stream=stream, after=newest)

    def _checked(self, status: Status) -> Received:
        try:
            return self._posted(status, datetime.now(UTC), 0)
        except InvalidPost as error:
            return Received(invalid=str(error))


def _page(body: bytes) -> list[Status]:
    try:
        return STATUSES.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Disconnected(f"the timeline is not one: {error}") from error


def _age(id: str) -> tuple[int, str]:
    """Ids are numbers as text, so that a longer one is newer."""
    return len(id), id


def _subscription(stream: str) -> str:
    kind, _, tag = stream.partition("hashtag:")
    if tag:
        return _json({"type": "subscribe", "stream": "hashtag", "tag": tag})
    return _json({"type": "subscribe", "stream": kind})


def _timeline(stream: str) -> tuple[str, dict[str, str]]:
    if stream.startswith("hashtag:"):
        return f"tag/{quote(stream.removeprefix('hashtag:'))}", {}
    return "public", {"local": "true"} if stream == "public:local" else {}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
