"""
`outcry official`: asks the status pages in turn and writes what changed to its own topic.

Beside it the topic is read into Redis, from where incidents, alerts and the page take it.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import redis
import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from detector.official_store import OfficialStore, Record, decode, encode
from stream.official.pages import Page
from stream.official.visit import Visitor
from stream.producer import BrokerUnreachable, DeliveryError, Producer
from stream.sources.web import client

log = structlog.get_logger()

AT_ONCE = 8
PAUSE = 0.2
RETRY_SECONDS = 5.0
KEPT = timedelta(days=400)

Visited = tuple[Visitor, tuple[Record, ...], float]


def ask_pages(
    pages: Sequence[Page],
    connect: Callable[[], Producer],
    every: float,
    stop: threading.Event,
    dice: random.Random | None = None,
) -> None:
    """Visit each of *pages* about *every* seconds until *stop*; at most eight at a time."""
    dice = dice or random.Random()
    # Spread over the first round, so that they do not come in step.
    start = time.monotonic()
    waiting = [
        Visitor(page=page, due=start + i * min(every, 30.0) / len(pages))
        for i, page in enumerate(pages)
    ]
    running: set[Future[Visited]] = set()
    with client() as web, connect() as producer, ThreadPoolExecutor(AT_ONCE) as pool:

        def visit(visitor: Visitor) -> Visited:
            records, seconds = visitor.visit(web, datetime.now(UTC), every, dice)
            return visitor, records, seconds

        while not stop.is_set():
            now = time.monotonic()
            due = sorted((one for one in waiting if one.due <= now), key=lambda one: one.due)
            for visitor in due[: AT_ONCE - len(running)]:
                waiting.remove(visitor)
                running.add(pool.submit(visit, visitor))
            done, running = wait(running, timeout=PAUSE) if running else (set(), running)
            for visitor, records, seconds in (one.result() for one in done):
                _write(records, producer)
                visitor.due = time.monotonic() + seconds
                waiting.append(visitor)
            if not done:
                stop.wait(PAUSE)


def _write(records: Iterable[Record], producer: Producer) -> None:
    n = 0
    for record in records:
        producer.forward(encode(record), key=record.service.encode(), headers=[])
        n += 1
    if n:
        producer.flush()
        log.info("official", n_records=n)


def follow_topic(
    bootstrap: Sequence[str],
    topic: str,
    store: OfficialStore,
    stop: threading.Event,
    client: Mapping[str, Any] | None = None,
) -> None:
    """Read *topic* into *store* until *stop*, from where the store stands; waits out failures."""
    while not stop.is_set():
        try:
            _follow(bootstrap, topic, store, stop, client or {})
        except (KafkaError, redis.RedisError, BrokerUnreachable) as error:
            log.warning("official_topic_away", reason=str(error))
            stop.wait(RETRY_SECONDS)


def _follow(
    bootstrap: Sequence[str],
    topic: str,
    store: OfficialStore,
    stop: threading.Event,
    client: Mapping[str, Any],
) -> None:
    consumer = KafkaConsumer(
        bootstrap_servers=list(bootstrap), auto_offset_reset="earliest", **client
    )
    try:
        numbers = consumer.partitions_for_topic(topic) or set()
        if not numbers:
            raise BrokerUnreachable(bootstrap, f"has no topic {topic!r}")
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        for where in partitions:
            offset = store.next_offset(where.partition)
            if offset is None:
                consumer.seek_to_beginning(where)
            else:
                consumer.seek(where, offset)
        store.forget(datetime.now(UTC) - KEPT)
        while not stop.is_set():
            for where, found in consumer.poll(timeout_ms=500).items():
                store.apply(where.partition, found[-1].offset + 1, _records(found))
    finally:
        consumer.close()


def _records(found: Iterable[Any]) -> list[Record]:
    records: list[Record] = []
    for one in found:
        try:
            records.append(decode(one.value or b""))
        except ValueError as error:
            log.error("invalid_official_record", offset=one.offset, reason=str(error))
    return records


def run(
    pages: Sequence[Page],
    connect: Callable[[], Producer],
    every: float,
    follow: Callable[[threading.Event], None],
    stop: threading.Event,
) -> None:
    """Ask *pages* and *follow* the topic until *stop*; a broker that is away is waited for."""
    with ThreadPoolExecutor(1, thread_name_prefix="official") as pool:
        following = pool.submit(follow, stop)
        try:
            while not stop.is_set():
                try:
                    ask_pages(pages, connect, every, stop)
                except (DeliveryError, BrokerUnreachable) as error:
                    # What was seen is asked for again, by visitors that remember nothing.
                    log.warning("broker_away", reason=str(error))
                    stop.wait(RETRY_SECONDS)
        finally:
            stop.set()
    following.result()
