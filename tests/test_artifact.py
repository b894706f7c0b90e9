import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from models import artifact
from models.artifact import ArtifactError
from models.classifier import CALIBRATED, N_FEATURES, STATEMENTS, SYMPTOMS, Classifier


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    generator = np.random.default_rng(7)

    def draw(*shape: int) -> np.ndarray:
        return generator.normal(size=shape).astype(np.float16).astype(np.float32)

    return Classifier(
        draw(N_FEATURES),
        draw(N_FEATURES, len(STATEMENTS)),
        draw(len(STATEMENTS)),
        draw(*CALIBRATED),
        draw(N_FEATURES, len(SYMPTOMS)),
        draw(len(SYMPTOMS)),
        threshold=0.4,
    )


@pytest.fixture(scope="module")
def saved(classifier: Classifier, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("artifact")
    artifact.save(classifier, folder, learnt_from={"posts": 3}, metrics={"f1": 0.5})
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(saved: dict[str, bytes], tmp_path: Path) -> Path:
    for name, content in saved.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_saved_model_loads_as_it_was(classifier: Classifier, folder: Path):
    loaded, card = artifact.load(folder)

    assert np.array_equal(loaded.statement_weights, classifier.statement_weights)
    assert np.array_equal(loaded.symptom_biases, classifier.symptom_biases)
    assert loaded.threshold == 0.4
    assert card.learnt_from == {"posts": 3}


def test_equal_models_give_equal_bytes(classifier: Classifier, saved, tmp_path: Path):
    artifact.save(classifier, tmp_path, learnt_from={"posts": 3}, metrics={"f1": 0.5})

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == saved


def test_arrays_are_read_without_pickles(folder: Path):
    with np.load(folder / "weights.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype == np.float16 for name in stored)


def test_a_missing_model_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(ArtifactError, match=r"no model at .*weights\.npz.*run: outcry train"):
        artifact.load(tmp_path)


def test_a_missing_card_is_refused(folder: Path):
    (folder / "card.json").unlink()

    with pytest.raises(ArtifactError, match=r"card\.json.*outcry train"):
        artifact.load(folder)


def test_a_changed_byte_is_refused(folder: Path):
    data = bytearray((folder / "weights.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "weights.npz").write_bytes(data)

    with pytest.raises(ArtifactError, match="checksum"):
        artifact.load(folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 99),
        ("statements", ["affected:down"]),
        ("symptoms", []),
        ("n_features", 8),
        ("features_sha256", "0" * 64),
    ],
)
def test_a_card_of_another_version_is_refused_by_name(folder: Path, field: str, value: object):
    _edit_card(folder, **{field: value})

    with pytest.raises(ArtifactError, match=rf"{field} is .*expects.*outcry train"):
        artifact.load(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 1}', b"\xff"])
def test_a_card_that_is_none_is_refused(folder: Path, content: bytes):
    (folder / "card.json").write_bytes(content)

    with pytest.raises(ArtifactError, match="not a model card"):
        artifact.load(folder)


def test_arrays_of_another_shape_are_refused(folder: Path):
    names = [field.name for field in fields(Classifier) if field.name != "threshold"]
    np.savez(folder / "weights.npz", **dict.fromkeys(names, np.zeros(3)))
    _pin(folder)

    with pytest.raises(ArtifactError, match="rarity has shape"):
        artifact.load(folder)


def test_pickled_arrays_are_refused_even_with_the_right_checksum(folder: Path):
    np.savez(folder / "weights.npz", statement_weights=np.array([{"a": 1}], dtype=object))
    _pin(folder)

    with pytest.raises(ArtifactError, match="not the arrays"):
        artifact.load(folder)


def test_a_file_that_is_no_archive_is_refused(folder: Path):
    (folder / "weights.npz").write_bytes(b"weights")
    _pin(folder)

    with pytest.raises(ArtifactError, match="not the arrays"):
        artifact.load(folder)


def test_every_refusal_is_one_line(tmp_path: Path):
    with pytest.raises(ArtifactError) as refusal:
        artifact.load(tmp_path)

    assert "\n" not in str(refusal.value)


def test_the_shipped_model_loads_and_is_small():
    _, card = artifact.load()

    assert card.learnt_from["posts"] > 0
    assert sum(path.stat().st_size for path in artifact.SHIPPED.iterdir()) < 20_000_000


def _pin(folder: Path) -> None:
    import hashlib

    data = (folder / "weights.npz").read_bytes()
    _edit_card(folder, weights_sha256=hashlib.sha256(data).hexdigest())


def _edit_card(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "card.json").read_bytes())
    (folder / "card.json").write_text(json.dumps(card | changes))
