"""
What a closed incident says of the catalogue's edges: proposals for the operator, never applied.

Supported is an edge from a service that failed with a provider, contradicted one whose service
stayed normal again and again while its provider failed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from detector.incidents import Incident, Status
from models.catalogue import Catalogue, Dependency

SURE = 0.8  # probability of the cause from which an incident teaches
_FIRST = 0.3  # strength of an edge that one incident has shown
_FIRST_BESIDE = 0.2  # where the service failed beside it, in an incident of its own
_SOON = timedelta(minutes=45)  # after the onset of the cause's incident
_STRONG = 0.5  # edges under this one may well be spared
_SPARED = 3  # incidents that a dependent of a strong edge must pass unharmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """
    A change of one edge; *strength* is the new one, *old* the present one or None.

    *is_beside* says that the service failed at the same time, but in incidents of its own. *others*
    are the service's edges that stay as they are.
    """

    service: str
    provider: str
    region: str | None
    strength: float
    old: float | None
    incidents: tuple[str, ...]
    is_beside: bool = False
    others: tuple[Dependency, ...] = ()

    def as_toml(self) -> str:
        """Return the lines for a user's own catalogue file: all edges, as these replace the old."""
        new = Dependency(
            provider=self.provider,
            strength=self.strength,
            region=self.region,
            evidence=" ".join(self.incidents),
        )
        edges = "".join(f"  {_edge(edge)},\n" for edge in (*self.others, new))
        return f"[services.{self.service}]\ndepends_on = [\n{edges}]"


def suggestions(catalogue: Catalogue, incidents: Sequence[Incident]) -> tuple[Suggestion, ...]:
    """Propose edges that resolved *incidents* of a sure cause support or contradict, by service."""
    learnt = [
        one
        for one in incidents
        if one.status is Status.RESOLVED and one.cause and one.cause.probability >= SURE
    ]
    found = [*_supported(catalogue, learnt, incidents), *_contradicted(catalogue, learnt)]
    return tuple(sorted(found, key=lambda one: (one.service, one.provider, one.strength)))


def _supported(
    catalogue: Catalogue, learnt: Sequence[Incident], incidents: Sequence[Incident]
) -> Iterator[Suggestion]:
    seen: dict[tuple[str, str, str | None], dict[str, bool]] = {}
    for incident in learnt:
        assert incident.cause is not None
        provider, region = incident.cause.provider, incident.cause.region
        known = {service for service, _ in catalogue.dependents(provider)} | {provider}
        failed = {service: False for one in _beside(incident, incidents) for service in one}
        failed |= {one.service: True for one in incident.affected}
        for service, is_part in failed.items():
            if service in catalogue.services and service not in known:
                seen.setdefault((service, provider, region), {})[incident.id] = is_part
    for (service, provider, region), parts in seen.items():
        first = _FIRST if any(parts.values()) else _FIRST_BESIDE
        yield Suggestion(
            service=service,
            provider=provider,
            region=region,
            strength=round(min(first + 0.1 * (len(parts) - 1), 0.7), 2),
            old=None,
            incidents=tuple(parts),
            is_beside=not any(parts.values()),
            others=catalogue.services[service].depends_on,
        )


def _beside(cause: Incident, incidents: Sequence[Incident]) -> Iterator[list[str]]:
    """Yield the services of each incident without a cause that began soon after *cause* did."""
    cleared = {one.service for one in cause.cleared}
    for other in incidents:
        after = other.onset_at - cause.onset_at
        if other.cause is None and -_SOON / 3 <= after <= _SOON:
            yield [one.service for one in other.affected if one.service not in cleared]


def _contradicted(catalogue: Catalogue, learnt: Sequence[Incident]) -> Iterator[Suggestion]:
    for provider in catalogue.providers:
        ours = [one for one in learnt if one.cause and one.cause.provider == provider]
        for service, edge in catalogue.dependents(provider):
            spared = [one.id for one in ours if _spared(one, service, edge.region)]
            if edge.strength >= _STRONG and len(spared) == len(ours) >= _SPARED:
                yield Suggestion(
                    service=service,
                    provider=provider,
                    region=edge.region,
                    strength=round(edge.strength / 2, 2),
                    old=edge.strength,
                    incidents=tuple(spared),
                    others=tuple(
                        e for e in catalogue.services[service].depends_on if e is not edge
                    ),
                )


def _spared(incident: Incident, service: str, region: str | None) -> bool:
    assert incident.cause is not None
    elsewhere = region and incident.cause.region and region != incident.cause.region
    return not elsewhere and service not in {one.service for one in incident.affected}


def _edge(edge: Dependency) -> str:
    region = f', region = "{edge.region}"' if edge.region else ""
    return (
        f'{{ provider = "{edge.provider}", strength = {edge.strength}{region}, '
        f'evidence = "{edge.evidence}" }}'
    )
