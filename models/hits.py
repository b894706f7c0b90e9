"""Which hits of names may stand where they are: in a word, an account, a link, a hashtag."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from models.context import is_product
from models.endings import is_ending, is_plain
from models.hashtag import MAX_REST, Hashtags, Rest
from models.links import is_named
from models.names import How, Name
from models.script import ends, word_end
from models.spans import Part, Span, Spans

Hit = tuple[int, int, int]  # index of the pattern, start, end


@dataclass(frozen=True, slots=True)
class Place:
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


class Hits:
    """Judges hits by what stands right around them; *stems* are the patterns that take endings."""

    def __init__(self, names: Sequence[Sequence[Name]], stems: Collection[int], hashtags: Hashtags):
        self._names = names
        self._stems = stems
        self._hashtags = hashtags

    def stand(self, folded: str, hits: list[Hit]) -> list[Place]:
        """Take the leftmost, then longest, of the hits that may stand where they are."""
        spans: Spans | None = None
        places: list[Place] = []
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

    def _running(self, folded: str, start: int, end: int, index: int) -> Place | None:
        """Judge a hit in running text: it is a word, or a word with an ending that we know."""
        names = self._names[index]
        is_sure = not any(name.is_ambiguous for name in names)
        if start and folded[start - 1] == "^":
            return None  # the initials with which agents sign
        if names[0].service is None and folded.startswith("de ", start):
            return None if is_product(folded, start + 3) else Place(start, end, names, True)
        if ends(folded, end):
            return Place(start, end, names, is_sure)
        if index not in self._stems:
            return None
        stop = word_end(folded, end)
        ending = is_ending(folded, end, stop)
        if not ending and self._is_glued(folded[end:stop]):
            return Place(start, end, names, is_sure)
        return Place(start, stop, names, is_sure) if ending else None

    def _is_glued(self, ending: str) -> bool:
        """Say whether *ending* speaks of an outage, or is one plain word of apps: spotifyapp."""
        read = self._hashtags.read("", ending)
        return read is Rest.OUTAGE or (read is Rest.GLUE and is_plain(ending))

    def _inside(
        self, folded: str, start: int, end: int, names: Sequence[Name], span: Span
    ) -> Place | None:
        """Judge a hit in a link, an account or a hashtag."""
        how = names[0].how
        if span.part is Part.ACCOUNT:
            is_whole = (start, end) == (span.start, span.end)
            is_name = how is How.HANDLE or "@" in folded[start + 1 : end]  # cl@ve
            return Place(start, end, names, is_sure=True) if is_whole and is_name else None
        if span.part is Part.URL:
            is_link = is_named(folded[span.start : span.end], start - span.start, end - span.start)
            return Place(start, end, names, len(names) == 1, in_link=True) if is_link else None
        if span.part is not Part.HASHTAG or end > span.end:
            return None
        if how is How.HASHTAG:
            is_whole = (start, end) == (span.start, span.end)
            stop = start + names[0].length
            return Place(start + 1, stop, names, True, in_hashtag=True) if is_whole else None
        if start == span.start:
            return None
        rest = self._hashtags.read(folded[span.start + 1 : start], folded[end : span.end])
        is_ambiguous = any(name.is_ambiguous for name in names)
        is_whole = end - start == span.end - span.start - 1
        # #LAX and #OnLine hold nothing but a name and a word of no weight.
        if rest is Rest.OTHER or (is_ambiguous and rest is Rest.GLUE and not is_whole):
            return None
        is_sure = len(names) == 1 and (rest is Rest.OUTAGE or not is_ambiguous)
        return Place(start, end, names, is_sure, in_hashtag=True)


def may_be_tagged(folded: str, start: int, end: int) -> bool:
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
