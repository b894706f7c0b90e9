"""
The wire format: what a source writes to Kafka and the worker reads.

One JSON object a record, schema version 1. Unknown fields are ignored, so that a newer producer
can talk to an older worker; missing or wrong ones make the record invalid, and every field is
bounded.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

SCHEMA_VERSION: Literal[1] = 1
# A larger record cannot be a valid report: 4,000 characters of text are at most 48,000 bytes of
# escaped JSON (emoji as surrogate pairs), everything else is bounded below 12,000.
MAX_RECORD_BYTES = 65_536
HEARTBEAT_HEADER = "outcry-heartbeat"
DELETION_HEADER = "outcry-deletion"

Id = Annotated[str, Meta(min_length=1, max_length=200)]
SourceName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
AuthorHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{16,64}$")]
Text = Annotated[str, Meta(max_length=4_000)]
Language = Annotated[str, Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")]
Instant = Annotated[datetime, Meta(tz=True)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s]{1,2000}$")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
SymptomName = Literal["login", "payment", "loading", "connectivity", "crash", "api", "other"]
ServiceId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class InvalidReport(ValueError):
    """
    A record that is no report; it is never retried.

    *reason* is one of the few words that a dead letter and a metric carry, the message has the
    detail.
    """

    def __init__(self, reason: Literal["too_large", "malformed", "schema_version"], detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One post, or one filled-in report form.

    *author* is a keyed hash, never an account name; *posted_at* is event time, by the clock of the
    source's server where it has one; *service* is set when the author named the service himself
    (a report form) and then needs no tagger; *synthetic* marks what a scenario made up.
    """

    v: Literal[1] = SCHEMA_VERSION
    id: Id
    source: SourceName
    author: AuthorHash
    text: Text
    posted_at: Instant
    received_at: Instant
    lang: Language | None = None
    url: Url | None = None
    reply_to: Id | None = None
    repost_of: Id | None = None
    country: Country | None = None
    service: ServiceId | None = None
    symptom: SymptomName | None = None
    synthetic: bool = False


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """
    "This source is alive, and has sent everything up to *at*": moves the watermark of a partition.

    Written to every partition under the record header ``outcry-heartbeat``, so that a partition
    without posts holds nobody back and a dead source is told from a quiet one.
    """

    v: Literal[1] = SCHEMA_VERSION
    source: SourceName
    at: Instant


class Deletion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    "The author deleted the post *id*": what was kept of it as evidence is removed.

    An *id* that ends in "/" stands for all posts whose id begins so (a deleted account). *author*
    is the record's key, as that of the post; without one the record goes to every partition. Under
    the record header ``outcry-deletion``. What was counted stays counted: a number is no text.
    """

    v: Literal[1] = SCHEMA_VERSION
    source: SourceName
    id: Id
    at: Instant
    author: AuthorHash | None = None


class _Version(msgspec.Struct):
    v: int


T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_report = msgspec.json.Decoder(Report)
_heartbeat = msgspec.json.Decoder(Heartbeat)
_deletion = msgspec.json.Decoder(Deletion)
_version = msgspec.json.Decoder(_Version)


def encode(record: Report | Heartbeat | Deletion) -> bytes:
    """Encode *record* as JSON; `decode` of the result gives an equal record."""
    # omit_defaults drops the version as well, and a reader without one cannot refuse the record.
    body = _encoder.encode(record)
    return body if body.startswith(b'{"v":') else b'{"v":1,' + body[1:]


def decode(data: bytes) -> Report:
    """Decode any bytes into a report, or raise `InvalidReport`; nothing else is raised."""
    return _decode(_report, data)


def decode_heartbeat(data: bytes) -> Heartbeat:
    """Decode any bytes into a heartbeat, or raise `InvalidReport`; nothing else is raised."""
    return _decode(_heartbeat, data)


def decode_deletion(data: bytes) -> Deletion:
    """Decode any bytes into a deletion, or raise `InvalidReport`; nothing else is raised."""
    return _decode(_deletion, data)


def _decode(decoder: "msgspec.json.Decoder[T]", data: bytes) -> T:
    if len(data) > MAX_RECORD_BYTES:
        raise InvalidReport("too_large", f"{len(data)} bytes, at most {MAX_RECORD_BYTES}")
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (version := _version_of(data)) not in (None, SCHEMA_VERSION):
            raise InvalidReport(
                "schema_version", f"version {version}, this worker reads {SCHEMA_VERSION}"
            ) from error
        raise InvalidReport("malformed", str(error)) from error


def _version_of(data: bytes) -> int | None:
    try:
        return _version.decode(data).v
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
