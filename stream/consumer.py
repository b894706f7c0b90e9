"""
The Kafka consumer: batches of one partition, read on from where the counts stand.

Redis is the authority on progress, the offsets committed to Kafka are for lag displays. A worker
that is given a partition seeks to the offset stored with the counts, so that every rebalance, crash
and zombie ends with the same counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

from detector.counts import Counts
from stream.producer import CONNECT_SECONDS, BrokerUnreachable, await_listener

log = structlog.get_logger()


class TopicRecreated(Exception):
    """The topic ends before what the counts have already seen of it."""

    def __init__(self, partition: int, counted: int, offered: int):
        super().__init__(
            f"partition {partition} was counted up to offset {counted} but the topic ends at "
            f"{offered}: it was deleted and made anew; use another redis.prefix, or delete the old "
            "keys"
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Records of one partition in log order; together they are all of [start, next_offset).

    *end_offset* is where the log ended when they were fetched, if the broker said so.
    """

    partition: int
    start: int
    next_offset: int
    end_offset: int | None
    records: tuple[Any, ...]


class _Assigned(ConsumerRebalanceListener):  # type: ignore[misc]
    """Notes which partitions are newly ours; runs on the client's IO thread, so it only notes."""

    def __init__(self) -> None:
        self.fresh: set[TopicPartition] = set()

    def on_partitions_revoked(self, revoked: object) -> None:
        """Do nothing: what was applied is in Redis, the rest is read again by the next owner."""

    def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        """Have the position of *assigned* looked up before their first batch."""
        self.fresh.update(assigned)


class Consumer:
    """
    A member of the consumer group. Use `poll`, apply each batch to the counts, then `done`.

    *client* is passed to kafka-python as it is (security_protocol, sasl_mechanism, …). Raises
    `BrokerUnreachable` within about ten seconds.
    """

    def __init__(
        self,
        bootstrap: list[str],
        topic: str,
        group_id: str,
        counts: Counts,
        *,
        max_batch: int,
        client: Mapping[str, Any] | None = None,
    ):
        self._topic = topic
        self._counts = counts
        self._positions: dict[TopicPartition, int] = {}
        self._assigned = _Assigned()
        await_listener(bootstrap)
        try:
            self._kafka = KafkaConsumer(
                bootstrap_servers=bootstrap,
                group_id=group_id,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                # Eager range: all state is in Redis, so giving partitions up and seeking again
                # costs one read each, and no incremental hand-over can go wrong.
                partition_assignment_strategy=(RangePartitionAssignor(),),
                session_timeout_ms=10_000,
                heartbeat_interval_ms=3_000,
                fetch_max_wait_ms=200,
                max_poll_records=max_batch,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
                metrics_enabled=False,
                **(client or {}),
            )
        except KafkaError as error:
            raise BrokerUnreachable(bootstrap) from error
        partitions = self._kafka.partitions_for_topic(topic)
        if not partitions:
            self._kafka.close()
            raise BrokerUnreachable(bootstrap, f"has no topic {topic!r}")
        counts.set_partitions(len(partitions))
        self._kafka.subscribe([topic], listener=self._assigned)

    def poll(self, timeout_ms: int) -> list[Batch]:
        """
        Return what has arrived, at most one batch a partition.

        Raises `TopicRecreated`, and redis-py's errors while a position is looked up.
        """
        self._kafka.resume(*self._kafka.paused())
        polled = self._kafka.poll(timeout_ms=timeout_ms)
        try:
            settled = self._settle()
            batches = [
                self._batch(where, records)
                for where, records in polled.items()
                if where not in settled
            ]
        except redis.RedisError:
            self._give_back(polled)
            raise
        return [batch for batch in batches if batch is not None]

    def done(self, batch: Batch) -> None:
        """Move on behind *batch*, which has been counted, and tell Kafka's lag displays."""
        where = TopicPartition(self._topic, batch.partition)
        self._positions[where] = batch.next_offset
        self._kafka.commit_async({where: OffsetAndMetadata(batch.next_offset, "", -1)})

    def rewind(self, partition: int) -> None:
        """Have *partition* read again from where the counts stand, at the next `poll`."""
        self._assigned.fresh.add(TopicPartition(self._topic, partition))

    def keep_alive(self, timeout_ms: int, batch: Batch) -> bool:
        """
        Stay in the group without taking records; False when *batch* is no longer ours to apply.

        For the time while Redis is away: fetching is paused, and whatever arrives all the same is
        read again afterwards.
        """
        self._kafka.pause(*self._kafka.assignment())
        self._give_back(self._kafka.poll(timeout_ms=timeout_ms))
        return TopicPartition(self._topic, batch.partition) in self._kafka.assignment()

    def partitions(self) -> list[int]:
        """Return the partitions that are assigned to us."""
        return sorted(where.partition for where in self._kafka.assignment())

    def close(self) -> None:
        """Leave the group, so that the others take over at once."""
        self._kafka.close(autocommit=False)

    def _give_back(self, polled: Mapping[TopicPartition, list[Any]]) -> None:
        for where, records in polled.items():
            self._kafka.seek(where, records[0].offset)

    def _settle(self) -> set[TopicPartition]:
        """Seek to where the counts stand in partitions that are newly ours, and return those."""
        settled = self._assigned.fresh.intersection(self._kafka.assignment())
        for where in settled:
            beginning = int(self._kafka.beginning_offsets([where])[where])
            self._seek(where, self._counts.begin(where.partition, beginning))
            self._assigned.fresh.discard(where)
        return settled

    def _seek(self, where: TopicPartition, start: int) -> None:
        end = int(self._kafka.end_offsets([where])[where])
        if end < start:
            raise TopicRecreated(where.partition, start, end)
        self._kafka.seek(where, start)
        self._positions[where] = start

    def _batch(self, where: TopicPartition, records: list[Any]) -> Batch | None:
        start = self._positions[where]
        if start > records[0].offset:
            # The client was reset to an earlier offset than it asked for.
            self._seek(where, start)
            return None
        if start < records[0].offset:
            start = self._after_gap(where, start)
        end = self._kafka.highwater(where)
        return Batch(where.partition, start, records[-1].offset + 1, end, tuple(records))

    def _after_gap(self, where: TopicPartition, start: int) -> int:
        """Account for offsets without a record: deleted by retention, or a transaction's marks."""
        beginning = int(self._kafka.beginning_offsets([where])[where])
        if beginning <= start:
            return start
        n_lost = beginning - start
        log.warning("records_lost", partition=where.partition, n_lost=n_lost, next_offset=beginning)
        self._counts.skip(where.partition, to=beginning, n_lost=n_lost)
        self._positions[where] = beginning
        return beginning
