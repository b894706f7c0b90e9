"""The names of a service as patterns of folded text, each with what it stands for."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from models.fold import fold
from models.hashtag import Hashtags
from models.service import Service


class How(StrEnum):
    """By what a service was named."""

    ALIAS = "alias"
    HANDLE = "handle"
    HASHTAG = "hashtag"
    MISSPELLING = "misspelling"
    REGION = "region"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Name:
    """What a pattern stands for: a service, or nothing at all where it only looks like a name."""

    service: str | None
    how: How
    is_ambiguous: bool = False
    length: int = 0
    region: str | None = None

    @property
    def is_stem(self) -> bool:
        """Whether an ending, or a word of outage, may be glued to it."""
        is_exact = self.how is not How.MISSPELLING
        return self.service is not None and is_exact and not self.is_ambiguous


def names_of(service: Service, hashtags: Hashtags) -> Iterator[tuple[str, Name]]:
    """Yield the folded patterns by which *service* is named, and those that only look like it."""
    ambiguous = {fold(name) for name in service.ambiguous}
    for how, listed in (
        (How.ALIAS, (service.name, *service.aliases, *service.ambiguous)),
        (How.HANDLE, service.handles),
        (How.MISSPELLING, service.misspellings),
    ):
        for pattern in map(fold, listed):
            yield pattern, Name(service.id, how, pattern in ambiguous)
    for pattern in map(fold, service.hashtags):
        length = hashtags.name_length(pattern)
        yield pattern, Name(service.id, How.HASHTAG, length=length)
    for region in service.regions:
        for pattern in (region, region.replace("-", " "), region.replace("-", "")):
            yield pattern, Name(service.id, How.REGION, region=region)
    for phrase in map(fold, service.lookalikes):
        yield phrase, Name(None, How.ALIAS)
