"""Whether the words around an ambiguous name speak of a service: zoom the app, or zoom the verb."""

import math
import re
import tomllib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from operator import attrgetter
from pathlib import Path

from ahocorasick_rs import AhoCorasick

from models.fold import fold
from models.script import begins, ends

VOCABULARY = Path(__file__).with_name("context.toml")
_ANY = ""  # owner of the words that count for every service
_WEAK = "~"  # owner of the words that count for every service right beside them
_NOBODY = "-"  # owner of the phrases that cancel the words in them

_OWN = 80  # characters to which a service's own word counts
_SHORT_OWN = 60  # the same for a name of two letters in lower case
_WORD = re.compile(r"[a-z']+")
_SENTENCE_END = re.compile(r"[.!?\n]\s*[^\w]*$")
# "down 2-0", "down 3 %", "down by 14", "down a set": a score or a price.
_SCORE = re.compile(
    r"down\s+(?:about |around |over |almost |nearly |another |only |by )?(?:"
    r"[$€£]?\d+(?!\s*(?:h|hr|hrs|hours?|min|mins|minutes?|days?|am|pm)\b)"
    r"|(?:a|one|two|three|four|five) (?:sets?|goals?|man|points?|scores?|runs?|nil|nothing))"
)
_AMOUNT = re.compile(r"\d\s?$")  # 500 ml
_DETERMINERS = frozenset(
    {"the", "a", "an", "this", "that", "these", "those", "both", "some", "every"}
    | {"each", "his", "her", "their", "its", "two", "three", "all", "many", "most", "other"}
    | {"what", "which", "whose"}
)
# A word that makes the name before it a product, whatever stands in front: "the Target website".
_PRODUCT = re.compile(
    r"(?:'s)?\s?(?:\b(?:(?:app|web|server|login)(?:nya)?|apps|website|site|servers|outages?|support)\b"
    r"|アプリ|障害|앱)"
)
# What makes the name behind it one: "la app de Claro", "sinyal xl", "grup wa".
_PRODUCT_OF = re.compile(
    r"\b(?:(?:app|apps|aplicacion|pagina|portal|web|sitio|servidor|servidores|red|internet|fibra|wifi"
    r"|cuenta|senal|soporte|cajeros?|banca movil)\s(?:de la|de|del|do|da)"
    r"|aplikasi|apk|saldo|sinyal|kartu|paket|kuota|akun|jaringan|grup|m-?banking|mobile banking"
    r"|atm|server|layanan|transfer ke|top ?up)\s$"
)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far, in characters, from a name a word of outage counts, and how far a weak one."""

    outage: float
    weak: float


# By how much the name says by itself; of each the reach in lower case, with a capital that may be
# that of the sentence, and with one that is the name's own.
_RARE = (_Reach(80, 80),) * 3
_PLAIN = (_Reach(30, 14), _Reach(40, 20), _Reach(60, 30))
_TIGHT = (_Reach(14, 9), _Reach(30, 14), _Reach(60, 30))
_SHORT = (_Reach(12, 9), _Reach(14, 14), _Reach(15, 15))
_LETTER = (_Reach(5, 2), _Reach(14, 6), _Reach(15, 9))
_EVERYDAY = (_Reach(-1, -1), _Reach(4, 4), _Reach(4, 4))


@dataclass(frozen=True, slots=True)
class Word:
    """A word of context found in [start, end) of the folded text, and for whom it counts."""

    start: int
    end: int
    owner: str

    @property
    def is_own(self) -> bool:
        """Whether it counts for one service only."""
        return self.owner not in (_ANY, _WEAK)


def vocabulary(section: str) -> tuple[str, ...]:
    """Return the folded words of a *section* of the vocabulary, of all languages, each once."""
    languages = _sections()[section].values()
    return tuple(dict.fromkeys(fold(word) for words in languages for word in words))


@cache
def _sections() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))


class Context:
    """Finds the words that tell what an ambiguous name means; *own* are each service's words."""

    def __init__(self, own: Mapping[str, Iterable[str]]):
        owners: defaultdict[str, set[str]] = defaultdict(set)
        for word in vocabulary("weak"):
            owners[word] = {_WEAK}
        for word in (*vocabulary("outage"), *vocabulary("app")):
            owners[word] = {_ANY}
        for service, words in own.items():
            for word in words:
                owners[fold(word)].add(service)
        for phrase in vocabulary("elsewhere"):
            owners[phrase] = {_NOBODY}
        self._reaches = {
            name: reaches
            for section, reaches in (("rare", _RARE), ("tight", _TIGHT), ("everyday", _EVERYDAY))
            for name in vocabulary(section)
        }
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

    def is_everyday(self, name: str) -> bool:
        """Say whether the folded *name* is among the most common words of a language."""
        return self._reaches.get(name) is _EVERYDAY

    def speaks_of(
        self,
        service: str,
        folded: str,
        span: tuple[int, int],
        row: tuple[int, int],
        words: Sequence[Word],
        capital: bool,
    ) -> bool:
        """
        Say whether the name at *span* of *folded* means *service*, by the *words* of context.

        They count for all names of the *row* that it stands in: "Steam and Uber are down". The
        service's own words count from farther than words of outage, and these from farther than
        weak ones, by what the name says by itself. One after "the" or "both" needs a word of apps
        right behind it, or its own.
        """
        start, end = span
        name = folded[start:end]
        is_short = len(name) <= 2 and name.isascii()
        if is_short and _AMOUNT.search(folded, max(0, start - 4), start):
            return False  # 500 ml
        if _gap(service, span, words) <= (_SHORT_OWN if is_short and not capital else _OWN):
            return True
        if is_product(folded, start) or (_PRODUCT.match(folded, end) and (capital or not is_short)):
            return True
        if _is_determined(folded, start):
            return False
        by_length = (_LETTER, _SHORT)[len(name) - 1] if is_short else _PLAIN
        lower, opening, proper = self._reaches.get(name, by_length)
        reach = lower if not capital else opening if _opens_sentence(folded, start) else proper
        return _gap(_ANY, row, words) <= reach.outage or _gap(_WEAK, row, words) <= reach.weak


def is_product(folded: str, start: int) -> bool:
    """Say whether the words before *start* make what follows a product: "la app de"."""
    return _PRODUCT_OF.search(folded, max(0, start - 24), start) is not None


def _gap(owner: str, span: tuple[int, int], words: Iterable[Word]) -> float:
    """Return how far *span* is from the next of the *words* that count for *owner*."""
    start, end = span
    gaps = (
        start - word.end if word.end <= start else word.start - end
        for word in words
        if word.owner == owner
    )
    return min((gap for gap in gaps if gap >= 0), default=math.inf)


def _is_determined(folded: str, start: int) -> bool:
    before = folded[max(0, start - 12) : start].split()
    return bool(before) and folded[start - 1] == " " and before[-1].strip("\"'([,") in _DETERMINERS


def _opens_sentence(folded: str, start: int) -> bool:
    return start == 0 or _SENTENCE_END.search(folded, max(0, start - 8), start) is not None
