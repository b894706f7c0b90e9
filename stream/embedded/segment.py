"""One append-only file of record batches with a sparse index in memory."""

import os
from array import array
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path

from kafka.errors import CorruptRecordError, KafkaStorageError, UnsupportedForMessageFormatError
from kafka.record import MemoryRecords

from stream.embedded.batch import HEADER, Header, check, peek, sound_batch_after

INDEX_INTERVAL = 4096  # bytes of log for each index entry, as Apache Kafka's index.interval.bytes


class CorruptLogError(Exception):
    """A batch that was once stored is damaged, and it is not the torn end of the last write."""


class Segment:
    """
    Batches from *base_offset* on; the file is named for it.

    The index is three parallel arrays: the first offset of a stretch of the file, its position, and
    the newest timestamp in it.
    """

    def __init__(self, path: Path):
        self.path = path
        self.base_offset = int(path.stem)
        self.next_offset = self.base_offset
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.written_at = os.fstat(self.fd).st_mtime
        self.size = self.synced_size = 0
        self._offsets, self._positions, self._newest = array("q"), array("q"), array("q")

    def recover(self, *, is_last: bool, on_batch: Callable[[Header], None]) -> int:
        """
        Check and index every batch on disk; cut a torn end, and return its length in bytes.

        Only the last segment can end in a torn write; other damage raises `CorruptLogError`.
        """
        data = os.pread(self.fd, os.fstat(self.fd).st_size, 0)
        while self.size < len(data):
            try:
                header = check(data, self.size)
                if header.base_offset != self.next_offset:  # the checksum leaves it out
                    raise CorruptRecordError(f"it says offset {header.base_offset}")
            except (CorruptRecordError, UnsupportedForMessageFormatError) as error:
                if not is_last or sound_batch_after(data, self.size, self.next_offset):
                    raise CorruptLogError(
                        f"corrupt batch in {self.path} at byte {self.size}, "
                        f"offset {self.next_offset}: {error.args[0]}"
                    ) from error
                os.ftruncate(self.fd, self.size)
                return len(data) - self.size
            self._index(header)
            on_batch(header)
        return 0

    def append(self, batch: bytearray, now: float) -> None:
        """Write one placed batch; when the disk refuses, take back what was written."""
        try:
            n_written = os.write(self.fd, batch)
        except OSError as error:
            os.ftruncate(self.fd, self.size)
            raise KafkaStorageError(f"{self.path}: {error.strerror}") from error
        if n_written != len(batch):
            os.ftruncate(self.fd, self.size)
            raise KafkaStorageError(f"{self.path}: {n_written} of {len(batch)} bytes written")
        self._index(peek(batch))
        self.written_at = now

    def read(self, offset: int, max_bytes: int) -> bytes:
        """Return bytes from the batch with *offset* on: that one whole, the last possibly not."""
        at = self._positions[max(0, bisect_right(self._offsets, offset) - 1)]
        while (header := peek(os.pread(self.fd, HEADER.size, at))).next_offset <= offset:
            at += header.size
        return os.pread(self.fd, max(max_bytes, header.size), at)

    def find(self, timestamp: int, start_offset: int) -> tuple[int, int] | None:
        """Return (offset, timestamp) of the first record from *start_offset* on, not older."""
        for i, newest in enumerate(self._newest):
            if newest < timestamp:
                continue
            end = self._positions[i + 1] if i + 1 < len(self._positions) else self.size
            stretch = os.pread(self.fd, end - self._positions[i], self._positions[i])
            for record in (r for batch in MemoryRecords(stretch) for r in batch):
                if record.timestamp >= timestamp and record.offset >= start_offset:
                    return record.offset, record.timestamp
        return None

    @property
    def newest_timestamp(self) -> int:
        """The newest timestamp of any record, -1 for none."""
        return max(self._newest, default=-1)

    def unsynced(self) -> int | None:
        """Return a duplicate descriptor to sync and close, if there was a write since the last."""
        if self.size == self.synced_size:
            return None
        # A duplicate, because retention may close ours while another thread still syncs.
        self.synced_size = self.size
        return os.dup(self.fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)

    def _index(self, header: Header) -> None:
        if not self._positions or self.size - self._positions[-1] >= INDEX_INTERVAL:
            self._offsets.append(header.base_offset)
            self._positions.append(self.size)
            self._newest.append(header.max_timestamp)
        self._newest[-1] = max(self._newest[-1], header.max_timestamp)
        self.size += header.size
        self.next_offset = header.next_offset
