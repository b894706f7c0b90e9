"""
A partition's log: record batches (format v2) as rows of an SQLite database, which makes them last.

Damage to what is in the database is refused at start. What is younger than its last checkpoint is
in SQLite's write-ahead log, of which everything from a torn or damaged write on is left out.
"""

import sqlite3

from kafka import errors
from kafka.record.default_records import DefaultRecordBatch as Batch

SCHEMA = """
    CREATE TABLE IF NOT EXISTS partition (
        id INTEGER PRIMARY KEY, topic TEXT, number INTEGER, start_offset INTEGER DEFAULT 0,
        UNIQUE (topic, number));
    CREATE TABLE IF NOT EXISTS batch (
        partition INTEGER REFERENCES partition ON DELETE CASCADE, base_offset INTEGER,
        producer_id INTEGER, producer_epoch INTEGER, base_sequence INTEGER, n_records INTEGER,
        written_at REAL, data BLOB, PRIMARY KEY (partition, base_offset));
    CREATE INDEX IF NOT EXISTS written_by ON batch (partition, producer_id, base_offset);
    CREATE TABLE IF NOT EXISTS committed (
        partition INTEGER REFERENCES partition ON DELETE CASCADE, consumers TEXT,
        next_offset INTEGER, metadata TEXT, PRIMARY KEY (partition, consumers));
"""
INSERT = """INSERT INTO batch (partition, base_offset, producer_id, producer_epoch, base_sequence,
    n_records, written_at, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
MAX_BATCH_BYTES = 4 << 20
MAX_SEQUENCE = 0x7FFF_FFFF


class CorruptLogError(Exception):
    """What was once stored is damaged, and it is not the torn end of the last write."""


def check(data: bytes) -> Batch:
    """Read the header of one sound batch outside transactions; raises the protocol's errors."""
    if len(data) < Batch.HEADER_STRUCT.size:
        raise errors.CorruptRecordError(f"{len(data)} bytes, fewer than a header has")
    batch = Batch(data)
    if batch.magic != 2 or batch.size_in_bytes < len(data):
        raise errors.InvalidRecordError("expected one batch of format 2")
    if batch.size_in_bytes > len(data) or not batch.validate_crc():
        raise errors.CorruptRecordError(f"its bytes do not give its checksum {batch.crc:#010x}")
    is_whole = batch.records_count == batch.last_offset_delta + 1 > 0
    if batch.is_transactional or batch.is_control_batch or not is_whole:
        raise errors.InvalidRecordError("expected records, outside transactions")
    return batch


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
                batch = check(data)
            except errors.BrokerResponseError as error:
                raise CorruptLogError(f"corrupt batch at {base_offset}: {error.args[0]}") from error
            if not batch.base_offset == base_offset <= self.next_offset:
                raise CorruptLogError(f"records missing from {self.next_offset} to {base_offset}")
            self.next_offset = batch.next_offset
            self._n_bytes += len(data)

    def append(self, data: bytes, now: float) -> int:
        """Store one batch and return its base offset; a repeated batch keeps its old one."""
        if len(data) > MAX_BATCH_BYTES:
            raise errors.MessageSizeTooLargeError
        batch = check(data)
        turn = batch.producer_id, batch.producer_epoch, batch.base_sequence, batch.records_count
        repeated = self._repeated(*turn) if batch.has_producer_id() else None
        if repeated is not None:
            return repeated
        base_offset = self.next_offset
        stored = base_offset.to_bytes(8, "big") + data[8:]  # the checksum leaves that out
        self._database.execute(INSERT, (self.id, base_offset, *turn, now, stored))
        self.next_offset += batch.records_count
        self._n_bytes += len(data)
        return base_offset

    def _repeated(self, producer: int, epoch: int, sequence: int, n_records: int) -> int | None:
        """Return the base offset of the batch that this one repeats, None for one in its turn."""
        # A producer has at most five requests in flight.
        rows = """SELECT base_sequence, n_records, base_offset FROM batch WHERE partition = ? AND
            producer_id = ? AND producer_epoch = ? ORDER BY base_offset DESC LIMIT 5"""
        recent = self._database.execute(rows, (self.id, producer, epoch)).fetchall()
        for *stored, base_offset in recent:
            if stored == [sequence, n_records]:
                return int(base_offset)
        if recent and sequence != (recent[0][0] + recent[0][1]) & MAX_SEQUENCE:
            raise errors.OutOfOrderSequenceNumberError
        return None

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Return the batch with *offset* if there is one yet, and those after it that fit."""
        if not self.start_offset <= offset <= self.next_offset:
            raise errors.OffsetOutOfRangeError
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

    def retain(self, now: float, max_bytes: int, max_age: float) -> None:
        """Drop the oldest batches that exceed a limit, in bytes or seconds."""
        rows = """SELECT base_offset + n_records, length(data), written_at FROM batch
            WHERE partition = ? ORDER BY base_offset"""
        before = self.start_offset
        for next_offset, n_bytes, written_at in self._database.execute(rows, (self.id,)):
            if self._n_bytes <= max_bytes and now - written_at <= max_age:
                break
            self.start_offset, self._n_bytes = next_offset, self._n_bytes - n_bytes
        if self.start_offset > before:
            place = {"id": self.id, "start": self.start_offset}
            update = "UPDATE partition SET start_offset = :start WHERE id = :id"
            self._database.execute(update, place)
            delete = "DELETE FROM batch WHERE partition = :id AND base_offset < :start"
            self._database.execute(delete, place)
