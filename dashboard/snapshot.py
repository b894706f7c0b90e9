"""
One look at the stores as a frozen value, and the reader that shares it between all sessions.

Everything on the page comes from one `Snapshot`; no page asks Redis itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar

import redis

from detector.actions import Actions, Marks
from detector.baseline import usual_week
from detector.counts import Counts
from detector.feeds import Feeds
from detector.health import Health
from detector.inbox import Inbox
from detector.incident_store import IncidentStore
from detector.incidents import Incident, Status
from detector.official import AFTER, BEFORE, Official, official
from detector.official_store import OfficialStore
from detector.series import KEPT_MINUTES, Series
from detector.silence import Silence
from detector.state import StateError, decode

MAX_AGE = timedelta(seconds=1)
SERIES_AGE = timedelta(seconds=6)  # the minutes of all services are most of what a look costs
RECENT_MINUTES = 60  # what a service's tile shows
LEAD_IN = timedelta(minutes=30)  # how much of the normal is shown before an onset
LONGEST_STORY_MINUTES = 24 * 60
N_RECENT = 50
N_PAST = 1_000
# The history, a service's days and its usual week cost more to read, and change slowly.
SLOW_AGE = timedelta(seconds=15)
N_SLOW = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    What the detector knows at one moment.

    *taken_at* is wall clock, all else event time. *recent* holds resolved incidents, newest first;
    *series* the last hour of every service, read at *series_at* (wall clock); *stories* the
    services of open incidents from before their onset; *marks* (by incident) and *silences* are
    what people did, *official* (by incident) what companies say.
    """

    taken_at: datetime
    health: Health
    judged_until: datetime | None = None
    open: tuple[Incident, ...] = ()
    recent: tuple[Incident, ...] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    series_at: datetime | None = None
    stories: Mapping[str, Series] = field(default_factory=dict)
    marks: Mapping[str, Marks] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    official: Mapping[str, Official] = field(default_factory=dict)

    @property
    def clock(self) -> datetime | None:
        """Return the event clock: the end of what was judged, else the watermark."""
        return self.judged_until or self.health.watermark_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """All incidents that are kept, newest first, with what was done and said about each."""

    incidents: tuple[Incident, ...]
    marks: Mapping[str, Marks]
    official: Mapping[str, Official]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """
    The last good snapshot, and what is known about how it came.

    All times are wall clock. *since* is the first look; *moved_at* and *judged_at* say when the
    watermark and the watcher were last seen to advance, None as long as they were not;
    *failing_since* is set while Redis does not answer.
    """

    snapshot: Snapshot | None = None
    since: datetime | None = None
    moved_at: datetime | None = None
    judged_at: datetime | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything that is read."""

    incidents: IncidentStore
    counts: Counts
    actions: Actions
    inbox: Inbox
    feeds: Feeds
    official: OfficialStore

    @classmethod
    def of(cls, client: redis.Redis, prefix: str) -> "Stores":
        """Return the stores of one installation."""
        return cls(
            incidents=IncidentStore(client, prefix),
            counts=Counts(client, prefix),
            actions=Actions(client, prefix),
            inbox=Inbox(client, prefix),
            feeds=Feeds(client, prefix),
            official=OfficialStore(client, prefix),
        )


def take(
    stores: Stores, services: Sequence[str], now: datetime, before: Snapshot | None = None
) -> Snapshot:
    """
    Read everything that the page shows; raises redis-py's errors.

    The series of *before* are kept for some seconds.
    """
    if before is None or before.series_at is None or now - before.series_at >= SERIES_AGE:
        series, series_at = stores.incidents.series(services, RECENT_MINUTES), now
    else:
        series, series_at = dict(before.series), before.series_at
    incidents = stores.incidents
    open_now = incidents.open()
    judged_until = incidents.judged_until()
    recent = tuple(i for i in incidents.recent(N_RECENT) if i.status is Status.RESOLVED)
    return Snapshot(
        taken_at=now,
        health=stores.counts.health(),
        judged_until=judged_until,
        open=open_now,
        recent=recent,
        series=series,
        series_at=series_at,
        stories=story(incidents, open_now, judged_until or now),
        marks=stores.actions.marks(one.id for one in (*open_now, *recent)),
        silences=stores.actions.silences(now),
        official=statements(stores.official, open_now),
    )


def statements(store: OfficialStore, told: Sequence[Incident]) -> dict[str, Official]:
    """Read what companies say of each of *told*."""
    if not told:
        return {}
    pages = store.pages()
    events = store.events(
        min(one.onset_at for one in told) - BEFORE,
        max(one.resolved_at or one.updated_at for one in told) + AFTER,
    )
    return {one.id: official(one, events, pages) for one in told}


def story(
    incidents: IncidentStore,
    told: Sequence[Incident],
    clock: datetime,
    longest: int = LONGEST_STORY_MINUTES,
) -> Mapping[str, Series]:
    """Read the series of the services of *told* from before the first onset up to *clock*."""
    if not told:
        return {}
    length = clock - min(incident.onset_at for incident in told) + LEAD_IN
    minutes = min(longest, max(RECENT_MINUTES, length // timedelta(minutes=1) + 1))
    services = sorted({one.service for incident in told for one in incident.affected})
    return incidents.series(services, minutes)


class Reader:
    """
    Shares one snapshot between all sessions, and outlives a Redis that is away.

    Safe to call from many threads; while one of them reads, the others get the last view.
    """

    def __init__(self, stores: Stores, names: Mapping[str, str]):
        self.stores = stores
        self.names = names
        self._services = tuple(names)
        self._lock = Lock()
        self._slow: dict[str, tuple[datetime, Any]] = {}
        self._view = View()
        self._tried_at: datetime | None = None

    def view(self, now: datetime) -> View:
        """Return a view that is at most `MAX_AGE` older than *now*, which is wall clock."""
        # The very first caller has nothing to fall back to, so that he waits for the lock.
        if self._is_fresh(now) or not self._lock.acquire(blocking=self._tried_at is None):
            return self._view
        try:
            if not self._is_fresh(now):
                self._view = self._next(now)
                self._tried_at = now
            return self._view
        finally:
            self._lock.release()

    def find(
        self, incident_id: str, snapshot: Snapshot
    ) -> tuple[Incident, Mapping[str, Series]] | None:
        """Return the incident of that id with its series, or None; raises redis-py's errors."""
        for incident in snapshot.open:
            if incident.id == incident_id:
                return incident, snapshot.stories
        found = self.stores.incidents.get(incident_id)
        if found is None:
            return None
        clock = snapshot.clock or snapshot.taken_at
        return found, story(self.stores.incidents, [found], clock, KEPT_MINUTES)

    def series(self, service: str, now: datetime) -> Series:
        """Return all minutes that are kept of *service*; raises as `find`."""
        return self._kept(
            f"series {service}",
            now,
            lambda: self.stores.incidents.series([service], KEPT_MINUTES)[service],
        )

    def past(self, now: datetime) -> Past:
        """Return the history, some seconds old; raises as `find`."""
        return self._kept("past", now, self._read_past)

    def usual(self, service: str, now: datetime) -> list[float] | None:
        """Return what is normal in each hour of the week, None before anything was learnt."""
        return self._kept(f"usual {service}", now, lambda: self._read_usual(service))

    def forget(self) -> None:
        """Have the next look read anew: something was changed here."""
        self._tried_at = None
        self._slow.pop("past", None)

    def _kept(self, name: str, now: datetime, read: Callable[[], T]) -> T:
        held = self._slow.get(name)
        if held is None or now - held[0] >= SLOW_AGE:
            while len(self._slow) >= N_SLOW:
                self._slow.pop(next(iter(self._slow)), None)
            held = self._slow[name] = now, read()
        return held[1]

    def _read_past(self) -> Past:
        incidents = self.stores.incidents.recent(N_PAST)
        ids = [one.id for one in incidents]
        return Past(
            incidents=incidents,
            marks=self.stores.actions.marks(ids),
            official=statements(self.stores.official, incidents),
        )

    def _read_usual(self, service: str) -> list[float] | None:
        progress = self.stores.incidents.progress()
        if progress is None or not progress.state:
            return None
        try:
            known = decode(progress.state, self._services)
        except StateError:
            return None  # of another version; the watcher learns anew
        row = known.services.index(service)
        return [float(rate) for rate in usual_week(known.baseline, row)]

    def _is_fresh(self, now: datetime) -> bool:
        return self._tried_at is not None and now - self._tried_at < MAX_AGE

    def _next(self, now: datetime) -> View:
        before = self._view
        try:
            taken = take(self.stores, self._services, now, before.snapshot)
        except redis.RedisError:
            return replace(before, failing_since=before.failing_since or now)
        return advance(before, taken)


def advance(before: View, taken: Snapshot) -> View:
    """Return the view that follows *before* when *taken* was read."""
    last, now = before.snapshot, taken.taken_at
    moved = last is not None and taken.health.watermark_at != last.health.watermark_at
    judged = last is not None and taken.judged_until != last.judged_until
    return View(
        snapshot=taken,
        since=before.since or now,
        moved_at=now if moved else before.moved_at,
        judged_at=now if judged else before.judged_at,
    )
