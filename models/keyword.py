"""The baseline to beat: a service's name and a word of outage anywhere in the same post."""

from collections.abc import Sequence

from models.catalogue import Catalogue
from models.mentions import Matcher
from models.tags import Role, Tag
from models.text import Tokens, services, tokenise
from models.vocabulary import shipped

_FAILING = frozenset({"down", "unable"})


class KeywordTagger:
    """Tags every service of a post as failing when the post says "down" or "cannot"."""

    def __init__(self, catalogue: Catalogue):
        self._matcher = Matcher(catalogue)
        self._vocabulary = shipped()

    def tag(self, texts: Sequence[str]) -> list[tuple[Tag, ...]]:
        """Tag *texts*, in order."""
        return [self._tag(tokenise(self._matcher.find(text))) for text in texts]

    def _tag(self, tokens: Tokens) -> tuple[Tag, ...]:
        named = services(tokens)
        if not named:
            return ()
        is_down = any(span.kind in _FAILING for span in self._vocabulary.read(tokens).spans)
        role = Role.AFFECTED if is_down else Role.MENTIONED
        return tuple(Tag(service=service, role=role) for service in named)
