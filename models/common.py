"""
The common words that `models.unknown` reads: what posts of the corpus say and no service is called.

They are derived where the corpus is, when the tagger is trained, since they are shipped without it.
"""

from collections import Counter
from collections.abc import Collection

from models.catalogue import Catalogue
from models.examples import Example, corpus_files, named, read
from models.fold import fold
from models.pieces import Kind, cut
from models.unknown import COMMON, keys, letters

_POSTS = 2  # of which a word must be part: what one post says may be a slip, or somebody's name


def common(examples: Collection[Example], catalogue: Catalogue) -> frozenset[str]:
    """Return the words of *examples* that are no label's service and no name of *catalogue*."""
    counts = Counter(word for example in examples for word in _words(example.text))
    said = {word for word, n in counts.items() if n >= _POSTS}
    return frozenset(said.difference(map(letters, map(fold, named(examples))), keys(catalogue)))


def derived() -> str:
    """Return what the file of common words has to hold, a word a line."""
    corpus = [example for path in corpus_files() for example in read(path)]
    return "".join(f"{word}\n" for word in sorted(common(corpus, Catalogue.load())))


def write() -> None:
    """Write the file that is shipped anew."""
    COMMON.write_text(derived(), encoding="utf-8")


def _words(text: str) -> set[str]:
    pieces = cut(text, fold(text).replace("'", ""), ())
    return {word for one in pieces if one.kind is Kind.WORD and (word := letters(one.text))}


if __name__ == "__main__":
    write()
