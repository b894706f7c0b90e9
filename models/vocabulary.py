"""
The words by which people speak of outages, found in a post by spaCy.

The phrases are data (`vocabulary.toml`); what each of them weighs is for the trained model to say.
"""

import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import spacy
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from models.fold import fold
from models.text import Tokens, split

_UNKNOWN = "\u2042"
_FILE = Path(__file__).with_name("vocabulary.toml")
# English words of failure are loan words everywhere ("WhatsApp down, error 503").
_LOANED = frozenset({"down", "back", "weak"})
# Where two phrases start together and are equally long, the rarer sense says more.
_PRECEDENCE = (
    "fine", "back", "elsewhere", "planned", "before", "asked", "down", "instead", "official",
    "account", "device", "money", "wish", "blame", "supposed", "chronic", "now", "weak",
    "negated", "i",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens [start, end) are a phrase of class *kind*."""

    start: int
    end: int
    kind: str


@cache
def phrases() -> dict[str, dict[str, tuple[str, ...]]]:
    """The shipped vocabulary: language → class → folded phrases."""
    with _FILE.open("rb") as file:
        table: dict[str, dict[str, list[str]]] = tomllib.load(file)
    return {
        lang: {kind: tuple(fold(p) for p in listed) for kind, listed in kinds.items()}
        for lang, kinds in table.items()
    }


class Vocabulary:
    """Finds the phrases of a post; built once, then read only."""

    def __init__(self) -> None:
        # The blank pipeline gives the string store only: `models.text` has split the post already.
        vocab = spacy.blank("xx").vocab
        self._vocab = vocab
        self._matcher = PhraseMatcher(vocab, attr="ORTH")
        self._keys: dict[int, tuple[str, str]] = {}
        for lang, kinds in phrases().items():
            for kind, listed in kinds.items():
                key = f"{lang}:{kind}"
                self._matcher.add(key, [Doc(vocab, words=split(phrase)) for phrase in listed])
                self._keys[vocab.strings[key]] = (lang, kind)
        self._known = {lexeme.text for lexeme in vocab}

    def spans(self, tokens: Tokens) -> list[Span]:
        """The phrases of the language that the post seems to be in; disjoint, the longest win."""
        # spaCy keeps every word that it meets for ever; those in no phrase go by one name, so that
        # memory stays flat over any number of posts, without the cost of a memory zone.
        words = [word if word in self._known else _UNKNOWN for word in tokens.words]
        doc = Doc(self._vocab, words=words)
        hits = [(start, end, *self._keys[key]) for key, start, end in self._matcher(doc)]
        lang = _language(hits)
        kept = [
            Span(start, end, kind)
            for start, end, of, kind in hits
            if of == lang or (of == "en" and kind in _LOANED)
        ]
        return _disjoint(kept)


def _language(hits: Sequence[tuple[int, int, str, str]]) -> str:
    """The language that most tokens of the hits speak for; English when none does."""
    votes: dict[str, int] = defaultdict(int)
    for start, end, lang, _kind in hits:
        votes[lang] += end - start
    return max(votes, key=lambda lang: votes[lang], default="en")


def _disjoint(spans: Sequence[Span]) -> list[Span]:
    chosen: list[Span] = []
    end = 0
    for span in sorted(spans, key=_rank):
        if span.start >= end:
            chosen.append(span)
            end = span.end
    return chosen


def _rank(span: Span) -> tuple[int, int, int]:
    return span.start, -span.end, _PRECEDENCE.index(span.kind)
