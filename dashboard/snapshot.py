"""One look at the stores as a frozen value; everything on the page comes from one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from detector.actions import Marks
from detector.bucket import WIDTH
from detector.health import Health
from detector.incidents import Affected, Incident, Status
from detector.official import Official, OfficialEvent
from detector.series import Series
from detector.silence import Silence
from detector.suspects import Suspect
from detector.unknown import Surge

RECENT_MINUTES = 60  # what a service's tile shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What companies say of an incident themselves: in sum, and post by post, oldest first."""

    official: Official
    events: tuple[OfficialEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    What the detector knows at one moment.

    *taken_at* is wall clock, all else event time. *recent* holds resolved incidents, newest first;
    *series* the last hour of every service, read at *series_at* (wall clock) up to *series_until*;
    *stories* the services of open incidents from before their onset; *marks* (by incident) and
    *silences* are what people did, *official* (by incident) what companies say; *unknown* are names
    outside the catalogue that surged, *suspects* what is held back as a campaign's.
    """

    taken_at: datetime
    health: Health
    judged_until: datetime | None = None
    open: tuple[Incident, ...] = ()
    recent: tuple[Incident, ...] = ()
    series: Mapping[str, Series] = field(default_factory=dict)
    series_at: datetime | None = None
    series_until: datetime | None = None
    stories: Mapping[str, Series] = field(default_factory=dict)
    marks: Mapping[str, Marks] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    official: Mapping[str, Announced] = field(default_factory=dict)
    unknown: tuple[Surge, ...] = ()
    suspects: tuple[Suspect, ...] = ()

    @property
    def clock(self) -> datetime | None:
        """Return the event clock: the end of what was judged, else the watermark."""
        return self.judged_until or self.health.watermark_at

    @property
    def last_minute(self) -> int:
        """Return the last minute whose reports are known, in unix minutes."""
        return last_minute(self.clock or self.taken_at)

    @property
    def last_series_minute(self) -> int:
        """Return the last minute of *series*, which a fast replay has left behind."""
        return last_minute(self.series_until or self.clock or self.taken_at)

    @property
    def failing(self) -> Mapping[str, Affected]:
        """Return the services that fail, each as the worst of the open incidents has it."""
        return {
            one.service: one
            for incident in reversed(self.open)
            for one in reversed(incident.affected)
            if one.status is not Status.RESOLVED
        }

    @property
    def held(self) -> frozenset[str]:
        """Return the services that would be failing, too, if they were not suspect."""
        return frozenset(one.service for one in self.suspects if one.held) - self.failing.keys()


def last_minute(clock: datetime) -> int:
    """Return the last minute that is known at *clock*: it is written with the bucket after it."""
    return (int(clock.timestamp()) - WIDTH) // 60 - 1


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
