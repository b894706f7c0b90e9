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
    Floats,
    vectorise,
)
from models.countries import country
from models.features import CUES, cues, features
from models.mentions import Found, Matcher
from models.tags import Symptom, Tag
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
        named: list[list[str]] = []
        rows: list[list[str]] = []
        cued: list[list[float]] = []
        languages: list[str] = []
        for post in posts:
            tokens = tokenise(post)
            said = self._vocabulary.read(tokens)
            named.append(list(services(tokens)))
            rows += [features(tokens, said.spans, id, self._backbones) for id in named[-1]]
            cued += [cues(said)] * len(named[-1])
            languages += [said.language] * len(named[-1])
        matrix = self._classifier.weigh(vectorise(rows))
        counted = np.array(cued, dtype=np.float32).reshape(-1, len(CUES))
        statements = self._classifier.statements(matrix, counted, languages)
        of_post = np.repeat(np.arange(len(named)), [len(ids) for ids in named])
        chosen = self._classifier.choose(statements, of_post)
        failing = np.flatnonzero(chosen == DOWN)
        likeliest = self._classifier.symptoms(matrix[failing]).argmax(axis=1)
        symptoms = {
            int(row): SYMPTOMS[int(symptom)]
            for row, symptom in zip(failing, likeliest, strict=True)
        }
        at = 0
        for post, ids in zip(posts, named, strict=True):
            yield tuple(
                _tag(post, id, int(chosen[i]), statements[i], symptoms.get(i))
                for i, id in enumerate(ids, at)
            )
            at += len(ids)


def _tag(
    post: Found, service: str, chosen: int, statements: Floats, symptom: Symptom | None
) -> Tag:
    role, kind = STATEMENTS[chosen]
    score = sum(float(p) for p, (of, _) in zip(statements, STATEMENTS, strict=True) if of is role)
    return Tag(
        service=service,
        role=role,
        kind=kind,
        symptom=symptom,
        region=None if chosen == MENTIONED else _region(post, service),
        score=min(score, 1.0),
    )


def _region(post: Found, service: str) -> str | None:
    """The cloud region that the post gives for *service*, else the country that it names."""
    regions = (m.region for m in post.mentions if m.service == service and m.region)
    return next(regions, None) or country(post.folded)
