import hashlib
import json
from pathlib import Path

import pytest

from models.examples import ExampleError
from models.labels import LABELS, read_labels, sources

POSTS = ["zorblatt is down", "i love zorblatt", "is it down?"]


def _label(text: str, **more: object) -> dict[str, object]:
    tag = {"service": "Zorblatt", "role": "affected", "symptom": "login"}
    return {
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "lang": "en",
        "tags": [tag],
        **more,
    }


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    folder = tmp_path / "labels"
    folder.mkdir()
    (folder / "sources.toml").write_text('[mine]\norigin = "a/b"\nuse = "train"\nweight = 0.5\n')
    rows = [_label(POSTS[0]), _label(POSTS[1], tags=[]), _label(POSTS[2], unsure=True)]
    _write(folder / "mine.jsonl", rows)
    return folder


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    _write(folder / "mine.jsonl", [{"text": text, "likes": 3} for text in reversed(POSTS)])
    return folder


def test_a_label_finds_its_text_by_the_hash_and_doubted_ones_are_left_out(
    labels: Path, texts: Path
) -> None:
    posts = read_labels(texts, "train", labels)["mine"]

    assert [(post.text, post.is_report) for post in posts] == [(POSTS[0], True), (POSTS[1], False)]
    assert {(post.group, post.weight, post.is_real) for post in posts} == {("a/b", 0.5, True)}


def test_a_source_for_validation_teaches_nothing(labels: Path, texts: Path) -> None:
    assert read_labels(texts, "validate", labels) == {}


def test_a_label_without_its_text_is_named(labels: Path, texts: Path) -> None:
    _write(texts / "mine.jsonl", [{"text": POSTS[0]}])

    with pytest.raises(ExampleError, match=r"mine\.jsonl, line 2: no post has the hash"):
        read_labels(texts, "train", labels)


def test_a_folder_without_the_source_is_named(labels: Path, tmp_path: Path) -> None:
    with pytest.raises(ExampleError, match=r"mine\.jsonl"):
        read_labels(tmp_path, "train", labels)


def test_every_file_of_shipped_labels_has_a_source_and_no_text() -> None:
    assert {path.stem for path in LABELS.glob("*.jsonl")} == set(sources())
    for path in LABELS.glob("*.jsonl"):
        assert all("text" not in json.loads(line) for line in path.read_text().splitlines())


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
