"""How far an incident reaches, noted every five minutes: what its end no longer shows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from detector.bucket import WIDTH
from detector.incidents import Affected, Incident, Status
from models.catalogue import Catalogue

EVERY = 300  # seconds of event time
KEPT = 7 * 24 * 3600 // EVERY
OTHER = "other"  # industry of what the catalogue no longer has


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """
    An incident at one instant.

    *failing* are services that fail just then, by industry; *regions* are reports since the onset
    that name a region or country, *languages* those of the others.
    """

    at: datetime
    failing: Mapping[str, int]
    regions: Mapping[str, int]
    languages: Mapping[str, int]


def marks(start: int, incidents: Iterable[Incident], catalogue: Catalogue) -> dict[str, Mark]:
    """Return the marks of all open *incidents* by id, if the bucket at *start* is to have one."""
    end = start + WIDTH
    if end % EVERY:
        return {}
    at = datetime.fromtimestamp(end, UTC)
    return {
        one.id: mark(at, one, catalogue) for one in incidents if one.status is not Status.RESOLVED
    }


def mark(at: datetime, incident: Incident, catalogue: Catalogue) -> Mark:
    """Return how *incident* stands at *at*."""
    failing = Counter(
        industry(one.service, catalogue)
        for one in incident.affected
        if one.status in (Status.EMERGING, Status.ONGOING)
    )
    return Mark(
        at=at,
        failing=dict(sorted(failing.items())),
        regions=total(incident.affected, "regions"),
        languages=total(incident.affected, "languages"),
    )


def industry(service: str, catalogue: Catalogue) -> str:
    """Return the industry of a service id."""
    known = catalogue.services.get(service)
    return known.industry if known else OTHER


def total(affected: Sequence[Affected], what: str) -> dict[str, int]:
    """Sum the *what*, "regions" or "languages", of all services, in the order of the names."""
    summed: Counter[str] = Counter()
    for one in affected:
        for name, n in getattr(one, what):
            summed[name] += n
    return dict(sorted(summed.items()))


def pack(mark: Mark) -> bytes:
    """Encode *mark* for the store."""
    return msgspec.json.encode(mark)


def unpack(row: bytes) -> Mark:
    """Decode what `pack` made."""
    return _decoder.decode(row)


_decoder = msgspec.json.Decoder(Mark)
