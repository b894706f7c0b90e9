"""A platform's post before it is checked: makes a `Report`, or says which field is wrong."""

from datetime import datetime
from typing import Any

import msgspec

from stream.report import Language, Report, Url
from stream.sources.live import event_time
from stream.sources.posts import MAX_TEXT


class InvalidPost(ValueError):
    """A post that lacks a field, or has one out of bounds; names it."""


def draft(
    *,
    id: str,
    source: str,
    author: str,
    text: str,
    posted_at: datetime,
    received_at: datetime,
    lang: object = None,
    url: object = None,
    **more: Any,
) -> Report:
    """
    Return the report, its text cut to 4,000 characters and its event time as `event_time` says.

    A language or link of no valid form is left out; raises `InvalidPost` for anything else.
    """
    try:
        return msgspec.convert(
            {
                "id": id,
                "source": source,
                "author": author,
                "text": text[:MAX_TEXT],
                "posted_at": event_time(posted_at, received_at),
                "received_at": received_at,
                "lang": _hint(lang, Language),
                "url": _hint(url, Url),
                **more,
            },
            Report,
        )
    except msgspec.ValidationError as error:
        raise InvalidPost(f"post {id[:80]!r}: {error}") from error


def _hint(value: object, kind: Any) -> object:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None
