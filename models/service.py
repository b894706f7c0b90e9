"""What the catalogue holds of one service; the values alone, read and checked elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """The service depends on *provider*; *strength* is P(it fails | the provider fails)."""

    provider: str
    strength: float
    region: str | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    Something that people report as failing; a provider is a service that others depend on.

    Ids are lower-case slugs. *name*, *aliases*, *handles* (with @), *hashtags* (with #) and
    *misspellings* are how posts name it. Names listed under *ambiguous* (zoom, ring, chase…) count
    only near a word of *context* or of outage; *lookalikes* (elden ring) are phrases that hold such
    a name and mean something else. *regions* are the codes of a provider's regions, *products* are
    those of its names that mean a part of it, and *owner* is the company that has several services.
    """

    id: str
    name: str
    industry: str
    aliases: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    misspellings: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    lookalikes: tuple[str, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    regions: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    owner: str | None = None
    status_url: str | None = None
    status_kind: str | None = None


class CatalogueError(Exception):
    """The catalogue's files are wrong; *problems* has one line for each bad entry."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))
