"""
The journey of a report: real broker, real Redis, real worker processes, and an independent count.

What the workers leave in Redis must equal what a plain reading of the log says, whoever died on the
way. The oracle shares the wire format and the tagger with the product, and nothing of its counting.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from redis import Redis

from detector.counts import Counts
from models.catalogue import Catalogue
from models.tagger import Tagger
from models.tags import Kind, Role
from stream.producer import Producer
from stream.report import InvalidReport, Report, decode, encode

NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)
LATENESS, WIDTH, HOUR = 30.0, 10, 3_600.0
N_PARTITIONS = 4
TEXTS = (
    "is zoom down for anyone else? can't join any meeting",
    "netflix not working, error on every tv in the house",
    "spotify is down so I'm on youtube now",
    "ugh @GitHub push fails with 500 again",
    "lovely weather in Lisbon today",
    "whatsapp works again, finally",
    "se cayó whatsapp? no me deja enviar nada",
)


def reports(n: int, seed: int) -> list[Report]:
    """Posts and forms by few enough authors that some repeat, a few copied, late or twice."""
    rng = np.random.default_rng(seed)
    found: list[Report] = []
    for i in range(n):
        second = i * 0.7 - (300 if rng.random() < 0.02 else 0)
        at = NOON + timedelta(seconds=round(second, 3))
        is_form = rng.random() < 0.3
        found.append(
            Report(
                id=f"r{i}",
                source="test",
                author=f"{int(rng.integers(n // 3)):032x}",
                text="" if is_form else TEXTS[int(rng.integers(len(TEXTS)))],
                service="zoom" if is_form else None,
                repost_of="r0" if rng.random() < 0.03 else None,
                posted_at=at,
                received_at=at,
            )
        )
        if rng.random() < 0.03:
            found.append(found[int(rng.integers(len(found)))])
    return found


def send(kafka: str, topic: str, posts: list[Report]) -> None:
    """Write *posts* with some junk between, and heartbeats that close everything."""
    raw = KafkaProducer(bootstrap_servers=kafka, linger_ms=20)
    for i, post in enumerate(posts):
        raw.send(topic, value=encode(post), key=post.author.encode())
        if i % 200 == 7:
            raw.send(topic, value=b"\xff not a report", key=post.author.encode())
    raw.close()
    with Producer(kafka, topic) as producer:
        producer.heartbeat("test", NOON + timedelta(hours=12))


def log_of(kafka: str, topic: str) -> Iterator[tuple[int, list[bytes]]]:
    """Read each partition from its beginning to its end, with a consumer in no group."""
    for partition in range(N_PARTITIONS):
        where = TopicPartition(topic, partition)
        consumer = KafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
        try:
            consumer.assign([where])
            end, values = consumer.end_offsets([where])[where], []
            while len(values) < end:
                values += [r.value for batch in consumer.poll(500).values() for r in batch]
        finally:
            consumer.close()
        yield end, values


class Oracle:
    """docs/architecture.md in the plainest Python: what each log says, counted with a Counter."""

    def __init__(self, tagger: Tagger):
        self.tagger = tagger
        self.affected: Counter[tuple[int, str]] = Counter()
        self.tally: Counter[str] = Counter()

    def read(self, values: list[bytes]) -> None:
        greatest, ids, last = float("-inf"), set[str](), dict[tuple[str, str], float]()
        for value in values:
            try:
                report = decode(value)
            except InvalidReport:
                if b'"at"' not in value:
                    self.tally["invalid"] += 1
                    continue
                greatest = max(greatest, json_at(value))
                continue
            at = report.posted_at.timestamp()
            self.tally["reports"] += 1
            bucket = int(at) // WIDTH * WIDTH
            if bucket + WIDTH <= greatest - LATENESS:
                self.tally["late"] += 1
            elif report.id in ids:
                self.tally["duplicate"] += 1
            else:
                ids.add(report.id)
                self._count(report, bucket, at, last)
            greatest = max(greatest, at)

    def _count(
        self, report: Report, bucket: int, at: float, last: dict[tuple[str, str], float]
    ) -> None:
        if report.repost_of is not None:
            return
        if report.service:
            services = [report.service]
        else:
            services = [
                tag.service
                for tag in self.tagger.tag([report.text])[0]
                if tag.role is Role.AFFECTED and tag.kind is Kind.DOWN
            ]
        for service in services:
            key = (report.author, service)
            if key not in last or at - last[key] >= HOUR:
                last[key] = at
                self.affected[bucket, service] += 1


def json_at(value: bytes) -> float:
    return datetime.fromisoformat(json.loads(value)["at"]).timestamp()


@contextmanager
def worker(environment: dict[str, str], name: str) -> Iterator[subprocess.Popen[bytes]]:
    """An `outcry ingest` process; whatever is left of it at the end is stopped."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stream", "ingest", "--worker", name],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def wait_for(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    tick = threading.Event()
    for _ in range(round(seconds / 0.02)):
        if condition():
            return
        tick.wait(0.02)
    raise AssertionError(f"condition did not hold within {seconds} s")


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    return Tagger.load(Catalogue.load())


@pytest.fixture
def environment(kafka, topic, redis_url, kafka_admin) -> Iterator[dict[str, str]]:
    dead = f"{topic}-dead"
    kafka_admin.create_topics({dead: {"num_partitions": 1, "replication_factor": 1}})
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
    yield kept | {
        "OUTCRY_KAFKA__BOOTSTRAP_SERVERS": kafka,
        "OUTCRY_KAFKA__TOPIC": topic,
        "OUTCRY_KAFKA__DEAD_LETTER_TOPIC": dead,
        "OUTCRY_KAFKA__GROUP_ID": f"group-{uuid.uuid4().hex[:8]}",
        "OUTCRY_REDIS__URL": redis_url,
        "OUTCRY_REDIS__PREFIX": "journey",
        "OUTCRY_INGEST__MAX_BATCH": "20",
        "OUTCRY_INGEST__IDLE_HEARTBEAT_SECONDS": "0",
    }
    kafka_admin.delete_topics([dead])


def next_offsets(counts: Counts) -> list[int]:
    return [counts.next_offset(partition) or 0 for partition in range(N_PARTITIONS)]


def expected(kafka: str, topic: str, tagger: Tagger) -> tuple[Oracle, list[int]]:
    oracle, ends = Oracle(tagger), []
    for end, values in log_of(kafka, topic):
        ends.append(end)
        oracle.read(values)
    return oracle, ends


def counted(counts: Counts) -> Counter[tuple[int, str]]:
    buckets = counts.read(None, limit=1_000_000)
    found: Counter[tuple[int, str]] = Counter()
    for bucket in buckets:
        for service, n in bucket.affected.items():
            found[bucket.start, service] += n
        for service, texts in bucket.texts.items():
            found[bucket.start, service] += sum(texts.values())
    return found


def check(counts: Counts, oracle: Oracle) -> None:
    health = counts.health()
    assert counted(counts) == oracle.affected
    assert sum(oracle.affected.values()) > 300
    assert {
        "reports": health.n_reports,
        "invalid": health.n_invalid,
        "late": health.n_late,
        "duplicate": health.n_duplicate,
    } == dict(oracle.tally)
    assert min(oracle.tally.values()) > 0, "every kind of trouble must have been planted"


@pytest.mark.kafka
def test_counts_equal_an_independent_counter(kafka, topic, redis: Redis, environment, tagger):
    send(kafka, topic, reports(3_000, seed=1))
    oracle, ends = expected(kafka, topic, tagger)
    counts = Counts(redis, "journey")

    with worker(environment, "1"), worker(environment, "2"):
        wait_for(lambda: next_offsets(counts) == ends)

    check(counts, oracle)


@pytest.mark.kafka
def test_workers_killed_in_the_middle_of_batches_leave_equal_counts(
    kafka, topic, redis: Redis, environment, tagger
):
    send(kafka, topic, reports(3_000, seed=2))
    oracle, ends = expected(kafka, topic, tagger)
    counts, rng = Counts(redis, "journey"), np.random.default_rng(5)
    kills = 0

    while kills < 3:
        goal = sum(next_offsets(counts)) + int(rng.integers(150, 500))
        with worker(environment, "1") as process:
            wait_for(lambda: sum(next_offsets(counts)) >= goal)  # noqa: B023  called at once
            process.send_signal(signal.SIGKILL)
            process.wait(10)
        kills += process.returncode == -signal.SIGKILL
    assert sum(next_offsets(counts)) < sum(ends), "killed too late to prove anything"
    with worker(environment, "1"):
        wait_for(lambda: next_offsets(counts) == ends)

    check(counts, oracle)


@pytest.mark.kafka
def test_a_worker_stops_at_sigterm_with_its_batch_applied(
    kafka, topic, redis: Redis, environment, tagger
):
    send(kafka, topic, reports(1_500, seed=3))
    counts = Counts(redis, "journey")
    with worker(environment, "1") as process:
        wait_for(lambda: sum(next_offsets(counts)) > 0)
        process.terminate()
        _, log = process.communicate(timeout=30)

    assert process.returncode == 0, log.decode()[-2_000:]
    assert counts.health().n_reports + counts.health().n_invalid == sum(next_offsets(counts))
