"""Consumer groups, against the embedded broker and against Apache Kafka."""

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CommitFailedError, KafkaError
from kafka.structs import OffsetAndMetadata

pytestmark = pytest.mark.kafka

MEMBER = Path(__file__).with_name("group_member.py")


class Member:
    """A consumer in a process of its own."""

    def __init__(self, *arguments: str):
        command = [sys.executable, "-W", "ignore", str(MEMBER), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assigned: set[int] = set()
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self._rest = b""

    def listen(self) -> None:
        """Take in what the process has said."""
        assert self.process.stdout is not None
        while chunk := self.process.stdout.read():
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if lines:
                self.assigned = set(map(int, lines[-1].split()))

    def kill(self) -> None:
        """End it without a word to the broker."""
        self.process.kill()
        self.assigned = set()

    def leave(self) -> None:
        """End it in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(20)
        self.assigned = set()


class Members:
    """The members of one group; between them they should have every partition once."""

    def __init__(self, *arguments: str):
        self._arguments = arguments
        self.all: list[Member] = []

    def add(self) -> Member:
        """Start one more."""
        self.all.append(Member(*self._arguments))
        return self.all[-1]

    def share(self, *members: Member, seconds: float = 40) -> bool:
        """Wait until these, each with some, have all four partitions once."""
        return self._wait(
            lambda: (
                sorted(p for m in members for p in m.assigned) == [0, 1, 2, 3]
                and all(m.assigned for m in members)
            ),
            seconds,
        )

    def _wait(self, is_so: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            for member in self.all:
                if member.process.poll() is None and member.process.stdout is not None:
                    selector.register(member.process.stdout, selectors.EVENT_READ)
            while not is_so() and time.monotonic() < until:
                selector.select(0.5)
                for member in self.all:
                    if member.process.poll() is None:
                        member.listen()
        return is_so()

    def close(self) -> None:
        """End all of them."""
        for member in self.all:
            member.process.kill()
            with member.process:  # closes its pipes and waits
                pass


@pytest.fixture(params=["range", "cooperative-sticky"])
def members(request: pytest.FixtureRequest, kafka: str, topic: str) -> Iterator[Members]:
    group = Members(kafka, topic, f"group-{topic}", request.param)
    yield group
    group.close()


def test_partitions_move_as_members_join_leave_and_die(members: Members) -> None:
    first = members.add()
    assert members.share(first)
    second = members.add()
    assert members.share(first, second)
    second.leave()
    assert members.share(first)
    third = members.add()
    assert members.share(first, third)
    third.kill()

    assert members.share(first), "a killed member's partitions went to nobody"


def options(kafka: str, topic: str) -> dict[str, object]:
    return {
        "bootstrap_servers": kafka,
        "group_id": f"group-{topic}",
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
    }


def read(consumer: KafkaConsumer, n: int) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for _ in range(100):
        if len(places) >= n:
            break
        for batch in consumer.poll(timeout_ms=200).values():
            places.extend((r.partition, r.offset) for r in batch)
    return places


@pytest.fixture
def filled(kafka: str, topic: str) -> str:
    """A topic with 100 records in each partition."""
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        for i in range(400):
            producer.send(topic, b"%d" % i, partition=i % 4)
    return topic


def test_a_member_goes_on_where_the_last_one_committed(kafka: str, filled: str) -> None:
    with KafkaConsumer(filled, **options(kafka, filled), max_poll_records=50) as consumer:
        before = read(consumer, 200)
        consumer.commit()
    with KafkaConsumer(filled, **options(kafka, filled)) as consumer:
        after = read(consumer, 400 - len(before))

    assert sorted(before + after) == [(p, o) for p in range(4) for o in range(100)]


def test_what_was_not_committed_is_read_again(kafka: str, filled: str) -> None:
    for _ in range(2):
        with KafkaConsumer(filled, **options(kafka, filled)) as consumer:
            assert len(read(consumer, 400)) == 400


def test_a_commit_keeps_its_metadata(kafka: str, filled: str) -> None:
    place = TopicPartition(filled, 0)
    with KafkaConsumer(**options(kafka, filled)) as consumer:
        consumer.assign([place])
        consumer.commit({place: OffsetAndMetadata(7, "worker 3", -1)})

        committed = consumer.committed(place, metadata=True)

    assert (committed.offset, committed.metadata) == (7, "worker 3")


def test_a_stranger_may_not_commit_for_a_group_with_members(kafka: str, filled: str) -> None:
    with KafkaConsumer(filled, **options(kafka, filled)) as member:
        read(member, 400)
        with KafkaConsumer(**options(kafka, filled)) as stranger:
            place = TopicPartition(filled, 0)
            stranger.assign([place])

            with pytest.raises((CommitFailedError, KafkaError)):
                stranger.commit({place: OffsetAndMetadata(1, "", -1)})


def test_lag_is_seen_by_an_admin(kafka: str, filled: str, kafka_admin: KafkaAdminClient) -> None:
    group = f"group-{filled}"
    places = [TopicPartition(filled, i) for i in range(4)]
    with KafkaConsumer(filled, **options(kafka, filled)) as consumer:
        read(consumer, 400)
        consumer.commit({place: OffsetAndMetadata(60, "", -1) for place in places})

        offsets = kafka_admin.list_group_offsets(group)[group]
        ends = kafka_admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
        assert sum(ends[p].offset - offsets[p].offset for p in places) == 160
