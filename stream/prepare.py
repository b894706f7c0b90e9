"""What a batch of records means: decoded and tagged, as it will be counted. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from detector.batch import Beat, Entry, Erased, Invalid
from detector.unknown_store import Mention
from models.tagger import Tagger
from models.tags import Tag
from models.unknown import Unknown
from stream.consumer import Batch
from stream.dead_letter import DeadLetter
from stream.report import (
    DELETION_HEADER,
    HEARTBEAT_HEADER,
    Deletion,
    Heartbeat,
    InvalidReport,
    Report,
    decode,
    decode_deletion,
    decode_heartbeat,
)
from stream.statements import accept, unnamed

Decoded = Report | Heartbeat | Deletion | InvalidReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A batch as it will be counted, the names that nobody knows, and its dead letters."""

    entries: tuple[Entry, ...]
    letters: tuple[DeadLetter, ...]
    outcomes: tuple[InvalidReport | None, ...]
    unnamed: tuple[Mention, ...] = ()


def prepare(
    batches: Sequence[Batch], tagger: Tagger, unknown: Unknown | None = None
) -> list[Prepared]:
    """
    Decode and tag the records of *batches*; the same records always give the same result.

    The tagger is called once for all of them: half of its work is done by the call, not by post.
    """
    decoded = [[_decode(record) for record in batch.records] for batch in batches]
    texts = [value.text for values in decoded for value in values if isinstance(value, Report)]
    tags = iter(tagger.tag(texts))
    return [
        _prepared(batch, values, tags, unknown)
        for batch, values in zip(batches, decoded, strict=True)
    ]


def _prepared(
    batch: Batch,
    values: Sequence[Decoded],
    tags: Iterator[tuple[Tag, ...]],
    unknown: Unknown | None,
) -> Prepared:
    entries = tuple(
        _entry(record, value, tags) for record, value in zip(batch.records, values, strict=True)
    )
    texts = [value.text if isinstance(value, Report) else "" for value in values]
    return Prepared(
        entries=entries,
        letters=_letters(batch, values),
        outcomes=tuple(value if isinstance(value, InvalidReport) else None for value in values),
        unnamed=tuple(unnamed(entries, texts, unknown)) if unknown else (),
    )


def _entry(record: Any, value: Decoded, tags: Iterator[tuple[Tag, ...]]) -> Entry:
    match value:
        case Report():
            return accept(value, next(tags), _written_at(record))
        case Heartbeat():
            return _beat(value, _written_at(record))
        case Deletion():
            return _erased(value, _written_at(record))
        case InvalidReport():
            return Invalid()


def _decode(record: Any) -> Decoded:
    names = {name for name, _ in record.headers}
    body = record.value or b""
    try:
        if HEARTBEAT_HEADER in names:
            return decode_heartbeat(body)
        return decode_deletion(body) if DELETION_HEADER in names else decode(body)
    except InvalidReport as error:
        return error


def _written_at(record: Any) -> datetime | None:
    # Brokers write -1, and a few clients 0, where there is no timestamp.
    return datetime.fromtimestamp(record.timestamp / 1000, UTC) if record.timestamp > 0 else None


def _erased(deletion: Deletion, written_at: datetime | None) -> Erased:
    at = min(deletion.at, written_at or deletion.at)
    return Erased(event_at=at, source=deletion.source, report_id=deletion.id)


def _beat(heartbeat: Heartbeat, written_at: datetime | None) -> Beat:
    return Beat(event_at=min(heartbeat.at, written_at or heartbeat.at), source=heartbeat.source)


def _letters(batch: Batch, decoded: Sequence[Decoded]) -> tuple[DeadLetter, ...]:
    return tuple(
        DeadLetter(
            partition=batch.partition,
            offset=record.offset,
            key=record.key,
            body=record.value,
            error=value,
        )
        for record, value in zip(batch.records, decoded, strict=True)
        if isinstance(value, InvalidReport)
    )
