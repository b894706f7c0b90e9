"""The parts of a post that are not running text: links, accounts, hashtags."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum

_URL = re.compile(r"(?:https?://|www\.)[!-~]+|(?<![\w.@-])(?:[\w-]{1,63}\.){1,4}[a-z]{2,10}/[!-~]*")
_ACCOUNT = re.compile(r"(?:(?<![\w.+-])\w[\w.+-]{0,63})?@(?:[\w-]+\.?)*")
_HASHTAG = re.compile(r"#[^\s#@.,!?:;()\[\]{}<>\"'/\\、。！？「」…|]+")


class Part(StrEnum):
    """What a span is."""

    URL = "url"
    ACCOUNT = "account"
    HASHTAG = "hashtag"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the folded text, [start, end)."""

    start: int
    end: int
    part: Part


class Spans:
    """Says in which part a position of *folded* lies; links hide what looks like others in them."""

    def __init__(self, folded: str):
        found: list[Span] = []
        if "/" in folded or "www." in folded:
            found += (Span(*match.span(), Part.URL) for match in _URL.finditer(folded))
        if "@" in folded:
            found += (_account(match) for match in _ACCOUNT.finditer(folded))
        if "#" in folded:
            found += (Span(*match.span(), Part.HASHTAG) for match in _HASHTAG.finditer(folded))
        if any(span.part is Part.URL for span in found):
            urls = [span for span in found if span.part is Part.URL]
            found = [span for span in found if span.part is Part.URL or not _inside(span, urls)]
        self._spans = sorted(found, key=lambda span: span.start)
        self._starts = [span.start for span in self._spans]

    def at(self, position: int) -> Span | None:
        """Return the part that holds *position*, None in running text."""
        index = bisect_right(self._starts, position) - 1
        if index < 0 or self._spans[index].end <= position:
            return None
        return self._spans[index]


def _account(match: re.Match[str]) -> Span:
    start, end = match.span()
    return Span(start, end - match[0].endswith("."), Part.ACCOUNT)


def _inside(span: Span, urls: list[Span]) -> bool:
    index = bisect_right(urls, span.start, key=lambda url: url.start) - 1
    return index >= 0 and span.start < urls[index].end
