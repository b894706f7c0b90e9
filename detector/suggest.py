"""
What a closed incident says of the catalogue's edges: proposals for the operator, never applied.

Supported is an edge from a service that failed with a provider, contradicted one whose service
stayed normal again and again while its provider failed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from detector.incidents import Incident, Status
from models.catalogue import Catalogue

SURE = 0.8  # probability of the cause from which an incident teaches
_FIRST = 0.3  # strength of an edge that one incident has shown
_STRONG = 0.5  # edges under this one may well be spared
_SPARED = 3  # incidents that a dependent of a strong edge must pass unharmed


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A change of one edge; *strength* is the new one, *old* the present one or None."""

    service: str
    provider: str
    region: str | None
    strength: float
    old: float | None
    incidents: tuple[str, ...]

    def as_toml(self) -> str:
        """Return the lines that a user's own catalogue file takes to apply it."""
        region = f', region = "{self.region}"' if self.region else ""
        evidence = " ".join(self.incidents)
        return (
            f"[services.{self.service}]\n"
            f'depends_on = [{{ provider = "{self.provider}", strength = {self.strength}'
            f'{region}, evidence = "{evidence}" }}]'
        )


def suggestions(catalogue: Catalogue, incidents: Sequence[Incident]) -> tuple[Suggestion, ...]:
    """Propose edges that resolved *incidents* of a sure cause support or contradict, by service."""
    learnt = [
        one
        for one in incidents
        if one.status is Status.RESOLVED and one.cause and one.cause.probability >= SURE
    ]
    found = [*_supported(catalogue, learnt), *_contradicted(catalogue, learnt)]
    return tuple(sorted(found, key=lambda one: (one.service, one.provider, one.strength)))


def _supported(catalogue: Catalogue, learnt: Sequence[Incident]) -> Iterator[Suggestion]:
    seen: dict[tuple[str, str, str | None], list[str]] = {}
    for incident in learnt:
        assert incident.cause is not None
        provider, region = incident.cause.provider, incident.cause.region
        known = {service for service, _ in catalogue.dependents(provider)} | {provider}
        for one in incident.affected:
            if one.service in catalogue.services and one.service not in known:
                seen.setdefault((one.service, provider, region), []).append(incident.id)
    for (service, provider, region), ids in seen.items():
        strength = round(min(_FIRST + 0.1 * (len(ids) - 1), 0.7), 2)
        yield Suggestion(
            service=service,
            provider=provider,
            region=region,
            strength=strength,
            old=None,
            incidents=tuple(ids),
        )


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
                )


def _spared(incident: Incident, service: str, region: str | None) -> bool:
    assert incident.cause is not None
    elsewhere = region and incident.cause.region and region != incident.cause.region
    return not elsewhere and service not in {one.service for one in incident.affected}
