"""Text folded to the form in which names are compared: no case, width, accents, hidden signs."""

import re
import unicodedata

# Soft hyphens, joiners, bidi controls, variation selectors, tags; lone surrogates are no text.
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff0-\uffff\U000e0000-\U000e0fff\ud800-\udfff"
)
# Combining accents of Latin, Greek and Cyrillic; Arabic vowel signs, hamzas and the tatweel. The
# voicing marks of kana and the vowel signs of Indic scripts make words: they stay.
_MARKS = (
    "\u0300-\u036f\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"
)
_DROPPED = re.compile(f"[{_INVISIBLE}{_MARKS}]+")

# Letters that people swap freely and that no normal form decomposes.
_VARIANTS = {
    "ı": "i", "ł": "l", "ø": "o", "đ": "d",
    "ى": "ي", "ی": "ي", "ې": "ي", "ة": "ه", "ک": "ك", "ٱ": "ا",
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u2032": "'", "\u00b4": "'", "`": "'",
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
}  # fmt: skip
_VARIANT = re.compile("[" + "".join(_VARIANTS) + "]")


def fold(text: str) -> str:
    """
    Fold *text*; idempotent, linear in its length, and defined for any string.

    Compatibility forms (full width, mathematical bold, ligatures) become plain letters, case goes,
    accents go from Latin, Greek and Cyrillic, Arabic letter variants become one. Dakuten, Hangul
    and Indic vowel signs stay. Line breaks stay; the length may change.
    """
    if text.isascii():
        return text.lower().replace("`", "'")
    # Decomposed first: a bold capital shows its case only when it has become a plain one.
    text = _DROPPED.sub("", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFC", _VARIANT.sub(_variant, text))


def _variant(match: re.Match[str]) -> str:
    return _VARIANTS[match[0]]
