"""One batch of one partition as values, and as the bytes that `counts.lua` reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from detector.bucket import WIDTH
from detector.incidents import Sample

AUTHOR_WINDOW = timedelta(hours=1)  # an author counts once in it for a service and a statement
SAMPLES_PER_SERVICE = 3  # a bucket and a partition; more would only be thrown away by the incident

# "with:<other>" counts those who say that a service fails and name another one beside it.
What = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """
    What one post says of one service; a text with a *fingerprint* counts once per hour.

    *kin* are the cells of a text that says in words that the service fails, else "".
    """

    service: str
    what: What
    fingerprint: str = ""
    symptom: str = ""
    region: str = ""
    sample: Sample | None = None
    kin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A report in log order; *event_at* is aware."""

    event_at: datetime
    source: str
    report_id: str
    author: str
    is_repost: bool
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A heartbeat in log order."""

    event_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """A post, or with an id that ends in "/" an account, that was deleted at its platform."""

    event_at: datetime
    source: str
    report_id: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """A record that went to the dead-letter topic, in log order."""


Entry = Accepted | Beat | Erased | Invalid


def pack(
    entries: Sequence[Entry],
    *,
    start: int,
    next_offset: int,
    end_offset: int,
    allowed_lateness: timedelta,
) -> bytes:
    """Encode the records of [start, next_offset), in log order, for the script."""
    return msgspec.msgpack.encode(
        {
            "start": start,
            "next": next_offset,
            "end": end_offset,
            "lateness_ms": _ms(allowed_lateness),
            "width_ms": WIDTH * 1000,
            "author_window_ms": _ms(AUTHOR_WINDOW),
            "samples_per_service": SAMPLES_PER_SERVICE,
            "entries": [_row(entry) for entry in entries],
        }
    )


def _row(entry: Entry) -> tuple[object, ...]:
    match entry:
        case Accepted():
            return (
                "r",
                _epoch_ms(entry.event_at),
                entry.source,
                entry.report_id,
                entry.author,
                entry.is_repost,
                [_statement(statement) for statement in entry.statements],
            )
        case Beat():
            return ("h", _epoch_ms(entry.event_at), entry.source)
        case Erased():
            return ("d", _epoch_ms(entry.event_at), entry.source, entry.report_id)
        case Invalid():
            return ("x", 0, "")


def _statement(statement: Statement) -> tuple[str, ...]:
    # A string: Redis's cmsgpack does not read msgpack's binary type.
    packed = msgspec.json.encode(statement.sample).decode() if statement.sample else ""
    return (
        statement.service,
        statement.what,
        statement.fingerprint if statement.what == "affected" else "",
        statement.symptom,
        statement.region,
        packed,
        statement.kin,
    )


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _epoch_ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
