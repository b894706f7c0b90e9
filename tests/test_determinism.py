"""
Replays are deterministic: one log, real broker, Redis and processes, and always the same judgement.

However many workers read the log, however it is cut into batches, and whoever is killed on the way:
incidents, alerts, series and the detector's memory are equal byte for byte.
"""

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from redis import Redis

from detector.counts import Counts
from detector.incident_store import IncidentStore
from detector.incidents import Incident, Status
from stream.producer import Producer
from stream.report import Deletion, Report

NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)
MINUTES, OUTAGE = 75, (20, 38)  # longer than an author is remembered
HIT = ("atlassian", "jira", "confluence")  # the others depend on the first
N_PARTITIONS, N_AUTHORS, DEADLINE = 4, 900, 100.0
FAILS = (
    "{} is down for me in {}",
    "anyone else in {1}? {0} not working at all",
    "{} keeps throwing errors here in {}, cannot log in",
    "why does {} not load anything since a few minutes, everybody in {} has it",
)
PLACES = ("Leeds", "Ohio", "Porto", "Texas", "the office", "the library", "Paris", "school")
COPY = "jira is not working on any of our machines this afternoon and nobody answers the phone"
BESIDE = ("lovely weather in Lisbon", "watching netflix with my sister", "github push fails again")


class Writer:
    """The log of some seventy minutes, with all that may come in a wrong order, twice or broken."""

    def __init__(self, producer: Producer):
        self.producer = producer
        self.rng = np.random.default_rng(17)
        self.sent: list[Report] = []

    def write(self) -> None:
        for half in range(2 * MINUTES):
            fails = 2 * OUTAGE[0] <= half < 2 * OUTAGE[1]
            for service in HIT:
                for _ in range(int(self.rng.poisson(9.0 if fails else 0.4))):
                    self.complain(half, service)
            for _ in range(int(self.rng.poisson(5.0))):
                self.say(half, text=self.pick(BESIDE))
            if fails:
                self.trouble(half)
            self.producer.heartbeat("test", NOON + timedelta(seconds=30 * half + 29.7))
        self.producer.heartbeat("test", NOON + timedelta(minutes=MINUTES + 10))

    def complain(self, half: int, service: str) -> None:
        if self.rng.random() < 0.3:
            self.say(half, service=service, country=self.pick(("US", "GB", "PT")))
        else:
            self.say(half, text=self.pick(FAILS).format(service, self.pick(PLACES)))

    def trouble(self, half: int) -> None:
        """Copies, a late post, one that comes twice, a repost, junk, and a deleted post."""
        self.say(half, text=COPY)
        self.say(half, text=COPY, delay=200.0)
        again = self.sent[-int(self.rng.integers(1, 40))]
        self.producer.send(again)
        self.say(half, text=FAILS[0].format("jira", "Ohio"), repost_of=again.id)
        self.producer.forward(b"\xff no report", key=again.author.encode(), headers=[])
        gone = self.sent[-int(self.rng.integers(1, 40))]
        at = NOON + timedelta(seconds=30 * half)
        self.producer.delete(Deletion(source="test", id=gone.id, at=at, author=gone.author))

    def say(self, half: int, *, text: str = "", delay: float = 0.0, **more: str) -> None:
        second = 30 * half + float(self.rng.uniform(-12, 29.7)) - delay
        at = NOON + timedelta(seconds=round(second, 3))
        report = Report(
            id=f"r{len(self.sent)}",
            source="test",
            author=f"{int(self.rng.integers(N_AUTHORS)):032x}",
            text=text,
            posted_at=at,
            received_at=at,
            **more,  # type: ignore[arg-type]
        )
        self.sent.append(report)
        self.producer.send(report)

    def pick(self, choices: tuple[str, ...]) -> str:
        return choices[int(self.rng.integers(len(choices)))]


@dataclass(frozen=True, kw_only=True)
class Log:
    """A topic with the whole log, and where each partition of it ends."""

    kafka: str
    topic: str
    dead: str
    ends: list[int]


@pytest.fixture(scope="module")
def log(kafka: str) -> Iterator[Log]:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    topic = f"determinism-{uuid.uuid4().hex[:8]}"
    dead = f"{topic}-dead"
    for name, n in ((topic, N_PARTITIONS), (dead, 1)):
        shape = {"num_partitions": n, "replication_factor": 1}
        admin.create_topics({name: shape}, wait_for_metadata=True)
    with Producer(kafka, topic) as producer:
        Writer(producer).write()
    consumer = KafkaConsumer(bootstrap_servers=kafka)
    where = [TopicPartition(topic, partition) for partition in range(N_PARTITIONS)]
    ends = consumer.end_offsets(where)
    consumer.close()
    yield Log(kafka=kafka, topic=topic, dead=dead, ends=[ends[one] for one in where])
    admin.delete_topics([topic, dead])
    admin.close()


class Replay:
    """One reading of the log under a prefix of its own, by processes that may be killed."""

    def __init__(self, log: Log, client: Redis, redis_url: str, folder: Path, batch: int):
        name = f"run-{uuid.uuid4().hex[:8]}"
        self.log, self.redis, self.folder, self.name = log, client, folder, name
        self.counts, self.store = Counts(client, name), IncidentStore(client, name)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
        self.environment = kept | {
            "OUTCRY_KAFKA__BOOTSTRAP_SERVERS": log.kafka,
            "OUTCRY_KAFKA__TOPIC": log.topic,
            "OUTCRY_KAFKA__DEAD_LETTER_TOPIC": log.dead,
            "OUTCRY_KAFKA__GROUP_ID": name,
            "OUTCRY_REDIS__URL": redis_url,
            "OUTCRY_REDIS__PREFIX": name,
            "OUTCRY_INGEST__MAX_BATCH": str(batch),
            "OUTCRY_INGEST__IDLE_HEARTBEAT_SECONDS": "0",
        }

    def start(self, *words: str) -> None:
        with (self.folder / f"{self.name}-{words[-1]}").open("ab") as said:
            self.processes[words[-1]] = subprocess.Popen(
                [sys.executable, "-m", "stream", *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(30)

    def said(self, name: str) -> str:
        return (self.folder / f"{self.name}-{name}").read_text()

    def n_read(self) -> int:
        return sum(self.counts.next_offset(partition) or 0 for partition in range(N_PARTITIONS))

    def minutes_judged(self) -> float:
        until = self.store.judged_until()
        return (until - NOON).total_seconds() / 60 if until else -1.0

    def is_due(self, reads: list[int], minutes: list[float]) -> bool:
        read, judged = self.n_read(), self.minutes_judged()
        return any(read >= goal for goal in reads) or any(judged >= goal for goal in minutes)

    def expire_lease(self) -> None:
        """Let the time pass after which a killed leader's lease is over."""
        self.redis.delete(f"{self.name}:v1:{{watch}}:lease")

    def done(self) -> bool:
        progress = self.store.progress()
        return (
            self.n_read() == sum(self.log.ends)
            and progress is not None
            and not self.counts.read(progress.last_bucket, limit=1)
        )

    def judgement(self) -> dict[str, bytes]:
        """Return all that was decided; outbox entries without their ids, which name the round."""
        progress, health = self.store.progress(), self.counts.health()
        told = [replace(one, id="") for one in self.store.outbox("nobody", limit=1_000)]
        tally = (health.n_reports, health.n_late, health.n_duplicate, health.n_repost)
        return {
            "incidents": msgspec.json.encode(self.store.recent(1_000)),
            "told": msgspec.json.encode(told),
            "suspects": msgspec.json.encode(self.store.suspects()),
            "series": repr(self.store.series(HIT, minutes=MINUTES)).encode(),
            "memory": msgspec.json.encode(progress),
            "tally": msgspec.json.encode((*tally, health.n_invalid)),
        }


@contextmanager
def replaying(log: Log, redis_url: str, folder: Path, batch: int) -> Iterator[Replay]:
    with Redis.from_url(redis_url) as client:
        one = Replay(log, client, redis_url, folder, batch)
        try:
            yield one
        finally:
            one.stop()


def until(one: Replay, condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(round(DEADLINE / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"read {one.n_read()} of {one.log.ends}, judged {one.minutes_judged()}")


@pytest.fixture(scope="module")
def expected(log, redis_url, tmp_path_factory) -> dict[str, bytes]:
    """What one worker and one watcher make of the log, in batches as large as they come."""
    with replaying(log, redis_url, tmp_path_factory.mktemp("one"), batch=2_000) as one:
        one.start("ingest", "--worker", "1")
        one.start("watch")
        until(one, one.done)
        return one.judgement()


@pytest.mark.kafka
def test_the_log_holds_an_incident_with_all_that_could_differ(expected):
    found = msgspec.json.decode(expected["incidents"], type=list[Incident])

    assert {one.service for incident in found for one in incident.affected} >= set(HIT)
    worst = max(found, key=lambda incident: len(incident.affected))
    assert worst.status is Status.RESOLVED
    assert worst.cause is not None
    assert worst.cause.provider == "atlassian"
    assert worst.observed > 300
    assert len(worst.samples) > 3
    assert len(worst.transitions) > 4
    assert min(msgspec.json.decode(expected["tally"])) > 10, "every kind of trouble must be there"


@pytest.mark.kafka
def test_four_workers_leave_what_one_leaves(log, redis_url, tmp_path, expected):
    with replaying(log, redis_url, tmp_path, batch=37) as one:
        for worker in "1234":
            one.start("ingest", "--worker", worker)
        one.start("watch")
        until(one, one.done)
        busy = [worker for worker in "1234" if '"event": "batch"' in one.said(worker)]

        assert len(busy) > 1, "only one worker took part"
        assert one.judgement() == expected


@pytest.mark.kafka
def test_workers_and_watchers_killed_at_random_leave_what_is_left_without(
    log, redis_url, tmp_path, expected
):
    rng = np.random.default_rng(23)
    n = sum(log.ends)
    reads = [int(goal) for goal in (np.arange(2) + rng.random(2)) * 0.4 * n]
    minutes = [float(goal) for goal in (np.arange(2) + rng.random(2)) * 0.4 * MINUTES]
    with replaying(log, redis_url, tmp_path, batch=61) as one:
        one.start("ingest", "--worker", "1")
        one.start("watch")
        while reads or minutes:
            until(one, lambda: one.is_due(reads, minutes))
            if reads and one.n_read() >= reads[0]:
                reads.pop(0)
                one.kill("1")
                assert one.n_read() < n, "killed too late to prove anything"
                one.start("ingest", "--worker", "1")
            else:
                minutes.pop(0)
                one.kill("watch")
                assert one.minutes_judged() < MINUTES, "killed too late to prove anything"
                one.expire_lease()
                one.start("watch")
        until(one, one.done)

        assert one.judgement() == expected
