"""
RSS and Atom feeds of status pages, Azure's among them.

A feed has no state: an entry is trouble until it says that it is over, or is gone. A document
without a channel title is somebody else's page, not an empty feed.
"""

import re
from collections.abc import Iterator
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from detector.official import OfficialState
from stream.official.notice import MAX_TITLE, Notice, UnknownPage, instant
from stream.sources.plain import plain

_OVER = re.compile(r"\b(resolved|mitigated|completed|recovered|fixed)\b", re.IGNORECASE)
_MAINTENANCE = re.compile(r"\b(maintenance|scheduled)\b", re.IGNORECASE)


def parse(body: bytes) -> tuple[Notice, ...]:
    """Return the entries of the feed; raises `UnknownPage`."""
    try:
        root = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise UnknownPage(f"not a feed: {error}") from error
    channel = next((one for one in root.iter() if _name(one) in ("channel", "feed")), None)
    if channel is None or not _text(channel, "title"):
        raise UnknownPage("not a feed: no channel with a title")
    return tuple(map(_notice, _entries(root)))


def _entries(root: Any) -> Iterator[Any]:
    return (one for one in root.iter() if _name(one) in ("item", "entry"))


def _notice(entry: Any) -> Notice:
    title = _text(entry, "title")
    body = plain(_text(entry, "description") or _text(entry, "content") or "")
    id = _text(entry, "guid") or _text(entry, "id") or _link(entry)
    if not id:
        raise UnknownPage(f"entry {title[:80]!r}: no guid, id or link")
    posted = _text(entry, "published") or _text(entry, "pubDate") or _text(entry, "updated")
    over = bool(_OVER.search(title) or _OVER.search(body[:300]))
    state = OfficialState.OPERATIONAL if over else OfficialState.DEGRADED
    return Notice(
        id=id,
        title=plain(title)[:MAX_TITLE],
        state=OfficialState.MAINTENANCE if _MAINTENANCE.search(title) else state,
        posted_at=instant(posted, "pubDate"),
        url=_link(entry),
    )


def _text(parent: Any, name: str) -> str:
    found = next((one for one in parent if _name(one) == name), None)
    return "" if found is None else "".join(found.itertext()).strip()


def _link(entry: Any) -> str:
    found = next((one for one in entry if _name(one) == "link"), None)
    link = "" if found is None else (found.get("href") or found.text or "").strip()
    return link if link.startswith(("http://", "https://")) else ""


def _name(element: Any) -> str:
    """The name without its namespace; comments have none."""
    return str(element.tag).rpartition("}")[2]
