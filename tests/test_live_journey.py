"""`outcry up --source bluesky` as a person runs it, with the firehose on loopback."""

import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

from redis import Redis

from detector.counts import Counts
from detector.feeds import Feeds
from stream.data_dir import Running, running
from tests.jetstream_double import Fault, JetstreamDouble, deletion, did, post
from tests.web_double import until


def test_the_firehose_reaches_the_counts_and_deletions_follow(tmp_path: Path) -> None:
    log = [*(post(i * 2_000) for i in range(60)), deletion(120_001, of=0)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
    with JetstreamDouble(log, deque([Fault(kind="reset", after=20)])) as server:
        process = subprocess.Popen(
            [sys.executable, "-m", "stream", "up", "--source", "bluesky", "--no-dashboard"],
            cwd=tmp_path,
            env={**kept, "OUTCRY_SOURCES__BLUESKY__HOSTS": server.uri},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            data = tmp_path / "outcry-data"
            until(lambda: (up := running(data)) and up.redis, 60)
            with Redis.from_url(_running(data).redis) as redis:
                counts, feeds = Counts(redis), Feeds(redis)
                until(lambda: counts.health().n_reports >= 60, 120)
                until(lambda: redis.hget("outcry:v1:{watch}:state", "last_bucket"), 60)
                until(lambda: _n_deleted(redis) == 1)
                health, feed = counts.health(), feeds.get("bluesky")
            process.send_signal(signal.SIGTERM)
            output = process.communicate(timeout=30)[0].decode()
        finally:
            process.kill()
            process.wait()

    assert process.returncode == 0, output
    assert (health.n_reports, health.n_late, health.n_invalid) == (60, 0, 0)
    assert feed is not None
    assert (feed.n_sent, feed.n_connections) == (60, 2)
    assert did(0) not in output


def _running(data: Path) -> Running:
    found = running(data)
    assert found is not None
    return found


def _n_deleted(redis: "Redis") -> int:
    rows = (redis.hget(f"outcry:v1:{{p{p}}}:progress", "n_deleted") for p in range(4))
    return sum(int(row or 0) for row in rows)  # type: ignore[arg-type]
