"""The parts of `outcry up` without page and sources, for a measurement."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from detector.counts import Counts
from stream.embedded import EmbeddedError
from stream.parts import Parts
from stream.roles import connect_redis
from stream.screen import Screen
from stream.settings import Settings

START_SECONDS = 180.0


@contextmanager
def pipeline(settings: Settings) -> Iterator[Parts]:
    """
    Run them in the data directory of *settings* and yield them when a worker is ready to count.

    That it loads its model and gets its partitions is not measured. Raises `EmbeddedError`
    and `BrokerUnreachable`.
    """
    with Screen(machine=True) as screen:
        parts = Parts(settings, settings.up.data_dir, screen)
        try:
            parts.start_servers()
            parts.start_loops()
            _await_ingest(parts)
            yield parts
        finally:
            parts.stop()


def _await_ingest(parts: Parts) -> None:
    deadline = time.monotonic() + START_SECONDS
    with connect_redis(parts.settings) as client:
        counts = Counts(client, parts.settings.redis.prefix)
        while counts.next_offset(0) is None:
            parts.supervisor.poll(time.monotonic())
            if time.monotonic() > deadline:
                logs = parts.settings.up.data_dir / "logs"
                raise EmbeddedError(f"no worker began within {START_SECONDS:.0f} s; see {logs}")
            time.sleep(0.2)
