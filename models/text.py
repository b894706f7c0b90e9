"""
A folded post as tokens, with the services that it names masked.

The mask is what lets the tagger judge services that it never saw: the words of a post are the same
whoever fails. Scripts without spaces between words become one token a character, so that runs of
tokens are what character n-grams are elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from models.mentions import Found

MAX_TOKENS = 400  # a post of 4,000 characters may have more; what stands further away says little
_MAX_WORD = 32  # letters of a word that count

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_INDIC = "\u0900-\u0963\u0966-\u0dff"  # vowel signs are no \w of their own; not the dandas
_TOKEN = re.compile(
    rf"""
    (?:https?://|www\.)\S+
  | @\w+
  | \d+(?:[.,:/-]\d+)*
  | [{_UNSPACED}]
  | (?:[^\W{_UNSPACED}]|[{_INDIC}])[^\W{_UNSPACED}]*(?:[{_INDIC}]+[^\W{_UNSPACED}]*)*
    (?:'(?:t|s|re|ve|ll|m|d)\b)?
  | [?!%#.,;:\n"…。、！？।॥-]|[\U0001f000-\U0001faff\u2600-\u27bf]
    """,
    re.VERBOSE,
)
_ELONGATED = re.compile(r"([^\W\dw])\1{2,}")  # not "www"
_CODES = frozenset(
    {"400", "401", "403", "404", "408", "429", "451", "500", "502", "503", "504", "522"}
)
_PLAIN = {**dict.fromkeys("\n…。।॥;:", "."), "、": ",", "！": "!", "？": "?"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """
    The tokens of one post and, position by position, the service that a token names, else "".

    The word of a masked token is only a placeholder.
    """

    words: list[str]
    owners: list[str]


MASK = "\u2042"  # an asterism: no post has it as a word


def tokenise(found: Found) -> Tokens:
    """Split *found* into at most `MAX_TOKENS` tokens; each mention is one masked token."""
    words: list[str] = []
    owners: list[str] = []
    at = 0
    for mention in found.mentions:
        if len(words) >= MAX_TOKENS:
            break
        _append(found.folded[at : mention.start], words)
        owners += [""] * (len(words) - len(owners))
        words.append(MASK)
        owners.append(mention.service)
        at = mention.end
    _append(found.folded[at:], words)
    owners += [""] * (len(words) - len(owners))
    return Tokens(words[:MAX_TOKENS], owners[:MAX_TOKENS])


def split(folded: str) -> list[str]:
    """Split folded text without mentions into tokens, as `tokenise` does."""
    words: list[str] = []
    _append(folded, words)
    return words


def services(tokens: Tokens) -> Sequence[str]:
    """The services named, each once, in the order in which they appear."""
    return [service for service in dict.fromkeys(tokens.owners) if service]


def _append(text: str, words: list[str]) -> None:
    left = max(0, MAX_TOKENS - len(words))
    tokens = _TOKEN.findall(_ELONGATED.sub(r"\1", text))[:left]
    # Nearly every token is a plain word or a letter, and goes as it is.
    words += [
        token if token.isalpha() and len(token) <= _MAX_WORD else _plain(token) for token in tokens
    ]


def _plain(token: str) -> str:
    if token[0].isdecimal():
        return token if token in _CODES else "<number>"
    if token[0] == "@":
        return "<handle>"
    if token.startswith(("http://", "https://", "www.")):
        return "<url>"
    return _PLAIN.get(token) or token.replace("'", "")[:_MAX_WORD]
