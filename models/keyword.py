"""The baseline to beat: a service's name and a word of outage anywhere in the same post."""

from collections.abc import Sequence

from models.catalogue import Catalogue
from models.mentions import Matcher
from models.tags import Role, Tag
from models.text import services, tokenise
from models.vocabulary import Said, shipped

_FAILING = frozenset({"down", "unable"})


class KeywordTagger:
    """Tags every service of a post as failing when the post says "down" or "cannot"."""

    def __init__(self, catalogue: Catalogue):
        self._matcher = Matcher(catalogue)
        self._vocabulary = shipped()

    def tag(self, texts: Sequence[str]) -> list[tuple[Tag, ...]]:
        """Tag *texts*, in order."""
        posts = [tokenise(self._matcher.find(text)) for text in texts]
        return [
            tuple(Tag(service=service, role=_role(said)) for service in services(tokens))
            for tokens, said in zip(posts, self._vocabulary.read(posts), strict=True)
        ]


def _role(said: Said) -> Role:
    is_down = any(span.kind in _FAILING for span in said.spans)
    return Role.AFFECTED if is_down else Role.MENTIONED
