"""
Training: labelled posts → a classifier, and from the command line → the artefact that is shipped.

Seeded and single-threaded: the same files give the same bytes on the same machine.
"""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from models import artifact, common
from models.catalogue import Catalogue
from models.classifier import Classifier
from models.dataset import dataset
from models.examples import corpus_files, read
from models.fitting import fit
from models.labels import read_labels


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
    if out == artifact.SHIPPED:  # so that nothing that is shipped is older than the corpus
        common.write()
    sys.stderr.write(
        f"learnt from {learnt_from['posts']} posts; weights {card.weights_sha256[:12]}\n"
    )


if __name__ == "__main__":
    typer.run(main)
