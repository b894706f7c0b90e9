"""The catalogue: services, their names, and the providers that they depend on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """An edge: the service depends on *provider*; *strength* is P(it fails | the provider fails)."""

    provider: str
    strength: float
    region: str | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    Something that people report as failing; a provider is a service that others depend on.

    Ids are lower-case slugs. *aliases*, *handles* (with @), *hashtags* (with #) and *misspellings* are
    how posts name it; an *ambiguous* name (zoom, ring, chase…) counts only next to a word of outage
    *context*, a handle, a hashtag or an unambiguous alias.
    """

    id: str
    name: str
    industry: str
    aliases: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    misspellings: tuple[str, ...] = ()
    ambiguous: bool = False
    context: tuple[str, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    regions: tuple[str, ...] = ()
    status_url: str | None = None
    status_kind: str | None = None


class CatalogueError(Exception):
    """The catalogue's files are wrong; *problems* has one line for each bad entry."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All services by id, in the order of their ids."""

    services: Mapping[str, Service]

    @classmethod
    def load(cls, user_files: Iterable[Path] = ()) -> "Catalogue":
        """
        Read the shipped catalogue and merge *user_files* over it, in order.

        Raises `CatalogueError` that names every bad entry, its file and what was expected.
        """
        raise NotImplementedError
