"""
The tagger: posts in, statements about services out.

A cascade: the matcher drops the posts that name no service, which is most of a firehose; only the
rest is tokenised, searched for phrases and scored, one sparse product for a whole batch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from models import artifact
from models.catalogue import Catalogue
from models.classifier import (
    DOWN,
    MENTIONED,
    STATEMENTS,
    SYMPTOMS,
    Classifier,
    role_scores,
    vectorise,
)
from models.countries import country
from models.features import cues, features
from models.mentions import Found, Matcher
from models.tags import Tag
from models.text import services, tokenise
from models.vocabulary import shipped

BATCH = 1_000  # posts scored at once: more gain no speed, and memory is that of one batch


class Tagger:
    """Says of each post which services it names, and what it says of each."""

    def __init__(self, catalogue: Catalogue, classifier: Classifier):
        self._matcher = Matcher(catalogue)
        self._vocabulary = shipped()
        self._backbones = catalogue.backbones
        self._classifier = classifier

    @classmethod
    def load(cls, catalogue: Catalogue, path: Path | None = None) -> "Tagger":
        """
        Load the trained model from the folder *path*, by default the shipped one.

        Raises `models.artifact.ArtifactError` where it is missing, damaged or of another version.
        """
        classifier, _ = artifact.load(path or artifact.SHIPPED)
        return cls(catalogue, classifier)

    def tag(self, texts: Sequence[str]) -> list[tuple[Tag, ...]]:
        """
        Tag *texts*: a tuple for each, in order, with one tag for every service that the post names.

        Each text is judged on its own: neither batch size nor order changes a tag.
        """
        found = [self._matcher.find(text) for text in texts]
        tagged: list[tuple[Tag, ...]] = [()] * len(found)
        hits = [i for i, post in enumerate(found) if post.mentions]
        for start in range(0, len(hits), BATCH):
            batch = hits[start : start + BATCH]
            tags = self._judge([found[i] for i in batch])
            for i, post_tags in zip(batch, tags, strict=True):
                tagged[i] = post_tags
        return tagged

    def _judge(self, posts: Sequence[Found]) -> Iterator[tuple[Tag, ...]]:
        # Stage by stage rather than post by post, which keeps the processor's caches warm.
        tokens = [tokenise(post) for post in posts]
        said = self._vocabulary.read(tokens)
        named = [services(each) for each in tokens]
        rows = [(n, id) for n, ids in enumerate(named) for id in ids]
        matrix = self._classifier.weigh(
            vectorise(features(tokens[n], said[n].spans, id, self._backbones) for n, id in rows)
        )
        statements = self._classifier.statements(
            matrix, [cues(said[n]) for n, _ in rows], [said[n].language for n, _ in rows]
        )
        chosen = self._classifier.choose(statements, np.array([n for n, _ in rows], dtype=np.intp))
        symptoms = np.full(len(chosen), -1)
        failing = np.flatnonzero(chosen == DOWN)
        symptoms[failing] = self._classifier.symptoms(matrix[failing]).argmax(axis=1)
        scores = role_scores(statements, chosen)
        judged = zip(chosen.tolist(), symptoms.tolist(), scores.tolist(), strict=True)
        for post, ids in zip(posts, named, strict=True):
            yield tuple(_tag(post, id, *next(judged)) for id in ids)


def _tag(post: Found, service: str, chosen: int, symptom: int, score: float) -> Tag:
    role, kind = STATEMENTS[chosen]
    return Tag(
        service=service,
        role=role,
        kind=kind,
        symptom=SYMPTOMS[symptom] if symptom >= 0 else None,
        region=None if chosen == MENTIONED else _region(post, service),
        score=score,
    )


def _region(post: Found, service: str) -> str | None:
    """The cloud region that the post gives for *service*, else the country that it names."""
    regions = (m.region for m in post.mentions if m.service == service and m.region)
    return next(regions, None) or country(post.folded)
