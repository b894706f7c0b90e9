"""Labelled posts as rows of features, one for each service that a post names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.catalogue import Catalogue
from models.classifier import MENTIONED, STATEMENTS, SYMPTOMS, Floats, vectorise
from models.examples import Example, Label, adopt, named
from models.features import cues, features
from models.mentions import Found, How, Matcher, Mention
from models.tags import Kind, Role
from models.text import services, tokenise
from models.vocabulary import shipped

_HANDLE = re.compile(r"@\w*[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Feature rows, one for each service named in each post, with their classes and origins."""

    matrix: Any
    cues: list[list[float]]
    statements: NDArray[np.intp]
    symptoms: NDArray[np.intp]
    groups: NDArray[np.str_]
    are_real: NDArray[np.bool_]
    weights: Floats


def dataset(examples: Sequence[Example], catalogue: Catalogue) -> Dataset:
    """
    Find the services of *examples* and describe each of them.

    A label whose service the text does not name teaches nothing and is left out.
    """
    catalogue = adopt(catalogue, named(examples))
    matcher, vocabulary = Matcher(catalogue), shipped()
    rows: list[list[str]] = []
    cued: list[list[float]] = []
    classes: list[tuple[int, int]] = []
    origins: list[Example] = []
    for example in examples:
        labels = _by_id(example, catalogue)
        tokens = tokenise(_located(matcher.find(example.text), labels))
        [said] = vocabulary.read([tokens])
        for service in services(tokens):
            if (label := _label(example, labels, service)) is None:
                continue
            rows.append(features(tokens, said.spans, service, catalogue.backbones))
            cued.append(cues(said))
            classes.append(label)
            origins.append(example)
    pairs = np.array(classes, dtype=np.intp).reshape(-1, 2)
    return Dataset(
        vectorise(rows),
        cued,
        pairs[:, 0],
        pairs[:, 1],
        np.array([example.group for example in origins]),
        np.array([example.is_real for example in origins], dtype=bool),
        np.array([example.weight for example in origins], dtype=np.float32),
    )


def _by_id(example: Example, catalogue: Catalogue) -> dict[str, Label]:
    found = ((catalogue.find(label.service), label) for label in example.labels)
    return {service.id: label for service, label in found if service}


def _located(found: Found, labels: Mapping[str, Label]) -> Found:
    """Take the first handle for the one labelled service, where none is found by a name."""
    match = _HANDLE.search(found.folded)
    if found.mentions or len(labels) != 1 or match is None:
        return found
    mention = Mention(next(iter(labels)), match.start(), match.end(), How.HANDLE)
    return Found(found.folded, (mention,))


def _label(example: Example, labels: Mapping[str, Label], service: str) -> tuple[int, int] | None:
    """The classes of *service*; None where the example does not tell."""
    label = labels.get(service)
    if label is None:
        # In a report the unlabelled name may be the failing service by another name.
        return None if example.is_report or not example.is_complete else (MENTIONED, 0)
    kind = label.kind if label.role is Role.AFFECTED else Kind.DOWN
    symptom = SYMPTOMS.index(label.symptom) if label.symptom else len(SYMPTOMS) - 1
    return STATEMENTS.index((label.role, kind)), symptom
