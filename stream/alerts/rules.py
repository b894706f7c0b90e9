"""Which incidents a channel is told of, and when: thresholds, routes, quiet hours, maintenance."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from detector.incidents import Incident, Severity, Status, Step, Transition
from models.catalogue import Catalogue
from stream.alerts.stack import Stack

RANK = {Severity.MINOR: 0, Severity.MAJOR: 1, Severity.CRITICAL: 2}
FLICKER = timedelta(minutes=5)
STORM_SPAN = timedelta(minutes=10)
_ONCE = {Step.OPENED, Step.RESOLVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From *begin* to *end* in *zone*, over midnight where that is earlier; *severity* passes."""

    begin: time
    end: time
    zone: tzinfo = UTC
    severity: Severity = Severity.CRITICAL

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours that hold at *now* end, None outside of them."""
        local = now.astimezone(self.zone)
        clock = local.time()
        if self.begin <= self.end:
            held = self.begin <= clock < self.end
        else:
            held = clock >= self.begin or clock < self.end
        if not held:
            return None
        day = local.date() + timedelta(days=1 if clock >= self.end else 0)
        return datetime.combine(day, self.end, self.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """While it lasts, *services* may fail and nobody is told; all of them if none is named."""

    begins_at: datetime
    ends_at: datetime
    services: frozenset[str] = frozenset()

    def covers(self, incident: Incident, now: datetime) -> bool:
        """Whether everything that the incident affects is in maintenance at *now*."""
        affected = {one.service for one in incident.affected}
        inside = not self.services or (bool(affected) and affected <= self.services)
        return inside and self.begins_at <= now < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """
    What an incident must have to go one way: any of each list that is not empty, and *severity*.

    With *stack*, it must hit that or what that depends on. A service counts when it is affected or
    the cause; industries are the affected services'.
    """

    services: frozenset[str] = frozenset()
    industries: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    severity: Severity = Severity.MINOR
    stack: Stack | None = None

    def takes(self, incident: Incident, catalogue: Catalogue) -> bool:
        """Whether *incident* goes this way as it stands."""
        if RANK[incident.severity] < RANK[self.severity]:
            return False
        if self.stack is not None and not self.stack.concerns(incident):
            return False
        services, regions = _services(incident), _regions(incident)
        found = (catalogue.services.get(one) for one in services)
        industries = {one.industry for one in found if one}
        wanted = ((self.services, services), (self.industries, industries), (self.regions, regions))
        return all(not asked or asked & has for asked, has in wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    What holds for a channel.

    Of the incidents in ten minutes, *storm_limit* get a message; one that may be part of another's
    failure waits for that to be known, for *together* of event time at the longest.
    """

    routes: tuple[Route, ...] = (Route(),)
    confirmed_only: bool = False
    quiet: QuietHours | None = None
    maintenance: tuple[Maintenance, ...] = ()
    storm_limit: int = 10
    together: timedelta = timedelta(0)

    def admits(self, incident: Incident, catalogue: Catalogue) -> bool:
        """Whether *incident* as it stands is worth a first alert on this channel."""
        if self.confirmed_only and not _was_confirmed(incident):
            return False
        return any(route.takes(incident, catalogue) for route in self.routes)

    def withheld(
        self, incident: Incident, now: datetime, muted_until: datetime | None = None
    ) -> tuple[datetime, str] | None:
        """Return until when and why nobody is told of *incident*, or None."""
        held: list[tuple[datetime, str]] = []
        if muted_until is not None and muted_until > now:
            held.append((muted_until, "muted"))
        held += [(w.ends_at, "maintenance") for w in self.maintenance if w.covers(incident, now)]
        if self.quiet and RANK[incident.severity] < RANK[self.quiet.severity]:
            end = self.quiet.until(now)
            held += [(end, "quiet hours")] if end else []
        return max(held, default=None)


def flickers(incident: Incident, transition: Transition) -> bool:
    """
    Whether *transition* only repeats what was told within `FLICKER` of event time.

    A service at the edge recovers and fails again by the minute; the first of each kind is told,
    its repetitions only change what the message shows. Decided from the incident's own steps, so
    that a restart decides the same.
    """
    if transition.step in _ONCE:
        return False
    told_at: datetime | None = None
    for one in incident.transitions:
        if _kind(one) != _kind(transition):
            continue
        fresh = told_at is None or one.at - told_at > FLICKER
        if one == transition:
            return not fresh
        told_at = one.at if fresh else told_at
    return False


def _kind(transition: Transition) -> tuple[Step, str]:
    """What makes two steps repetitions; of a cause, its name without how sure it is."""
    if transition.step is Step.CAUSE_CHANGED:
        return transition.step, transition.detail.rpartition(",")[0] or transition.detail
    return transition.step, transition.severity


def _was_confirmed(incident: Incident) -> bool:
    steps = {one.step for one in incident.transitions}
    return Step.CONFIRMED in steps or incident.status is Status.ONGOING


def _services(incident: Incident) -> set[str]:
    found = {one.service for one in incident.affected}
    return found | {incident.cause.provider} if incident.cause else found


def _regions(incident: Incident) -> set[str]:
    found = {region for one in incident.affected for region, _ in one.regions}
    return found | {incident.cause.region} if incident.cause and incident.cause.region else found
