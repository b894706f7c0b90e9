"""
Labels of real posts whose texts are not in this repository: each is found by the hash of its text.

The folder of texts holds a file `<source>.jsonl` for each source, with the text of one post a line.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from models.examples import CORPUS, Example, ExampleError, Label
from models.tags import Kind, Role, Symptom

LABELS = CORPUS / "labels"
_SOURCES = "sources.toml"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the posts of a file of labels are from, and what they may be used for."""

    origin: str
    use: Literal["train", "validate"]
    weight: float = 1.0


class _Tag(msgspec.Struct):
    service: str
    role: Role
    kind: Kind = Kind.DOWN
    symptom: Symptom | None = None


class _Row(msgspec.Struct):
    sha256: str
    lang: str
    tags: list[_Tag]
    unsure: bool = False


class _Post(msgspec.Struct):
    text: str


def sources(folder: Path = LABELS) -> dict[str, Source]:
    """The sources of the labels in *folder*, by the stem of their files."""
    with (folder / _SOURCES).open("rb") as file:
        return msgspec.convert(tomllib.load(file), dict[str, Source])


def read_labels(
    texts: Path, use: Literal["train", "validate"], folder: Path = LABELS
) -> dict[str, list[Example]]:
    """
    The labelled posts of all sources of this *use*; those that the annotator doubted are left out.

    Raises `ExampleError` where the folder *texts* lacks a source or the text of a label.
    """
    chosen = {name: source for name, source in sources(folder).items() if source.use == use}
    return {
        name: list(_examples(folder / f"{name}.jsonl", source, _texts(texts / f"{name}.jsonl")))
        for name, source in chosen.items()
    }


def _texts(path: Path) -> dict[str, str]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ExampleError(f"{path}: {error.strerror}; expected posts, one a line") from error
    decode = msgspec.json.Decoder(_Post).decode
    posts = (decode(line).text for line in lines if line.strip())
    return {hashlib.sha256(text.encode()).hexdigest(): text for text in posts}


def _examples(path: Path, source: Source, texts: Mapping[str, str]) -> Iterator[Example]:
    seen: set[str] = set()
    for n, line in enumerate(path.read_bytes().splitlines(), 1):
        row = msgspec.json.decode(line, type=_Row)
        if row.sha256 not in texts:
            raise ExampleError(f"{path}, line {n}: no post has the hash {row.sha256[:12]}…")
        if row.unsure or row.sha256 in seen:
            continue
        seen.add(row.sha256)
        labels = tuple(
            Label(service=tag.service, role=tag.role, kind=tag.kind, symptom=tag.symptom)
            for tag in row.tags
        )
        yield Example(
            id=f"{path.stem}:{n}",
            text=texts[row.sha256],
            lang=row.lang,
            group=source.origin,
            labels=labels,
            is_report=any(label.is_down for label in labels),
            is_real=True,
            weight=source.weight,
        )
