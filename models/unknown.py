"""
Names beside words of outage in posts that name no service of the catalogue.

Open vocabulary: a handle (@ZorblyHelp), a hashtag (#ZorblyDown), or the word next to a phrase of
outage ("zorbly is down", "se cayó Zorbly", "ゾーブリー落ちた"), unless it is a common word.
One post proves nothing; what many name at once is for `detector.unknown` to say.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ahocorasick_rs import AhoCorasick, Implementation

from models.catalogue import Catalogue
from models.context import vocabulary
from models.countries import country
from models.fold import fold
from models.hashtag import Hashtags
from models.mentions import MAX_TEXT
from models.pieces import Kind, Piece, cut
from models.script import begins, ends, script
from models.vocabulary import phrases

_DATA = Path(__file__).with_name("unknown.toml")
COMMON = Path(__file__).with_name("common.txt")  # derived by `models.common`
MOST = 3  # names of one post: who lists more names none
_SHORTEST, _LONGEST = 3, 30
_WORDS = 3  # of one name
_FAR = 8  # pieces from the phrase back to the topic of its clause
_FILLED, _FILLED_WEAK = 4, 1  # words of no weight between a name, or a weak one, and the phrase

_TAG = re.compile(r"#(\w{3,60})")
_TIME = re.compile(r"\d+[a-z]{0,3}")  # 10h, 5pm, 30gb


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name as it is counted, *key* (folded letters without spaces), and as it was written."""

    key: str
    shown: str


class Unknown:
    """Finds names outside of a catalogue; built once, then read only."""

    def __init__(self, catalogue: Catalogue):
        self._hashtags = Hashtags()
        # The same few tags fill a stream for hours.
        self._alone = lru_cache(maxsize=8192)(self._tagged_alone)
        data = tomllib.loads(_DATA.read_text(encoding="utf-8"))
        spoken = phrases().values()
        listed = {phrase for kinds in spoken for phrase in kinds["down"]}
        # Not what else cannot be done: who cannot play the guitar names no service.
        entering = tuple(data["entering"])
        cannot = {phrase for kinds in spoken for phrase in kinds.get("unable", ())}
        listed.update(phrase for phrase in cannot if phrase.endswith(entering))
        said = sorted(listed.union(vocabulary("outage")).difference(data["loose"]))
        self._automaton = AhoCorasick(said, implementation=Implementation.DFA)
        self._suffix = re.compile(rf"_?(?:{'|'.join(data['suffixes'])})$")
        self._fillers = frozenset((*data["fillers"].split(), *vocabulary("app")))
        self._before_places = frozenset(data["before_places"].split())
        self._common = self._fillers.union(
            COMMON.read_text(encoding="utf-8").split(),
            *(said for kinds in spoken for said in kinds.values()),
        )
        self._known = keys(catalogue)
        self._is_name = lru_cache(maxsize=8192)(self._may_be_name)

    def names(self, text: str) -> tuple[Candidate, ...]:
        """Return the names in *text* beside words of outage, each once; none where many are."""
        text = text[:MAX_TEXT]
        folded = fold(text).replace("'", "")
        hits = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        spans = [(s, e) for _, s, e in hits if begins(folded, s) and ends(folded, e)]
        found: dict[str, Candidate] = {}
        if spans:
            for candidate in self._candidates(text, folded, _widest(spans)):
                found.setdefault(candidate.key, candidate)
        elif "#" in text:
            for tag in _TAG.findall(text):
                for candidate in self._alone(tag):
                    found.setdefault(candidate.key, candidate)
        return tuple(found.values()) if len(found) <= MOST else ()

    def _candidates(
        self, text: str, folded: str, spans: list[tuple[int, int]]
    ) -> Iterator[Candidate]:
        pieces = cut(text, folded, spans)
        for n, piece in enumerate(pieces):
            if piece.kind is Kind.TAG:
                yield from self._tagged(piece.text, piece.shown, beside=True)
            elif piece.kind is Kind.HANDLE:
                stem = self._suffix.sub("", piece.text)
                if n == 0 or stem != piece.text:
                    yield from self._named(stem, stem)
            elif piece.kind is Kind.PHRASE:
                yield from self._beside(pieces, n)

    def _tagged(self, tag: str, shown: str, *, beside: bool) -> Iterator[Candidate]:
        """Yield the name in a hashtag without its word of outage, which stands *beside* else."""
        length = self._hashtags.name_length(tag)
        if length < len(tag) or beside:
            yield from self._named(tag[:length], shown[:length])

    def _tagged_alone(self, tag: str) -> tuple[Candidate, ...]:
        return tuple(self._tagged(fold(tag), tag, beside=False))

    def _beside(self, pieces: Sequence[Piece], n: int) -> list[Candidate]:
        """Return the name of which the phrase at *n* is said: the one next to it, or its topic."""
        for step in (-1, +1):
            at, filled = n + step, 0
            while 0 <= at < len(pieces) and filled < _FILLED and pieces[at].text in self._fillers:
                at, filled = at + step, filled + 1
            # A word in lower case is a name only where next to nothing is between.
            run = self._run(pieces, at, step)
            if run and (run[0].is_strong or filled <= _FILLED_WEAK):
                return self._joined(run)
        return self._joined(self._topic(pieces, n))

    def _run(self, pieces: Sequence[Piece], at: int, step: int) -> list[Piece]:
        """Collect the words of a name from *at* on: one, or several with capitals (Zorbly Bank)."""
        run: list[Piece] = []
        while 0 <= at < len(pieces) and len(run) < _WORDS and self._continues(pieces[at], run):
            run.append(pieces[at])
            at += step
        run = run[::step]
        while run and not self._is_name(letters(run[0].text)):
            run = run[1:]
        return run

    def _topic(self, pieces: Sequence[Piece], n: int) -> list[Piece]:
        """Return the nearest word with a capital in the sentence before *n*, or its first word."""
        at = n
        while at > 0 and n - at < _FAR and pieces[at - 1].kind is not Kind.END:
            at -= 1
            is_place = at > 0 and pieces[at - 1].text in self._before_places
            if pieces[at].is_capital and not is_place and (run := self._run(pieces, at, -1)):
                return run
        while at < n and pieces[at].text in self._fillers:
            at += 1
        opens = at < n and pieces[at].kind is Kind.WORD
        return self._run(pieces, at, 1) if opens else []

    def _joined(self, run: Sequence[Piece]) -> list[Candidate]:
        name, shown = "".join(one.text for one in run), " ".join(one.shown for one in run)
        return list(self._named(name, shown))

    def _continues(self, piece: Piece, run: Sequence[Piece]) -> bool:
        if piece.kind is not Kind.WORD or piece.text in self._fillers:
            return False
        if run and not run[0].is_capital:
            return False
        return piece.is_capital or (not run and self._is_name(letters(piece.text)))

    def _named(self, name: str, shown: str) -> Iterator[Candidate]:
        key = letters(name)
        if self._is_name(key):
            yield Candidate(key, shown[:_LONGEST])

    def _may_be_name(self, key: str) -> bool:
        if not key or len(key) > _LONGEST or _TIME.fullmatch(key) or key in self._common:
            return False
        shortest = _SHORTEST if script(key[0]) == "latin" else 2
        return len(key) >= shortest and key not in self._known and country(key) is None


def letters(name: str) -> str:
    """Return the letters and digits of folded *name*: "zorbly bank" and "zorbly-bank" are one."""
    return "".join(sign for sign in name if sign.isalnum() or ord(sign) > 0x2FF)


def keys(catalogue: Catalogue) -> frozenset[str]:
    """Return every name of *catalogue*, doubtful ones included: the matcher decides on those."""
    return frozenset(
        letters(fold(name))
        for service in catalogue.services.values()
        for kind in ("aliases", "ambiguous", "misspellings", "handles", "hashtags", "regions")
        for name in (service.name, service.id, *getattr(service, kind))
    )


def _widest(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Take the leftmost, then longest, of overlapping *spans*."""
    chosen: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not chosen or start >= chosen[-1][1]:
            chosen.append((start, end))
    return chosen
