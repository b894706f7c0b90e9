"""
X: the filtered stream (API v2), by rules made from the catalogue, within a monthly budget.

Every post that arrives is paid for, read or not: when the month's budget is used up the connection
is closed until the next month. A line is a post or, every 20 seconds, empty. There is one
connection for each application, no cursor without an Enterprise contract, and no word of deletions
on this stream.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog

from stream.authors import Authors
from stream.report import Instant, Report
from stream.sources.draft import InvalidPost, draft
from stream.sources.live import Disconnected, Received, Throttled
from stream.sources.manners import Manners
from stream.sources.web import ask, client, decoded, from_status
from stream.sources.x_budget import Budget, until_next_month
from stream.sources.x_rules import TAG

log = structlog.get_logger()

SOURCE = "x"
KEY = "sources.x.bearer_token"
SILENCE = 30.0  # seconds; an empty line comes every 20
FIELDS = "created_at,lang,author_id,referenced_tweets"
MAX_LINE = 1 << 20


class Reference(msgspec.Struct, frozen=True):
    """Another post, and how this one refers to it."""

    type: str
    id: str


class Tweet(msgspec.Struct, frozen=True):
    """One post."""

    id: str
    text: str
    author_id: str
    created_at: Instant
    lang: str | None = None
    referenced_tweets: tuple[Reference, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """A line of the stream: a post, or why it ends."""

    data: msgspec.Raw = msgspec.Raw()
    errors: list[dict[str, Any]] = []


_line = msgspec.json.Decoder(Line)
_tweet = msgspec.json.Decoder(Tweet)


class X:
    """The stream at *address*; sets *rules* and removes those that an earlier run set."""

    name = SOURCE
    resumable = False

    def __init__(
        self,
        address: str,
        token: str,
        authors: Authors,
        *,
        rules: Sequence[str],
        budget: Budget,
        manners: Manners | None = None,
        silence: float = SILENCE,
    ):
        self._url = address.rstrip("/") + "/2/tweets/search/stream"
        self.host = urlsplit(address).netloc
        self._headers = {"Authorization": f"Bearer {token}"}
        self._authors = authors
        self._rules = rules
        self._budget = budget
        self._manners = manners or Manners()
        self._silence = silence

    def rotate(self) -> None:
        """There is one host only."""

    def receive(self, cursor: str | None, stop: Event) -> Iterator[Received]:
        """Yield what comes on one connection; raises as `LiveSource` says."""
        self._check_budget(datetime.now(UTC))
        with client(self._headers, seconds=self._silence) as web:
            self.set_rules(web)
            try:
                with web.stream("GET", self._url, params={"tweet.fields": FIELDS}) as response:
                    if not response.is_success:
                        response.read()
                        raise self._refusal(response)
                    yield Received(event_at=datetime.now(UTC))
                    for line in lines(response.iter_bytes()):
                        yield self.read(line, datetime.now(UTC))
                        if line.strip():
                            self._check_budget(datetime.now(UTC))
                        if stop.is_set():
                            return
            except httpx2.HTTPError as error:
                raise Disconnected(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        raise Disconnected("the server ended the stream")

    def read(self, line: bytes, now: datetime) -> Received:
        """Return what one line means; raises `Disconnected` for a last word of the server."""
        if not line.strip():
            return Received(event_at=now)
        try:
            found = _line.decode(line)
            if found.errors and not bytes(found.data):
                raise Disconnected(str(found.errors[0].get("title") or found.errors[0])[:200])
            self._budget.spend(now)
            tweet = _tweet.decode(found.data)
            report = self.report(tweet, now)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, InvalidPost) as error:
            return Received(invalid=f"not a post of X: {error}", n_bytes=len(line))
        return Received(records=(report,) if report else (), event_at=now, n_bytes=len(line))

    def report(self, tweet: Tweet, now: datetime) -> Report | None:
        """Return *tweet* as a report, None if its author does not want to be read."""
        if not self._manners.allow(SOURCE, tweet.author_id, tweet.text):
            return None
        refers = {one.type: f"x:{one.id}" for one in tweet.referenced_tweets}
        return draft(
            id=f"x:{tweet.id}",
            source=SOURCE,
            author=self._authors.hash(SOURCE, tweet.author_id),
            text=tweet.text,
            posted_at=tweet.created_at,
            received_at=now,
            lang=tweet.lang,
            url=f"https://x.com/i/status/{tweet.id}",
            reply_to=refers.get("replied_to"),
            repost_of=refers.get("retweeted"),
        )

    def set_rules(self, web: httpx2.Client) -> None:
        """Make our rules the wanted ones; rules of others are left alone."""
        url = self._url + "/rules"
        there = decoded(ask(web, "GET", url, key=KEY)).get("data") or []
        ours = {one["value"]: one["id"] for one in there if one.get("tag") == TAG}
        gone = [id for value, id in ours.items() if value not in self._rules]
        new = [{"value": value, "tag": TAG} for value in self._rules if value not in ours]
        if gone:
            ask(web, "POST", url, key=KEY, json={"delete": {"ids": gone}})
        if new:
            said = decoded(ask(web, "POST", url, key=KEY, json={"add": new}))
            for error in said.get("errors") or []:
                log.error("rule_refused", source=SOURCE, reason=str(error)[:300])

    def _check_budget(self, now: datetime) -> None:
        if self._budget.left(now) == 0:
            raise Throttled(
                f"the budget of {self._budget.most} posts a month is used up "
                "(sources.x.max_posts_per_month)",
                until_next_month(now),
            )

    def _refusal(self, response: httpx2.Response) -> Exception:
        reset = response.headers.get("x-rate-limit-reset") or response.headers.get("Retry-After")
        return from_status(response.status_code, reset, response.text[:500], key=KEY)


def lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut *chunks* into lines, without the line ends; raises `Disconnected` for an endless one."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE:
            raise Disconnected(f"a line of more than {MAX_LINE} bytes")
        yield from (line.rstrip(b"\r") for line in whole)
