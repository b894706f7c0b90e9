"""The broker's log by itself: batches, a log against a list, its limits and its damage."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka.errors import (
    BrokerResponseError,
    CorruptRecordError,
    OffsetOutOfRangeError,
    OutOfOrderSequenceNumberError,
)
from kafka.record import MemoryRecords
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.embedded.broker import open_database
from stream.embedded.log import CorruptLogError, Partition, check


def batch(values: list[bytes], *, timestamp: int = 1000, **options: int) -> bytes:
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1 << 20, **options)
    for i, value in enumerate(values):
        builder.append(timestamp + i, None, value, [])
    builder.close()
    return bytes(builder.buffer())


batches = st.lists(
    st.lists(st.binary(max_size=40), min_size=1, max_size=5), min_size=1, max_size=30
)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_sound_batch_or_a_protocol_error(data: bytes) -> None:
    try:
        sound = check(data)
    except BrokerResponseError:
        return
    assert sound.size_in_bytes == len(data)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_any_changed_byte_under_the_checksum_is_noticed(values: list[bytes], data: Any) -> None:
    whole = bytearray(batch(values))
    at = data.draw(st.integers(21, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(CorruptRecordError):
        check(bytes(whole))


def open_log(path: Path) -> tuple[sqlite3.Connection, Partition]:
    database = open_database(path / "broker.sqlite", "never")
    database.execute("INSERT OR IGNORE INTO partition (id, topic, number) VALUES (1, 't', 0)")
    (start,) = database.execute("SELECT start_offset FROM partition").fetchone()
    return database, Partition(database, 1, start)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Partition]:
    database, partition = open_log(tmp_path)
    with closing(database):
        yield partition


def records(data: bytes) -> list[tuple[int, bytes]]:
    return [(r.offset, r.value) for part in MemoryRecords(data) for r in part]


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(written=batches, max_bytes=st.integers(0, 2000), offset=st.integers(0, 150))
def test_a_log_reads_like_a_list_before_and_after_recovery(
    tmp_path_factory: pytest.TempPathFactory,
    written: list[list[bytes]],
    max_bytes: int,
    offset: int,
) -> None:
    directory = tmp_path_factory.mktemp("log")
    expected = list(enumerate(value for values in written for value in values))
    for is_first in (True, False):
        database, partition = open_log(directory)
        with closing(database):
            for values in written if is_first else ():
                partition.append(batch(values), now=0.0)
            place, found = min(offset, len(expected)), []
            while place < partition.next_offset:
                read = records(partition.read(place, max_bytes))
                found += [r for r in read if r[0] >= place]
                place = found[-1][0] + 1

        assert found == expected[min(offset, len(expected)) :]


def test_a_read_gives_one_batch_at_least_and_no_other_that_does_not_fit(log: Partition) -> None:
    size = len(batch([b"v" * 50]))
    for _ in range(5):
        log.append(batch([b"v" * 50]), now=0.0)

    assert len(log.read(1, 1)) == size
    assert len(log.read(1, 3 * size - 1)) == 2 * size
    assert log.read(5, 1000) == b""
    with pytest.raises(OffsetOutOfRangeError):
        log.read(6, 1000)


def test_age_is_the_time_since_a_record_was_written(log: Partition) -> None:
    for i in range(30):
        log.append(batch([b"v" * 200]), now=float(i))
    log.retain(now=115.0, max_bytes=1 << 20, max_age=100.0)
    assert log.start_offset == 15

    log.retain(now=200.0, max_bytes=1 << 20, max_age=100.0)
    assert log.start_offset == log.next_offset == 30


def test_the_oldest_batches_go_when_there_are_too_many_bytes(log: Partition) -> None:
    size = len(batch([b"v" * 200]))
    for _ in range(30):
        log.append(batch([b"v" * 200]), now=0.0)
    for _ in range(3):
        log.retain(now=0.0, max_bytes=10 * size + 1, max_age=1.0)

        assert log.start_offset == 20
    assert len(log.read(20, 1 << 20)) == 10 * size


def test_an_empty_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for i in range(3):
        database, log = open_log(tmp_path)
        with closing(database):
            assert log.append(batch([b"v"]), now=0.0) == i
            log.retain(now=0.0, max_bytes=0, max_age=1.0)
            assert log.start_offset == log.next_offset


def test_repetitions_are_known_after_recovery(tmp_path: Path) -> None:
    producer = {"producer_id": 5, "producer_epoch": 0}
    database, log = open_log(tmp_path)
    first = log.append(batch([b"a", b"b"], **producer, base_sequence=0), 0.0)
    second = log.append(batch([b"c"], **producer, base_sequence=2), 0.0)
    database.close()

    database, log = open_log(tmp_path)
    with closing(database):
        assert log.append(batch([b"a", b"b"], **producer, base_sequence=0), 0.0) == first
        assert log.append(batch([b"c"], **producer, base_sequence=2), 0.0) == second
        with pytest.raises(OutOfOrderSequenceNumberError):
            log.append(batch([b"e"], **producer, base_sequence=4), 0.0)
        log.append(batch([b"e"], producer_id=5, producer_epoch=1, base_sequence=0), 0.0)
        assert log.next_offset == 4


def test_sequence_numbers_wrap(log: Partition) -> None:
    producer = {"producer_id": 5, "producer_epoch": 0}
    log.append(batch([b"a", b"b"], **producer, base_sequence=0x7FFF_FFFE), 0.0)
    log.append(batch([b"c"], **producer, base_sequence=0), 0.0)

    assert log.next_offset == 3


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM batch WHERE base_offset = 1", "missing from 1 to 2"),
        ("DELETE FROM batch WHERE base_offset = 0", "missing from 0 to 1"),
        ("UPDATE batch SET data = x'00' WHERE base_offset = 1", "corrupt batch at 1: 1 bytes"),
        (
            "UPDATE batch SET data = CAST(data || 'x' AS BLOB) WHERE base_offset = 1",
            "corrupt batch at 1",
        ),
    ],
)
def test_damage_is_noticed(tmp_path: Path, damage: str, said: str) -> None:
    database, log = open_log(tmp_path)
    for _ in range(3):
        log.append(batch([b"v" * 50]), 0.0)
    database.execute(damage)
    database.close()

    with pytest.raises(CorruptLogError, match=said):
        open_log(tmp_path)
