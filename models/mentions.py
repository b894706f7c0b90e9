"""Which services a text names, and where: one pass over all names, then rules for doubtful hits."""

import re
from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick, Implementation

from models.accounts import Accounts
from models.catalogue import Catalogue
from models.context import Context, Word
from models.fold import fold
from models.hashtag import MAX_REST, Hashtags, Rest
from models.links import is_named
from models.names import How, Name, names_of
from models.script import begins, ends, script, word_end
from models.spans import Part, Span, Spans

__all__ = ["Found", "How", "Matcher", "Mention", "fold"]

Hit = tuple[int, int, int]  # index of the pattern, start, end

MAX_TEXT = 4_000  # characters; as much as the wire format lets a report have

# Endings that Turkish, Polish, German and others glue to a name.
_ENDINGS = frozenset(
    {"s", "a", "e", "i", "u", "y", "ya", "ye", "yi", "yu", "da", "de", "ta", "te", "dan", "den"}
    | {"tan", "ten", "in", "un", "nin", "nun", "im", "um", "lar", "ler", "em", "ie", "owi", "om"}
    | {"ow", "es", "en", "ia"}
)
_PLAIN_ENDINGS = frozenset(
    {"app", "apps", "api", "support", "help", "status", "site", "website", "server", "servers"}
    | {"login", "online", "mobile", "business", "again", "uk", "us", "in", "jp", "アプリ"}
)
_MIN_STEM = 5  # letters of a name that may take an ending
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


@dataclass(frozen=True, slots=True)
class _Place:
    """A hit that may stand where it is; a sure one needs no context."""

    start: int
    end: int
    names: Sequence[Name]
    is_sure: bool
    in_hashtag: bool = False
    in_link: bool = False

    @property
    def how(self) -> How:
        if self.in_link:
            return How.LINK
        return How.HASHTAG if self.in_hashtag else self.names[0].how


class Matcher:
    """Finds the services of a catalogue in text; built once, then read only."""

    def __init__(self, catalogue: Catalogue):
        self._hashtags = Hashtags()
        names: defaultdict[str, list[Name]] = defaultdict(list)
        for service in catalogue.services.values():
            for pattern, name in names_of(service, self._hashtags):
                if all(name.service != other.service for other in names[pattern]):
                    names[pattern].append(name)
        self._names = list(names.values())
        self._accounts = Accounts(catalogue.services.values())
        # After the names of the automaton, one for the accounts of each service.
        self._owners = {id: len(names) + n for n, id in enumerate(catalogue.services)}
        self._names += [[Name(id, How.HANDLE)] for id in self._owners]
        self._stems = frozenset(
            index
            for index, (pattern, meant) in enumerate(names.items())
            if len(pattern) >= _MIN_STEM and all(name.is_stem for name in meant)
        )
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
            words += [hit for hit in hits if _may_be_tagged(folded, hit[1], hit[2])]
        if not words:
            return Found(folded, ())
        return Found(folded, self._mentions(text, folded, words))

    def _mentions(self, text: str, folded: str, hits: list[Hit]) -> tuple[Mention, ...]:
        places = self._places(folded, hits)
        sure = {name.service for place in places if place.is_sure for name in place.names}
        words: list[Word] | None = None
        mentions = []
        for place in places:
            names = place.names
            if not place.is_sure:
                words = self._context.words(folded) if words is None else words
                names = self._meant(place, text, folded, words, sure)
            if len(names) == 1 and (service := names[0].service):
                how, region = place.how, names[0].region
                mentions.append(Mention(service, place.start, place.end, how, region))
        return tuple(mentions)

    def _account_hits(self, folded: str) -> list[Hit]:
        found = ((match, self._accounts.owner(match[0])) for match in _ACCOUNT.finditer(folded))
        return [(self._owners[owner], *match.span()) for match, owner in found if owner]

    def _places(self, folded: str, hits: list[Hit]) -> list[_Place]:
        """Take the leftmost, then longest, of the hits that may stand where they are."""
        spans: Spans | None = None
        places: list[_Place] = []
        done = 0
        for index, start, end in sorted(hits, key=lambda hit: (hit[1], -hit[2])):
            if start < done:
                continue
            if spans is None and _in_marked_token(folded, start, end):
                spans = Spans(folded)
            if spans and (span := spans.at(start)):
                place = self._inside(folded, start, end, self._names[index], span)
            else:
                place = self._running(folded, start, end, index)
            if place:
                places.append(place)
                done = max(end, place.end)
        return places

    def _running(self, folded: str, start: int, end: int, index: int) -> _Place | None:
        """Judge a hit in running text: it is a word, or a word with an ending that we know."""
        names = self._names[index]
        is_sure = not any(name.is_ambiguous for name in names)
        if start and folded[start - 1] == "^":
            return None  # the initials with which agents sign
        if ends(folded, end):
            return _Place(start, end, names, is_sure)
        if index not in self._stems:
            return None
        stop = word_end(folded, end)
        ending = folded[end:stop]
        if ending not in _ENDINGS and self._is_glued(ending):
            return _Place(start, end, names, is_sure)
        is_drawl = set(ending) == {folded[end - 1]}
        if script(folded[end]) == "latin" and (ending in _ENDINGS or is_drawl):
            return _Place(start, stop, names, is_sure)
        return None

    def _is_glued(self, ending: str) -> bool:
        """Say whether *ending* speaks of an outage, or is one plain word of apps: spotifyapp."""
        read = self._hashtags.read("", ending)
        return read is Rest.OUTAGE or (read is Rest.GLUE and ending in _PLAIN_ENDINGS)

    def _inside(
        self, folded: str, start: int, end: int, names: Sequence[Name], span: Span
    ) -> _Place | None:
        """Judge a hit in a link, an account or a hashtag."""
        how = names[0].how
        if span.part is Part.ACCOUNT:
            is_whole = (start, end) == (span.start, span.end) and how is How.HANDLE
            return _Place(start, end, names, is_sure=True) if is_whole else None
        if span.part is Part.URL:
            is_link = is_named(folded[span.start : span.end], start - span.start, end - span.start)
            return _Place(start, end, names, len(names) == 1, in_link=True) if is_link else None
        if span.part is not Part.HASHTAG or end > span.end:
            return None
        if how is How.HASHTAG:
            is_whole = (start, end) == (span.start, span.end)
            stop = start + names[0].length
            return _Place(start + 1, stop, names, True, in_hashtag=True) if is_whole else None
        if start == span.start:
            return None
        rest = self._hashtags.read(folded[span.start + 1 : start], folded[end : span.end])
        is_ambiguous = any(name.is_ambiguous for name in names)
        is_whole = end - start == span.end - span.start - 1
        # #LAX and #OnLine hold nothing but a name and a word of no weight.
        if rest is Rest.OTHER or (is_ambiguous and rest is Rest.GLUE and not is_whole):
            return None
        is_sure = len(names) == 1 and (rest is Rest.OUTAGE or not is_ambiguous)
        return _Place(start, end, names, is_sure, in_hashtag=True)

    def _meant(
        self,
        place: _Place,
        text: str,
        folded: str,
        words: Sequence[Word],
        sure: Container[str | None],
    ) -> list[Name]:
        """Return those names at *place* that the words around it, or a sure mention, speak for."""
        named = [name for name in place.names if name.service in sure]
        words = self._context.near(words, place.start, place.end)
        if named or _is_half_a_word(folded, place, words):
            return named
        span = place.start, place.end
        capital = _is_capital(text, folded, *span)
        # A name of two services takes the words of one of them; a word of outage would fit both.
        own = [word for word in words if word.owner] if len(place.names) > 1 else words
        return [
            name
            for name in place.names
            if name.service and self._context.speaks_of(name.service, folded, span, own, capital)
        ]


def _may_be_tagged(folded: str, start: int, end: int) -> bool:
    """Say whether a hashtag may be built around the hit; two letters only open one."""
    sign = folded.rfind("#", max(0, start - MAX_REST), start)
    if sign < 0 or (end - start <= 2 and sign != start - 1):
        return False
    return " " not in folded[sign:start]


def _in_marked_token(folded: str, start: int, end: int) -> bool:
    """Say whether the token around the hit bears a mark of a link, an account, a tag."""
    stop = folded.find(" ", end)
    token = folded[folded.rfind(" ", 0, start) + 1 : stop if stop > 0 else len(folded)]
    return any(mark in token for mark in "@#/") or "www." in token


def _is_half_a_word(folded: str, place: _Place, words: Sequence[Word]) -> bool:
    """Say whether a hyphen ties the name to a word that is none of context: x-ray, ring-fence."""
    before, after = folded[: place.start][-2:], folded[place.end : place.end + 2]
    if len(before) == 2 and before[1] == "-" and before[0].isalnum():
        return all(word.end != place.start - 1 for word in words)
    if len(after) == 2 and after[0] == "-" and after[1].isalnum():
        return all(word.start != place.end + 1 for word in words)
    return False


def _is_capital(text: str, folded: str, start: int, end: int) -> bool:
    if len(text) == len(folded):
        return text[start].isupper()
    # Folding moved the letters: any occurrence with a capital will do.
    found = re.finditer(re.escape(folded[start:end]), text, re.IGNORECASE)
    return any(match[0][0].isupper() for match in found)
