"""
The trained model on disk: an npz of plain arrays and a card that says what they are.

Nothing here can execute code: arrays are read without pickles, the card is JSON. The card pins the
arrays by their checksum, and the features by a digest, since weights that meet other features give
silent nonsense.
"""

import hashlib
import io
import platform
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np

from models.classifier import (
    CALIBRATED,
    HEARD,
    N_FEATURES,
    STATEMENTS,
    SYMPTOMS,
    Classifier,
    Floats,
)
from models.features import CUES, features
from models.fold import fold
from models.mentions import Found, How, Mention
from models.text import tokenise
from models.vocabulary import phrases, shipped

FORMAT = 3
SHIPPED = Path(__file__).with_name("artifacts")
_ARRAYS = "weights.npz"
_CARD = "card.json"
# Posts that take every path of the tokeniser and of the features.
_PROBES = (
    "RT @someone: is AAA down?! can't log in… 503 since 9:30, again :( https://a.example #AAADown",
    "aaa volvió, ya funciona; ¿se cayó ayer?",
    "aaa落ちてる？ログインできない 먹통 안 돼요 aaa 🙃",
    "मेरा aaa नहीं चल रहा, الواتساب معطل aaa AAA çöktü mü nooooo",
)
_REMEDY = "run: outcry train"
_SHAPES = {
    "rarity": (N_FEATURES,),
    "statement_weights": (N_FEATURES, len(STATEMENTS)),
    "statement_biases": (len(STATEMENTS),),
    "calibrations": CALIBRATED,
    "symptom_weights": (N_FEATURES, len(SYMPTOMS)),
    "symptom_biases": (len(SYMPTOMS),),
}


class ArtifactError(Exception):
    """The model on disk cannot be used; one line, which says what to do."""


class Card(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the arrays are, from what they were learnt, and how they score."""

    format: int
    weights_sha256: str
    features_sha256: str
    statements: list[str]
    symptoms: list[str]
    n_features: int
    threshold: float
    versions: dict[str, str]
    learnt_from: dict[str, Any]
    metrics: dict[str, Any]


def save(
    classifier: Classifier,
    folder: Path = SHIPPED,
    *,
    learnt_from: dict[str, Any],
    metrics: dict[str, Any],
) -> Card:
    """Write the arrays (half precision) and the card; equal models give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    arrays = {name: getattr(classifier, name).astype(np.float16) for name in _SHAPES}
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    card = Card(
        format=FORMAT,
        weights_sha256=hashlib.sha256(buffer.getvalue()).hexdigest(),
        features_sha256=features_digest(),
        statements=_statements(),
        symptoms=list(SYMPTOMS),
        n_features=N_FEATURES,
        threshold=classifier.threshold,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scikit-learn", "spacy")},
        },
        learnt_from=learnt_from,
        metrics=metrics,
    )
    (folder / _ARRAYS).write_bytes(buffer.getvalue())
    (folder / _CARD).write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")
    return card


def load(folder: Path = SHIPPED) -> tuple[Classifier, Card]:
    """Read what `save` wrote, or raise `ArtifactError`."""
    data = _read(folder / _ARRAYS)
    card = _card(folder / _CARD)
    if hashlib.sha256(data).hexdigest() != card.weights_sha256:
        raise ArtifactError(f"{folder / _ARRAYS}: checksum is not that of {_CARD}; {_REMEDY}")
    arrays = _arrays(data, folder / _ARRAYS)
    return Classifier(**arrays, threshold=card.threshold), card


def features_digest() -> str:
    """
    SHA-256 of what decides on the features: the vocabulary, and the features of some probing posts.

    Equal for code that was only rewritten, different for code that would see posts differently.
    """
    digest = hashlib.sha256(msgspec.json.encode((CUES, sorted(HEARD), phrases())))
    vocabulary = shipped()
    for probe in _PROBES:
        folded = fold(probe)
        mention = Mention("a", folded.find("aaa"), folded.find("aaa") + 3, How.ALIAS)
        tokens = tokenise(Found(folded, (mention,)))
        [said] = vocabulary.read([tokens])
        for backbones in (frozenset[str](), frozenset({"a"})):
            seen = features(tokens, said.spans, "a", backbones)
            digest.update(" ".join(sorted(seen)).encode())
    return digest.hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"no model at {path} ({error.strerror}); {_REMEDY}") from error


def _card(path: Path) -> Card:
    try:
        card = msgspec.json.decode(_read(path), type=Card)
    except msgspec.DecodeError as error:
        raise ArtifactError(f"{path}: not a model card: {error}; {_REMEDY}") from error
    for field, expected in _expectations().items():
        if (value := getattr(card, field)) != expected:
            raise ArtifactError(
                f"{path}: {field} is {value!r}, this version expects {expected!r}; {_REMEDY}"
            )
    return card


def _expectations() -> dict[str, Any]:
    return {
        "format": FORMAT,
        "statements": _statements(),
        "symptoms": list(SYMPTOMS),
        "n_features": N_FEATURES,
        "features_sha256": features_digest(),
    }


def _statements() -> list[str]:
    return [f"{role}:{kind}" for role, kind in STATEMENTS]


def _arrays(data: bytes, path: Path) -> dict[str, Floats]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {name: stored[name].astype(np.float32) for name in _SHAPES}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise ArtifactError(f"{path}: not the arrays of a model: {error}; {_REMEDY}") from error
    for name, shape in _SHAPES.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise ArtifactError(
                f"{path}: {name} has shape {arrays[name].shape}, expected finite {shape}; {_REMEDY}"
            )
    return arrays
