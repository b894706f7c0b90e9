"""What strangers wrote, made harmless to look at; still text only, never markup or a label."""

import re
import unicodedata
from urllib.parse import urlsplit

LONGEST = 420  # characters of a post that are shown; what follows is behind its link

# Overrides, embeddings, isolates and marks of direction reorder what stands around them.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.:-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*")


def plain(text: str, longest: int = LONGEST) -> str:
    """Return *text* without control and reordering characters, cut at *longest* characters."""
    kept = "".join(character for character in text[: 4 * longest] if _is_shown(character))
    kept = re.sub(r"\n{3,}", "\n\n", kept).strip()
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def _is_shown(character: str) -> bool:
    if character == "\n":
        return True
    return character not in _REORDERING and unicodedata.category(character) not in (
        "Cc",
        "Cs",
        "Co",
    )


def safe_url(url: str | None) -> str | None:
    """Return *url* when it is a plain http or https address that a person may follow, else None."""
    if not url or len(url) > 2_000 or not url.isascii() or re.search(r"[\s\\<>\"'`\x00-\x1f]", url):
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    # A user part ("https://bank.example@evil.example") only ever misleads.
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not host:
        return None
    return url if _HOST.fullmatch(host) else None


def token(value: str, instead: str = "unnamed") -> str:
    """Return *value* when it has the shape of an id, a region or a source, else *instead*."""
    return value if _TOKEN.fullmatch(value) else instead
