"""
Reddit: new posts and comments of some subreddits, as an approved script application.

A listing's own cursor (``before``) finds nothing any more once the post that it names is deleted.
So each round takes the newest page, and goes on to older ones until it meets the time that the last
round reached.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog

from stream.authors import Authors
from stream.report import Report
from stream.sources.draft import InvalidPost, draft
from stream.sources.live import Disconnected, Received, Refused, Throttled
from stream.sources.manners import Manners
from stream.sources.polling import polled
from stream.sources.web import ask, client, decoded

log = structlog.get_logger()

SOURCE = "reddit"
KEY = "sources.reddit.client_id and client_secret"
SILENCE = 15.0  # seconds until an answer is given up
PAGE = 100
MAX_PAGES = 10
LISTED = 900  # a listing ends after about a thousand things: one that did so may have left some out
OVERLAP = 120.0  # seconds that are read again: posts show up out of order
NOBODY = ("[deleted]", "AutoModerator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How to get a token."""

    address: str
    client_id: str
    client_secret: str
    user_agent: str


class Thing(msgspec.Struct, frozen=True):
    """A post (t3: title, selftext) or a comment (t1: body); *created_utc* is unix seconds."""

    name: str
    author: str
    created_utc: float
    permalink: str = ""
    title: str = ""
    selftext: str = ""
    body: str = ""
    parent_id: str | None = None


class _Child(msgspec.Struct):
    data: msgspec.Raw


class _Children(msgspec.Struct):
    children: list[_Child]
    after: str | None = None


class Listing(msgspec.Struct):
    """A page of things, newest first."""

    data: _Children


class Reddit:
    """The API at *address*, asked *every* so many seconds."""

    name = SOURCE
    resumable = True

    def __init__(
        self,
        address: str,
        login: Login,
        authors: Authors,
        *,
        subreddits: Sequence[str],
        every: float = 10.0,
        manners: Manners | None = None,
        silence: float = SILENCE,
    ):
        self._address = address.rstrip("/")
        self.host = urlsplit(address).netloc
        self._login = login
        self._authors = authors
        self._subreddits = "+".join(subreddits)
        self._every = every
        self._manners = manners or Manners()
        self._silence = silence
        self._reached: float | None = None

    def rotate(self) -> None:
        """There is one host only."""

    def receive(self, cursor: str | None, stop: Event) -> Iterator[Received]:
        """Yield what is new, for ever; raises as `LiveSource` says."""
        self._reached = float(cursor) if cursor else None
        headers = {"User-Agent": self._login.user_agent}
        with client(headers, seconds=self._silence) as web:
            token = self._token(web)
            expires = time.monotonic() + token.expires_in - 60
            web.headers["Authorization"] = f"Bearer {token.access_token}"

            def round_() -> Iterator[Received]:
                if time.monotonic() >= expires:
                    raise Disconnected("the token has run out; another is asked for")
                return self._round(web)

            yield from polled(round_, self._every, stop)

    def report(self, thing: Thing, now: datetime) -> Report | None:
        """Return *thing* as a report, None if nobody who wants to be read wrote it."""
        text = "\n".join(filter(None, (thing.title, thing.selftext, thing.body)))
        if thing.author in NOBODY or not self._manners.allow(SOURCE, thing.author, text):
            return None
        return draft(
            id=f"reddit:{thing.name}",
            source=SOURCE,
            author=self._authors.hash(SOURCE, thing.author),
            text=text,
            posted_at=datetime.fromtimestamp(thing.created_utc, UTC),
            received_at=now,
            url=f"https://www.reddit.com{thing.permalink}" if thing.permalink else None,
            reply_to=f"reddit:{thing.parent_id}" if thing.parent_id else None,
        )

    def _token(self, web: httpx2.Client) -> "_Token":
        login = (self._login.client_id, self._login.client_secret)
        form = {"grant_type": "client_credentials"}
        response = ask(web, "POST", self._login.address, key=KEY, auth=login, data=form)
        try:
            return msgspec.json.decode(response.content, type=_Token)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # Reddit answers 200 with an error in it.
            raise Refused(f"Reddit gives no token: {decoded(response)}; check {KEY}") from error

    def _round(self, web: httpx2.Client) -> Iterator[Received]:
        began = datetime.now(UTC)
        since = self._reached and self._reached - OVERLAP
        newest = self._reached or began.timestamp()
        found: list[Received] = []
        for kind in ("new", "comments"):
            for thing in self._things(web, kind, since):
                if isinstance(thing, str):
                    found.append(Received(invalid=thing))
                    continue
                newest = max(newest, min(thing.created_utc, began.timestamp()))
                found.append(self._received(thing))
        yield from reversed(found)
        self._reached = newest
        yield Received(cursor=repr(newest), event_at=began)

    def _received(self, thing: Thing) -> Received:
        try:
            report = self.report(thing, datetime.now(UTC))
        except (InvalidPost, OverflowError, OSError, ValueError) as error:
            return Received(invalid=str(error))
        return Received(records=(report,) if report else ())

    def _things(self, web: httpx2.Client, kind: str, since: float | None) -> Iterator[Thing | str]:
        """Yield newest first what was made after *since*, or one page; a text is a bad one."""
        url = f"{self._address}/r/{self._subreddits}/{kind}"
        after: str | None = None
        n_things = 0
        for _ in range(MAX_PAGES if since else 1):
            names: dict[str, Any] = {"limit": PAGE, "raw_json": 1}
            response = ask(
                web, "GET", url, key=KEY, params=names | {"after": after} if after else names
            )
            page = _listing(response.content)
            n_things += len(page.data.children)
            for child in page.data.children:
                thing = _thing(child.data)
                if isinstance(thing, Thing) and since and thing.created_utc < since:
                    return
                yield thing
            _pace(response)
            after = page.data.after
            if after is None:
                break
        if since and n_things >= LISTED:
            log.error("source_gap", source=SOURCE, listing=kind, since=since)


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = 3600.0


def _listing(body: bytes) -> Listing:
    try:
        return msgspec.json.decode(body, type=Listing)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Disconnected(f"the listing is not one: {error}") from error


def _thing(data: msgspec.Raw) -> Thing | str:
    try:
        return msgspec.json.decode(data, type=Thing)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"not a Reddit post: {error}"


def _pace(response: httpx2.Response) -> None:
    """Give up this round when the limit is nearly used up; the next waits for its reset."""
    left = response.headers.get("X-Ratelimit-Remaining")
    reset = response.headers.get("X-Ratelimit-Reset")
    if left and reset and float(left) < 2:
        raise Throttled("the rate limit is used up", min(float(reset), 600.0))
