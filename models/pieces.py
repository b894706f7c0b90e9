"""A folded post in pieces: phrases of outage, words, handles, hashtags, and what parts them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.fold import fold

_PIECE = re.compile(
    r"(?P<link>https?://\S+|www\.\S+)|(?<![\w.])@(?P<handle>\w{2,40})|#(?P<tag>\w{2,60})"
    r"|(?P<end>[.!?\n。！？…|]+)|(?P<gap>[,;:()\"、]+)|(?P<word>\w[\w\u0900-\u0dff]*(?:[&+-]\w+)*)"
)
_WORD = re.compile(r"\w+")
# Scripts without spaces: a run of one of them is a word.
_RUN = re.compile(
    r"[\u30a0-\u30fa\u30fc-\u30ff]+|[\u4e00-\u9fff々]+|[\u3040-\u309f]+|[^\u3040-\u9fff]+"
)
_UNSPACED = re.compile(r"[\u3040-\u9fff]")
_KATAKANA = re.compile(r"[\u30a0-\u30ff]{3,}")
_HIRAGANA = re.compile(r"[\u3040-\u309f]")
_PARTICLE = re.compile(r"(?<=[\uac00-\ud7af]{2})(?:에서|이랑|은|는|이|가|을|를|도|랑|만)$")
_SHOUTED = 0.7  # share of capitals from which they say nothing


class Kind(StrEnum):
    """What a piece is."""

    PHRASE = "phrase"
    WORD = "word"
    HANDLE = "handle"
    TAG = "tag"
    GAP = "gap"
    END = "end"


@dataclass(frozen=True, slots=True)
class Piece:
    """
    A piece, its folded *text* without sign, and as it was written.

    A word that *is_capital* begins or holds a capital; one that *is_strong* looks like a name
    wherever it stands: a capital inside of a sentence, katakana.
    """

    kind: Kind
    text: str
    shown: str = ""
    is_capital: bool = False
    is_strong: bool = False


def cut(text: str, folded: str, phrases: Sequence[tuple[int, int]]) -> list[Piece]:
    """Cut *folded*, made of *text*, around the spans of *phrases*, which are apart, in order."""
    spelling = _spelling(text)
    pieces: list[Piece] = []
    at = 0
    for start, end in phrases:
        pieces += _pieces(folded[at:start], spelling, is_first=not pieces)
        pieces.append(Piece(Kind.PHRASE, folded[start:end]))
        at = end
    pieces += _pieces(folded[at:], spelling, is_first=not pieces)
    return pieces


def _spelling(text: str) -> Mapping[str, str]:
    """Map folded words with a capital to how they are written; none where all is in capitals."""
    n_upper, n_lower = sum(map(str.isupper, text)), sum(map(str.islower, text))
    if not n_upper or n_upper > _SHOUTED * (n_upper + n_lower):
        return {}
    return {fold(word): word for word in _WORD.findall(text) if word != word.lower()}


def _pieces(folded: str, spelling: Mapping[str, str], *, is_first: bool) -> Iterator[Piece]:
    opens = is_first
    for match in _PIECE.finditer(folded):
        kind = match.lastgroup
        if kind in ("gap", "end"):
            yield Piece(Kind(kind), "")
        elif kind == "word":
            yield from _words(match[0], spelling, opens)
        elif kind in ("handle", "tag"):
            said = match[kind]
            yield Piece(Kind(kind), said, spelling.get(said, said))
        opens = kind == "end"


def _words(word: str, spelling: Mapping[str, str], opens: bool) -> Iterator[Piece]:
    if not _UNSPACED.search(word):
        plain = _PARTICLE.sub("", word)
        shown = spelling.get(word, plain)
        capital = word in spelling
        inner = shown[1:] != shown[1:].lower() and not shown.isupper()
        yield Piece(Kind.WORD, plain, shown, capital, (capital and not opens) or inner)
        return
    for run in _RUN.findall(word):
        strong = bool(_KATAKANA.fullmatch(run)) or (run.isascii() and run.isalpha())
        kind = Kind.GAP if _HIRAGANA.match(run) and run not in "がはもので" else Kind.WORD
        yield Piece(kind, run, spelling.get(run, run), strong, strong)
