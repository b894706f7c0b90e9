"""The vendors that somebody depends on, and what an incident does to them."""

from collections.abc import Iterable
from dataclasses import dataclass

from detector.incidents import Incident, Status
from models.catalogue import Catalogue

_LEAST_STRENGTH = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """*vendors* are ids of services, *carried* those of them that depend on a provider, by it."""

    vendors: frozenset[str]
    carried: tuple[tuple[str, frozenset[str]], ...] = ()

    @classmethod
    def of(cls, names: Iterable[str], catalogue: Catalogue) -> "Stack":
        """Return the stack of services given by id or name; raises `ValueError` for another."""
        vendors = set()
        for name in names:
            service = catalogue.services.get(name) or catalogue.find(name)
            if service is None:
                raise ValueError(f"{name!r} is no service of the catalogue; see `outcry catalogue`")
            vendors.add(service.id)
        on: dict[str, set[str]] = {}
        for vendor in vendors:
            for edge in catalogue.services[vendor].depends_on:
                if edge.strength >= _LEAST_STRENGTH:
                    on.setdefault(edge.provider, set()).add(vendor)
        carried = tuple((provider, frozenset(on[provider])) for provider in sorted(on))
        return cls(vendors=frozenset(vendors), carried=carried)

    def hit(self, incident: Incident) -> set[str]:
        """Return the vendors that fail, or failed, in *incident*; the cause counts."""
        cause = {incident.cause.provider} if incident.cause else set()
        return set(self.vendors) & ({one.service for one in incident.affected} | cause)

    def at_risk(self, incident: Incident) -> set[str]:
        """Return the vendors that depend on what fails, and do not fail themselves."""
        if incident.status is Status.RESOLVED:
            return set()
        failing = {one.service for one in incident.affected if one.status is not Status.RESOLVED}
        failing |= {incident.cause.provider} if incident.cause else set()
        reached = {one for provider, held in self.carried if provider in failing for one in held}
        return reached - self.hit(incident)

    def concerns(self, incident: Incident) -> bool:
        """Whether the incident hits the stack, or what it depends on."""
        return bool(self.hit(incident) or self.at_risk(incident))
