"""Who depends on whom: the catalogue's edges by row, as hypotheses of what may have failed."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detector.baseline import Flags, Floats
from detector.incidents import Cause
from models.catalogue import Catalogue

Rows = NDArray[np.intp]

MIN_EXPLAINED = 2  # a cause is shared, or it is no news
_SELF_STRENGTH = 0.8  # a provider that fails is itself reported as failing, if people know it
_LARGE = 20  # dependents from which a provider certainly has some that nobody knows of
_OWNED = 0.3  # that a product fails when something fails that its whole company shares
# Industries whose customers are seldom known: their services may be the cause without any edge.
_CARRIERS_OF_OTHERS = frozenset({"cloud", "security"})
_MAX_DEPTH = 3  # edges on a path from a service to a provider


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """
    One thing that may have failed: *rows* of the services that it takes down, by *strength*.

    No catalogue is complete: one that is *wide* may take any other service down as well.
    *n_known* of the rows depend on it by an edge, others it owns; its own row is there as well.
    """

    provider: str
    region: str | None
    rows: Rows
    strength: Floats
    wide: bool = False
    n_known: int = MIN_EXPLAINED


@dataclass(frozen=True, kw_only=True)
class Graph:
    """
    The catalogue's edges by row of the sorted service ids; paths over several edges are multiplied
    out. *grounds* are the providers with regions of their own, which stand on no other.
    """

    services: tuple[str, ...]
    names: Mapping[str, str]
    hypotheses: tuple[Hypothesis, ...]
    fame: Mapping[str, float]
    industries: tuple[str, ...] = ()
    grounds: frozenset[str] = frozenset()

    def row(self, service: str) -> int | None:
        """Row of *service*, None where the catalogue does not have it."""
        row = bisect_left(self.services, service)
        return row if row < len(self.services) and self.services[row] == service else None

    def linked(self, row: int, other: int) -> bool:
        """Whether one of the two depends on the other, over whatever path."""
        return (row, other) in self._links or (other, row) in self._links

    @cached_property
    def _links(self) -> frozenset[tuple[int, int]]:
        own = {service: row for row, service in enumerate(self.services)}
        return frozenset(
            (int(row), own[one.provider])
            for one in self.hypotheses
            if one.provider in own
            for row in one.rows
        )

    def explains(self, cause: Cause) -> frozenset[str]:
        """Ids of the services that *cause* takes down, and the provider itself."""
        return frozenset(
            self.services[row]
            for one in self.hypotheses
            if (one.provider, one.region) == (cause.provider, cause.region)
            for row in one.rows
        )

    def rows_beside(self, failing: Flags) -> Rows:
        """
        Rows of all services that share a provider with enough of the *failing* ones to matter.
        """
        beside = failing.copy()
        for one in self.hypotheses:
            if failing[one.rows].sum() >= MIN_EXPLAINED:
                beside[one.rows] = True
        return np.flatnonzero(beside)


def graph(catalogue: Catalogue, services: Sequence[str]) -> Graph:
    """Lay out the catalogue's edges for `explain`; build it once for a catalogue."""
    row = {service: i for i, service in enumerate(services)}
    reached: dict[tuple[str, str | None], dict[int, float]] = {}
    for service in services:
        for (provider, region), strength in _providers_of(catalogue, service).items():
            for scope in {region, None}:
                edges = reached.setdefault((provider, scope), {})
                edges[row[service]] = max(strength, edges.get(row[service], 0.0))
    known = {key: len(edges) for key, edges in reached.items()}
    wide = {s.id for s in catalogue.services.values() if s.industry in _CARRIERS_OF_OTHERS}
    for provider in wide & row.keys():
        reached.setdefault((provider, None), {})
    for service, shared in _owned(catalogue, services, wide):
        reached.setdefault((shared, None), {}).setdefault(row[service], _OWNED)
    ordered = sorted(reached, key=lambda key: (key[0], key[1] or ""))
    hypotheses = tuple(
        _hypothesis(key, reached[key], row.get(key[0]), known.get(key, 0), key[0] in wide)
        for key in ordered
    )
    weight = {h.provider: float(h.strength.sum()) for h in hypotheses if h.region is None}
    total = sum(weight.values()) or 1.0
    return Graph(
        services=tuple(services),
        names={s.id: s.name for s in catalogue.services.values()},
        hypotheses=hypotheses,
        fame={provider: value / total for provider, value in weight.items()},
        industries=tuple(catalogue.services[service].industry for service in services),
        grounds=frozenset(s.id for s in catalogue.services.values() if s.regions),
    )


def _providers_of(catalogue: Catalogue, service: str) -> dict[tuple[str, str | None], float]:
    """
    Multiply the strengths along each path; of several paths to a provider the strongest counts.
    """
    found: dict[tuple[str, str | None], float] = {}
    paths = [(service, 1.0)]
    for _ in range(_MAX_DEPTH):
        longer = []
        for place, strength in paths:
            node = catalogue.services.get(place)
            for edge in node.depends_on if node else ():
                through = strength * edge.strength
                key = (edge.provider, edge.region)
                found[key] = max(through, found.get(key, 0.0))
                longer.append((edge.provider, through))
        paths = longer
    return found


def _owned(
    catalogue: Catalogue, services: Sequence[str], wide: Set[str]
) -> Iterator[tuple[str, str]]:
    """Yield what each service shares with its owner's others: the owner's cloud, or else itself."""
    owners = {service: catalogue.services[service].owner for service in services}
    clouds = {owner: service for service, owner in owners.items() if owner and service in wide}
    for service, owner in owners.items():
        if owner and service not in wide:
            yield service, clouds.get(owner, owner)


def _hypothesis(
    key: tuple[str, str | None],
    edges: Mapping[int, float],
    own: int | None,
    n_known: int,
    wide: bool,
) -> Hypothesis:
    strength = {**edges} if own is None else {**edges, own: _SELF_STRENGTH}
    rows = sorted(strength)
    return Hypothesis(
        provider=key[0],
        region=key[1],
        rows=np.array(rows, np.intp),
        strength=np.clip(np.array([strength[row] for row in rows]), 0.0, 0.98),
        wide=wide or n_known >= _LARGE,
        n_known=n_known,
    )
