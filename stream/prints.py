"""Prints of a text: equal for copies, mostly equal for what is hardly more than a copy. Pure."""

import hashlib
import re
import unicodedata
import zlib

import numpy as np

from detector.bucket import KIN_CELLS, KIN_KINDS

# Below this length people agree by chance ("is whatsapp down?"); above it they copy.
COPY_LENGTH = 40
_NOT_TEXT = re.compile(r"https?://\S+|@\w+|[\d_@]+|[^\w@]+")
_GRAM = 6  # letters; where one word of a post is another, two thirds of them are still the same
_BASE = np.uint64(1_000_003)
# Odd numbers without a pattern (fractions of the golden ratio and of roots): as many orders of the
# same grams.
_ORDERS = np.array(
    (
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0xD6E8FEB86659FD93,
        0xA0761D6478BD642F,
        0xE7037ED1A0B428DB,
    ),
    np.uint64,
)
assert len(_ORDERS) == KIN_KINDS


def letters(text: str) -> str:
    """Leave out all but the letters: no case, accents, digits, punctuation, links and handles."""
    return _NOT_TEXT.sub("", unicodedata.normalize("NFKD", text).casefold())


def fingerprint(plain: str) -> str:
    """Return 16 hex digits that are equal for copies of a long text, or "" for a short one."""
    if len(plain) < COPY_LENGTH:
        return ""
    return hashlib.blake2b(_bytes(plain), digest_size=8).hexdigest()


def kin(plain: str) -> str:
    """
    Return the text's cells in `KIN_KINDS` tables of `KIN_CELLS`, two digits each; "" for no text.

    Of a long text the cell is that of the least gram in one of some orders (minhash, Broder 1997):
    near-copies share it as often as they share grams. One order is not enough, as by chance a
    service's name may come first in it. A short text must be equal to share its cells.
    """
    if not plain:
        return ""
    if len(plain) < COPY_LENGTH:
        grams = np.array([zlib.crc32(_bytes(plain))], np.uint64)
    else:
        codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
        grams = np.zeros(len(codes) - _GRAM + 1, np.uint64)
        for i in range(_GRAM):
            grams = grams * _BASE + codes[i : i + len(grams)]
    least = (grams * _ORDERS[:, None] >> np.uint64(16)).min(axis=1)
    return "".join(f"{cell:02d}" for cell in (least % KIN_CELLS).tolist())


def _bytes(plain: str) -> bytes:
    return plain.encode("utf-8", "surrogatepass")
