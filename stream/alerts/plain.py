"""Untrusted text made harmless: one line, no control or direction characters, bounded length."""

import unicodedata

# Joiners are format characters too, but Persian and family emoji need them, and they move nothing.
_JOINERS = "\u200c\u200d"
_DROPPED = {"Cc", "Cf", "Co", "Cn"}
_WORD_SEARCH = 24  # characters before the limit in which a space is preferred as the place to cut


def plain(text: str, limit: int) -> str:
    """
    Return *text* on one line of at most *limit* characters, shortened with "…".

    Control characters (escape sequences among them), direction overrides, tag and private-use
    characters go; lone surrogates, which no encoder takes, become U+FFFD. Nothing is escaped: that
    is the business of the markup that the text is put into.
    """
    return _shorten(" ".join("".join(map(_visible, text)).split()), limit)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    if character.isspace() or character in _JOINERS:
        return character
    return "" if category in _DROPPED else character


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    cut = limit - 1
    space = text.rfind(" ", max(0, cut - _WORD_SEARCH), cut + 1)
    return text[: space if space > 0 else cut].rstrip() + "…"
