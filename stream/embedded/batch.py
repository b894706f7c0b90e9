"""
The header of a record batch (format v2): all that the broker reads of what it stores.

Field order and the span of the checksum: Apache Kafka protocol guide, "Record Batch".
"""

import struct
from typing import NamedTuple

from kafka.errors import CorruptRecordError, InvalidRecordError, UnsupportedForMessageFormatError
from kafka.record.util import calc_crc32c

HEADER = struct.Struct(">qiibIhiqqqhii")
MAGIC = 2
TRANSACTIONAL_OR_CONTROL = 0x30
_UNCOUNTED = 12  # base offset and length, which the length does not count
_CHECKED_FROM = 21  # attributes, the first field under the checksum
_MARK = b"\0\0\0\0\2"  # leader epoch 0 and magic 2, as this broker writes them
_MARK_AT = 12


class Header(NamedTuple):
    """A batch's header; its records' offsets and sequence numbers count up from the first."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    n_records: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch, this header included."""
        return self.length + _UNCOUNTED

    @property
    def next_offset(self) -> int:
        """The offset that follows the batch's last record."""
        return self.base_offset + self.last_offset_delta + 1


def peek(data: bytes | bytearray | memoryview, at: int = 0) -> Header:
    """Read the header at byte *at*, unchecked."""
    return Header._make(HEADER.unpack_from(data, at))


def check(data: bytes | memoryview, at: int = 0) -> Header:
    """Read the header of a whole and sound batch at byte *at*, or raise `CorruptRecordError`."""
    if len(data) - at < HEADER.size:
        raise CorruptRecordError(f"{len(data) - at} bytes, a header has {HEADER.size}")
    header = peek(data, at)
    if header.magic != MAGIC:
        raise UnsupportedForMessageFormatError(f"record format {header.magic}, expected {MAGIC}")
    if not HEADER.size <= header.size <= len(data) - at:
        raise CorruptRecordError(f"batch of {header.size} bytes in {len(data) - at}")
    crc = calc_crc32c(memoryview(data)[at + _CHECKED_FROM : at + header.size])
    if crc != header.crc:
        raise CorruptRecordError(f"crc {header.crc:#010x}, its bytes give {crc:#010x}")
    return header


def check_single(data: bytes | memoryview) -> Header:
    """Check what a producer sent: one sound batch, with records, outside transactions."""
    header = check(data)
    if header.size != len(data):
        raise InvalidRecordError(f"{len(data) - header.size} bytes after the batch")
    if header.n_records < 1 or header.last_offset_delta != header.n_records - 1:
        raise InvalidRecordError(f"{header.n_records} records span {header.last_offset_delta + 1}")
    if header.attributes & TRANSACTIONAL_OR_CONTROL:
        raise InvalidRecordError("a transactional or control batch, expected neither")
    return header


def placed(data: bytes | memoryview, base_offset: int) -> bytearray:
    """Copy a batch with its place in the log filled in; the checksum leaves that out."""
    batch = bytearray(data)
    struct.pack_into(">q", batch, 0, base_offset)
    struct.pack_into(">i", batch, _MARK_AT, 0)
    return batch


def sound_batch_after(data: bytes, at: int, least_offset: int) -> bool:
    """Say whether a sound batch of *least_offset* or later starts anywhere after byte *at*."""
    mark = data.find(_MARK, at + _MARK_AT + 1)
    while mark >= 0:
        try:
            if check(data, mark - _MARK_AT).base_offset >= least_offset:
                return True
        except CorruptRecordError:
            pass
        mark = data.find(_MARK, mark + 1)
    return False
