"""Where a name may begin and end: which neighbours make it part of a longer word."""

from functools import lru_cache

# Scripts whose words are written without spaces, or with endings glued on. A run of katakana is one
# word; between kana, Han and Thai letters a name may begin and end anywhere.
_FREE = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x309F), (0x3400, 0x9FFF))
_KATAKANA = ((0x30A0, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF))
_HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7FF))
_ARABIC = ((0x0600, 0x06FF), (0x0750, 0x077F))
_INDIC = ((0x0900, 0x0DFF),)

_SCRIPTS = (("katakana", _KATAKANA), ("hangul", _HANGUL), ("indic", _INDIC), ("", _FREE))

# What Arabic writes in front of a noun without a space: and, so, by, for, like, and the article.
_CLITICS = frozenset(
    ["و", "ف", "ب", "ل", "ك", "ال", "وال", "فال", "بال", "لل", "كال", "وب", "ول", "وبال"]
)


@lru_cache(maxsize=4096)
def script(letter: str) -> str:
    """Return the class of *letter* within which words run on, "" for one that ends every word."""
    code = ord(letter)
    if code < 128:
        return "latin" if letter.isalnum() or letter == "_" else ""
    for name, ranges in _SCRIPTS:
        if any(low <= code <= high for low, high in ranges):
            return name
    if not letter.isalnum() or 0x20000 <= code <= 0x3FFFF:
        return ""
    return "arabic" if any(low <= code <= high for low, high in _ARABIC) else "latin"


def begins(text: str, start: int) -> bool:
    """Say whether a name at *start* of folded *text* begins a word there, a glued clitic aside."""
    if start == 0:
        return True
    own = script(text[start])
    if not own or script(text[start - 1]) != own:
        return True
    return own == "arabic" and _clitic_before(text, start)


def ends(text: str, end: int) -> bool:
    """Say whether a name ends a word before *end* of folded *text*; Hangul takes particles."""
    if end >= len(text):
        return True
    own = script(text[end - 1])
    return not own or own == "hangul" or script(text[end]) != own


def word_end(text: str, end: int) -> int:
    """Return where the word that runs on at *end* is over, at most 40 letters on."""
    own = script(text[end - 1])
    stop = min(len(text), end + 40)
    while end < stop and script(text[end]) == own:
        end += 1
    return end


def _clitic_before(text: str, start: int) -> bool:
    first = start
    while first > 0 and start - first <= 4 and script(text[first - 1]) == "arabic":
        first -= 1
    return text[first:start] in _CLITICS
