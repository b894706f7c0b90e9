"""The broker's parts by themselves: batches, a log against a list, a group against its rules."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka.errors import (
    BrokerResponseError,
    CorruptRecordError,
    FencedInstanceIdError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    MemberIdRequiredError,
    OutOfOrderSequenceNumberError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    UnsupportedForMessageFormatError,
)
from kafka.record import MemoryRecords
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.embedded.batch import check, placed, sound_batch_after
from stream.embedded.group import INITIAL_DELAY, Group
from stream.embedded.member import Joined, State
from stream.embedded.partition import Limits, Partition
from stream.embedded.segment import CorruptLogError


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
    except (CorruptRecordError, UnsupportedForMessageFormatError):
        return
    assert header.size <= len(data)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.data())
def test_any_changed_byte_under_the_checksum_is_noticed(values: list[bytes], data: Any) -> None:
    whole = bytearray(batch(values))
    at = data.draw(st.integers(21, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(CorruptRecordError):
        check(bytes(whole))


@given(st.binary(max_size=100), st.integers(0, 1 << 40))
def test_a_sound_batch_is_found_behind_any_bytes(rubbish: bytes, offset: int) -> None:
    data = b"\xff" + rubbish + placed(batch([b"v"]), offset)

    assert sound_batch_after(bytes(data), 0, offset)
    assert not sound_batch_after(bytes(data), 0, offset + 1)


def records(data: bytes) -> list[tuple[int, bytes]]:
    return [(r.offset, r.value) for part in MemoryRecords(data) for r in part]


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    written=batches,
    segment_bytes=st.integers(100, 3000),
    max_bytes=st.integers(1, 2000),
    offset=st.integers(0, 150),
)
def test_a_log_reads_like_a_list_before_and_after_recovery(
    tmp_path_factory: pytest.TempPathFactory,
    written: list[list[bytes]],
    segment_bytes: int,
    max_bytes: int,
    offset: int,
) -> None:
    directory = tmp_path_factory.mktemp("log")
    limits = Limits(segment_bytes=segment_bytes, retention_bytes=-1, retention_seconds=-1)
    expected = list(enumerate(value for values in written for value in values))
    log = Partition(directory, limits)
    for values in written:
        log.append(batch(values), time.time())
    for partition in (log, Partition(directory, limits)):
        place, found = min(offset, len(expected)), []
        while place < partition.next_offset:
            found += [r for r in records(partition.read(place, max_bytes)) if r[0] >= place]
            place = found[-1][0] + 1
        partition.close()

        assert found == expected[min(offset, len(expected)) :]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Partition]:
    partition = Partition(tmp_path, Limits(segment_bytes=1000, retention_bytes=-1))
    yield partition
    partition.close()


def test_records_are_found_by_time_across_segments(log: Partition) -> None:
    for i in range(200):
        log.append(batch([b"v" * 50] * 2, timestamp=1000 + i * 10), now=0.0)

    assert log.find(0) == (0, 1000)
    assert log.find(2001) == (201, 2001)
    assert log.find(2002) == (202, 2010)
    assert log.find(9999) == (-1, -1)
    assert log.newest_timestamp == 2991


def test_age_is_the_time_since_the_last_write(log: Partition) -> None:
    for i in range(30):
        log.append(batch([b"v" * 200]), now=float(i))
    log.retain(now=7 * 24 * 3600 + 15.0)

    assert 0 < log.start_offset <= 15
    log.retain(now=8 * 24 * 3600.0)
    assert log.start_offset == log.next_offset == 30


def test_repetitions_are_known_after_recovery(tmp_path: Path) -> None:
    producer = {"producer_id": 5, "producer_epoch": 0}
    log = Partition(tmp_path, Limits())
    first = log.append(batch([b"a", b"b"], **producer, base_sequence=0), 0.0)
    second = log.append(batch([b"c"], **producer, base_sequence=2), 0.0)
    log.close()

    log = Partition(tmp_path, Limits())

    assert log.append(batch([b"a", b"b"], **producer, base_sequence=0), 0.0) == first
    assert log.append(batch([b"c"], **producer, base_sequence=2), 0.0) == second
    with pytest.raises(OutOfOrderSequenceNumberError):
        log.append(batch([b"e"], **producer, base_sequence=4), 0.0)
    log.append(batch([b"e"], producer_id=5, producer_epoch=1, base_sequence=0), 0.0)
    assert log.next_offset == 4
    log.close()


def test_sequence_numbers_wrap(log: Partition) -> None:
    producer = {"producer_id": 5, "producer_epoch": 0}
    log.append(batch([b"a", b"b"], **producer, base_sequence=0x7FFF_FFFE), 0.0)
    log.append(batch([b"c"], **producer, base_sequence=0), 0.0)

    assert log.next_offset == 3


def test_damage_in_an_older_segment_is_no_torn_write(tmp_path: Path) -> None:
    limits = Limits(segment_bytes=100)
    log = Partition(tmp_path, limits)
    for _ in range(3):
        log.append(batch([b"v" * 50]), 0.0)
    log.close()
    oldest = min(tmp_path.glob("*.log"))
    oldest.write_bytes(oldest.read_bytes()[:-1])

    with pytest.raises(CorruptLogError, match="offset 0"):
        Partition(tmp_path, limits)


def test_a_missing_segment_is_noticed(tmp_path: Path) -> None:
    limits = Limits(segment_bytes=100)
    log = Partition(tmp_path, limits)
    for _ in range(3):
        log.append(batch([b"v" * 50]), 0.0)
    log.close()
    sorted(tmp_path.glob("*.log"))[1].unlink()

    with pytest.raises(CorruptLogError, match="missing file before"):
        Partition(tmp_path, limits)


class Consumers:
    """Drives a group by hand, at given times."""

    def __init__(self) -> None:
        self.group = Group()

    def join(self, member_id: str = "", *, at: float, **options: Any) -> "asyncio.Future[Joined]":
        fields: dict[str, Any] = {
            "group_instance_id": None,
            "session_timeout_ms": 10_000,
            "rebalance_timeout_ms": 30_000,
            "protocol_type": "consumer",
            "names": ("range",),
            "metadata": b"",
            "version": 7,
        } | options
        protocols = [SimpleNamespace(name=n, metadata=fields["metadata"]) for n in fields["names"]]
        request = SimpleNamespace(member_id=member_id, protocols=protocols, **fields)
        return self.group.join(request, "client", at)

    def new(self, *, at: float, **options: Any) -> "asyncio.Future[Joined]":
        """Join as a newcomer, who is given an id first."""
        with pytest.raises(MemberIdRequiredError) as given_id:
            self.join(at=at, **options)
        return self.join(given_id.value.args[0], at=at, **options)

    def sync(self, joined: Joined, *, at: float) -> asyncio.Future[bytes]:
        shares = [
            SimpleNamespace(member_id=id, assignment=id.encode()) for id, _, _ in joined.members
        ]
        return self.group.sync(self.request(joined, assignments=shares), at)

    def heartbeat(self, joined: Joined, *, at: float) -> None:
        self.group.heartbeat(self.request(joined), at)

    def request(self, joined: Joined, **fields: Any) -> Any:
        return SimpleNamespace(
            member_id=joined.member_id,
            generation_id=joined.generation,
            generation_id_or_member_epoch=joined.generation,
            group_instance_id=None,
            **fields,
        )

    def pair(self) -> tuple[Joined, Joined]:
        """A stable group of two; the first one leads."""
        first, second = self.new(at=0), self.new(at=0)
        self.group.tick(INITIAL_DELAY)
        leader, other = first.result(), second.result()
        assert self.sync(other, at=1).done() is False
        assert self.sync(leader, at=1).result() == leader.member_id.encode()
        assert self.group.state is State.STABLE
        return leader, other


def in_loop(test: Any) -> Any:
    """Run a test inside an event loop: a group's answers are futures."""

    def run() -> None:
        async def inside() -> None:
            test()

        asyncio.run(inside())

    run.__name__ = test.__name__
    return run


@in_loop
def test_members_that_come_together_share_the_first_generation() -> None:
    leader, other = Consumers().pair()

    assert (leader.generation, other.generation) == (1, 1)
    assert {id for id, _, _ in leader.members} == {leader.member_id, other.member_id}
    assert other.members == ()


@in_loop
def test_a_member_that_falls_silent_is_removed_and_the_others_told() -> None:
    consumers = Consumers()
    leader, other = consumers.pair()
    consumers.heartbeat(leader, at=9)
    consumers.group.tick(11.5)

    with pytest.raises(RebalanceInProgressError):
        consumers.heartbeat(leader, at=12)
    with pytest.raises(UnknownMemberIdError):
        consumers.heartbeat(other, at=12)
    again = consumers.join(leader.member_id, at=12)
    assert again.result().generation == 2


@in_loop
def test_who_does_not_join_again_in_time_is_left_out() -> None:
    consumers = Consumers()
    leader, other = consumers.pair()
    joining = consumers.join(leader.member_id, at=2)
    for at in (8.0, 16.0, 24.0, 31.0):
        with pytest.raises(RebalanceInProgressError):
            consumers.heartbeat(other, at=at)
        consumers.group.tick(at)
        assert not joining.done()
    consumers.group.tick(32.0)

    assert joining.result().members == ((leader.member_id, None, b""),)


@in_loop
def test_followers_of_a_leader_that_dies_before_it_assigns_are_told() -> None:
    consumers = Consumers()
    first, second = consumers.new(at=0), consumers.new(at=0)
    consumers.group.tick(INITIAL_DELAY)
    waiting = consumers.sync(second.result(), at=1)
    consumers.group.tick(10.0)
    assert not waiting.done()
    consumers.group.tick(10.5)

    assert first.result().leader == first.result().member_id
    assert isinstance(waiting.exception(), RebalanceInProgressError)


@in_loop
def test_a_request_of_an_older_generation_is_refused() -> None:
    consumers = Consumers()
    leader, other = consumers.pair()
    consumers.group.leave(other.member_id, None, 2)
    consumers.join(leader.member_id, at=2)

    with pytest.raises(IllegalGenerationError):
        consumers.group.check_commit(consumers.request(leader), 3)


@in_loop
def test_the_assignor_is_one_that_all_know_and_most_prefer() -> None:
    consumers = Consumers()
    consumers.new(at=0, names=("sticky", "range"))
    second = consumers.new(at=0, names=("range", "roundrobin", "sticky"))
    consumers.new(at=0, names=("range", "sticky"))
    consumers.group.tick(INITIAL_DELAY)

    assert second.result().protocol == "range"
    with pytest.raises(InconsistentGroupProtocolError):
        consumers.join(at=1, names=("roundrobin",))


@in_loop
def test_a_static_member_takes_its_seat_back_and_fences_the_old_one() -> None:
    consumers = Consumers()
    first = consumers.join(at=0, group_instance_id="worker-1")
    consumers.group.tick(INITIAL_DELAY)
    old = first.result()
    consumers.sync(old, at=1)
    new = consumers.join(at=2, group_instance_id="worker-1").result()

    assert new.member_id != old.member_id
    assert (new.generation, new.leader) == (old.generation, old.member_id)
    assert consumers.sync(new, at=2).result() == old.member_id.encode()
    stale = consumers.request(old)
    stale.group_instance_id = "worker-1"
    with pytest.raises(FencedInstanceIdError):
        consumers.group.heartbeat(stale, 3)


@in_loop
def test_a_handed_out_id_that_is_not_used_holds_nobody_up_for_long() -> None:
    consumers = Consumers()
    with pytest.raises(MemberIdRequiredError):
        consumers.join(at=0)
    joining = consumers.new(at=0)
    consumers.group.tick(9.0)
    assert not joining.done()
    consumers.group.tick(10.0)

    assert joining.result().generation == 1


@in_loop
def test_no_order_of_requests_seats_a_member_twice_or_loses_an_answer() -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("njlst"), st.integers(0, 3)), max_size=40))
    def law(steps: list[tuple[str, int]]) -> None:
        consumers, answers, now = Consumers(), [], 0.0
        for step, i in steps:
            now += 0.2
            ids = list(consumers.group.members)
            try:
                if step == "n":
                    answers.append(consumers.new(at=now))
                elif step == "t":
                    now += i * 4
                elif ids and step == "j":
                    answers.append(consumers.join(ids[i % len(ids)], at=now, metadata=b"%d" % i))
                elif ids and step == "l":
                    consumers.group.leave(ids[i % len(ids)], None, now)
                elif ids and step == "s":
                    done = [a.result() for a in answers if a.done() and not a.exception()]
                    consumers.sync(done[i % len(done)], at=now) if done else None
            except BrokerResponseError:
                pass
            consumers.group.tick(now)
            _forgive(answers)
        consumers.group.tick(now + 10_000)
        consumers.group.tick(now + 20_000)

        assert all(answer.done() for answer in answers)
        assert consumers.group.state is State.EMPTY

    law()


def _forgive(answers: list[Any]) -> None:
    """Mark errors as seen, or asyncio would report each as never retrieved."""
    for answer in answers:
        if answer.done():
            answer.exception()
