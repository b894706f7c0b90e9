"""
Turns a line of JSON into a `Report`: a line in the wire format as it is, or a looser post.

A looser post has `text` and, each optional, `lang`, a time (`posted_at`, `created_at` or
`created`), `author` or `user`, `id`, `url`, `service`, `symptom`, `country`, `reply_to`,
`repost_of`, `source`.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from stream.authors import Authors
from stream.report import InvalidReport, Report, decode

At = Literal["now", "posted"]

MAX_TEXT = 4_000
TIMES = ("posted_at", "created_at", "created")
OPTIONAL = ("service", "symptom", "country", "reply_to", "repost_of")
TWITTER_TIME = "%a %b %d %H:%M:%S %z %Y"
MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138


_json = msgspec.json.Decoder(dict[str, Any])


def parse(line: bytes, *, authors: Authors, source: str, at: At, now: datetime) -> Report:
    """
    Return the post in *line*, or raise `InvalidReport` or `ValueError` with the reason.

    With *at* "now" its event time is *now*; with "posted" it is the time in the line, never later
    than *now*. Without an author each post counts as a person of its own; without an id its id is a
    hash of the line, so that the same line is the same post. Text over 4,000 characters is cut.
    """
    try:
        fields = _json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not a JSON object: {error}") from error
    report = decode(line) if "v" in fields else _loose(fields, line, authors, source, at, now)
    posted_at = now if at == "now" else min(report.posted_at, now)
    return msgspec.structs.replace(report, posted_at=posted_at, received_at=now)


def _loose(
    fields: Mapping[str, Any], line: bytes, authors: Authors, source: str, at: At, now: datetime
) -> Report:
    if not isinstance(text := fields.get("text"), str):
        raise ValueError("field text: expected a string")
    digest = hashlib.sha256(line.strip()).hexdigest()[:32]
    origin = fields.get("source", source)
    author = fields.get("author", fields.get("user"))
    body = {
        "id": str(fields.get("id") or f"{origin}:{digest}"),
        "source": origin,
        "author": authors.hash(str(origin), digest if author is None else str(author)),
        "text": text[:MAX_TEXT],
        "posted_at": now if at == "now" else _time(fields),
        "received_at": now,
    }
    body |= {name: fields[name] for name in OPTIONAL if fields.get(name) is not None}
    return _with_hints(body, fields)


def _with_hints(body: dict[str, Any], fields: Mapping[str, Any]) -> Report:
    """Add the language and the link; nothing is counted by them, so a strange one is left out."""
    for name in ("lang", "url"):
        try:
            _report(body | {name: fields.get(name)})
        except InvalidReport:
            continue
        body[name] = fields.get(name)
    return _report(body)


def _report(body: dict[str, Any]) -> Report:
    try:
        return msgspec.convert(body, Report)
    except msgspec.ValidationError as error:
        raise InvalidReport("malformed", str(error)) from error


def _time(fields: Mapping[str, Any]) -> datetime:
    value = next((fields[name] for name in TIMES if fields.get(name) is not None), None)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(
            f"no time in any of the fields {', '.join(TIMES)}; or send it with --at now"
        )
    try:
        return _instant(value)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"time {value!r}: expected ISO 8601 or unix seconds") from error


def _instant(value: str | float) -> datetime:
    """Read ISO 8601 (without a zone: UTC), Twitter's format, or unix seconds or milliseconds."""
    if not isinstance(value, str):
        seconds = value / 1000 if value >= MILLISECONDS_FROM else value
        return datetime.fromtimestamp(seconds, UTC)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        at = datetime.strptime(value, TWITTER_TIME).astimezone(UTC)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
