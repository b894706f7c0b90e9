"""
How good the tags are: a labelled file, a tagger, and a keyword baseline measured in the same run.

A post is a report when some service in it is tagged affected and down. With ``--cross-validate``
the tagger that judges a post has seen none of the same origin, which is the honest number.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer

from models import artifact
from models.catalogue import Catalogue
from models.examples import Example, adopt, corpus_files, ids, named, read
from models.keyword import KeywordTagger
from models.score import Evaluation, Judged, score
from models.table import table
from models.tagger import Tagger
from models.tags import Tag
from models.train import dataset, fit

FOLDS = 5

Tag_ = Callable[[Sequence[str]], list[tuple[Tag, ...]]]


def evaluate(posts: Sequence[Example], tagger: Tagger, catalogue: Catalogue) -> Evaluation:
    """Score *tagger* and the keyword baseline on *posts*, whose services *catalogue* names."""
    keyword = score(*_judge(posts, KeywordTagger(catalogue).tag, catalogue))
    own = score(*_judge(posts, tagger.tag, catalogue))
    return msgspec.structs.replace(own, baselines={"keyword": keyword})


def cross_validate(
    posts: Sequence[Example],
    corpus: Sequence[Example],
    catalogue: Catalogue,
    *,
    folds: int,
    seed: int,
) -> Evaluation:
    """
    Score taggers, each of which learnt from the corpus and the posts of all other groups.

    *folds* is the number of parts into which the groups are dealt.
    """
    judged: list[Judged] = []
    seconds = 0.0
    for part in split(posts, folds, seed):
        others = [post for post in posts if post.group not in {p.group for p in part}]
        tagger = Tagger(catalogue, fit(dataset([*corpus, *others], catalogue), seed))
        found, took = _judge(part, tagger.tag, catalogue)
        judged += found
        seconds += took
    keyword = score(*_judge(posts, KeywordTagger(catalogue).tag, catalogue))
    return msgspec.structs.replace(score(judged, seconds), baselines={"keyword": keyword})


def split(posts: Sequence[Example], folds: int, seed: int) -> list[list[Example]]:
    """Deal the groups into *folds* parts of about equal size, the largest group first."""
    groups: dict[str, list[Example]] = {}
    for post in posts:
        groups.setdefault(post.group, []).append(post)
    names = sorted(groups)
    np.random.default_rng(seed).shuffle(names)
    parts: list[list[Example]] = [[] for _ in range(folds)]
    for name in sorted(names, key=lambda name: -len(groups[name])):
        min(parts, key=len).extend(groups[name])
    return [part for part in parts if part]


def _judge(posts: Iterable[Example], tag: Tag_, catalogue: Catalogue) -> tuple[list[Judged], float]:
    posts = list(posts)
    started = time.process_time()
    tagged = tag([post.text for post in posts])
    seconds = time.process_time() - started
    return [
        Judged(
            example=post,
            tags=tags,
            affected=frozenset(ids(catalogue, [la.service for la in post.labels if la.is_down])),
            named=frozenset(ids(catalogue, [la.service for la in post.labels])),
        )
        for post, tags in zip(posts, tagged, strict=True)
    ], seconds


def main(
    file: Annotated[Path, typer.Argument(help="labelled posts, one JSON object a line")],
    services: Annotated[list[Path] | None, typer.Option(help="TOML that adds services")] = None,
    model: Annotated[Path, typer.Option(help="folder of the artefact")] = artifact.SHIPPED,
    cross_validate_: Annotated[bool, typer.Option("--cross-validate")] = False,
    group: Annotated[
        str, typer.Option(help="field that names the origin of a post")
    ] = "source_repo",
    adopt_names: Annotated[
        bool, typer.Option("--adopt", help="add the services that the file names, by name")
    ] = False,
    corpus_only: Annotated[bool, typer.Option(help="learn from the corpus alone")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    seed: int = 0,
) -> None:
    """Print how the tagger and the keyword baseline do on FILE."""
    posts = read(file, group=group)
    catalogue = Catalogue.load(services or ())
    if adopt_names:
        catalogue = adopt(catalogue, named(posts))
    corpus = [post for path in corpus_files() for post in read(path)]
    if cross_validate_:
        result = cross_validate(posts, corpus, catalogue, folds=FOLDS, seed=seed)
    elif corpus_only:
        result = evaluate(
            posts, Tagger(catalogue, fit(dataset(corpus, catalogue), seed)), catalogue
        )
    else:
        result = evaluate(posts, Tagger.load(catalogue, model), catalogue)
    text = json.dumps(msgspec.to_builtins(result), ensure_ascii=False) if as_json else table(result)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    typer.run(main)
