"""
Training: labelled posts → a classifier, and from the command line → the artefact that is shipped.

Seeded and single-threaded: the same files give the same bytes on the same machine.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from models import artifact
from models.catalogue import Catalogue
from models.classifier import (
    DOWN,
    MENTIONED,
    N_FEATURES,
    STATEMENTS,
    SYMPTOMS,
    Classifier,
    Floats,
    rarity,
    softmax,
    vectorise,
    weigh,
)
from models.examples import Example, Label, adopt, corpus_files, named, read
from models.features import features
from models.labels import read_labels
from models.mentions import Found, How, Matcher, Mention
from models.tags import Kind, Role
from models.text import services, tokenise
from models.vocabulary import Vocabulary

STRENGTH = 10.0  # inverse of the L2 penalty, found by cross-validation over posts of unseen sources
FOLDS = 3
MADE_UP = 0.1  # what a post of the corpus counts in calibration, beside a real one
MIN_REAL = 200  # real services in posts from which a calibration can be learnt

_HANDLE = re.compile(r"@\w*[^\W\d]\w*")


class TrainingError(Exception):
    """The labelled posts do not suffice to learn from; says what is missing."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Feature rows, one for each service named in each post, with their classes and origins."""

    matrix: Any
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
    matcher, vocabulary = Matcher(catalogue), Vocabulary()
    rows: list[list[str]] = []
    classes: list[tuple[int, int]] = []
    origins: list[Example] = []
    for example in examples:
        labels = _by_id(example, catalogue)
        tokens = tokenise(_located(matcher.find(example.text), labels))
        spans = vocabulary.spans(tokens)
        for service in services(tokens):
            if (label := _label(example, labels, service)) is None:
                continue
            rows.append(features(tokens, spans, service))
            classes.append(label)
            origins.append(example)
    pairs = np.array(classes, dtype=np.intp).reshape(-1, 2)
    return Dataset(
        vectorise(rows),
        pairs[:, 0],
        pairs[:, 1],
        np.array([example.group for example in origins]),
        np.array([example.is_real for example in origins], dtype=bool),
        np.array([example.weight for example in origins], dtype=np.float32),
    )


def fit(data: Dataset, seed: int = 0) -> Classifier:
    """
    Fit both regressions, and calibrate the first on predictions for folds that it had not seen.

    Raises `TrainingError` where a class is missing.
    """
    missing = set(range(len(STATEMENTS))) - set(data.statements.tolist())
    if missing:
        names = ", ".join(f"{STATEMENTS[i][0]}:{STATEMENTS[i][1]}" for i in sorted(missing))
        raise TrainingError(f"no post with a service of {names}; expected some of every class")
    seen = rarity(data.matrix)
    matrix = weigh(data.matrix, seen)
    weights, biases = _regression(matrix, data.statements, len(STATEMENTS), data.weights)
    held_out = _held_out_logits(data, matrix, seed)
    # Posts made up for the corpus are clearer than real ones, and would make it too sure of itself;
    # but real posts hardly ever speak of causes and recoveries.
    judged = data.are_real if data.are_real.sum() >= MIN_REAL else np.ones_like(data.are_real)
    trusted = data.weights * np.where(judged, 1.0, MADE_UP)
    scale, shift = _calibration(held_out, data.statements, trusted)
    truth, counted = data.statements[judged], data.weights[judged]
    down_probabilities = softmax(held_out[judged] @ scale + shift)[:, DOWN]
    down = data.statements == DOWN
    symptom_weights, symptom_biases = _regression(
        matrix[down], data.symptoms[down], len(SYMPTOMS), data.weights[down]
    )
    return Classifier(
        seen,
        _half(weights @ scale),
        _half(biases @ scale + shift),
        _half(symptom_weights),
        _half(symptom_biases),
        threshold=_threshold(down_probabilities, truth == DOWN, counted),
    )


def train(
    corpus: Sequence[Path] | None = None,
    extra: Sequence[Path] = (),
    *,
    catalogue: Catalogue,
    texts: Path | None = None,
    seed: int = 0,
) -> tuple[Classifier, dict[str, Any]]:
    """
    Learn from the *corpus* files (by default those shipped) and from *extra* posts.

    Where the folder *texts* holds the real posts that the corpus has labels of, from those as well.
    Returns the classifier and, for its card, what it was learnt from.
    """
    files = [*(corpus_files() if corpus is None else corpus), *extra]
    examples = [example for path in files for example in read(path)]
    labelled = read_labels(texts, "train") if texts else {}
    known = {example.text for example in examples}
    for source in labelled.values():
        examples += [example for example in source if example.text not in known]
    data = dataset(examples, catalogue)
    return fit(data, seed), {
        "files": {path.name: _describe(path) for path in files},
        "labelled": {name: len(source) for name, source in labelled.items()},
        "posts": len(examples),
        "services_in_posts": int(data.matrix.shape[0]),
        "languages": dict(sorted(Counter(example.lang for example in examples).items())),
        "seed": seed,
    }


def _describe(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"lines": content.count(b"\n"), "sha256": hashlib.sha256(content).hexdigest()}


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


def _half(values: Floats) -> Floats:
    return values.astype(np.float16).astype(np.float32)


def _regression(
    matrix: Any, classes: NDArray[np.intp], n: int, counted: Floats
) -> tuple[Floats, Floats]:
    """Weights (features, n) and biases (n,), each class against the rest; absent ones never win."""
    weights = np.zeros((N_FEATURES, n), dtype=np.float32)
    biases = np.full(n, -30.0, dtype=np.float32)
    present = np.unique(classes)
    if len(present) == 1:
        biases[present] = 0
        return weights, biases
    # Only columns that occur: the others would cost the solver time and stay zero.
    columns = np.unique(matrix.indices[matrix.data > 0])
    held = matrix[:, columns]
    for one in present:
        model = LogisticRegression(C=STRENGTH, solver="liblinear", tol=1e-2, random_state=0)
        model.fit(held, classes == one, sample_weight=counted)
        weights[columns, one] = model.coef_[0]
        biases[one] = model.intercept_[0]
    return weights, biases


def _held_out_logits(data: Dataset, matrix: Any, seed: int) -> Floats:
    logits = np.zeros((len(data.statements), len(STATEMENTS)), dtype=np.float32)
    n_folds = min(FOLDS, len(set(data.groups.tolist())))
    if n_folds < 2:
        raise TrainingError("all posts are of one group; expected at least two to calibrate on")
    folds = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=seed)
    for fitted, held_out in folds.split(matrix, data.statements, data.groups):
        weights, biases = _regression(
            matrix[fitted], data.statements[fitted], len(STATEMENTS), data.weights[fitted]
        )
        logits[held_out] = matrix[held_out] @ weights + biases
    return logits


def _calibration(
    logits: Floats, classes: NDArray[np.intp], counted: Floats
) -> tuple[Floats, Floats]:
    """A linear map of logits that makes held-out probabilities right (Platt, for many classes)."""
    n = logits.shape[1]
    present = np.unique(classes)
    if len(present) < n:
        # Too few to tell every class: leave the logits as they are.
        return np.eye(n, dtype=np.float32), np.zeros(n, dtype=np.float32)
    model = LogisticRegression(C=1.0, max_iter=1_000)
    model.fit(np.clip(logits, -20, 20), classes, sample_weight=counted)
    return model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)


def _threshold(probabilities: Floats, truth: NDArray[np.bool_], counted: Floats) -> float:
    """The threshold of highest F1 on held-out predictions, among twentieths about 0.45."""
    grid = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6]
    scores = []
    for threshold in grid:
        said = probabilities >= threshold
        hits = counted[said & truth].sum()
        scores.append(2 * hits / max(counted[said].sum() + counted[truth].sum(), 1e-9))
    return grid[int(np.argmax(scores))]


def main(
    extra: Annotated[list[Path] | None, typer.Option(help="more labelled posts")] = None,
    texts: Annotated[
        Path | None, typer.Option(help="folder with the texts of the labelled real posts")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder of the artefact")] = artifact.SHIPPED,
    metrics: Annotated[
        Path | None, typer.Option(help="JSON object of evaluations to put on the card")
    ] = None,
    seed: int = 0,
) -> None:
    """Learn from the shipped corpus, and from any extra posts, and write the artefact."""
    scores = json.loads(metrics.read_bytes()) if metrics else {}
    classifier, learnt_from = train(
        None, extra or (), catalogue=Catalogue.load(), texts=texts, seed=seed
    )
    card = artifact.save(classifier, out, learnt_from=learnt_from, metrics=scores)
    sys.stderr.write(
        f"learnt from {learnt_from['posts']} posts; weights {card.weights_sha256[:12]}\n"
    )


if __name__ == "__main__":
    typer.run(main)
