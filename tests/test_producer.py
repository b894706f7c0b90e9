"""The producer against a real broker: where records go, and that none is lost without an error."""

import signal
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaAdminClient
from kafka.partitioner.default import murmur2 as kafkas_murmur2

from stream.embedded import Child, start_broker
from stream.partition import murmur2
from stream.producer import (
    BrokerUnreachable,
    DeliveryError,
    Producer,
    await_listener,
)
from stream.report import Report, decode
from stream.topics import ensure_topics
from tests.topic_records import heartbeats, is_heartbeat, records

NOON = datetime(2025, 10, 20, 12, tzinfo=UTC)


def report(number: int, author: int = 0) -> Report:
    return Report(
        id=f"test:{number}",
        source="test",
        author=f"{author:032x}",
        text="is it down? 落ちてる？",
        posted_at=NOON,
        received_at=NOON,
    )


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Child]:
    """A broker with one topic, `reports`, to be halted."""
    child = start_broker(tmp_path)
    ensure_topics(child.address, ["reports"], 1)
    yield child
    child.process.send_signal(signal.SIGCONT)
    child.stop()


def halt(broker: Child) -> None:
    """Let *broker* answer nothing; stopped, kafka-python would leave each refused socket open."""
    broker.process.send_signal(signal.SIGSTOP)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.kafka
def test_everything_that_is_sent_arrives_in_the_order_of_its_author(kafka: str, topic: str) -> None:
    sent = [report(number, author=number % 7) for number in range(500)]
    with Producer(kafka, topic) as producer:
        for made in sent:
            producer.send(made)

    arrived = defaultdict(list)
    for record in records(kafka, topic):
        arrived[decode(record.value).author].append(decode(record.value))

    assert arrived == {
        f"{author:032x}": [made for made in sent if made.author == f"{author:032x}"]
        for author in range(7)
    }


@pytest.mark.kafka
def test_all_posts_of_an_author_reach_one_partition(kafka: str, topic: str) -> None:
    for _ in range(2):  # also by another producer
        with Producer(kafka, topic) as producer:
            for number in range(60):
                producer.send(report(number, author=number % 20))

    partitions = defaultdict(set)
    for record in records(kafka, topic):
        assert record.key == decode(record.value).author.encode()
        partitions[record.key].add(record.partition)

    assert len(partitions) == 20
    assert all(len(where) == 1 for where in partitions.values())
    assert len(set.union(*partitions.values())) > 1


@pytest.mark.kafka
def test_a_heartbeat_reaches_every_partition_and_is_told_from_reports(
    kafka: str, topic: str
) -> None:
    with Producer(kafka, topic) as producer:
        producer.send(report(1))
        producer.heartbeat("test", NOON)

    beats = heartbeats(kafka, topic)

    assert [partition for partition, _ in beats] == [0, 1, 2, 3]
    assert {(beat.source, beat.at) for _, beat in beats} == {("test", NOON)}
    assert sum(not is_heartbeat(record) for record in records(kafka, topic)) == 1


@pytest.mark.kafka
def test_a_heartbeat_can_be_for_some_partitions_only(kafka: str, topic: str) -> None:
    with Producer(kafka, topic) as producer:
        producer.heartbeat("test", NOON, [2])

    assert [partition for partition, _ in heartbeats(kafka, topic)] == [2]


@pytest.mark.kafka
def test_what_is_in_flight_is_bounded(kafka: str, topic: str) -> None:
    with Producer(kafka, topic, max_in_flight=3) as producer:
        for number in range(20):
            producer.send(report(number))

    assert len(records(kafka, topic)) == 20


@pytest.mark.kafka
def test_topics_are_made_once_and_left_as_they_are(
    kafka: str, topic: str, kafka_admin: KafkaAdminClient
) -> None:
    other = f"{topic}-other"
    ensure_topics(kafka, [topic, other], 2)
    ensure_topics(kafka, [topic, other], 3)
    try:
        with Producer(kafka, topic) as old, Producer(kafka, other) as new:
            assert old.partitions() == [0, 1, 2, 3]
            assert new.partitions() == [0, 1]
    finally:
        kafka_admin.delete_topics([other])


def test_an_unreachable_broker_is_one_error_with_its_address_within_ten_seconds() -> None:
    bootstrap = f"127.0.0.1:{free_port()}"
    start = time.monotonic()

    with pytest.raises(BrokerUnreachable, match=f"Kafka at {bootstrap} does not answer") as caught:
        Producer(bootstrap, "outcry.reports")

    assert caught.value.bootstrap == bootstrap
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("bootstrap", ["nowhere", "host:", ":9092", "host:port"])
def test_what_is_no_address_is_refused_at_once(bootstrap: str) -> None:
    with pytest.raises(BrokerUnreachable, match=f"{bootstrap} is not an address of the form"):
        Producer(bootstrap, "outcry.reports")


def test_one_listening_address_of_several_is_enough(kafka: str) -> None:
    await_listener([f"127.0.0.1:{free_port()}", kafka], seconds=0.5)


def test_a_broker_that_goes_away_fails_the_flush_with_the_number_of_lost_records(
    broker: Child,
) -> None:
    producer = Producer(broker.address, "reports", delivery_seconds=2)
    halt(broker)

    def send_five() -> None:
        with producer:
            for number in range(5):
                producer.send(report(number))

    with pytest.raises(DeliveryError, match=broker.address) as caught:
        send_five()

    assert caught.value.n_failed == 5


def test_after_a_failed_delivery_nothing_more_is_taken(broker: Child) -> None:
    producer = Producer(broker.address, "reports", delivery_seconds=2, max_in_flight=1)
    halt(broker)

    def send_two() -> None:
        with producer:
            producer.send(report(1))
            producer.send(report(2))  # waits for room, and gets the first one's error instead

    with pytest.raises(DeliveryError):
        send_two()

    assert producer.n_sent == 1


def test_leaving_with_an_error_of_ones_own_does_not_wait_for_a_dead_broker(broker: Child) -> None:
    producer = Producer(broker.address, "reports")
    halt(broker)
    start = time.monotonic()

    def send_and_break() -> None:
        with producer:
            producer.send(report(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send_and_break()

    assert time.monotonic() - start < 5


@given(st.binary(max_size=100))
def test_a_key_goes_where_kafkas_own_clients_send_it(key: bytes) -> None:
    assert murmur2(key) == kafkas_murmur2(key)
