"""
One look at the stores as a frozen value, and the reader that shares it between all sessions.

Everything on the page comes from one `Snapshot`; no page asks Redis itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock

import redis

from detector.counts import Counts
from detector.health import Health
from detector.incident_store import IncidentStore
from detector.incidents import Incident, Status
from detector.series import KEPT_MINUTES, Series

MAX_AGE = timedelta(seconds=1)
RECENT_MINUTES = 60  # what a service's tile shows
LEAD_IN = timedelta(minutes=30)  # how much of the normal is shown before an onset
LONGEST_STORY_MINUTES = 24 * 60
N_RECENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    What the detector knows at one moment.

    *taken_at* is wall clock, all else event time. *recent* holds resolved incidents, newest first;
    *series* the last hour of every service; *stories* the services of open incidents from before
    their onset.
    """

    taken_at: datetime
    health: Health
    judged_until: datetime | None = None
    open: tuple[Incident, ...] = ()
    recent: tuple[Incident, ...] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    stories: Mapping[str, Series] = field(default_factory=dict)

    @property
    def clock(self) -> datetime | None:
        """Return the event clock: the end of what was judged, else the watermark."""
        return self.judged_until or self.health.watermark_at


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


def take(
    incidents: IncidentStore, counts: Counts, services: Sequence[str], now: datetime
) -> Snapshot:
    """Read everything that the page shows; raises redis-py's errors."""
    open_now = incidents.open()
    judged_until = incidents.judged_until()
    return Snapshot(
        taken_at=now,
        health=counts.health(),
        judged_until=judged_until,
        open=open_now,
        recent=tuple(i for i in incidents.recent(N_RECENT) if i.status is Status.RESOLVED),
        series=incidents.series(services, RECENT_MINUTES),
        stories=story(incidents, open_now, judged_until or now),
    )


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

    def __init__(self, incidents: IncidentStore, counts: Counts, services: Sequence[str]):
        self.incidents = incidents
        self._counts = counts
        self._services = tuple(services)
        self._lock = Lock()
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
        incident_or_none = self.incidents.get(incident_id)
        if incident_or_none is None:
            return None
        clock = snapshot.clock or snapshot.taken_at
        return incident_or_none, story(self.incidents, [incident_or_none], clock, KEPT_MINUTES)

    def _is_fresh(self, now: datetime) -> bool:
        return self._tried_at is not None and now - self._tried_at < MAX_AGE

    def _next(self, now: datetime) -> View:
        before = self._view
        try:
            taken = take(self.incidents, self._counts, self._services, now)
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
