"""One visit of one page: a conditional request, what changed, and when to come again."""

import random
from dataclasses import dataclass, field
from datetime import datetime

import httpx2

from detector.official import OfficialEvent, PageState
from detector.official_store import Record
from stream.official.notice import Notice, UnknownPage, changed
from stream.official.pages import Page, speaks_of
from stream.sources.live import Disconnected, Refused, Throttled
from stream.sources.web import ask

LONGEST = 900.0  # seconds between visits of a page that fails
SELDOM = 6 * 3600.0  # the same, of one whose form is guessed
REPEAT = 600.0  # seconds after which an unchanged state is said again


@dataclass(slots=True)
class Visitor:
    """
    What is remembered of a page between visits.

    *due* is a monotonic time; *notices* is the last valid reading.
    """

    page: Page
    due: float = 0.0
    notices: dict[str, Notice] = field(default_factory=dict)
    etag: str | None = None
    modified: str | None = None
    known_since: datetime | None = None
    detail: str = ""
    n_failures: int = 0
    said_at: datetime | None = None

    def visit(
        self, web: httpx2.Client, now: datetime, every: float, dice: random.Random
    ) -> tuple[tuple[Record, ...], float]:
        """Ask the page; return what is to be written down and in how many seconds to come again."""
        wait = every * dice.uniform(0.9, 1.1)
        try:
            fresh = self._read(web, now)
        except (Disconnected, Refused, UnknownPage) as error:
            self.n_failures += 1
            longest = SELDOM if self.page.guessed else LONGEST
            slower = min(longest, every * 2 ** min(self.n_failures, 12)) * dice.uniform(0.9, 1.1)
            asked = error.seconds if isinstance(error, Throttled) else 0.0
            return self._unknown(str(error), now), max(slower, asked)
        self.n_failures = 0
        return (*self._known(now), *fresh), wait

    def _read(self, web: httpx2.Client, now: datetime) -> tuple[Record, ...]:
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        sent = {name: value for name, value in headers.items() if value}
        response = ask(web, "GET", self.page.address, headers=sent)
        if response.status_code == 304:
            return ()
        found = self.page.parse(response.content)
        fresh = changed(self.notices, found, now, current_only=self.page.current_only)
        # Only what could be read may be taken for unchanged the next time.
        self.etag, self.modified = (
            response.headers.get("ETag"),
            response.headers.get("Last-Modified"),
        )
        self.notices = {notice.id: notice for notice in found}
        return tuple(event for notice in fresh for event in self._events(notice, now))

    def _events(self, notice: Notice, now: datetime) -> tuple[OfficialEvent, ...]:
        return tuple(
            OfficialEvent(
                service=service,
                id=notice.id,
                title=notice.title,
                state=notice.state,
                posted_at=min(notice.posted_at, now),
                seen_at=now,
                resolved_at=notice.resolved_at,
                url=notice.url,
                regions=notice.regions,
            )
            for service in speaks_of(notice, self.page.services)
        )

    def _known(self, now: datetime) -> tuple[PageState, ...]:
        changes = self.known_since is None
        self.known_since = self.known_since or now
        self.detail = ""
        return self._say(now, changes)

    def _unknown(self, detail: str, now: datetime) -> tuple[PageState, ...]:
        changes = self.known_since is not None or self.detail != detail
        self.known_since, self.detail = None, detail[:300]
        return self._say(now, changes)

    def _say(self, now: datetime, changes: bool) -> tuple[PageState, ...]:
        due = self.said_at is None or (now - self.said_at).total_seconds() >= REPEAT
        if not changes and not due:
            return ()
        self.said_at = now
        return tuple(
            PageState(service=one.id, at=now, known_since=self.known_since, detail=self.detail)
            for one in self.page.services
        )
