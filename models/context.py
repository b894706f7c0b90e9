"""Whether the words around an ambiguous name speak of a service: zoom the app, or zoom the verb."""

import math
import re
import tomllib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from models.fold import fold
from models.script import begins, ends

VOCABULARY = Path(__file__).with_name("context.toml")
_ANY = ""  # owner of the words that count for every service
_NOBODY = "-"  # owner of the phrases that cancel the words in them

# How far, in characters, a word of context may stand from the name that it speaks of.
_OWN = 80
_FAR = 60
_NEAR = 25
_TIGHT = 5
_WORD = re.compile(r"[a-z']+")
_SENTENCE_END = re.compile(r"[.!?\n]\s*[^\w]*$")
# "down 2-0", "down 3 %", "down by 14", "down a set": a score or a price.
_SCORE = re.compile(
    r"down\s+(?:about |around |over |almost |nearly |another |only |by )?(?:"
    r"[$€£]?\d+(?!\s*(?:h|hr|hrs|hours?|min|mins|minutes?|days?|am|pm)\b)"
    r"|(?:a|one|two|three|four|five) (?:sets?|goals?|man|points?|scores?|runs?|nil|nothing))"
)
_DETERMINERS = frozenset(
    {"the", "a", "an", "this", "that", "these", "those", "both", "no", "any", "some", "every"}
    | {"each", "his", "her", "their", "its", "two", "three", "all", "many", "most", "other"}
    | {"what", "which", "whose"}
)
# A word that makes the name before it a product, whatever stands in front: "the Target website".
_PRODUCT = re.compile(
    r"(?:'s)?\s?(?:\b(?:app|apps|website|site|servers?|login|outages?|support)\b|アプリ|障害|앱)"
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of context found in [start, end) of the folded text, and for whom it counts."""

    start: int
    end: int
    owner: str


def vocabulary(section: str) -> tuple[str, ...]:
    """Return the folded words of a *section* of the vocabulary, of all languages, each once."""
    languages = tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))[section].values()
    return tuple(dict.fromkeys(fold(word) for words in languages for word in words))


class Context:
    """Finds the words that tell what an ambiguous name means; *own* are each service's words."""

    def __init__(self, own: Mapping[str, Iterable[str]]):
        owners: defaultdict[str, set[str]] = defaultdict(set)
        for word in (*vocabulary("outage"), *vocabulary("app")):
            owners[word].add(_ANY)
        for service, words in own.items():
            for word in words:
                owners[fold(word)].add(service)
        for phrase in vocabulary("elsewhere"):
            owners[phrase] = {_NOBODY}
        self._everyday = frozenset(vocabulary("everyday"))
        self._owners = [frozenset(found) for found in owners.values()]
        self._automaton = AhoCorasick(list(owners))
        self._longest = max(map(len, owners))

    def words(self, folded: str) -> list[Word]:
        """
        Return the words of context in *folded*, but those that a phrase or a score cancels.

        They are in the order in which they begin.
        """
        found = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        hits = [
            (start, end, self._owners[index])
            for index, start, end in found
            if begins(folded, start) and ends(folded, end)
        ]
        cancelled = [(start, end) for start, end, owners in hits if _NOBODY in owners]
        cancelled += [match.span() for match in _SCORE.finditer(folded)]
        cancelled.sort()
        lows = [low for low, _ in cancelled]
        # The furthest end of a phrase that begins by then: past it nothing is inside of one.
        highs = [-1, *accumulate((high for _, high in cancelled), max)]
        return [
            Word(start, end, owner)
            for start, end, owners in sorted(hits, key=lambda hit: hit[0])
            if end > highs[bisect_right(lows, start)]
            for owner in owners
        ]

    def near(self, words: Sequence[Word], start: int, end: int) -> Sequence[Word]:
        """Return those of *words*, in order, that may be near enough to [start, end) to count."""
        low = bisect_left(words, start - _OWN - self._longest, key=attrgetter("start"))
        return words[low : bisect_right(words, end + _OWN, key=attrgetter("start"))]

    def speaks_of(
        self, service: str, folded: str, span: tuple[int, int], words: Iterable[Word], capital: bool
    ) -> bool:
        """
        Say whether the name at *span* of *folded* means *service*, by the *words* of context.

        The service's own words count from farther than words of outage. A name in lower case needs
        one closer by, one of two letters almost next to it, one after "the" or "both" a word of
        apps right behind it; an everyday word listens to the service's own words alone.
        """
        start, end = span
        gaps = _gaps(service, span, words)
        is_short = end - start <= 2 and folded[start].isascii()
        if gaps[service] <= (_FAR if is_short and not capital else _OWN):
            return True
        if _PRODUCT.match(folded, end):
            return not is_short or capital
        if folded[start:end] in self._everyday or _is_determined(folded, start):
            return False
        return gaps[_ANY] <= _reach(is_short, capital and not _opens_sentence(folded, start))


def _gaps(service: str, span: tuple[int, int], words: Iterable[Word]) -> dict[str, float]:
    """Return how far *span* is from the next word of *service*, and from the next of outage."""
    start, end = span
    gaps = {_ANY: math.inf, service: math.inf}
    for word in words:
        gap = start - word.end if word.end <= start else word.start - end
        if word.owner in gaps and gap >= 0:
            gaps[word.owner] = min(gaps[word.owner], gap)
    return gaps


def _reach(is_short: bool, capital: bool) -> int:
    if is_short:
        return _TIGHT * 3 if capital else _TIGHT
    return _FAR if capital else _NEAR


def _is_determined(folded: str, start: int) -> bool:
    before = folded[max(0, start - 12) : start].split()
    return bool(before) and folded[start - 1] == " " and before[-1].strip("\"'([,") in _DETERMINERS


def _opens_sentence(folded: str, start: int) -> bool:
    return start == 0 or _SENTENCE_END.search(folded, max(0, start - 8), start) is not None
