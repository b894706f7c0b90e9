"""How the stores are read: the snapshot of now, the story of an incident, what companies say."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from dashboard.snapshot import RECENT_MINUTES, Announced, Snapshot, last_minute
from dashboard.stores import Stores
from detector.incident_store import IncidentStore
from detector.incidents import Incident, Status
from detector.official import AFTER, BEFORE, belongs, official
from detector.official_store import OfficialStore
from detector.series import Series
from models.catalogue import Catalogue

SERIES_AGE = timedelta(seconds=6)  # the minutes of all services are most of what a look costs
LEAD_IN = timedelta(minutes=30)  # how much of the normal is shown before an onset
LONGEST_STORY_MINUTES = 24 * 60
N_RECENT = 50


def take(
    stores: Stores, catalogue: Catalogue, now: datetime, before: Snapshot | None = None
) -> Snapshot:
    """
    Read everything that the page shows; raises redis-py's errors.

    The series of *before* are kept for some seconds, and for as long as no minute has ended.
    """
    incidents = stores.incidents
    judged_until = incidents.judged_until()
    open_now = incidents.open()
    recent = tuple(i for i in incidents.recent(N_RECENT) if i.status is Status.RESOLVED)
    if before is None or _is_old(before, now, judged_until):
        series, series_at = incidents.series(tuple(catalogue.services), RECENT_MINUTES), now
        series_until = judged_until
    else:
        series, series_at = dict(before.series), before.series_at or now
        series_until = before.series_until
    return Snapshot(
        taken_at=now,
        health=stores.counts.health(),
        judged_until=judged_until,
        open=open_now,
        recent=recent,
        series=series,
        series_at=series_at,
        series_until=series_until,
        stories=story(incidents, open_now, judged_until or now),
        marks=stores.actions.marks(one.id for one in (*open_now, *recent)),
        silences=stores.actions.silences(now),
        official=announced(stores.official, (*open_now, *recent)),
        unknown=stores.unknown.surges(catalogue),
        suspects=incidents.suspects(),
    )


def _is_old(before: Snapshot, now: datetime, judged_until: datetime | None) -> bool:
    if before.series_at is None or before.series_until is None or judged_until is None:
        return True
    has_ended = last_minute(judged_until) != last_minute(before.series_until)
    return has_ended and now - before.series_at >= SERIES_AGE


def announced(store: OfficialStore, told: Sequence[Incident]) -> dict[str, Announced]:
    """Read what companies say of each of *told*."""
    if not told:
        return {}
    pages = store.pages()
    events = store.events(
        min(one.onset_at for one in told) - BEFORE,
        max(one.resolved_at or one.updated_at for one in told) + AFTER,
    )
    return {
        one.id: Announced(
            official=official(one, events, pages),
            events=tuple(event for event in events if belongs(event, one)),
        )
        for one in told
    }


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
