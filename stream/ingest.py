"""
Loop one: from Kafka records to counts.

poll → prepare (decode, tag) → count → commit. Every step may be repeated: a batch counts once,
whoever applies it and however often.
"""

import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import redis
import structlog

from detector.counts import Counts, Fenced
from detector.unknown_store import UnknownNames
from models.tagger import Tagger
from models.unknown import Unknown
from stream.consumer import Batch, Consumer
from stream.dead_letter import DeadLetterLimit, DeadLetters
from stream.prepare import Prepared, prepare
from stream.producer import Producer

log = structlog.get_logger()

POLL_MS = 200
# While records come, they are taken in portions of this long: a call of the tagger, of Redis and of
# Kafka costs as much as some fifty posts. The first record after a pause is taken at once.
PORTION_SECONDS = 0.1
REDIS_PAUSE_MS = 500
IDLE_SOURCE = "ingest"  # the name under which a worker sends heartbeats for quiet partitions


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
        unknown: Unknown | None = None,
        names: UnknownNames | None = None,
    ):
        self._consumer = consumer
        self._counts = counts
        self._tagger = tagger
        self._dead_letters = dead_letters
        self._limit = limit
        self._allowed_lateness = allowed_lateness
        self._unknown = unknown
        self._names = names

    def run(self, stop: threading.Event, pulse: "Pulse | None" = None) -> None:
        """Work until *stop* is set, then leave the group; the batch in hand is finished first."""
        try:
            while not stop.is_set():
                began = time.monotonic()
                batches = self._poll()
                prepared = prepare(batches, self._tagger, self._unknown)
                for batch, values in zip(batches, prepared, strict=True):
                    self._work(batch, values, stop)
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
                # First, as it may be repeated: what is counted is never prepared again.
                if self._names:
                    self._names.add(prepared.unnamed)
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
