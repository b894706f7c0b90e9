"""
A partition's log: record batches (format v2) as rows of an SQLite database, which makes them last.

Damage to what is in the database is refused at start. What is younger than its last checkpoint is
in SQLite's write-ahead log, of which everything from a torn or damaged write on is left out.

Fields of a batch and the span of its checksum: Apache Kafka protocol guide, "Record Batch".
"""

import sqlite3
import struct
from collections import namedtuple

from kafka import errors
from kafka.record import MemoryRecords
from kafka.record.util import calc_crc32c

SCHEMA = """
    CREATE TABLE IF NOT EXISTS partition (
        id INTEGER PRIMARY KEY, topic TEXT, number INTEGER, start_offset INTEGER DEFAULT 0,
        UNIQUE (topic, number));
    CREATE TABLE IF NOT EXISTS batch (
        partition INTEGER REFERENCES partition ON DELETE CASCADE, base_offset INTEGER,
        newest_timestamp INTEGER, producer_id INTEGER, producer_epoch INTEGER,
        base_sequence INTEGER, n_records INTEGER, written_at REAL, data BLOB,
        PRIMARY KEY (partition, base_offset));
    CREATE INDEX IF NOT EXISTS written_by ON batch (partition, producer_id, base_offset);
    CREATE TABLE IF NOT EXISTS committed (
        partition INTEGER REFERENCES partition ON DELETE CASCADE, consumers TEXT,
        next_offset INTEGER, metadata TEXT, PRIMARY KEY (partition, consumers));
"""
EARLIEST, LATEST = -2, -1  # timestamps of ListOffsets with a meaning of their own
MAX_BATCH_BYTES = 4 << 20
MAX_SEQUENCE = 0x7FFF_FFFF
TRANSACTIONAL_OR_CONTROL = 0x30
_LAYOUT = struct.Struct(">qiibIhiqqqhii")
Header = namedtuple(
    "Header",
    "base_offset length leader_epoch format crc attributes last_offset_delta first_timestamp "
    "newest_timestamp producer_id producer_epoch base_sequence n_records",
)


class CorruptLogError(Exception):
    """What was once stored is damaged, and it is not the torn end of the last write."""


def check(data: bytes) -> Header:
    """Read the header of one sound batch outside transactions; raises the protocol's errors."""
    if len(data) < _LAYOUT.size:
        raise errors.CorruptRecordError(f"{len(data)} bytes, a header has {_LAYOUT.size}")
    header = Header._make(_LAYOUT.unpack_from(data))
    size = header.length + 12  # the length leaves out itself and the base offset
    if header.format != 2:
        raise errors.UnsupportedForMessageFormatError(f"format {header.format}, expected 2")
    if size > len(data) or calc_crc32c(memoryview(data)[21:size]) != header.crc:
        raise errors.CorruptRecordError(f"its bytes do not give its checksum {header.crc:#010x}")
    if size < len(data) or not header.n_records == header.last_offset_delta + 1 > 0:
        raise errors.InvalidRecordError("expected one batch, with records")
    if header.attributes & TRANSACTIONAL_OR_CONTROL:
        raise errors.InvalidRecordError("expected a batch outside transactions")
    return header


class Partition:
    """
    Records from *start_offset* up to, not including, *next_offset*.

    A record's age is the time since it was written, not its timestamp: a replay writes records that
    are months old, and they must not vanish while they are read.
    """

    def __init__(self, database: sqlite3.Connection, id: int, start_offset: int):
        self.id, self._database = id, database
        self.start_offset = self.next_offset = start_offset
        self._n_bytes = 0
        rows = "SELECT base_offset, data FROM batch WHERE partition = ? ORDER BY base_offset"
        for base_offset, data in database.execute(rows, (id,)):
            try:
                header = check(data)
            except errors.BrokerResponseError as error:
                raise CorruptLogError(f"corrupt batch at {base_offset}: {error.args[0]}") from error
            if not header.base_offset == base_offset <= self.next_offset:
                raise CorruptLogError(f"records missing from {self.next_offset} to {base_offset}")
            self.next_offset = base_offset + header.n_records
            self._n_bytes += len(data)

    def append(self, data: bytes, now: float) -> int:
        """Store one batch and return its base offset; a repeated batch keeps its old one."""
        if len(data) > MAX_BATCH_BYTES:
            raise errors.MessageSizeTooLargeError(f"{len(data)} bytes, at most {MAX_BATCH_BYTES}")
        header = check(data)
        base_offset = self._repeated(header)
        if base_offset is not None:
            return base_offset
        base_offset = self.next_offset
        stored = base_offset.to_bytes(8, "big") + data[8:]  # the checksum leaves that out
        row = (self.id, base_offset, *header[8:], now, stored)
        try:
            self._database.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        except sqlite3.Error as error:
            raise errors.KafkaStorageError(str(error)) from error
        self.next_offset += header.n_records
        self._n_bytes += len(data)
        return base_offset

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Return the batch with *offset* if there is one yet, and those after it that fit."""
        if not self.start_offset <= offset <= self.next_offset:
            raise errors.OffsetOutOfRangeError(f"{offset}, expected {self.start_offset} or later")
        rows = """SELECT data FROM batch WHERE partition = :id AND base_offset >= (
            SELECT max(base_offset) FROM batch WHERE partition = :id AND base_offset <= :offset)
            AND base_offset + n_records > :offset ORDER BY base_offset"""
        batches: list[bytes] = []
        for (data,) in self._database.execute(rows, {"id": self.id, "offset": offset}):
            max_bytes -= len(data)
            if batches and max_bytes < 0:
                break
            batches.append(data)
        return b"".join(batches)

    def find(self, timestamp: int) -> tuple[int, int]:
        """Return (offset, timestamp) of the first record that is not older, (-1, -1) for none."""
        if timestamp in (EARLIEST, LATEST):
            return (self.start_offset if timestamp == EARLIEST else self.next_offset), -1
        rows = """SELECT data FROM batch WHERE partition = ? AND newest_timestamp >= ?
            ORDER BY base_offset"""
        for (data,) in self._database.execute(rows, (self.id, timestamp)):
            for record in MemoryRecords(data).next_batch():
                if record.timestamp >= timestamp and record.offset >= self.start_offset:
                    return record.offset, record.timestamp
        return -1, -1

    def delete_before(self, offset: int) -> None:
        """Forget the records before *offset*, -1 for all; batches go whole, the last one stays."""
        offset = self.next_offset if offset == LATEST else offset
        if not 0 <= offset <= self.next_offset:
            raise errors.OffsetOutOfRangeError(f"{offset}, not 0 to {self.next_offset}")
        self.start_offset = max(self.start_offset, offset)
        place = {"id": self.id, "start": self.start_offset}
        update = "UPDATE partition SET start_offset = :start WHERE id = :id"
        self._database.execute(update, place)
        delete = """DELETE FROM batch WHERE partition = :id AND base_offset < (
            SELECT max(base_offset) FROM batch WHERE partition = :id AND base_offset <= :start)
            RETURNING length(data)"""
        self._n_bytes -= sum(n for (n,) in self._database.execute(delete, place).fetchall())

    def retain(self, now: float, max_bytes: int, max_age: float) -> None:
        """Drop the oldest batches that exceed a limit, in bytes or seconds; a negative is none."""
        surplus = self._n_bytes - max_bytes if max_bytes >= 0 else 0
        rows = """SELECT base_offset + n_records, length(data), written_at FROM batch
            WHERE partition = ? ORDER BY base_offset"""
        kept_from = self.start_offset
        for next_offset, n_bytes, written_at in self._database.execute(rows, (self.id,)):
            if surplus <= 0 and not now - written_at > max_age >= 0:
                break
            kept_from, surplus = next_offset, surplus - n_bytes
        if kept_from > self.start_offset:
            self.delete_before(kept_from)

    def _repeated(self, header: Header) -> int | None:
        """Return the base offset of the batch that *header* repeats, None for one in its turn."""
        # A producer has at most five requests in flight.
        rows = """SELECT producer_epoch, base_sequence, n_records, base_offset FROM batch
            WHERE partition = ? AND producer_id = ? ORDER BY base_offset DESC LIMIT 5"""
        recent = self._database.execute(rows, (self.id, header.producer_id)).fetchall()
        if not recent or header.producer_id < 0:
            return None
        for *stored, base_offset in recent:
            if stored == list(header[-3:]):
                return int(base_offset)
        epoch, sequence, n_records, _ = recent[0]
        if header.producer_epoch < epoch:
            raise errors.InvalidProducerEpochError(f"{header.producer_epoch}, now {epoch}")
        is_same = header.producer_epoch == epoch
        expected = (sequence + n_records) & MAX_SEQUENCE if is_same else 0
        if header.base_sequence != expected:
            raise errors.OutOfOrderSequenceNumberError(f"{header.base_sequence}, not {expected}")
        return None
