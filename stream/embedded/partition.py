"""A partition's log: its segments, its producers' sequence numbers, its readers that wait."""

import asyncio
import logging
import os
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kafka.errors import (
    InvalidProducerEpochError,
    MessageSizeTooLargeError,
    OffsetOutOfRangeError,
    OutOfOrderSequenceNumberError,
)

from stream.embedded.batch import Header, check_single, placed
from stream.embedded.segment import CorruptLogError, Segment

log = logging.getLogger(__name__)

MAX_PRODUCERS = 10_000  # remembered for each partition; the one that wrote longest ago goes first
N_BATCHES_REMEMBERED = 5  # a producer has at most five requests in flight
MAX_SEQUENCE = 0x7FFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a partition keeps, in bytes and seconds; a negative retention keeps everything."""

    segment_bytes: int = 32 << 20
    retention_bytes: int = 512 << 20
    retention_seconds: float = 7 * 24 * 3600
    max_batch_bytes: int = 4 << 20


@dataclass(slots=True)
class Producer:
    """What an idempotent producer wrote last: batches' (first, last sequence, base offset)."""

    epoch: int
    recent: deque[tuple[int, int, int]] = field(
        default_factory=lambda: deque(maxlen=N_BATCHES_REMEMBERED)
    )


class Partition:
    """
    Records from *start_offset* up to, not including, *next_offset*.

    A record's age is that of its segment's last write, not its timestamp: a replay writes records
    that are months old, and they must not vanish while they are read.
    """

    def __init__(self, directory: Path, limits: Limits, start_offset: int = 0):
        self._directory = directory
        self._limits = limits
        self._producers: OrderedDict[int, Producer] = OrderedDict()
        self.waiters: set[asyncio.Future[None]] = set()
        directory.mkdir(parents=True, exist_ok=True)
        self._segments = [Segment(path) for path in sorted(directory.glob("*.log"))]
        self._recover()
        if not self._segments:
            self._roll(start_offset)
        self.start_offset = max(start_offset, self._segments[0].base_offset)

    @property
    def next_offset(self) -> int:
        """The offset that the next record gets."""
        return self._segments[-1].next_offset

    def append(self, data: bytes, now: float) -> int:
        """Store one batch and return its base offset; a repeated batch keeps its old one."""
        if len(data) > self._limits.max_batch_bytes:
            raise MessageSizeTooLargeError(
                f"{len(data)} bytes, at most {self._limits.max_batch_bytes}"
            )
        header = check_single(data)
        duplicate_of = self._sequence(header)
        if duplicate_of is not None:
            return duplicate_of
        if (
            self._segments[-1].size
            and self._segments[-1].size + len(data) > self._limits.segment_bytes
        ):
            self._roll(self.next_offset)
            self.retain(now)
        base_offset = self.next_offset
        self._segments[-1].append(placed(data, base_offset), now)
        self._remember(header._replace(base_offset=base_offset))
        self._wake()
        return base_offset

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Return stored batches from the one with *offset* on, at least one if there is any."""
        if not self.start_offset <= offset <= self.next_offset:
            raise OffsetOutOfRangeError(f"{offset}, not {self.start_offset} to {self.next_offset}")
        for segment in self._segments:
            if offset < segment.next_offset:
                return segment.read(offset, max_bytes)
        return b""

    def find(self, timestamp: int) -> tuple[int, int]:
        """Return (offset, timestamp) of the first record that is not older, (-1, -1) for none."""
        found = (segment.find(timestamp, self.start_offset) for segment in self._segments)
        return next((hit for hit in found if hit), (-1, -1))

    @property
    def newest_timestamp(self) -> int:
        """The newest timestamp of any record, -1 for none."""
        return max(segment.newest_timestamp for segment in self._segments)

    def delete_before(self, offset: int) -> None:
        """Forget the records before *offset*, -1 for all."""
        offset = self.next_offset if offset == -1 else offset
        if not 0 <= offset <= self.next_offset:
            raise OffsetOutOfRangeError(f"{offset}, not 0 to {self.next_offset}")
        self.start_offset = max(self.start_offset, offset)
        while len(self._segments) > 1 and self._segments[0].next_offset <= self.start_offset:
            self._drop_first()

    def retain(self, now: float) -> None:
        """Drop whole segments that are over the limits of size or age."""
        max_age, max_bytes = self._limits.retention_seconds, self._limits.retention_bytes
        if self._segments[-1].size and now - self._segments[-1].written_at > max_age >= 0:
            self._roll(self.next_offset)
        size = sum(segment.size for segment in self._segments)
        while len(self._segments) > 1 and (
            now - self._segments[0].written_at > max_age >= 0 or size > max_bytes >= 0
        ):
            size -= self._drop_first()

    def unsynced(self) -> Iterator[int]:
        """Yield duplicate descriptors of the files that were written since the last call."""
        for segment in self._segments:
            if (descriptor := segment.unsynced()) is not None:
                yield descriptor

    def close(self) -> None:
        """Close the files and let waiting readers go."""
        for segment in self._segments:
            segment.close()
        self._wake()

    def _recover(self) -> None:
        for i, segment in enumerate(self._segments):
            if i and segment.base_offset != self._segments[i - 1].next_offset:
                raise CorruptLogError(f"missing file before {segment.path}")
            is_last = segment is self._segments[-1]
            if n_cut := segment.recover(is_last=is_last, on_batch=self._remember):
                log.warning("cut %d bytes of a torn write off %s", n_cut, segment.path)

    def _roll(self, base_offset: int) -> None:
        if self._segments:  # recovery trusts that only the last file can end in a torn write
            os.fsync(self._segments[-1].fd)
        self._segments.append(Segment(self._directory / f"{base_offset:020d}.log"))

    def _drop_first(self) -> int:
        segment = self._segments.pop(0)
        segment.close()
        segment.path.unlink()
        self.start_offset = max(self.start_offset, self._segments[0].base_offset)
        return segment.size

    def _wake(self) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()

    def _sequence(self, header: Header) -> int | None:
        """Return the base offset of the batch that *header* repeats, None for the next in turn."""
        producer = self._producers.get(header.producer_id)
        if header.producer_id < 0 or producer is None:
            return None
        if header.producer_epoch < producer.epoch:
            raise InvalidProducerEpochError(f"{header.producer_epoch}, now {producer.epoch}")
        expected = 0
        if header.producer_epoch == producer.epoch:
            span = header.base_sequence, _last_sequence(header)
            for first, last, base_offset in producer.recent:
                if (first, last) == span:
                    return base_offset
            expected = (producer.recent[-1][1] + 1) & MAX_SEQUENCE
        if header.base_sequence != expected:
            raise OutOfOrderSequenceNumberError(f"{header.base_sequence}, expected {expected}")
        return None

    def _remember(self, header: Header) -> None:
        if header.producer_id < 0:
            return
        producer = self._producers.pop(header.producer_id, None)
        if producer is None or producer.epoch != header.producer_epoch:
            producer = Producer(header.producer_epoch)
        producer.recent.append((header.base_sequence, _last_sequence(header), header.base_offset))
        self._producers[header.producer_id] = producer
        if len(self._producers) > MAX_PRODUCERS:
            self._producers.popitem(last=False)


def _last_sequence(header: Header) -> int:
    return (header.base_sequence + header.last_offset_delta) & MAX_SEQUENCE
