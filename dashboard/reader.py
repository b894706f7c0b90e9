"""The reader that shares one look at the stores between all sessions, and what is read seldom."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, TypeVar, cast

import redis

from dashboard.drawn import Drawn
from dashboard.look import announced, story, take
from dashboard.snapshot import Announced, Snapshot, View, advance
from dashboard.stores import Stores
from detector.actions import Marks
from detector.baseline import usual_week
from detector.incidents import Incident
from detector.official import OfficialEvent, Scoreboard
from detector.reach import Mark
from detector.series import KEPT_MINUTES, Series
from detector.state import StateError, decode
from models.catalogue import Catalogue

MAX_AGE = timedelta(seconds=1)
N_PAST = 1_000
# The history, a service's days and its usual week cost more to read, and change slowly.
SLOW_AGE = timedelta(seconds=15)
N_SLOW = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One incident with all that is kept of it."""

    incident: Incident
    series: Mapping[str, Series]
    marks: Marks
    announced: Announced | None
    reach: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """
    All incidents that are kept, newest first, with what was done and said about each.

    *score* compares *compared* with *events*, which is everything official of that time.
    """

    incidents: tuple[Incident, ...]
    marks: Mapping[str, Marks]
    official: Mapping[str, Announced]
    events: tuple[OfficialEvent, ...] = ()
    compared: tuple[Incident, ...] = ()
    score: Scoreboard | None = None


def comparable(incidents: tuple[Incident, ...]) -> tuple[Incident, ...]:
    """
    Return which of *incidents* official posts can be about.

    No page ever spoke of a made-up one, unless all are: then a scenario wrote the posts, too.
    """
    real = tuple(one for one in incidents if not one.synthetic)
    return real or tuple(replace(one, synthetic=False) for one in incidents)


class Reader:
    """
    Shares one snapshot between all sessions, and outlives a Redis that is away.

    Safe to call from many threads; while one of them reads, the others get the last view.
    """

    def __init__(self, stores: Stores, catalogue: Catalogue):
        self.stores = stores
        self.names = {id: one.name for id, one in catalogue.services.items()}
        self.drawn = Drawn()
        self._catalogue = catalogue
        self._lock = Lock()
        self._slow: dict[str, tuple[datetime | None, Any]] = {}
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

    def find(self, id: str, snapshot: Snapshot, now: datetime) -> Found | None:
        """
        Return the incident of that *id*, or None.

        Raises redis-py's errors where it was never read before.
        """
        held = next((one for one in snapshot.open if one.id == id), None)
        if held is None:
            return self._kept(f"closed {id}", now, lambda: self._closed(id, snapshot))
        return Found(
            incident=held,
            series=snapshot.stories,
            marks=snapshot.marks[id],
            announced=snapshot.official.get(id),
            reach=self._kept(f"reach {id}", now, lambda: self.stores.incidents.marks(id)),
        )

    def _closed(self, id: str, snapshot: Snapshot) -> Found | None:
        found = self.stores.incidents.get(id)
        if found is None:
            return None
        clock = snapshot.clock or snapshot.taken_at
        return Found(
            incident=found,
            series=story(self.stores.incidents, [found], clock, KEPT_MINUTES),
            marks=self.stores.actions.marks([id])[id],
            announced=announced(self.stores.official, [found])[id],
            reach=self.stores.incidents.marks(id),
        )

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
        self._slow = {name: (None, kept) for name, (_, kept) in list(self._slow.items())}

    def _kept(self, name: str, now: datetime, read: Callable[[], T]) -> T:
        """Return what is kept of *name*, read anew when it is old, as long as that can be read."""
        read_at, kept = self._slow.get(name, (None, None))
        if read_at is not None and now - read_at < SLOW_AGE:
            return cast(T, kept)
        try:
            found = read()
        except redis.RedisError:
            if name not in self._slow:
                raise
            return cast(T, kept)
        while len(self._slow) >= N_SLOW:
            self._slow.pop(next(iter(self._slow)), None)
        self._slow[name] = now, found
        return found

    def _read_past(self) -> Past:
        incidents = self.stores.incidents.recent(N_PAST)
        if not incidents:
            return Past(incidents=(), marks={}, official={})
        since = min(one.onset_at for one in incidents)
        until = max(one.updated_at for one in incidents)
        compared = comparable(incidents)
        return Past(
            incidents=incidents,
            marks=self.stores.actions.marks([one.id for one in incidents]),
            official=announced(self.stores.official, incidents),
            events=self.stores.official.events(since, until),
            compared=compared,
            score=self.stores.official.scoreboard(compared, since, until),
        )

    def _read_usual(self, service: str) -> list[float] | None:
        progress = self.stores.incidents.progress()
        if progress is None or not progress.state:
            return None
        try:
            known = decode(progress.state, tuple(self._catalogue.services))
        except StateError:
            return None  # of another version; the watcher learns anew
        row = known.services.index(service)
        return [float(rate) for rate in usual_week(known.baseline, row)]

    def _is_fresh(self, now: datetime) -> bool:
        return self._tried_at is not None and now - self._tried_at < MAX_AGE

    def _next(self, now: datetime) -> View:
        before = self._view
        try:
            taken = take(self.stores, self._catalogue, now, before.snapshot)
        except redis.RedisError:
            return replace(before, failing_since=before.failing_since or now)
        return advance(before, taken)
