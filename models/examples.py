"""Labelled posts: the corpus of this project, and evaluation files, read into one form."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from models.catalogue import Catalogue, Service
from models.fold import fold
from models.tags import Kind, Role, Symptom

CORPUS = Path(__file__).with_name("corpus")


class ExampleError(Exception):
    """A file of labelled posts cannot be read; says the file, the line and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a post says of one service, which is given by any of its names."""

    service: str
    role: Role
    kind: Kind = Kind.DOWN
    symptom: Symptom | None = None

    @property
    def is_down(self) -> bool:
        return self.role is Role.AFFECTED and self.kind is Kind.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """
    One labelled post.

    *group* names its origin: posts of one group never stand on both sides of a split. *is_complete*
    says that every service named has a label, so that any further one found is only mentioned.
    *is_real* tells a post that somebody wrote in earnest from one made up for the corpus; *weight*
    is what it counts in training.
    """

    id: str
    text: str
    lang: str
    group: str
    labels: tuple[Label, ...] = ()
    is_report: bool = False
    is_complete: bool = True
    is_real: bool = False
    weight: float = 1.0


class _Label(msgspec.Struct):
    service: str
    role: Role
    kind: Kind = Kind.DOWN
    symptom: Symptom | None = None


class _Row(msgspec.Struct):
    """A row of either form: *tags* (the corpus), or *label*, *affected*, *services_mentioned*."""

    text: str
    lang: str = "und"
    id: str | None = None
    tags: list[_Label] | None = None
    label: str | None = None
    affected: list[str] = []
    services_mentioned: list[str] = []
    symptom: Symptom | None = None
    kind: Kind = Kind.DOWN


_decoder = msgspec.json.Decoder(_Row)


def read(path: Path, *, group: str = "source_repo") -> list[Example]:
    """Read one JSON object a line, with the origin in the field *group*; raises `ExampleError`."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ExampleError(
            f"{path}: {error.strerror}; expected a file of labelled posts"
        ) from error
    return [_decode(line, path, n, group) for n, line in enumerate(lines, 1) if line.strip()]


def corpus_files() -> list[Path]:
    """The training files of the shipped corpus; the held-out parts lie in a folder of their own."""
    return sorted(CORPUS.glob("*.jsonl"))


def adopt(catalogue: Catalogue, names: Iterable[str]) -> Catalogue:
    """
    Return *catalogue* with a bare service for each of *names* that it lacks.

    A name of up to four letters counts only in context, as a short name of the catalogue would. The
    handles that companies commonly take are added: posts address a company more than they name it.
    """
    added: dict[str, Service] = {}
    for name in dict.fromkeys(names):
        if catalogue.find(name) is None and (id := _slug(name)) not in catalogue.services:
            added[id] = Service(
                id=id,
                name=name,
                industry="other",
                ambiguous=(name,) if len(name) <= 4 else (),
                handles=_handles(name),
            )
    return Catalogue({**catalogue.services, **added}) if added else catalogue


def named(examples: Iterable[Example]) -> Iterator[str]:
    """Every name that a label uses."""
    return (label.service for example in examples for label in example.labels)


def _decode(line: bytes, path: Path, n: int, group: str) -> Example:
    try:
        row = _decoder.decode(line)
        origin = msgspec.json.decode(line).get(group)
    except msgspec.DecodeError as error:
        raise ExampleError(f"{path}, line {n}: {error}") from error
    labels = _labels(row)
    return Example(
        id=row.id or f"{path.name}:{n}",
        text=row.text,
        lang=row.lang,
        group=str(origin or f"{path.stem}:{n}"),
        labels=labels,
        is_report=any(label.is_down for label in labels)
        if row.label is None
        else row.label == "report",
        is_complete=row.tags is None or bool(labels),
        is_real=row.tags is None,
    )


def _labels(row: _Row) -> tuple[Label, ...]:
    if row.tags is not None:
        return tuple(
            Label(service=tag.service, role=tag.role, kind=tag.kind, symptom=tag.symptom)
            for tag in row.tags
        )
    affected = [
        Label(service=name, role=Role.AFFECTED, kind=row.kind, symptom=row.symptom)
        for name in row.affected
    ]
    others = [name for name in row.services_mentioned if name not in row.affected]
    return (*affected, *(Label(service=name, role=Role.MENTIONED) for name in others))


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")
    # A name without Latin letters has no slug of its own.
    return slug or "u-" + "-".join(f"{ord(letter):x}" for letter in name[:8])


def _handles(name: str) -> tuple[str, ...]:
    stem = re.sub(r"[^a-z0-9]+", "", fold(name))
    if not stem:
        return ()
    ends = (
        "",
        "support",
        "_support",
        "help",
        "_help",
        "cares",
        "care",
        "uk",
        "us",
        "app",
        "status",
    )
    return (*(f"@{stem}{end}" for end in ends), f"@ask{stem}", f"@ask_{stem}")


def ids(catalogue: Catalogue, names: Sequence[str]) -> set[str]:
    """The catalogue's ids of *names*; a name that it lacks stands for itself."""
    return {service.id if (service := catalogue.find(name)) else name for name in names}
