"""Which services a text names, and where: one pass over all names, then rules for doubtful hits."""

import re
from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, Implementation

from models.accounts import Accounts
from models.catalogue import Catalogue
from models.context import Context, Word
from models.endings import MIN_STEM
from models.fold import fold
from models.hashtag import Hashtags
from models.hits import Hit, Hits, Place, may_be_tagged
from models.names import How, Name, names_of
from models.script import begins, ends

__all__ = ["Found", "How", "Matcher", "Mention", "fold"]

MAX_TEXT = 4_000  # characters; as much as the wire format lets a report have

_ROW = 5  # names that share the words around them
_JOINT = re.compile(
    r"\s?(?:[,&/+]|,? ?\b(?:and|or|y|e|o|ni|dan|sama|atau|ama|et|und|oder|en)\b)"
    r"\s?(?:(?:the|la|el|my|mi)\s)?"
)
_LONGEST_JOINT = 10
_ACCOUNT = re.compile(r"(?<![\w.+-])@\w{2,40}(?![\w.])")


@dataclass(frozen=True, slots=True)
class Mention:
    """A service named in [start, end) of the folded text; *region* is set if a region did."""

    service: str
    start: int
    end: int
    how: How
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The folded text, at most 4,000 characters, and the mentions in it, in order, each apart."""

    folded: str
    mentions: tuple[Mention, ...]


class Matcher:
    """Finds the services of a catalogue in text; built once, then read only."""

    def __init__(self, catalogue: Catalogue):
        hashtags = Hashtags()
        names: defaultdict[str, list[Name]] = defaultdict(list)
        for service in catalogue.services.values():
            for pattern, name in names_of(service, hashtags):
                if all(name.service != other.service for other in names[pattern]):
                    names[pattern].append(name)
        all_names = list(names.values())
        self._accounts = Accounts(catalogue.services.values())
        # After the names of the automaton, one for the accounts of each service.
        self._owners = {id: len(names) + n for n, id in enumerate(catalogue.services)}
        all_names += [[Name(id, How.HANDLE)] for id in self._owners]
        self._stems = frozenset(
            index
            for index, (pattern, meant) in enumerate(names.items())
            if len(pattern) >= MIN_STEM and all(name.is_stem for name in meant)
        )
        self._hits = Hits(all_names, self._stems, hashtags)
        self._automaton = AhoCorasick(list(names), implementation=Implementation.DFA)
        self._context = Context({id: service.context for id, service in catalogue.services.items()})

    def find(self, text: str) -> Found:
        """Return the services that *text* names; only its first 4,000 characters are read."""
        text = text[:MAX_TEXT]
        folded = fold(text)[:MAX_TEXT]
        hits = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        words = self._account_hits(folded) if "@" in folded else []
        if not hits and not words:
            return Found(folded, ())
        # Nearly every hit lies inside of a longer word, and must cost next to nothing.
        words[:0] = [
            hit
            for hit in hits
            if not ((pair := folded[hit[1] - 1 : hit[1] + 1]).isalnum() and pair.isascii())
            and begins(folded, hit[1])
            and (ends(folded, hit[2]) or hit[0] in self._stems)
        ]
        if "#" in folded:
            words += [hit for hit in hits if may_be_tagged(folded, hit[1], hit[2])]
        if not words:
            return Found(folded, ())
        return Found(folded, self._mentions(text, folded, words))

    def _mentions(self, text: str, folded: str, hits: list[Hit]) -> tuple[Mention, ...]:
        places = self._hits.stand(folded, hits)
        sure = {name.service for place in places if place.is_sure for name in place.names}
        words: list[Word] | None = None
        mentions = []
        for row in _rows(folded, places):
            for place in row:
                names = place.names
                if not place.is_sure:
                    words = self._context.words(folded) if words is None else words
                    names = self._meant(place, row, text, folded, words, sure)
                if len(names) == 1 and (service := names[0].service):
                    how, region = place.how, names[0].region
                    mentions.append(Mention(service, place.start, place.end, how, region))
        return tuple(mentions)

    def _account_hits(self, folded: str) -> list[Hit]:
        found = ((match, self._accounts.owner(match[0])) for match in _ACCOUNT.finditer(folded))
        return [(self._owners[owner], *match.span()) for match, owner in found if owner]

    def _meant(
        self,
        place: Place,
        row: Sequence[Place],
        text: str,
        folded: str,
        words: Sequence[Word],
        sure: Container[str | None],
    ) -> Sequence[Name]:
        """Return those names at *place* that its row, the words around, or a sure mention mean."""
        named = [name for name in place.names if name.service in sure]
        whole = row[0].start, row[-1].end
        words = self._context.near(words, *whole)
        if named or _is_half_a_word(folded, place, words):
            return named
        span = place.start, place.end
        if _is_accented(text, folded, *span):
            return []
        is_listed = len(place.names) == 1 and any(
            other.is_sure and other.names[0].service for other in row
        )
        if is_listed and not self._context.is_everyday(folded[place.start : place.end]):
            return place.names
        capital = _is_capital(text, folded, *span)
        # A name of two services takes the words of one of them; a word of outage would fit both.
        own = [word for word in words if word.is_own] if len(place.names) > 1 else words
        return [
            name
            for name in place.names
            if name.service
            and self._context.speaks_of(name.service, folded, span, whole, own, capital)
        ]


def _rows(folded: str, places: Sequence[Place]) -> Iterator[Sequence[Place]]:
    """Yield *places* with those that a comma or an "and" ties to them, at most `_ROW` in a row."""
    row: list[Place] = []
    for place in places:
        is_next = row and len(row) < _ROW and place.start - row[-1].end <= _LONGEST_JOINT
        if row and not (is_next and _JOINT.fullmatch(folded, row[-1].end, place.start)):
            yield row
            row = []
        row.append(place)
    if row:
        yield row


def _is_half_a_word(folded: str, place: Place, words: Sequence[Word]) -> bool:
    """Say whether a hyphen ties the name to a word that is none of context: x-ray, ring-fence."""
    before, after = folded[: place.start][-2:], folded[place.end : place.end + 2]
    if len(before) == 2 and before[1] == "-" and before[0].isalnum():
        return all(word.end != place.start - 1 for word in words)
    if len(after) == 2 and after[0] == "-" and after[1].isalnum():
        return all(word.start != place.end + 1 for word in words)
    return False


def _is_accented(text: str, folded: str, start: int, end: int) -> bool:
    """Say whether accents make another word of the name: "über" is not Uber."""
    if len(text) != len(folded) or not folded[start:end].isascii():
        return False
    return any("\u00c0" <= letter <= "\u024f" for letter in text[start:end])


def _is_capital(text: str, folded: str, start: int, end: int) -> bool:
    if len(text) == len(folded):
        return text[start].isupper()
    # Folding moved the letters: any occurrence with a capital will do.
    found = re.finditer(re.escape(folded[start:end]), text, re.IGNORECASE)
    return any(match[0][0].isupper() for match in found)
