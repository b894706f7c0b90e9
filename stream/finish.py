"""Watches a replay come to its end: what it led to, once every part has done its share."""

from typing import Any

import redis
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from detector.counts import Counts
from detector.incident_store import IncidentStore
from stream.outcome import MAX_INCIDENTS, pending, summary
from stream.producer import BrokerUnreachable
from stream.roles import channel_names
from stream.settings import Settings

STALL_SECONDS = 180.0


class ReplayStalled(Exception):
    """Nothing has moved for long after the last post of the replay was sent; says what waits."""


class Finish:
    """Asks Redis, again and again, whether the log as it is now has been read, judged and told."""

    def __init__(self, settings: Settings):
        client = redis.Redis.from_url(settings.redis.url.get_secret_value())
        self._counts = Counts(client, settings.redis.prefix)
        self._store = IncidentStore(client, settings.redis.prefix)
        self._channels = channel_names(settings)
        self._end_offsets = end_offsets(settings)
        self._last: tuple[str, float] = ("", 0.0)

    def poll(self, now: float) -> dict[str, Any] | None:
        """Return `stream.outcome.summary`, None while something is still to do at *now*."""
        left = pending(self._end_offsets, self._counts, self._store, self._channels)
        if left is None:
            return summary(self._store.recent(MAX_INCIDENTS), self._counts.health())
        if left != self._last[0]:
            self._last = (left, now)
        elif now - self._last[1] > STALL_SECONDS:
            raise ReplayStalled(f"the replay does not end: {left} for {STALL_SECONDS:.0f} s")
        return None


def end_offsets(settings: Settings) -> dict[int, int]:
    """Return the offset after the last record of each partition; raises `BrokerUnreachable`."""
    kafka = settings.kafka
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=list(kafka.bootstrap_servers), **kafka.security()
        )
        try:
            partitions = consumer.partitions_for_topic(kafka.topic) or set()
            ends = consumer.end_offsets([TopicPartition(kafka.topic, one) for one in partitions])
        finally:
            consumer.close()
    except KafkaError as error:
        raise BrokerUnreachable(kafka.bootstrap_servers) from error
    return {where.partition: end for where, end in ends.items()}
