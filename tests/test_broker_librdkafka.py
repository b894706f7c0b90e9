"""
A second client: the broker and kafka-python share one codec, and a mistake in it would not show.

librdkafka and kafka-python write for each other, on the embedded broker and on Apache Kafka.
"""

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as Place

pytestmark = pytest.mark.kafka

N = 400


@pytest.fixture
def consumer(kafka: str, topic: str) -> Iterator[Consumer]:
    client = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"librdkafka-{topic}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "check.crcs": True,
        }
    )
    yield client
    client.close()


def read(consumer: Consumer, n: int) -> list[tuple[int, int, bytes | None]]:
    records: list[tuple[int, int, bytes | None]] = []
    for _ in range(100):
        if len(records) >= n:
            break
        for message in consumer.consume(n, timeout=0.3):
            assert message.error() is None
            records.append((message.partition(), message.offset(), message.value()))
    return records


@pytest.mark.parametrize("codec", ["none", "gzip", "lz4", "zstd"])
def test_librdkafka_writes_what_kafka_python_reads(kafka: str, topic: str, codec: str) -> None:
    failed: list[object] = []
    producer = Producer(
        {"bootstrap.servers": kafka, "enable.idempotence": True, "compression.type": codec}
    )
    for i in range(N):
        producer.produce(
            topic,
            b"v%d" % i,
            key=b"k",
            partition=i % 4,
            headers=[("h", b"1")],
            on_delivery=lambda error, _: failed.append(error) if error else None,
        )
    assert producer.flush(30) == 0
    assert not failed

    with KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest") as reader:
        reader.assign([Place(topic, i) for i in range(4)])
        records = []
        for _ in range(60):
            if len(records) >= N:
                break
            for batch in reader.poll(timeout_ms=250).values():
                records.extend(batch)

    assert sorted(r.value for r in records) == sorted(b"v%d" % i for i in range(N))
    assert {(r.key, tuple(r.headers)) for r in records} == {(b"k", (("h", b"1"),))}


@pytest.mark.parametrize("codec", [None, "gzip", "lz4", "zstd"])
def test_kafka_python_writes_what_librdkafka_reads(
    kafka: str, topic: str, consumer: Consumer, codec: str | None
) -> None:
    with KafkaProducer(bootstrap_servers=kafka, compression_type=codec, linger_ms=20) as producer:
        for i in range(N):
            producer.send(topic, json.dumps({"v": i}).encode(), partition=i % 4)
    consumer.subscribe([topic])

    records = read(consumer, N)

    assert sorted(json.loads(value or b"")["v"] for _, _, value in records) == list(range(N))
    assert {(p, o) for p, o, _ in records} == {(p, o) for p in range(4) for o in range(N // 4)}


def test_librdkafka_commits_resumes_and_sees_watermarks(
    kafka: str, topic: str, consumer: Consumer
) -> None:
    with KafkaProducer(bootstrap_servers=kafka) as producer:
        for i in range(N):
            producer.send(topic, b"%d" % i, partition=i % 4)
    consumer.subscribe([topic])
    read(consumer, N)
    consumer.commit(offsets=[TopicPartition(topic, 2, 33)], asynchronous=False)

    assert consumer.committed([TopicPartition(topic, 2)])[0].offset == 33
    assert consumer.get_watermark_offsets(TopicPartition(topic, 2)) == (0, N // 4)


def test_librdkafka_lists_topics(kafka: str, topic: str) -> None:
    metadata = AdminClient({"bootstrap.servers": kafka}).list_topics(topic, timeout=10)

    assert sorted(metadata.topics[topic].partitions) == [0, 1, 2, 3]
