"""
The words by which people speak of outages, found in a post by spaCy.

The phrases are data, a file a language in `phrases/`; what each of them weighs is for the trained
model to say. Their classes:

    down      it fails now                    weak      trouble of some kind
    unable    the writer cannot do it, by     back      it works again
              its fault or by the account's   fine      it works, here
    asked     is it only me                   now       it goes on at this moment
    before    it is over, or was long ago     supposed  if, when, imagine
    planned   maintenance                     official  voice of a company or the news
    account   own login, ban, password        money     orders, prices, refunds
    device    one machine, one home           wish      features, advice
    chronic   always, every week              elsewhere another sense of the words
    instead   what people turn to meanwhile   blame     names the culprit
    negated   turns a statement round         i         the writer himself

A name in braces in a phrase stands for each member of the language's set of that name: the forms of
"cannot" times the verbs that follow are two sets rather than a thousand phrases.
"""

import re
import tomllib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from pathlib import Path
from typing import Any

import spacy
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc

from models.fold import fold
from models.text import MASK, Tokens, split

_FOLDER = Path(__file__).with_name("phrases")
_SETS = "sets"  # in the table of a language, beside its classes
_SET = re.compile(r"\{(\w+)\}")
# English words of failure are loan words everywhere ("WhatsApp down, error 503").
_LOANED = frozenset({"down", "back", "weak"})
# Where two phrases start together and are equally long, the rarer sense says more.
_PRECEDENCE = (
    "fine", "back", "elsewhere", "planned", "before", "asked", "down", "unable", "instead",
    "official", "account", "device", "money", "wish", "blame", "supposed", "chronic", "now", "weak",
    "negated", "i",
)  # fmt: skip
_PLACE = {kind: n for n, kind in enumerate(_PRECEDENCE)}

_Hit = tuple[int, int, str, str]  # start, end, language, class


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens [start, end) are a phrase of class *kind*."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Said:
    """The phrases of a post, and the language that it seems to be in."""

    language: str
    spans: list[Span]


@cache
def phrases() -> dict[str, dict[str, tuple[str, ...]]]:
    """The shipped vocabulary: language → class → folded phrases, each once."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for file in sorted(_FOLDER.glob("*.toml")):
        lang, kinds = file.stem, tomllib.loads(file.read_text(encoding="utf-8"))
        sets: dict[str, list[str]] = kinds.pop(_SETS, {})
        found[lang] = {
            kind: tuple(dict.fromkeys(fold(one) for said in listed for one in expand(said, sets)))
            for kind, listed in kinds.items()
        }
    return found


def expand(phrase: str, sets: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """
    Yield *phrase* with each member of its sets: "{not} load" is "wont load", "doesnt load".

    A member may name sets in turn. The empty one makes its place optional.
    """
    parts = _SET.split(phrase)  # every other one is a name
    if len(parts) == 1:
        yield phrase
        return
    choices = [
        [part] if n % 2 == 0 else [one for said in sets[part] for one in expand(said, sets)]
        for n, part in enumerate(parts)
    ]
    for chosen in product(*choices):
        yield " ".join("".join(chosen).split())


class Vocabulary:
    """Finds the phrases of a post; read only once it is built, which takes most of a second."""

    def __init__(self) -> None:
        # The blank pipeline gives the string store only: `models.text` has split the post already.
        vocab = spacy.blank("xx").vocab
        self._vocab = vocab
        self._matcher = PhraseMatcher(vocab, attr="ORTH")
        self._keys: dict[int, tuple[str, str]] = {}
        self._known: dict[str, int] = {}  # the number of each word of a phrase
        self._unknown = vocab.strings.add(MASK)
        numbers = cache(self._numbers)  # no token holds a space, and phrases share their words
        for lang, kinds in phrases().items():
            for kind, listed in kinds.items():
                key = f"{lang}:{kind}"
                # The numbers of the words do for a Doc, as in an unpickled matcher: thousands of
                # phrases load in a third of the time.
                patterns: Any = [[*chain(*map(numbers, phrase.split()))] for phrase in listed]
                self._matcher.add(key, patterns)
                self._keys[vocab.strings.add(key)] = (lang, kind)

    def _numbers(self, word: str) -> list[int]:
        """The numbers in spaCy of the tokens of *word*, henceforth known."""
        tokens = split(word)
        numbers = [self._vocab.strings.add(token) for token in tokens]
        self._known.update(zip(tokens, numbers, strict=True))
        return numbers

    def read(self, posts: Sequence[Tokens]) -> list[Said]:
        """
        The phrases of each post, of the language that it seems to be in.

        They are disjoint: the leftmost wins, then the longest.
        """
        # One Doc for all, since to make one costs more than to fill it. spaCy keeps every word that
        # it meets for ever; those in no phrase go by the mask, so that memory stays flat over any
        # number of posts. A mask ends each post, that no phrase reaches into the next.
        words: list[Any] = []
        starts: list[int] = []
        for tokens in posts:
            starts.append(len(words))
            words += [self._known.get(word, self._unknown) for word in tokens.words]
            words.append(self._unknown)
        hits: list[list[_Hit]] = [[] for _ in posts]
        for key, start, end in self._matcher(Doc(self._vocab, words=words)):
            n = bisect_right(starts, start) - 1
            hits[n].append((start - starts[n], end - starts[n], *self._keys[key]))
        return [_said(found) for found in hits]


@cache
def shipped() -> Vocabulary:
    """The vocabulary of this process, for all who need it."""
    return Vocabulary()


def _said(hits: Sequence[_Hit]) -> Said:
    lang = _language(hits)
    kept = [
        (start, -end, _PLACE[kind], kind)
        for start, end, of, kind in hits
        if of == lang or (of == "en" and kind in _LOANED)
    ]
    return Said(lang, _disjoint(kept))


def _language(hits: Sequence[_Hit]) -> str:
    """The language that most tokens of the hits speak for; English when none does."""
    votes: dict[str, int] = defaultdict(int)
    for start, end, lang, _kind in hits:
        votes[lang] += end - start
    return max(votes, key=lambda lang: votes[lang], default="en")


def _disjoint(spans: Sequence[tuple[int, int, int, str]]) -> list[Span]:
    chosen: list[Span] = []
    end = 0
    for start, back, _, kind in sorted(spans):
        if start >= end:
            end = -back
            chosen.append(Span(start, end, kind))
    return chosen
