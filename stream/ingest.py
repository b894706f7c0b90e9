"""
Loop one: from Kafka records to counts.

poll → decode → tag → count → commit. What a batch means is decided in `prepare`, which is pure;
everything that can fail is in `Ingest`, and every step of it may be repeated: a batch counts once,
whoever applies it and however often.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
import structlog

from detector.batch import Beat, Entry, Erased, Invalid
from detector.counts import Counts, Fenced
from models.tagger import Tagger
from models.tags import Tag
from stream.consumer import Batch, Consumer
from stream.dead_letter import DeadLetter, DeadLetterLimit, DeadLetters
from stream.producer import Producer
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
from stream.statements import accept

log = structlog.get_logger()

POLL_MS = 200
# While records come, they are taken in portions of this long: a call of the tagger, of Redis and of
# Kafka costs as much as some fifty posts. The first record after a pause is taken at once.
PORTION_SECONDS = 0.1
REDIS_PAUSE_MS = 500
Decoded = Report | Heartbeat | Deletion | InvalidReport
IDLE_SOURCE = "ingest"  # the name under which a worker sends heartbeats for quiet partitions


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A batch as it will be counted, and what of it goes to the dead-letter topic."""

    entries: tuple[Entry, ...]
    letters: tuple[DeadLetter, ...]
    outcomes: tuple[InvalidReport | None, ...]


def prepare(batches: Sequence[Batch], tagger: Tagger) -> list[Prepared]:
    """
    Decode and tag the records of *batches*; the same records always give the same result.

    The tagger is called once for all of them: half of its work is done by the call, not by post.
    """
    decoded = [[_decode(record) for record in batch.records] for batch in batches]
    texts = [value.text for values in decoded for value in values if isinstance(value, Report)]
    tags = iter(tagger.tag(texts))
    return [
        Prepared(
            entries=tuple(
                _entry(record, value, tags)
                for record, value in zip(batch.records, values, strict=True)
            ),
            letters=_letters(batch, values),
            outcomes=tuple(value if isinstance(value, InvalidReport) else None for value in values),
        )
        for batch, values in zip(batches, decoded, strict=True)
    ]


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


class Ingest:
    """
    One worker of the consumer group.

    Raises `stream.dead_letter.TooManyInvalid`, `stream.consumer.TopicRecreated` and the producer's
    errors; waits while Redis is away.
    """

    def __init__(
        self,
        consumer: Consumer,
        counts: Counts,
        tagger: Tagger,
        dead_letters: DeadLetters,
        limit: DeadLetterLimit,
        *,
        allowed_lateness: timedelta,
    ):
        self._consumer = consumer
        self._counts = counts
        self._tagger = tagger
        self._dead_letters = dead_letters
        self._limit = limit
        self._allowed_lateness = allowed_lateness

    def run(self, stop: threading.Event, pulse: "Pulse | None" = None) -> None:
        """Work until *stop* is set, then leave the group; the batch in hand is finished first."""
        try:
            while not stop.is_set():
                began = time.monotonic()
                batches = self._poll()
                for batch, prepared in zip(batches, prepare(batches, self._tagger), strict=True):
                    self._work(batch, prepared, stop)
                    if pulse:
                        pulse.heard(batch.partition)
                if pulse:
                    pulse.beat(self._consumer.partitions())
                if batches:
                    stop.wait(PORTION_SECONDS - (time.monotonic() - began))
        finally:
            self._consumer.close()
            self._dead_letters.close()

    def _poll(self) -> list[Batch]:
        try:
            return self._consumer.poll(POLL_MS)
        except redis.RedisError as error:
            # A position could not be looked up; the partitions stay fresh and are polled again.
            log.warning("redis_away", error=str(error))
            return []

    def _work(self, batch: Batch, prepared: Prepared, stop: threading.Event) -> None:
        began = time.monotonic()
        self._limit.check(batch.partition, prepared.outcomes)
        self._dead_letters.write(prepared.letters)
        if self._count(batch, prepared, stop):
            self._consumer.done(batch)
            log.info(
                "batch",
                partition=batch.partition,
                next_offset=batch.next_offset,
                n_records=len(batch.records),
                n_invalid=len(prepared.letters),
                seconds=round(time.monotonic() - began, 3),
            )

    def _count(self, batch: Batch, prepared: Prepared, stop: threading.Event) -> bool:
        """Apply *batch*, waiting for Redis as long as it takes; False when it was not ours."""
        while not stop.is_set():
            try:
                self._counts.apply(
                    batch.partition,
                    start=batch.start,
                    next_offset=batch.next_offset,
                    entries=prepared.entries,
                    allowed_lateness=self._allowed_lateness,
                    end_offset=batch.end_offset,
                )
            except Fenced as fenced:
                log.warning("fenced", partition=batch.partition, next_offset=fenced.next_offset)
                self._consumer.rewind(batch.partition)
                return False
            except (redis.ConnectionError, redis.TimeoutError) as error:
                log.warning("redis_away", error=str(error))
                if not self._consumer.keep_alive(REDIS_PAUSE_MS, batch):
                    return False
            else:
                return True
        return False


class Pulse:
    """
    Heartbeats for partitions on which nothing comes, so that they do not hold the watermark back.

    They go through Kafka like every record, so that a log that is read again gives the same
    watermarks. For live topics only: a replay's source sends its own, in its own time.
    """

    def __init__(self, producer: Producer, every: timedelta):
        self._producer = producer
        self._every = every.total_seconds()
        self._heard: dict[int, float] = {}

    def heard(self, partition: int) -> None:
        """Note that *partition* is not idle."""
        self._heard[partition] = time.monotonic()

    def beat(self, assigned: Iterable[int]) -> None:
        """Send a heartbeat to those of *assigned* that have been idle for too long."""
        now = time.monotonic()
        idle = [p for p in assigned if now - self._heard.setdefault(p, now) >= self._every]
        if idle:
            self._producer.heartbeat(IDLE_SOURCE, datetime.now(UTC), idle)
            for partition in idle:
                self._heard[partition] = now
