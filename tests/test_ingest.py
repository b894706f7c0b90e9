"""A worker on a real broker and a real Redis: dead letters, fencing, a Redis that goes away."""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from redis import Redis

from detector.counts import Counts
from detector.unknown_store import UnknownNames
from models.catalogue import Catalogue
from models.tagger import Tagger
from models.unknown import Unknown
from stream.consumer import Consumer, TopicRecreated
from stream.dead_letter import DeadLetterLimit, DeadLetters, TooManyInvalid
from stream.embedded import start_broker, start_redis
from stream.ingest import Ingest, Pulse
from stream.producer import BrokerUnreachable, Producer
from stream.report import Report

NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)
LATENESS = timedelta(seconds=30)
N_PARTITIONS = 4


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    return Tagger.load(Catalogue.load())


def form(i: int, second: float = 0.0, service: str | None = "zoom") -> Report:
    at = NOON + timedelta(seconds=second)
    return Report(
        id=f"r{i}",
        source="form",
        author=f"{i:032x}",
        text="",
        service=service,
        posted_at=at,
        received_at=at,
    )


class Bench:
    """One topic, one Redis and as many workers as a test wants."""

    def __init__(self, kafka: str, topic: str, client: Redis, tagger: Tagger):
        self.kafka, self.topic, self.tagger = kafka, topic, tagger
        self.dead_topic = f"{topic}-dead"
        self.group = f"group-{uuid.uuid4().hex[:8]}"
        self.counts = Counts(client, "test")
        self.errors: list[BaseException] = []

    def worker(self, client: Redis, *, max_batch: int = 500, limit: int = 100) -> Ingest:
        counts = Counts(client, "test")
        consumer = Consumer([self.kafka], self.topic, self.group, counts, max_batch=max_batch)
        return Ingest(
            consumer,
            counts,
            self.tagger,
            DeadLetters(self.dead_topic, lambda name: Producer(self.kafka, name), self.topic),
            DeadLetterLimit(max_ratio=0.5, max_consecutive=limit),
            allowed_lateness=LATENESS,
            unknown=Unknown(Catalogue.load()),
            names=UnknownNames(client, "test"),
        )

    @contextmanager
    def running(self, worker: Ingest, pulse: Pulse | None = None) -> Iterator[threading.Thread]:
        stop = threading.Event()

        def run() -> None:
            try:
                worker.run(stop, pulse)
            except Exception as error:
                self.errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield thread
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive()

    def producer(self) -> Producer:
        return Producer(self.kafka, self.topic)

    def ends(self) -> dict[int, int]:
        return self.offsets("end_offsets")

    def offsets(self, which: str) -> dict[int, int]:
        with KafkaConsumer(bootstrap_servers=self.kafka) as consumer:
            where = [TopicPartition(self.topic, i) for i in range(N_PARTITIONS)]
            return {key.partition: at for key, at in getattr(consumer, which)(where).items()}

    def all_read(self) -> Callable[[], bool]:
        ends = self.ends()
        return lambda: all((self.counts.next_offset(p) or 0) >= end for p, end in ends.items())


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    tick = threading.Event()
    for _ in range(round(seconds / 0.05)):
        if condition():
            return
        tick.wait(0.05)
    raise AssertionError(f"condition did not hold within {seconds} s")


@pytest.fixture
def bench(kafka, topic, kafka_admin, redis, tagger) -> Iterator[Bench]:
    one = Bench(kafka, topic, redis, tagger)
    kafka_admin.create_topics({one.dead_topic: {"num_partitions": 1, "replication_factor": 1}})
    yield one
    kafka_admin.delete_topics([one.dead_topic])


def dead_letters(bench: Bench, n: int) -> list[dict[str, str]]:
    consumer = KafkaConsumer(
        bench.dead_topic, bootstrap_servers=bench.kafka, auto_offset_reset="earliest"
    )
    found: list[dict[str, str]] = []
    try:
        wait_for(lambda: found.extend(_headers(consumer)) or len(found) >= n)  # type: ignore[func-returns-value]
    finally:
        consumer.close()
    return found


def _headers(consumer: KafkaConsumer) -> list[dict[str, str]]:
    records = [record for batch in consumer.poll(200).values() for record in batch]
    return [{name: value.decode() for name, value in record.headers} for record in records]


@pytest.mark.kafka
def test_invalid_records_go_to_the_dead_letter_topic_and_the_rest_is_counted(bench, redis, kafka):
    raw = KafkaProducer(bootstrap_servers=kafka)
    for body in (b"not json", b'{"v":9,"id":"x"}', b"x" * 70_000, None):
        raw.send(bench.topic, value=body, key=b"k")
    raw.close()
    with bench.producer() as producer:
        for i in range(20):
            producer.send(form(i))

    with bench.running(bench.worker(redis)):
        wait_for(bench.all_read())

    letters = dead_letters(bench, 4)
    reasons = sorted(letter["outcry-reason"] for letter in letters)
    assert reasons == ["malformed", "malformed", "schema_version", "too_large"]
    assert {letter["outcry-topic"] for letter in letters} == {bench.topic}
    assert all(int(letter["outcry-offset"]) >= 0 for letter in letters)
    health = bench.counts.health()
    assert (health.n_reports, health.n_invalid) == (20, 4)
    assert bench.errors == []


@pytest.mark.kafka
def test_a_name_outside_the_catalogue_is_noted_and_is_no_report(bench, redis):
    with bench.producer() as producer:
        for i in range(25):
            post = form(i, service=None)
            producer.send(msgspec.structs.replace(post, text=f"is Zorbly down? {i}"))

    with bench.running(bench.worker(redis)):
        wait_for(bench.all_read())

    (surge,) = UnknownNames(redis, "test").judge(int(NOON.timestamp()) + 600)
    assert (surge.shown, surge.authors) == ("Zorbly", 25)
    assert bench.counts.health().n_tagged == 0


@pytest.mark.kafka
def test_a_flood_of_invalid_records_stops_the_worker_before_it_counts_them(bench, redis, kafka):
    raw = KafkaProducer(bootstrap_servers=kafka)
    for _ in range(300):
        raw.send(bench.topic, value=b"{}", partition=0)
    raw.close()

    with bench.running(bench.worker(redis, max_batch=50, limit=60)) as thread:
        wait_for(lambda: not thread.is_alive())

    (error,) = bench.errors
    assert isinstance(error, TooManyInvalid)
    assert bench.counts.next_offset(0) == 50


@pytest.mark.kafka
def test_two_workers_share_the_partitions_and_count_everything_once(bench, redis, redis_url):
    with bench.producer() as producer:
        for i in range(2_000):
            producer.send(form(i, i / 10))
        producer.heartbeat("form", NOON + timedelta(hours=1))

    other = Redis.from_url(redis_url)
    with (
        other,
        bench.running(bench.worker(redis, max_batch=37)),
        bench.running(bench.worker(other, max_batch=53)),
    ):
        wait_for(bench.all_read())

    buckets = bench.counts.read(None, limit=10_000)
    assert sum(bucket.affected.get("zoom", 0) for bucket in buckets) == 2_000
    assert bench.errors == []


@pytest.mark.kafka
def test_a_worker_whose_kafka_offsets_are_ahead_of_redis_reads_again(bench, redis):
    with bench.producer() as producer:
        for i in range(200):
            producer.send(form(i))
    with bench.running(bench.worker(redis)):
        wait_for(bench.all_read())

    # What a Redis does that lost all it had: Kafka's committed offsets are worth nothing then.
    redis.flushall()
    with bench.running(bench.worker(redis)):
        wait_for(bench.all_read())

    assert bench.counts.health().n_reports == 200


@pytest.mark.kafka
def test_a_topic_that_was_made_anew_is_said_and_not_counted_over(bench, redis):
    with bench.producer() as producer:
        for i in range(50):
            producer.send(form(i))
    for partition in range(N_PARTITIONS):
        bench.counts.skip(partition, to=10_000, n_lost=0)

    with bench.running(bench.worker(redis)) as thread:
        wait_for(lambda: not thread.is_alive())

    (error,) = bench.errors
    assert isinstance(error, TopicRecreated)
    assert "counted up to offset 10000" in str(error)
    assert bench.counts.health().n_reports == 0


def test_records_deleted_by_retention_are_counted_as_lost(redis, tagger, tmp_path):
    broker = start_broker(tmp_path, options=("--retention-bytes", "1000"))
    bench = Bench(broker.address, "reports", redis, tagger)
    try:
        with KafkaAdminClient(bootstrap_servers=broker.address) as admin:
            admin.create_topics({"reports": {"num_partitions": N_PARTITIONS}})
        for partition in range(N_PARTITIONS):
            bench.counts.skip(partition, to=0, n_lost=0)
        for batch in range(10):
            with bench.producer() as producer:
                for i in range(batch * 40, batch * 40 + 40):
                    producer.send(form(i))
        wait_for(lambda: all(bench.offsets("beginning_offsets").values()), seconds=20)
        with bench.running(bench.worker(redis)):
            wait_for(bench.all_read())
    finally:
        broker.stop()

    health = bench.counts.health()
    assert min(health.n_lost, health.n_reports) > 0
    assert health.n_lost + health.n_reports == 400


def test_a_worker_waits_for_a_redis_that_went_away_and_loses_nothing(
    kafka, topic, kafka_admin, tagger, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("d")  # short enough for a Unix socket's path
    child = start_redis(folder)
    client = Redis.from_url(child.url)
    bench = Bench(kafka, topic, client, tagger)
    kafka_admin.create_topics({bench.dead_topic: {"num_partitions": 1}})
    try:
        with bench.running(bench.worker(client)):
            with bench.producer() as producer:
                for i in range(300):
                    producer.send(form(i))
            wait_for(bench.all_read())
            child.process.kill()
            child.process.wait()
            with bench.producer() as producer:
                for i in range(300, 600):
                    producer.send(form(i))
            child = start_redis(folder)
            wait_for(bench.all_read())
        assert bench.counts.health().n_reports == 600
        assert bench.errors == []
    finally:
        client.close()
        child.stop()


@pytest.mark.kafka
def test_quiet_partitions_get_heartbeats_and_the_watermark_moves(bench, redis):
    with bench.producer() as producer:
        producer.heartbeat("form", NOON)
        wait_for_heartbeats = bench.all_read()
        with (
            Producer(bench.kafka, bench.topic) as beats,
            bench.running(bench.worker(redis), Pulse(beats, timedelta(milliseconds=300))),
        ):
            wait_for(wait_for_heartbeats)
            began = datetime.now(UTC)
            wait_for(lambda: (bench.counts.health().watermark_at or NOON) > began - LATENESS)

    names = {source.name for source in bench.counts.health().sources}
    assert names == {"form", "ingest"}


@pytest.mark.kafka
def test_a_missing_topic_is_one_line(kafka, redis):
    with pytest.raises(BrokerUnreachable, match="has no topic 'no-such-topic'"):
        Consumer([kafka], "no-such-topic", "g", Counts(redis, "test"), max_batch=10)


def test_an_unreachable_broker_is_one_line(redis):
    with pytest.raises(BrokerUnreachable, match=r"Kafka at 127\.0\.0\.1:1 does not answer"):
        Consumer(["127.0.0.1:1"], "t", "g", Counts(redis, "test"), max_batch=10)
