"""The broker's parts by themselves: batches, a log against a list, a group against its rules."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka.errors import (
    BrokerResponseError,
    CorruptRecordError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    InvalidProducerEpochError,
    OffsetOutOfRangeError,
    OutOfOrderSequenceNumberError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.record import MemoryRecords
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.embedded.broker import open_database
from stream.embedded.group import INITIAL_DELAY, Group
from stream.embedded.log import EARLIEST, LATEST, CorruptLogError, Partition, check


def batch(values: list[bytes], *, timestamp: int = 1000, **options: int) -> bytes:
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1 << 20, **options)
    for i, value in enumerate(values):
        builder.append(timestamp + i, None, value, [])
    builder.close()
    return bytes(builder.buffer())


batches = st.lists(
    st.lists(st.binary(max_size=40), min_size=1, max_size=5), min_size=1, max_size=30
)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_sound_batch_or_a_protocol_error(data: bytes) -> None:
    try:
        header = check(data)
    except BrokerResponseError:
        return
    assert header.length + 12 == len(data)


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


def test_records_are_found_by_time(log: Partition) -> None:
    for i in range(200):
        log.append(batch([b"v" * 50] * 2, timestamp=1000 + i * 10), now=0.0)
    log.delete_before(2)

    assert log.find(0) == (2, 1010)
    assert log.find(2001) == (201, 2001)
    assert log.find(2002) == (202, 2010)
    assert log.find(9999) == (-1, -1)
    assert (log.find(EARLIEST), log.find(LATEST)) == ((2, -1), (400, -1))


def test_age_is_the_time_since_a_record_was_written(log: Partition) -> None:
    for i in range(30):
        log.append(batch([b"v" * 200]), now=float(i))
    log.retain(now=115.0, max_bytes=-1, max_age=100.0)
    assert log.start_offset == 15

    log.retain(now=200.0, max_bytes=-1, max_age=100.0)
    assert log.start_offset == log.next_offset == 30


def test_the_oldest_batches_go_when_there_are_too_many_bytes(log: Partition) -> None:
    size = len(batch([b"v" * 200]))
    for _ in range(30):
        log.append(batch([b"v" * 200]), now=0.0)
    for _ in range(3):
        log.retain(now=0.0, max_bytes=10 * size + 1, max_age=-1)

        assert log.start_offset == 20
    assert len(log.read(20, 1 << 20)) == 10 * size


def test_an_empty_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for i in range(3):
        database, log = open_log(tmp_path)
        with closing(database):
            assert log.append(batch([b"v"]), now=0.0) == i
            log.delete_before(LATEST)
            log.retain(now=0.0, max_bytes=0, max_age=-1)


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
        with pytest.raises(InvalidProducerEpochError):
            log.append(batch([b"f"], **producer, base_sequence=3), 0.0)
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


class Consumers:
    """Drives a group by hand, at given times."""

    def __init__(self) -> None:
        self.group = Group()

    async def join(self, member_id: str = "", *, at: float, **options: Any) -> "asyncio.Task[Any]":
        fields: dict[str, Any] = {
            "session_timeout_ms": 10_000,
            "rebalance_timeout_ms": 30_000,
            "names": ("range",),
        } | options
        protocols = [SimpleNamespace(name=name, metadata=b"") for name in fields["names"]]
        request = SimpleNamespace(member_id=member_id, protocols=protocols, **fields)
        return await begun(self.group.join(request, "client", at))

    async def sync(self, joined: dict[str, Any], *, at: float) -> "asyncio.Task[Any]":
        ids = [member["member_id"] for member in joined["members"]]
        shares = [SimpleNamespace(member_id=id, assignment=id.encode()) for id in ids]
        return await begun(self.group.sync(request(joined, assignments=shares), at))

    async def tick(self, at: float) -> None:
        self.group.tick(at)
        await turns()

    async def pair(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A settled group of two; the first one leads."""
        first, second = await self.join(at=0), await self.join(at=0)
        await self.tick(INITIAL_DELAY)
        leader, other = first.result(), second.result()
        waiting = await self.sync(other, at=1)
        assert not waiting.done()
        assert (await self.sync(leader, at=1)).result() == leader["member_id"].encode()
        assert waiting.result() == other["member_id"].encode()
        return leader, other


async def begun(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    task = asyncio.create_task(work)
    await turns()
    return task


async def turns() -> None:
    """Let every task go on until it waits."""
    for _ in range(3):
        await asyncio.sleep(0)


def request(joined: dict[str, Any], **fields: Any) -> Any:
    place = {"member_id": joined["member_id"], "generation_id": joined["generation_id"]}
    return SimpleNamespace(**place, **fields)


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


@in_loop
async def test_members_that_come_together_share_the_first_generation() -> None:
    leader, other = await Consumers().pair()

    assert leader["generation_id"] == other["generation_id"] == 1
    assert leader["leader"] == other["leader"] == leader["member_id"]
    ids = [member["member_id"] for member in leader["members"]]
    assert ids == [leader["member_id"], other["member_id"]]
    assert other["members"] == []


@in_loop
async def test_a_member_that_falls_silent_is_removed_and_the_others_told() -> None:
    consumers = Consumers()
    leader, other = await consumers.pair()
    consumers.group.heartbeat(request(leader), 9)
    await consumers.tick(11.5)

    with pytest.raises(RebalanceInProgressError):
        consumers.group.heartbeat(request(leader), 12)
    with pytest.raises(UnknownMemberIdError):
        consumers.group.heartbeat(request(other), 12)
    again = await consumers.join(leader["member_id"], at=12)
    await consumers.tick(12)
    assert again.result()["generation_id"] == 2


@in_loop
async def test_who_does_not_join_again_in_time_is_left_out() -> None:
    consumers = Consumers()
    leader, other = await consumers.pair()
    joining = await consumers.join(leader["member_id"], at=2)
    for at in (8.0, 16.0, 24.0, 31.0):
        with pytest.raises(RebalanceInProgressError):
            consumers.group.heartbeat(request(other), at)
        await consumers.tick(at)
        assert not joining.done()
    await consumers.tick(32.0)

    assert [m["member_id"] for m in joining.result()["members"]] == [leader["member_id"]]


@in_loop
async def test_followers_of_a_leader_that_dies_before_it_assigns_are_told() -> None:
    consumers = Consumers()
    first, second = await consumers.join(at=0), await consumers.join(at=0)
    await consumers.tick(INITIAL_DELAY)
    waiting = await consumers.sync(second.result(), at=1)
    await consumers.tick(10.0)
    assert not waiting.done()
    await consumers.tick(10.5)

    assert list(consumers.group.members) == [second.result()["member_id"]]
    assert first.result()["leader"] not in consumers.group.members
    assert isinstance(waiting.exception(), RebalanceInProgressError)
    await consumers.tick(11.0)
    assert consumers.group.members, "the follower was not given the time to join again"


@in_loop
async def test_a_rebalance_waits_for_no_member_that_is_gone() -> None:
    consumers = Consumers()
    await consumers.join(at=0)
    await consumers.join(at=0)
    await consumers.tick(INITIAL_DELAY)
    third = await consumers.join(at=1)  # while the other two, which died, have not assigned
    await consumers.tick(11.5)

    assert third.result()["leader"] == third.result()["member_id"]


@in_loop
async def test_a_request_of_an_older_generation_is_refused() -> None:
    consumers = Consumers()
    leader, other = await consumers.pair()
    consumers.group.leave(other["member_id"], 2)
    await consumers.join(leader["member_id"], at=2)
    await consumers.tick(2)

    with pytest.raises(IllegalGenerationError):
        consumers.group.note(leader["member_id"], leader["generation_id"], 3)


@in_loop
async def test_the_assignor_is_one_that_all_know() -> None:
    consumers = Consumers()
    first = await consumers.join(at=0, names=("sticky", "range"))
    await consumers.join(at=0, names=("range", "roundrobin"))
    await consumers.tick(INITIAL_DELAY)

    assert first.result()["protocol_name"] == "range"
    refused = await consumers.join(at=1, names=("sticky", "roundrobin"))
    assert isinstance(refused.exception(), InconsistentGroupProtocolError)


def test_no_order_of_requests_seats_a_member_twice_or_loses_an_answer() -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("njlst"), st.integers(0, 3)), max_size=40))
    def law(steps: list[tuple[str, int]]) -> None:
        asyncio.run(drive(steps))

    law()


async def drive(steps: list[tuple[str, int]]) -> None:
    consumers, answers, now = Consumers(), [], 0.0
    for step, i in steps:
        now += 4 * i if step == "t" else 0.2
        ids = list(consumers.group.members)
        joined = [a.result() for a in answers if a.done() and not a.exception()]
        joined = [answer for answer in joined if isinstance(answer, dict)]
        if step == "n":
            answers.append(await consumers.join(at=now))
        elif ids and step == "j":
            answers.append(await consumers.join(ids[i % len(ids)], at=now))
        elif ids and step == "l":
            consumers.group.leave(ids[i % len(ids)], now)
        elif joined and step == "s":
            answers.append(await consumers.sync(joined[i % len(joined)], at=now))
        await consumers.tick(now)
    for later in range(1, 6):
        await consumers.tick(now + later * 10_000)

    assert all(answer.done() for answer in answers)
    for answer in answers:
        assert isinstance(answer.exception(), BrokerResponseError | None)
    assert not consumers.group.members
