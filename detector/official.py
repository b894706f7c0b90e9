"""
What companies say of themselves, and whether we were first. Pure.

Official posts are evidence of a second class: they confirm or contradict an incident, and are never
counted as reports.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

import msgspec

from detector.incidents import Incident, Status

# An official post belongs to an incident that was going on at its time, with this much room: pages
# are late, and an incident that people notice slowly may be on the page before us.
BEFORE = timedelta(hours=2)
AFTER = timedelta(hours=6)


class OfficialState(StrEnum):
    """What a page says of a service; unknown is what cannot be read, and is never fine."""

    OPERATIONAL = "operational"
    DEGRADED = "degraded"
    OUTAGE = "outage"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


FAILING = frozenset({OfficialState.DEGRADED, OfficialState.OUTAGE})
_WORST_LAST = tuple(OfficialState)


class OfficialEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="event"):
    """
    One incident on the page of *service*, as it stands; its id is the page's own.

    *posted_at* is when the page says that it first spoke of it, *seen_at* when we first read it.
    """

    service: str
    id: str
    title: str
    state: OfficialState
    posted_at: datetime
    seen_at: datetime
    resolved_at: datetime | None = None
    url: str = ""
    regions: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells it apart from all others."""
        return f"{self.service} {self.id}"


class PageState(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="page"):
    """
    Whether the page of *service* can be read, at *at*, and since when without a break.

    *detail* says why it cannot.
    """

    service: str
    at: datetime
    known_since: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """
    What the pages of an incident's services say of it.

    *lead* is how long after us the *first* official post came: negative if we were late, None while
    there is none.
    """

    state: OfficialState
    first: OfficialEvent | None = None
    lead: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """
    Our incidents against the official ones.

    *n_confirmed* of ours were admitted, *n_unconfirmed* were not though the page could be read
    (false alarms, or never admitted), *n_unjudged* have no page that could. *n_missed* of the
    *n_official* were not among ours. *leads* are those of the confirmed ones.
    """

    n_confirmed: int
    n_unconfirmed: int
    n_unjudged: int
    n_official: int
    n_missed: int
    leads: tuple[timedelta, ...] = ()

    @property
    def median_lead(self) -> timedelta | None:
        """Return the lead in the middle, None without any."""
        seconds = [lead.total_seconds() for lead in self.leads]
        return timedelta(seconds=median(seconds)) if seconds else None


def merged(old: OfficialEvent | None, new: OfficialEvent) -> OfficialEvent:
    """Return *new* with the earliest times of both: pages edit their past, and are read again."""
    if old is None:
        return new
    return msgspec.structs.replace(
        new,
        seen_at=min(old.seen_at, new.seen_at),
        posted_at=min(old.posted_at, new.posted_at),
    )


def services_of(incident: Incident) -> frozenset[str]:
    """Return the services whose pages may speak of *incident*: what fails, and the cause."""
    provider = {incident.cause.provider} if incident.cause else set()
    return frozenset({one.service for one in incident.affected} | provider)


def belongs(event: OfficialEvent, incident: Incident) -> bool:
    """Whether *event* speaks of what *incident* is about."""
    end = incident.resolved_at or incident.updated_at
    return (
        event.state is not OfficialState.MAINTENANCE
        and event.service in services_of(incident)
        and incident.onset_at - BEFORE <= event.posted_at <= end + AFTER
    )


def official(
    incident: Incident, events: Iterable[OfficialEvent], pages: Mapping[str, PageState]
) -> Official:
    """Return what is officially known of *incident*."""
    found = sorted(
        (event for event in events if belongs(event, incident)), key=lambda one: one.posted_at
    )
    if not found:
        known = any(_is_known(pages.get(name)) for name in services_of(incident))
        return Official(state=OfficialState.OPERATIONAL if known else OfficialState.UNKNOWN)
    first = found[0]
    return Official(
        state=max((one.state for one in found), key=_WORST_LAST.index),
        first=first,
        lead=first.posted_at - incident.opened_at,
    )


def scoreboard(
    incidents: Sequence[Incident],
    events: Sequence[OfficialEvent],
    pages: Mapping[str, PageState],
) -> Scoreboard:
    """
    Compare real *incidents*, those made up left out, with *events* of trouble.

    An incident is judged only when it is over and a page of its could be read all the time.
    """
    real = [one for one in incidents if not one.synthetic]
    trouble = [one for one in events if one.state is not OfficialState.MAINTENANCE]
    leads: list[timedelta] = []
    n_unconfirmed = n_unjudged = 0
    for incident in real:
        lead = official(incident, trouble, pages).lead
        if lead is not None:
            leads.append(lead)
        elif incident.status is Status.RESOLVED and _was_known(incident, pages):
            n_unconfirmed += 1
        else:
            n_unjudged += 1
    missed = [e for e in trouble if not any(belongs(e, incident) for incident in real)]
    return Scoreboard(
        n_confirmed=len(leads),
        n_unconfirmed=n_unconfirmed,
        n_unjudged=n_unjudged,
        n_official=len(trouble),
        n_missed=len(missed),
        leads=tuple(leads),
    )


def _is_known(page: PageState | None) -> bool:
    return page is not None and page.known_since is not None


def _was_known(incident: Incident, pages: Mapping[str, PageState]) -> bool:
    found = (pages.get(name) for name in services_of(incident))
    return any(
        page is not None and page.known_since is not None and page.known_since <= incident.onset_at
        for page in found
    )
