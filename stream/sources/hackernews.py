"""
Hacker News: every new story and comment, one by one.

Ids ascend without gaps, which makes the newest one a perfect cursor. A very new item may not be
there yet (null): it is asked for again for some minutes, and the cursor waits for it. Items that
are deleted afterwards show up in the list of updates.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog

from stream.authors import Authors
from stream.report import Deletion, Report
from stream.sources.draft import InvalidPost, draft
from stream.sources.live import Disconnected, Received
from stream.sources.manners import Manners
from stream.sources.plain import plain
from stream.sources.polling import polled
from stream.sources.web import ask, client

log = structlog.get_logger()

SOURCE = "hackernews"
SILENCE = 15.0  # seconds until an answer is given up
PATIENCE = 300.0  # seconds until an item that stays null is given up
MOST_BEHIND = 2_000  # items, some two hours
REMEMBERED = 5_000


class Item(msgspec.Struct, frozen=True):
    """
    A story or comment; *text* and *title* are HTML, *time* is unix seconds.

    Deleted ones have nobody who wrote them, and no text.
    """

    id: int
    type: str
    time: int | None = None
    by: str | None = None
    text: str = ""
    title: str = ""
    parent: int | None = None
    deleted: bool = False
    dead: bool = False


class Updates(msgspec.Struct, frozen=True):
    """What was changed lately."""

    items: list[int] = []


class HackerNews:
    """The API at *address*, asked *every* so many seconds."""

    name = SOURCE
    resumable = True

    def __init__(
        self,
        address: str,
        authors: Authors,
        *,
        every: float = 15.0,
        manners: Manners | None = None,
        patience: float = PATIENCE,
        silence: float = SILENCE,
    ):
        self._address = address.rstrip("/")
        self.host = urlsplit(address).netloc
        self._authors = authors
        self._every = every
        self._manners = manners or Manners()
        self._patience = patience
        self._silence = silence
        self._next = 0
        self._waiting: dict[int, float] = {}
        self._sent: OrderedDict[int, None] = OrderedDict()

    def rotate(self) -> None:
        """There is one host only."""

    def receive(self, cursor: str | None, stop: Event) -> Iterator[Received]:
        """Yield what is new, for ever; raises as `LiveSource` says."""
        self._next = int(cursor) + 1 if cursor else 0
        self._waiting.clear()
        with client(seconds=self._silence) as web:
            yield from polled(lambda: self._round(web), self._every, stop)

    def report(self, item: Item, now: datetime) -> Report | None:
        """Return *item* as a report, None if it is no story or comment, or has no text."""
        if item.type not in ("story", "comment") or item.by is None or item.deleted or item.dead:
            return None
        if item.time is None:
            raise InvalidPost(f"item {item.id}: field `time` is missing")
        text = "\n".join(filter(None, (plain(item.title), plain(item.text))))
        if not text or not self._manners.allow(SOURCE, item.by, text):
            return None
        return draft(
            id=f"hn:{item.id}",
            source=SOURCE,
            author=self._authors.hash(SOURCE, item.by),
            text=text,
            posted_at=datetime.fromtimestamp(item.time, UTC),
            received_at=now,
            url=f"https://news.ycombinator.com/item?id={item.id}",
            reply_to=f"hn:{item.parent}" if item.parent else None,
        )

    def _round(self, web: httpx2.Client) -> Iterator[Received]:
        began = datetime.now(UTC)
        newest = self._get(web, "maxitem", int)
        if not self._next:
            self._next = newest + 1
        if newest - self._next > MOST_BEHIND:
            log.error("source_gap", source=SOURCE, n_items=newest - self._next - MOST_BEHIND)
            self._next = newest - MOST_BEHIND
        for id in sorted(self._waiting):
            yield self._one(web, id)
        while self._next <= newest:
            self._next += 1
            yield self._one(web, self._next - 1)
        yield from self._deleted(web)
        yield Received(cursor=self._cursor(), event_at=began)

    def _one(self, web: httpx2.Client, id: int) -> Received:
        try:
            item = self._item(web, id)
        except InvalidPost as error:
            self._waiting.pop(id, None)
            return Received(invalid=str(error), cursor=self._cursor())
        now = datetime.now(UTC)
        if item is None:
            first = self._waiting.setdefault(id, time.monotonic())
            if time.monotonic() - first > self._patience:
                del self._waiting[id]
                return Received(invalid=f"item {id} stayed null", cursor=self._cursor())
            return Received(cursor=self._cursor())
        self._waiting.pop(id, None)
        try:
            report = self.report(item, now)
        except (InvalidPost, OverflowError, OSError, ValueError) as error:
            return Received(invalid=str(error), cursor=self._cursor())
        if report is None:
            return Received(cursor=self._cursor())
        self._sent[id] = None
        if len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)
        return Received(records=(report,), cursor=self._cursor())

    def _deleted(self, web: httpx2.Client) -> Iterator[Received]:
        for id in self._get(web, "updates", Updates).items:
            if id not in self._sent:
                continue
            try:
                item = self._item(web, id)
            except InvalidPost as error:
                yield Received(invalid=str(error))
                continue
            if item is not None and (item.deleted or item.dead):
                del self._sent[id]
                gone = Deletion(source=SOURCE, id=f"hn:{id}", at=datetime.now(UTC))
                yield Received(records=(gone,))

    def _cursor(self) -> str:
        return str(min(self._waiting, default=self._next) - 1)

    def _item(self, web: httpx2.Client, id: int) -> Item | None:
        """Return item *id*, None while there is none; `InvalidPost` for another shape."""
        found = self._get(web, f"item/{id}", Any)
        try:
            return msgspec.convert(found, Item | None)
        except msgspec.ValidationError as error:
            raise InvalidPost(f"item {id}: {error}") from error

    def _get(self, web: httpx2.Client, path: str, kind: Any) -> Any:
        body = ask(web, "GET", f"{self._address}/v0/{path}.json").content
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Disconnected(f"{path} is not what it should be: {error}") from error
