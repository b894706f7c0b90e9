"""The catalogue: services, their names, and the providers that they depend on."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType

import msgspec

from models.entries import SHIPPED, Table, build, read
from models.fold import fold
from models.service import CatalogueError, Dependency, Service

__all__ = ["Catalogue", "CatalogueError", "Dependency", "Service"]


_MANY = 5  # dependents that make a provider a backbone


@dataclass(frozen=True)
class Catalogue:
    """All services by id, in the order of their ids."""

    services: Mapping[str, Service]

    def __post_init__(self) -> None:
        ordered = dict(sorted(self.services.items()))
        object.__setattr__(self, "services", MappingProxyType(ordered))

    @classmethod
    def load(cls, user_files: Iterable[Path] = (), *, shipped: Path = SHIPPED) -> "Catalogue":
        """
        Read the catalogue in the folder *shipped* and merge *user_files* over it, in order.

        An entry of a known id replaces the fields that it gives and leaves the others; a new id
        adds a service. Raises `CatalogueError` that names every bad entry, its file and what was
        expected.
        """
        merged: dict[str, Table] = {}
        origin: dict[str, Path] = {}
        problems: list[str] = []
        refused: set[str] = set()
        own = sorted(shipped.glob("*.toml"))
        for path in (*own, *map(Path, user_files)):
            entries, found, left_out = read(path)
            problems += found
            refused |= left_out
            if path in own:
                problems += _declared_twice(path, entries, origin)
            merged |= {id: {**merged.get(id, {}), **entry} for id, entry in entries.items()}
            origin |= dict.fromkeys(entries, path)
        services = {id: build(id, entry) for id, entry in merged.items() if "name" in entry}
        nameless = merged.keys() - services.keys() - refused
        problems += (
            f"services.{id}.name: missing, expected a text for a service that is new"
            for id in merged
            if id in nameless
        )
        problems += _contradictions(services, {*refused, *nameless})
        if problems:
            raise CatalogueError(_with_origin(problem, origin) for problem in problems)
        return cls(services)

    @cached_property
    def providers(self) -> tuple[str, ...]:
        """Ids of the services that others depend on, in order."""
        return tuple(sorted(self._dependents))

    @cached_property
    def backbones(self) -> frozenset[str]:
        """Ids of the providers whose failure many services share."""
        return frozenset(p for p in self.providers if len(self.dependents(p)) >= _MANY)

    def dependents(self, provider: str) -> tuple[tuple[str, Dependency], ...]:
        """Return the ids that depend on *provider*, each with its edge, in order of id."""
        return self._dependents.get(provider, ())

    def find(self, name: str) -> Service | None:
        """
        Return the service of this id, name or alias, whatever its case and accents.

        None where nobody has the name, or where two services share it and neither is called so.
        """
        key = fold(name.strip())
        id = key if key in self.services else self._ids_by_name.get(key)
        return self.services[id] if id else None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content: equal for equal services, on every machine."""
        return hashlib.sha256(msgspec.json.encode(list(self.services.values()))).hexdigest()

    @cached_property
    def _dependents(self) -> dict[str, tuple[tuple[str, Dependency], ...]]:
        edges = defaultdict(list)
        for service in self.services.values():
            for edge in service.depends_on:
                edges[edge.provider].append((service.id, edge))
        return {provider: tuple(found) for provider, found in edges.items()}

    @cached_property
    def _ids_by_name(self) -> dict[str, str]:
        owners = _owners(self.services)
        unique = {name: ids[0] for name, ids in owners.items() if len(ids) == 1}
        return unique | {fold(service.name): id for id, service in self.services.items()}


def _names(service: Service) -> Iterator[str]:
    yield service.name
    for kind in ("aliases", "ambiguous", "misspellings", "handles", "hashtags", "regions"):
        yield from getattr(service, kind)


def _owners(services: Mapping[str, Service]) -> dict[str, list[str]]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for id, service in services.items():
        for name in sorted({fold(name) for name in _names(service)}):
            owners[name].append(id)
    return owners


def _declared_twice(path: Path, entries: Table, origin: Mapping[str, Path]) -> list[str]:
    return [
        f"{path}: services.{id}: expected once, is in {origin[id].name} as well"
        for id in entries
        if id in origin
    ]


def _contradictions(services: Mapping[str, Service], told: Set[str]) -> Iterator[str]:
    """Yield what is wrong between *services* that are each right; of ids in *told* all is said."""
    for id, service in services.items():
        for edge in service.depends_on:
            if edge.provider not in services and edge.provider not in told:
                yield f"services.{id}.depends_on: {edge.provider!r}: expected the id of a service"
        if service.owner is not None and service.owner not in services.keys() - {id}:
            yield f"services.{id}.owner: {service.owner!r}: expected the id of another service"
        yield from _loose_names(service)
    yield from _shared_names(services)
    yield from _cycles(services)


def _loose_names(service: Service) -> Iterator[str]:
    ambiguous = {fold(name) for name in service.ambiguous}
    names = {fold(name) for name in _names(service)}
    for name in sorted(names - ambiguous):
        if len(name) == 1:
            yield f"services.{service.id}: {name!r}: expected a name of one letter under ambiguous"
    for phrase in service.lookalikes:
        if not any(name in fold(phrase) for name in names):
            yield (
                f"services.{service.id}.lookalikes: {phrase!r}: "
                "expected a phrase that contains a name of the service"
            )
    for product in service.products:
        if fold(product) not in names:
            yield (
                f"services.{service.id}.products: {product!r}: "
                "expected one of its names, as posts are matched by those"
            )


def _shared_names(services: Mapping[str, Service]) -> Iterator[str]:
    for name, ids in _owners(services).items():
        if len(ids) > 1 and not all(_tells_apart(services[id], name) for id in ids):
            yield (
                f"services.{ids[-1]}: {name!r}: is a name of {ids[0]} as well, "
                "expected one owner, or both with it under ambiguous and words of context"
            )


def _tells_apart(service: Service, name: str) -> bool:
    return bool(service.context) and name in map(fold, service.ambiguous)


def _cycles(services: Mapping[str, Service]) -> Iterator[str]:
    graph = {id: [edge.provider for edge in service.depends_on] for id, service in services.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib names each node after the one that it points to.
        ids = error.args[1][::-1]
        path = " → ".join(ids)
        yield f"services.{ids[0]}.depends_on: {path}: expected no cycle"


def _with_origin(problem: str, origin: Mapping[str, Path]) -> str:
    """Put the file in front of a *problem* that was found after merging."""
    if not problem.startswith("services."):
        return problem
    id = problem.removeprefix("services.").split(":")[0].split(".")[0]
    return f"{origin[id]}: {problem}"
