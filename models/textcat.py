"""The other baseline: spaCy's own text classifier, learnt from the same posts, without the mask."""

import random
from collections.abc import Sequence

import spacy
from spacy.training import Example as Case
from thinc.api import fix_random_seed

from models.catalogue import Catalogue
from models.examples import Example
from models.mentions import Matcher
from models.tags import Role, Tag

EPOCHS = 3
_BATCH = 64
_LABEL = "REPORT"
_MAX_TEXT = 600  # characters of a post that are read


class TextcatTagger:
    """Tags every service of a post as failing when spaCy takes the post for a report."""

    def __init__(self, posts: Sequence[Example], catalogue: Catalogue, seed: int = 0):
        """Learn from *posts*; seeded, and on one core."""
        self._matcher = Matcher(catalogue)
        self._language = _learn(posts, seed)

    def tag(self, texts: Sequence[str]) -> list[tuple[Tag, ...]]:
        """Tag *texts*, in order."""
        named = [
            dict.fromkeys(m.service for m in self._matcher.find(text).mentions) for text in texts
        ]
        hits = [i for i, services in enumerate(named) if services]
        tags: list[tuple[Tag, ...]] = [()] * len(named)
        docs = self._language.pipe(texts[i][:_MAX_TEXT] for i in hits)
        for i, doc in zip(hits, docs, strict=True):
            tags[i] = tuple(_tag(service, doc.cats[_LABEL]) for service in named[i])
        return tags


def _tag(service: str, probability: float) -> Tag:
    if probability >= 0.5:
        return Tag(service=service, role=Role.AFFECTED, score=probability)
    return Tag(service=service, role=Role.MENTIONED, score=1 - probability)


def _learn(posts: Sequence[Example], seed: int) -> spacy.language.Language:
    fix_random_seed(seed)
    language = spacy.blank("xx")
    model = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": False,
        "no_output_layer": False,
        "ngram_size": 2,
    }
    textcat = language.add_pipe("textcat_multilabel", config={"model": model})
    textcat.add_label(_LABEL)  # type: ignore[attr-defined]
    cases = [
        Case.from_dict(
            language.make_doc(post.text[:_MAX_TEXT]), {"cats": {_LABEL: float(post.is_report)}}
        )
        for post in posts
    ]
    optimizer = language.initialize(lambda: cases[:100])
    order = random.Random(seed)
    for _ in range(EPOCHS):
        order.shuffle(cases)
        for start in range(0, len(cases), _BATCH):
            language.update(cases[start : start + _BATCH], sgd=optimizer)
    return language
