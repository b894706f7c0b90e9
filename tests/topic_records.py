"""What a topic holds, for tests."""

from typing import Any

from kafka import KafkaConsumer, TopicPartition

from stream.report import (
    DELETION_HEADER,
    HEARTBEAT_HEADER,
    Deletion,
    Heartbeat,
    Report,
    decode,
    decode_deletion,
    decode_heartbeat,
)


def records(bootstrap: str, topic: str) -> list[Any]:
    """Return all records that *topic* holds now, partition by partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    try:
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        found: list[Any] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                found.extend(batch)
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        consumer.close()


def is_heartbeat(record: Any) -> bool:
    """Whether *record* carries the header of heartbeats."""
    return HEARTBEAT_HEADER in dict(record.headers)


def reports(bootstrap: str, topic: str) -> list[Report]:
    """Return the reports in *topic*."""
    found = records(bootstrap, topic)
    return [
        decode(record.value)
        for record in found
        if not is_heartbeat(record) and not is_deletion(record)
    ]


def is_deletion(record: Any) -> bool:
    """Whether *record* carries the header of deletions."""
    return DELETION_HEADER in dict(record.headers)


def deletions(bootstrap: str, topic: str) -> list[Deletion]:
    """Return the deletions in *topic*."""
    found = records(bootstrap, topic)
    return [decode_deletion(record.value) for record in found if is_deletion(record)]


def heartbeats(bootstrap: str, topic: str) -> list[tuple[int, Heartbeat]]:
    """Return partition and content of each heartbeat in *topic*."""
    found = records(bootstrap, topic)
    return [
        (record.partition, decode_heartbeat(record.value))
        for record in found
        if is_heartbeat(record)
    ]
