"""What a person wants to see of all that there is: a search, industries, regions, sources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from dashboard.posts import token
from dashboard.site import Site
from detector.incidents import Incident
from models.catalogue import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Empty parts let everything through; *wanted* is folded."""

    wanted: str = ""
    industries: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    @property
    def is_set(self) -> bool:
        """Whether anything is left out."""
        return self != Filter()

    def takes(self, service: Service) -> bool:
        """Whether the service fits by its names and industry."""
        if self.industries and service.industry not in self.industries:
            return False
        given = (service.id, service.name, service.industry, *service.aliases)
        return not self.wanted or any(self.wanted in name.casefold() for name in given)

    def fits(self, incident: Incident, services: Mapping[str, Service]) -> bool:
        """Whether a service of the incident fits, and its regions and sources do."""
        ids = [one.service for one in incident.affected]
        if incident.cause is not None:
            ids.append(incident.cause.provider)
        if not any(self.takes(services[id]) for id in ids if id in services):
            return not (self.wanted or self.industries) and self._is_there(incident)
        return self._is_there(incident)

    def _is_there(self, incident: Incident) -> bool:
        regions = {name for one in incident.affected for name, _ in one.regions}
        sources = {sample.source for sample in incident.samples}
        return (not self.regions or bool(regions & self.regions)) and (
            not self.sources or bool(sources & self.sources)
        )


def ask(site: Site) -> Filter:
    """Draw the search field and, folded, the choices; return what is chosen."""
    with st.container(horizontal=True, key="filters", vertical_alignment="bottom"):
        wanted = st.text_input(
            "Search services",
            key="search",
            placeholder="Search by name, alias or industry",
            label_visibility="collapsed",
            max_chars=80,
            icon=":material/search:",
        )
        with st.popover("Filter", icon=":material/tune:", key="filter"):
            industries = _choice("Industry", {one.industry for one in site.services.values()})
            regions = _choice("Region named", _regions(site))
            sources = _choice("Source", {one.name for one in site.snapshot.health.sources})
    return Filter(
        wanted=wanted.strip().casefold(),
        industries=frozenset(industries),
        regions=frozenset(regions),
        sources=frozenset(sources),
    )


def _choice(label: str, options: Iterable[str]) -> list[str]:
    chosen: list[str] = st.multiselect(label, sorted(options), key=f"only-{label}")
    return chosen


def _regions(site: Site) -> set[str]:
    told = (one for incident in site.snapshot.open for one in incident.affected)
    chosen = set(st.session_state.get("only-Region named", ()))
    return chosen | {token(name, "") for one in told for name, _ in one.regions} - {""}
