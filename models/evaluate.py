"""
How good the tags are: a labelled file, a tagger, and two baselines measured in the same run.

A post is a report when some service in it is tagged affected and down. With ``--cross-validate``
the tagger that judges a post has seen none of the same origin, which is the honest number.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer

from models import artifact
from models.catalogue import Catalogue
from models.dataset import dataset
from models.examples import Example, adopt, corpus_files, ids, named, read
from models.fitting import fit
from models.keyword import KeywordTagger
from models.labels import read_labels
from models.score import Evaluation, Judged, score
from models.table import table
from models.tagger import Tagger
from models.tags import Kind, Tag
from models.textcat import TextcatTagger

FOLDS = 5

Tag_ = Callable[[Sequence[str]], list[tuple[Tag, ...]]]


def evaluate(
    posts: Sequence[Example],
    tagger: Tagger,
    catalogue: Catalogue,
    textcat: TextcatTagger | None = None,
) -> Evaluation:
    """Score *tagger* and the baselines on *posts*, whose services *catalogue* names."""
    baselines = {"keyword": score(*_judge(posts, KeywordTagger(catalogue).tag, catalogue))}
    if textcat:
        baselines["textcat"] = score(*_judge(posts, textcat.tag, catalogue))
    own = score(*_judge(posts, tagger.tag, catalogue))
    return msgspec.structs.replace(own, baselines=baselines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What a cross-validation learns from and measures, beside the posts that it splits."""

    corpus: Sequence[Example]
    train: Mapping[str, Sequence[Example]]
    validate: Mapping[str, Sequence[Example]]


def cross_validate(
    posts: Sequence[Example],
    sources: Sources,
    catalogue: Catalogue,
    *,
    folds: int,
    seed: int,
    with_textcat: bool = False,
) -> Evaluation:
    """
    Score taggers, each of which learnt from the corpus and the real posts of all other groups.

    *folds* is the number of parts into which the groups are dealt. The posts to validate on are
    judged by the tagger that did not see their group; none ever learns from them.
    """
    judged: dict[str, dict[str, list[Judged]]] = {"tagger": {}, "textcat": {}, "keyword": {}}
    seconds = 0.0
    keyword = KeywordTagger(catalogue)
    parts = split(posts, folds, seed)
    for n, part in enumerate(parts):
        groups = {post.group for post in part}
        tests = {_FILE: part, **_validated(sources.validate, groups, parts, is_first=n == 0)}
        learnt = _others([*sources.corpus, *chain(*sources.train.values()), *posts], tests)
        taggers = {"tagger": Tagger(catalogue, fit(dataset(learnt, catalogue), seed)).tag}
        taggers["keyword"] = keyword.tag
        if with_textcat:
            taggers["textcat"] = TextcatTagger(learnt, catalogue, seed).tag
        for (by, tag), (name, test) in product(taggers.items(), tests.items()):
            found, took = _judge(test, tag, catalogue)
            judged[by].setdefault(name, []).extend(found)
            seconds += took if (by, name) == ("tagger", _FILE) else 0.0
    results = {
        by: {name: score(found, seconds if by == "tagger" else 0.0) for name, found in of.items()}
        for by, of in judged.items()
        if of
    }
    return _assembled(results)


_FILE = "the file"


def _assembled(results: dict[str, dict[str, Evaluation]]) -> Evaluation:
    """The evaluation of the file, the baselines and the unseen sources hung on it."""
    whole = {
        name: msgspec.structs.replace(
            own, baselines={by: of[name] for by, of in results.items() if by != "tagger"}
        )
        for name, own in results["tagger"].items()
    }
    file = whole.pop(_FILE)
    return msgspec.structs.replace(file, unseen=whole)


def _validated(
    validate: Mapping[str, Sequence[Example]],
    groups: set[str],
    parts: Sequence[Sequence[Example]],
    *,
    is_first: bool,
) -> dict[str, Sequence[Example]]:
    """The sets that this fold judges: those of its groups; the first, those of no fold as well."""
    elsewhere = {post.group for part in parts for post in part}
    return {
        name: posts
        for name, posts in validate.items()
        if posts and (posts[0].group in groups or (is_first and posts[0].group not in elsewhere))
    }


def _others(posts: Iterable[Example], tests: Mapping[str, Sequence[Example]]) -> list[Example]:
    """Those of *posts* that share neither group nor text with a post to be judged."""
    held = list(chain(*tests.values()))
    groups, texts = {post.group for post in held}, {post.text for post in held}
    return [post for post in posts if post.group not in groups and post.text not in texts]


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
            statements=_statements(post, catalogue),
        )
        for post, tags in zip(posts, tagged, strict=True)
    ], seconds


def _statements(post: Example, catalogue: Catalogue) -> frozenset[tuple[str, str]]:
    return frozenset(
        (id, "recovered" if label.kind is Kind.RECOVERED else str(label.role))
        for label in post.labels
        for id in ids(catalogue, [label.service])
    )


def _warn_of_known(file: Path, model: Path, *, corpus_only: bool) -> None:
    """Say it where the weights learnt from *file* itself: the scores are then no measure."""
    known = {} if corpus_only else artifact.load(model)[1].learnt_from.get("files", {})
    if hashlib.sha256(file.read_bytes()).hexdigest() in {one["sha256"] for one in known.values()}:
        sys.stderr.write(
            f"{file}: the model learnt from these very posts; for a fair score use "
            "--cross-validate, or other posts\n"
        )


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
    texts: Annotated[
        Path | None, typer.Option(help="folder with the texts of the labelled real posts")
    ] = None,
    textcat: Annotated[bool, typer.Option(help="train and measure spaCy's textcat too")] = True,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    seed: int = 0,
) -> None:
    """Print how the tagger and the baselines do on FILE."""
    posts = read(file, group=group)
    catalogue = Catalogue.load(services or ())
    if adopt_names:
        catalogue = adopt(catalogue, named(posts))
    corpus = [post for path in corpus_files() for post in read(path)]
    train = read_labels(texts, "train") if texts else {}
    validate = read_labels(texts, "validate") if texts else {}
    if cross_validate_:
        sources = Sources(corpus=corpus, train={} if corpus_only else train, validate=validate)
        result = cross_validate(
            posts, sources, catalogue, folds=FOLDS, seed=seed, with_textcat=textcat
        )
    else:
        _warn_of_known(file, model, corpus_only=corpus_only)
        learnt = _others([*corpus, *chain(*train.values())], {_FILE: posts})
        tagger = (
            Tagger(catalogue, fit(dataset(corpus, catalogue), seed))
            if corpus_only
            else Tagger.load(catalogue, model)
        )
        baseline = TextcatTagger(learnt, catalogue, seed) if textcat and learnt else None
        result = evaluate(posts, tagger, catalogue, baseline)
    text = json.dumps(msgspec.to_builtins(result), ensure_ascii=False) if as_json else table(result)
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    typer.run(main)
