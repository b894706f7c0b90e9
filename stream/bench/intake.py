"""
`outcry bench intake`: posts a second from a local Jetstream through Kafka into the counts in Redis.

The parts are those of `outcry up`, each in its own process; after the run the same topic is read
by kafka-python alone, for the ratio of the two rates.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition
from pydantic import SecretStr

from detector.counts import Counts
from detector.feeds import Feeds
from detector.health import Health
from stream.configuration import change
from stream.parts import Parts
from stream.roles import connect_redis
from stream.screen import Screen
from stream.settings import Settings

SAMPLE_SECONDS = 5.0
WARM_UP = 60.0  # seconds until memory is compared: models are loaded, pools filled
DRAIN_SECONDS = 120.0
RAW_SECONDS = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was seen at one time; memory in MB and processor seconds by part."""

    at: float
    n_counted: int
    lag: int
    rss: Mapping[str, float]
    cpu: Mapping[str, float]


@dataclass(slots=True)
class Course:
    """All that was seen, and how much the server has sent."""

    moments: list[Moment] = field(default_factory=list)
    n_made: int = 0
    done: bool = False


def bench_intake(settings: Settings, rate: float, seconds: float) -> dict[str, Any]:
    """Run for *seconds* at *rate* posts a second (0: as fast as it goes); return the figures."""
    course = Course()
    with tempfile.TemporaryDirectory() as place, _firehose(rate, seconds, course) as port:
        wanted = _settings(settings, Path(place), port)
        with Screen(machine=True) as screen:
            parts = Parts(wanted, Path(place), screen)
            try:
                parts.start_servers()
                parts.start_loops()
                _await_ingest(parts)
                parts.start_source("bluesky", "", once=False)
                health = _watch(parts, course)
                raw = _raw_rate(parts.settings)
                feed = Feeds(connect_redis(parts.settings), wanted.redis.prefix).get("bluesky")
            finally:
                parts.stop()
    return {
        **_figures(course, health, seconds),
        "rate_asked": rate,
        "n_duplicate": health.n_duplicate,
        "n_late": health.n_late,
        "n_invalid": health.n_invalid,
        "n_shed": feed.n_shed if feed else None,
        "n_connections": feed.n_connections if feed else None,
        "raw_consume_per_second": round(raw),
    }


def _settings(settings: Settings, place: Path, port: int) -> Settings:
    bluesky = settings.sources.bluesky.model_copy(update={"hosts": (f"ws://127.0.0.1:{port}",)})
    return change(
        settings,
        kafka={"bootstrap_servers": ()},
        redis={"url": SecretStr("")},
        up={"data_dir": place},
        sources={"bluesky": bluesky},
        ingest={"idle_heartbeat_seconds": 0},
    )


@contextmanager
def _firehose(rate: float, seconds: float, course: Course) -> Iterator[int]:
    command = [sys.executable, "-m", "stream.bench.firehose", str(rate), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603  our own
    assert process.stdout is not None
    port = int(msgspec.json.decode(process.stdout.readline())["port"])

    def follow() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said = msgspec.json.decode(line)
            course.n_made, course.done = said["n_made"], said["done"]

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield port
    finally:
        process.kill()
        process.wait()
        follower.join()
        process.stdout.close()


def _await_ingest(parts: Parts) -> None:
    """Wait until the worker has its model and its partitions: loading them is not measured."""
    with connect_redis(parts.settings) as client:
        counts = Counts(client, parts.settings.redis.prefix)
        while counts.next_offset(0) is None:
            parts.supervisor.poll(time.monotonic())
            time.sleep(0.2)


def _watch(parts: Parts, course: Course) -> Health:
    """Look every few seconds until all that was sent is counted, or nothing moves any more."""
    with connect_redis(parts.settings) as client:
        counts = Counts(client, parts.settings.redis.prefix)
        deadline: float | None = None
        while True:
            time.sleep(SAMPLE_SECONDS if not course.done else 0.2)
            parts.supervisor.poll(time.monotonic())
            health = counts.health()
            if not course.done:
                course.moments.append(_moment(parts.supervisor.pids(), health, course.n_made))
                continue
            deadline = deadline or time.monotonic() + DRAIN_SECONDS
            if health.n_reports >= course.n_made or time.monotonic() > deadline:
                return health


def _moment(pids: Mapping[str, int], health: Health, n_made: int) -> Moment:
    return Moment(
        at=time.monotonic(),
        n_counted=health.n_reports,
        lag=max(0, n_made - health.n_reports),
        rss={name: _rss(pid) for name, pid in pids.items()},
        cpu={name: _cpu(pid) for name, pid in pids.items()},
    )


def _figures(course: Course, health: Health, seconds: float) -> dict[str, Any]:
    moments = [one for one in course.moments if one.n_counted] or course.moments
    warm = [one for one in moments if one.at - moments[0].at >= min(WARM_UP, seconds / 3)]
    warm = warm or moments[-2:]
    first, last = warm[0], warm[-1]
    span = max(last.at - first.at, 1e-9)
    return {
        "seconds": round(span, 1),
        "n_sent": course.n_made,
        "n_counted": health.n_reports,
        "posts_per_second": round((last.n_counted - first.n_counted) / span, 1),
        "lag_max": max(one.lag for one in warm),
        "lag_last": last.lag,
        "rss_mb": {
            name: {
                "warm": first.rss[name],
                "max": max(one.rss.get(name, 0.0) for one in warm),
                "last": last.rss.get(name, 0.0),
            }
            for name in first.rss
        },
        "cores": {
            name: round((last.cpu.get(name, 0.0) - first.cpu[name]) / span, 2) for name in first.cpu
        },
    }


def _raw_rate(settings: Settings) -> float:
    """Return the records a second that kafka-python alone reads of the topic."""
    kafka = settings.kafka
    consumer = KafkaConsumer(bootstrap_servers=list(kafka.bootstrap_servers))
    try:
        numbers = consumer.partitions_for_topic(kafka.topic) or set()
        partitions = [TopicPartition(kafka.topic, number) for number in numbers]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        began, n = time.monotonic(), 0
        while time.monotonic() - began < RAW_SECONDS:
            got = sum(map(len, consumer.poll(timeout_ms=1_000, max_records=5_000).values()))
            if not got:
                break
            n, last = n + got, time.monotonic()
        return n / (last - began) if n else 0.0
    finally:
        consumer.close()


def _rss(pid: int) -> float:
    """Resident memory in MB, 0 where the system does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmRSS")), "0")
    return round(int(kilobytes) / 1024, 1)


def _cpu(pid: int) -> float:
    """Processor seconds that the process has used."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
