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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from kafka import KafkaConsumer, TopicPartition
from pydantic import SecretStr

from detector.counts import Counts
from detector.feeds import Feeds
from detector.health import Health
from stream.bench.course import Moment, Use, figures
from stream.bench.pipeline import START_SECONDS, pipeline
from stream.configuration import change
from stream.parts import Parts
from stream.roles import connect_redis
from stream.settings import Settings

SAMPLE_SECONDS = 2.0
DRAIN_SECONDS = 120.0
RAW_SECONDS = 15.0


@dataclass(slots=True)
class Firehose:
    """The server that sends the posts: where it listens, and what it says of itself."""

    port: int
    pid: int
    n_made: int = 0
    done: bool = False


def bench_intake(settings: Settings, rate: float, seconds: float) -> dict[str, Any]:
    """Run for *seconds* at *rate* posts a second (0: as fast as it goes); return the figures."""
    with tempfile.TemporaryDirectory() as place, _firehose(rate, seconds) as firehose:
        wanted = _settings(settings, Path(place), firehose.port)
        with pipeline(wanted) as parts:
            parts.start_source("bluesky", "", once=False)
            moments, health = _watch(parts, firehose, seconds)
            raw = _raw_rate(parts.settings)
            feed = Feeds(connect_redis(parts.settings), wanted.redis.prefix).get("bluesky")
    found = figures(moments, seconds)
    return {
        "rate_asked": rate,
        **found,
        "n_duplicate": health.n_duplicate,
        "n_late": health.n_late,
        "n_invalid": health.n_invalid,
        "n_shed": feed.n_shed if feed else None,
        "n_connections": feed.n_connections if feed else None,
        "raw_consume_per_second": round(raw),
        "ratio_to_raw_consume": round(found["posts_per_second"] / raw, 3) if raw else None,
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
def _firehose(rate: float, seconds: float) -> Iterator[Firehose]:
    command = [sys.executable, "-m", "stream.bench.firehose", str(rate), str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603  our own
    assert process.stdout is not None
    port = int(msgspec.json.decode(process.stdout.readline())["port"])
    firehose = Firehose(port=port, pid=process.pid)

    def follow() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said = msgspec.json.decode(line)
            firehose.n_made, firehose.done = said["n_made"], said["done"]

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield firehose
    finally:
        process.kill()
        process.wait()
        follower.join()
        process.stdout.close()


def _watch(parts: Parts, firehose: Firehose, seconds: float) -> tuple[list[Moment], Health]:
    """Look every few seconds until all that was sent is counted, or nothing moves any more."""
    moments: list[Moment] = []
    deadline = time.monotonic() + START_SECONDS + seconds
    is_last = False
    with connect_redis(parts.settings) as client:
        counts = Counts(client, parts.settings.redis.prefix)
        while True:
            time.sleep(SAMPLE_SECONDS if not firehose.done else 0.2)
            parts.supervisor.poll(time.monotonic())
            if firehose.done and not is_last:
                is_last, deadline = True, time.monotonic() + DRAIN_SECONDS
            pids = {**parts.supervisor.pids(), "firehose": firehose.pid}
            health = counts.health()
            moments.append(_moment(pids, health, firehose.n_made))
            if (is_last and not moments[-1].lag) or time.monotonic() > deadline:
                return moments, health


def _moment(pids: Mapping[str, int], health: Health, n_made: int) -> Moment:
    return Moment(
        at=time.monotonic(),
        n_made=n_made,
        n_counted=health.n_reports,
        uses={name: Use(rss=_rss(pid), cpu=_cpu(pid)) for name, pid in pids.items()},
    )


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
