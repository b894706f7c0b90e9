"""How far an incident reached, and how it went: by industry and country, first, last, and back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from detector.incidents import Affected, Incident, Status
from detector.places import Share, countries, is_country, shares
from detector.reach import Mark, industry, mark
from models.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Industry:
    """Of the *known* services of one industry, how many the incident hit, and how many fail now."""

    name: str
    known: int
    hit: int
    failing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """
    The incident at one instant: failing services by industry, and where the reports since the
    moment before came from.
    """

    at: datetime
    failing: Mapping[str, int]
    countries: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Radius:
    """
    The blast radius of one incident.

    *first* and *last* are services by onset; *recovered* are (service, when), in the order of
    coming back. *n_reports* are authors, *peak_per_minute* the services' peaks summed, a bound from
    above. *countries* share the reports that can be placed, *cloud_regions* those that name one; of
    all reports *placed* name a place and *spoken* are placed by their language alone. *course* is
    every five minutes and ends now.
    """

    industries: tuple[Industry, ...]
    first: str
    first_at: datetime
    last: str
    last_at: datetime
    recovered: tuple[tuple[str, datetime], ...]
    n_reports: int
    peak_per_minute: float
    countries: tuple[Share, ...]
    cloud_regions: tuple[Share, ...]
    placed: float
    spoken: float
    course: tuple[Moment, ...]


def radius(incident: Incident, catalogue: Catalogue, marks: Sequence[Mark] = ()) -> Radius:
    """
    Measure *incident*, with its *marks* (`IncidentStore.marks`) for the course.

    A service that the catalogue no longer has is of the industry "other".
    """
    order = sorted(incident.affected, key=lambda one: (one.onset_at, one.joined_at, one.service))
    now = mark(incident.resolved_at or incident.updated_at, incident, catalogue)
    named = {place: n for place, n in now.regions.items() if is_country(place)}
    clouds = {place: n for place, n in now.regions.items() if not is_country(place)}
    n_reports = max(incident.observed, 1)
    return Radius(
        industries=_industries(incident, catalogue, now),
        first=order[0].service,
        first_at=order[0].onset_at,
        last=order[-1].service,
        last_at=order[-1].onset_at,
        recovered=_recovered(incident.affected),
        n_reports=incident.observed,
        peak_per_minute=round(sum(one.peak_per_minute for one in incident.affected), 2),
        countries=countries(named, now.languages),
        cloud_regions=shares(clouds),
        placed=round(min(sum(now.regions.values()) / n_reports, 1.0), 4),
        spoken=round(min(sum(now.languages.values()) / n_reports, 1.0), 4),
        course=_course(marks, now),
    )


def _recovered(affected: Sequence[Affected]) -> tuple[tuple[str, datetime], ...]:
    back = [
        (one.resolved_at, one.service)
        for one in affected
        if one.status is Status.RESOLVED and one.resolved_at
    ]
    return tuple((service, at) for at, service in sorted(back))


def _industries(incident: Incident, catalogue: Catalogue, now: Mark) -> tuple[Industry, ...]:
    known = Counter(service.industry for service in catalogue.services.values())
    hit = Counter(industry(one.service, catalogue) for one in incident.affected)
    rows = (
        Industry(name=name, known=max(known[name], n), hit=n, failing=now.failing.get(name, 0))
        for name, n in hit.items()
    )
    return tuple(sorted(rows, key=lambda row: (-row.hit, row.name)))


def _course(marks: Sequence[Mark], now: Mark) -> tuple[Moment, ...]:
    """Turn sums since the onset into what came between one mark and the next."""
    course, before = [], Mark(at=now.at, failing={}, regions={}, languages={})
    for one in (*(past for past in marks if past.at < now.at), now):
        named = _grown(before.regions, one.regions)
        named = {place: n for place, n in named.items() if is_country(place)}
        places = countries(named, _grown(before.languages, one.languages))
        course.append(Moment(at=one.at, failing=one.failing, countries=places))
        before = one
    return tuple(course)


def _grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    # A service that was moved to another incident takes its reports along.
    grown = {name: n - before.get(name, 0) for name, n in after.items()}
    return {name: n for name, n in grown.items() if n > 0}
