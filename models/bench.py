"""
How fast the tagger is, in posts a second of one core: matcher, cascade, and the two baselines.

The posts are those of the shipped corpus. A firehose is made of them by taking out the names of
services from all but one in twenty.
"""

import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from models.catalogue import Catalogue
from models.examples import Example, corpus_files, read
from models.keyword import KeywordTagger
from models.mentions import Matcher
from models.tagger import Tagger
from models.textcat import TextcatTagger
from models.unknown import Unknown

NAMED = 0.05  # share of the posts of a firehose that name a service
_BATCH = 2_000  # posts in one call, as an ingest worker makes it
_REPEATS = 3  # the best counts: others use the machine as well
_TEXTCAT_POSTS = 2_000  # to learn from: speed does not depend on what was learnt

Tag_ = Callable[[Sequence[str]], Any]


def bench(catalogue: Catalogue, *, posts: int = 20_000, memory_posts: int = 0) -> dict[str, float]:
    """
    Posts a second of each stage over *posts* posts; processor time, so of one core.

    With *memory_posts* also the growth of the peak memory, in MB, from a tenth of so many to all.
    """
    corpus = [post for path in corpus_files() for post in read(path)]
    matcher, tagger = Matcher(catalogue), Tagger.load(catalogue)
    named, unnamed = _parted([post.text for post in corpus], matcher)
    mix = _mixed(named, unnamed, posts)
    every = _repeated(named, posts // 4)
    found = {
        "matcher, firehose": _rate(lambda texts: [matcher.find(text) for text in texts], mix),
        "cascade, firehose": _rate(tagger.tag, mix),
        "with names, firehose": _rate(_with_names(tagger, Unknown(catalogue)), mix),
        "cascade, every post named": _rate(tagger.tag, every),
        "keyword, firehose": _rate(KeywordTagger(catalogue).tag, mix),
        "textcat, firehose": _rate(_textcat(corpus, catalogue).tag, mix),
    }
    if memory_posts:
        found["memory growth, MB"] = _growth(tagger.tag, mix, memory_posts)
    return found


def _with_names(tagger: Tagger, unknown: Unknown) -> Tag_:
    """As a worker does it: names outside the catalogue are sought where no service is named."""

    def both(texts: Sequence[str]) -> list[Any]:
        tagged = tagger.tag(texts)
        return [tags or unknown.names(text) for text, tags in zip(texts, tagged, strict=True)]

    return both


def _textcat(corpus: Sequence[Example], catalogue: Catalogue) -> TextcatTagger:
    return TextcatTagger(random.Random(0).sample(corpus, _TEXTCAT_POSTS), catalogue)


def _parted(texts: Sequence[str], matcher: Matcher) -> tuple[list[str], list[str]]:
    """Texts that name a service, and folded texts with the names taken out."""
    named, unnamed = [], []
    for text in texts:
        found = matcher.find(text)
        if not found.mentions:
            unnamed.append(text)
            continue
        named.append(text)
        rest, at = "", 0
        for mention in found.mentions:
            rest, at = rest + found.folded[at : mention.start], mention.end
        rest += found.folded[at:]
        if not matcher.find(rest).mentions:
            unnamed.append(rest)
    return named, unnamed


def _mixed(named: Sequence[str], unnamed: Sequence[str], n: int) -> list[str]:
    draw = random.Random(0)
    return [draw.choice(named if draw.random() < NAMED else unnamed) for _ in range(n)]


def _repeated(texts: Sequence[str], n: int) -> list[str]:
    draw = random.Random(0)
    return [draw.choice(texts) for _ in range(n)]


def _rate(tag: Tag_, texts: Sequence[str]) -> float:
    return round(max(len(texts) / _seconds(tag, texts) for _ in range(_REPEATS)), 1)


def _seconds(tag: Tag_, texts: Sequence[str]) -> float:
    started = time.process_time()
    for batch in _batches(texts):
        tag(batch)
    return time.process_time() - started


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))


def _growth(tag: Tag_, texts: Sequence[str], n: int) -> float:
    """Peak memory after *n* posts less that after a tenth of them; no two posts are alike."""
    done, early = 0, 0.0
    while done < n:
        tag([f"{text} {done + i}" for i, text in enumerate(texts[:_BATCH])])
        done += min(len(texts), _BATCH)
        if not early and done >= n // 10:
            early = _peak_megabytes()
    return round(_peak_megabytes() - early, 1)


def _peak_megabytes() -> float:
    # Bytes on macOS, kilobytes elsewhere.
    unit = 1 if sys.platform == "darwin" else 1_024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
