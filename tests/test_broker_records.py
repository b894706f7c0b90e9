"""Records in and out, against the embedded broker and against Apache Kafka."""

import os
import uuid
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError, OffsetOutOfRangeError, TopicAlreadyExistsError

pytestmark = pytest.mark.kafka


def read(consumer: KafkaConsumer, n: int, polls: int = 60) -> list[ConsumerRecord]:
    records: list[ConsumerRecord] = []
    for _ in range(polls):
        if len(records) >= n:
            break
        for batch in consumer.poll(timeout_ms=250).values():
            records.extend(batch)
    return records


def write(kafka: str, topic: str, n: int, **options: object) -> None:
    with KafkaProducer(bootstrap_servers=kafka, **options) as producer:
        sent = [producer.send(topic, b"v%d" % i, partition=i % 4) for i in range(n)]
        for future in sent:
            future.get(20)


def partitions(topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, i) for i in range(4)]


@pytest.fixture
def consumer(kafka: str) -> Iterator[KafkaConsumer]:
    client = KafkaConsumer(
        bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False
    )
    yield client
    client.close()


@pytest.mark.parametrize("codec", [None, "gzip", "lz4", "zstd"])
def test_every_codec_comes_back_whole_and_in_order(
    kafka: str, topic: str, consumer: KafkaConsumer, codec: str | None
) -> None:
    write(kafka, topic, 1000, compression_type=codec, linger_ms=20)
    consumer.assign(partitions(topic))

    records = read(consumer, 1000)

    for i in range(4):
        mine = [r for r in records if r.partition == i]
        assert [r.offset for r in mine] == list(range(250))
        assert [r.value for r in mine] == [b"v%d" % v for v in range(i, 1000, 4)]


def test_key_headers_timestamp_and_null_value_are_kept(
    kafka: str, topic: str, consumer: KafkaConsumer
) -> None:
    headers = [("reason", b"malformed"), ("empty", b"")]
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        sent = producer.send(
            topic, None, key=b"k", headers=headers, timestamp_ms=1_700_000_000_123, partition=2
        )
        assert sent.get(20).offset == 0
    consumer.assign(partitions(topic))

    (record,) = read(consumer, 1)

    assert (record.partition, record.key, record.value) == (2, b"k", None)
    assert (record.timestamp, list(record.headers)) == (1_700_000_000_123, headers)


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_every_level_of_acknowledgement_stores_the_record(
    kafka: str, topic: str, consumer: KafkaConsumer, acks: int | str
) -> None:
    write(kafka, topic, 4, acks=acks, enable_idempotence=acks == "all")
    consumer.assign(partitions(topic))

    assert len(read(consumer, 4)) == 4


def test_a_record_near_the_limit_goes_through(
    kafka: str, topic: str, consumer: KafkaConsumer
) -> None:
    value = os.urandom(900_000)
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        producer.send(topic, value, partition=0).get(20)
    consumer.assign(partitions(topic))

    assert read(consumer, 1)[0].value == value


def test_first_and_next_offsets_follow_the_log(
    kafka: str, topic: str, consumer: KafkaConsumer
) -> None:
    write(kafka, topic, 400)

    assert consumer.beginning_offsets(partitions(topic)) == dict.fromkeys(partitions(topic), 0)
    assert consumer.end_offsets(partitions(topic)) == dict.fromkeys(partitions(topic), 100)


def test_seeks_land_on_the_offset(kafka: str, topic: str, consumer: KafkaConsumer) -> None:
    write(kafka, topic, 400, linger_ms=50)
    place = TopicPartition(topic, 1)
    consumer.assign([place])

    consumer.seek(place, 60)
    assert read(consumer, 1)[0].offset == 60
    consumer.seek_to_end(place)
    assert consumer.position(place) == 100
    consumer.seek_to_beginning(place)
    assert consumer.position(place) == 0


def test_an_offset_out_of_range_resets_as_the_consumer_asked(
    kafka: str, topic: str, consumer: KafkaConsumer
) -> None:
    write(kafka, topic, 40)
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek(place, 9_999)

    assert [r.offset for r in read(consumer, 10)] == list(range(10))


def test_a_consumer_without_a_reset_policy_is_told(kafka: str, topic: str) -> None:
    place = TopicPartition(topic, 0)
    with KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="none") as consumer:
        consumer.assign([place])
        consumer.seek(place, 9_999)

        with pytest.raises(OffsetOutOfRangeError):
            read(consumer, 1)


def test_a_topic_is_not_made_twice(topic: str, kafka_admin: KafkaAdminClient) -> None:
    with pytest.raises(TopicAlreadyExistsError):
        kafka_admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})


def test_a_topic_made_again_is_empty(
    kafka: str, kafka_admin: KafkaAdminClient, consumer: KafkaConsumer
) -> None:
    name = f"test-{uuid.uuid4().hex[:12]}"
    for _ in range(2):
        shape = {"num_partitions": 4, "replication_factor": 1}
        kafka_admin.create_topics({name: shape}, wait_for_metadata=True)
        assert consumer.end_offsets(partitions(name)) == dict.fromkeys(partitions(name), 0)
        write(kafka, name, 4)
        kafka_admin.delete_topics([name])
        while name in kafka_admin.list_topics():
            pass


@pytest.mark.parametrize("name", ["../../up", "a/b", "", ".", "a" * 250, "naïve"])
def test_names_that_are_no_topic_are_refused(name: str, kafka_admin: KafkaAdminClient) -> None:
    with pytest.raises((KafkaError, ValueError)):
        kafka_admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})


def test_offsets_are_listed_for_an_admin(
    kafka: str, topic: str, kafka_admin: KafkaAdminClient
) -> None:
    write(kafka, topic, 40)

    ends = kafka_admin.list_partition_offsets(dict.fromkeys(partitions(topic), OffsetSpec.LATEST))

    assert {place: end.offset for place, end in ends.items()} == dict.fromkeys(
        partitions(topic), 10
    )
