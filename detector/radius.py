"""How far an incident reached, and how it went: by industry, first and last, and who came back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from detector.incidents import Incident, Status
from models.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Radius:
    """
    The blast radius of one incident.

    *industries* are (industry, services hit, services known); *countries* and *cloud_regions* share
    those reports that name a place, *placed* is the share of all reports that does. *recovered* is
    in the order of coming back.
    """

    industries: tuple[tuple[str, int, int], ...]
    first: str
    last: str
    last_at: datetime
    recovered: tuple[str, ...]
    n_reports: int
    countries: tuple[tuple[str, float], ...]
    cloud_regions: tuple[tuple[str, float], ...]
    placed: float


def radius(incident: Incident, catalogue: Catalogue) -> Radius:
    """Measure *incident*; a service that the catalogue no longer has is of the industry "other"."""
    order = sorted(incident.affected, key=lambda one: (one.onset_at, one.joined_at, one.service))
    back = [one for one in incident.affected if one.status is Status.RESOLVED and one.resolved_at]
    back.sort(key=lambda one: (one.resolved_at or incident.updated_at, one.service))
    places: dict[str, int] = {}
    for one in incident.affected:
        for place, n in one.regions:
            places[place] = places.get(place, 0) + n
    countries = {place: n for place, n in places.items() if is_country(place)}
    clouds = {place: n for place, n in places.items() if not is_country(place)}
    return Radius(
        industries=_industries(incident, catalogue),
        first=order[0].service,
        last=order[-1].service,
        last_at=max(one.joined_at for one in incident.affected),
        recovered=tuple(one.service for one in back),
        n_reports=incident.observed,
        countries=_shares(countries),
        cloud_regions=_shares(clouds),
        placed=round(min(sum(places.values()) / max(incident.observed, 1), 1.0), 4),
    )


def is_country(place: str) -> bool:
    """Whether *place* is an ISO 3166 code; the codes of cloud regions are longer, in lower case."""
    return len(place) == 2 and place.isupper()


def _industries(incident: Incident, catalogue: Catalogue) -> tuple[tuple[str, int, int], ...]:
    known: dict[str, int] = {}
    for service in catalogue.services.values():
        known[service.industry] = known.get(service.industry, 0) + 1
    hit: dict[str, int] = {}
    for one in incident.affected:
        entry = catalogue.services.get(one.service)
        industry = entry.industry if entry else "other"
        hit[industry] = hit.get(industry, 0) + 1
    rows = ((name, n, max(known.get(name, n), n)) for name, n in hit.items())
    return tuple(sorted(rows, key=lambda row: (-row[1], row[0])))


def _shares(counts: Mapping[str, int]) -> tuple[tuple[str, float], ...]:
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((place, round(n / total, 4)) for place, n in ordered)
