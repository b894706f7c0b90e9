"""
Rolling counts in Redis: what distinct authors said of each service, in buckets of event time.

One call of `Counts.apply` adds one batch of one partition *and* moves that partition's
next_offset, in one Lua script, so that a batch counts exactly once whatever is delivered again. All
keys of the call share the partition's hash tag. When a bucket is closed: docs/architecture.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import redis

from detector.batch import Entry, pack
from detector.bucket import WIDTH, Bucket, merge
from detector.health import Health, summarise

SILENCE = 300  # seconds without any record after which the feed counts as dead, not as quiet


class Fenced(Exception):
    """
    The batch does not start where the counts stand.

    *next_offset* is where they stand, None when the partition was not begun or Redis lost it.
    """

    def __init__(self, partition: int, start: int, next_offset: int | None):
        super().__init__(
            f"partition {partition}: batch starts at {start}, the counts stand at {next_offset}"
        )
        self.partition = partition
        self.next_offset = next_offset


class Counts:
    """
    The counts of one topic under *prefix*.

    Raises redis-py's errors when Redis is not reachable; every call may be repeated.
    """

    def __init__(self, client: redis.Redis, prefix: str = "outcry"):
        # redis-py types a reply as the union of what all protocols and decoders give.
        self._redis: Any = client
        self._base = f"{prefix}:v1:"
        script = files("detector").joinpath("counts.lua").read_text(encoding="utf-8")
        self._apply = client.register_script(script)

    def apply(
        self,
        partition: int,
        *,
        start: int,
        next_offset: int,
        entries: Sequence[Entry],
        allowed_lateness: timedelta,
        end_offset: int | None = None,
    ) -> datetime | None:
        """
        Count *entries*, the records of [start, next_offset) in log order, and return the watermark.

        *end_offset* is where the log ends by now, for the lag shown to people.

        Raises `Fenced` and changes nothing when the counts do not stand at *start*; a repetition of
        the batch that was applied last is recognised and is no error.
        """
        batch = pack(
            entries,
            start=start,
            next_offset=next_offset,
            end_offset=end_offset or next_offset,
            allowed_lateness=allowed_lateness,
        )
        outcome, value = self._apply(keys=[self._partition(partition)], args=[batch])
        if outcome == b"fenced":
            stored = int(value) if value else None
            if stored != next_offset:
                raise Fenced(partition, start, stored)
            return None
        return _instant(int(value))

    def next_offset(self, partition: int) -> int | None:
        """Return where *partition* is to be read on, or None when it never was."""
        stored = self._redis.hget(self._partition(partition) + ":progress", "next_offset")
        return None if stored is None else int(stored)

    def begin(self, partition: int, at: int) -> int:
        """Have *partition* counted from offset *at* unless it was begun; return where it stands."""
        key = self._partition(partition) + ":progress"
        self._redis.hsetnx(key, "next_offset", at)
        return int(self._redis.hget(key, "next_offset"))

    def skip(self, partition: int, *, to: int, n_lost: int) -> None:
        """Move on to offset *to* because the records before it are gone from the topic."""
        key = self._partition(partition) + ":progress"
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, "next_offset", to)
            pipe.hincrby(key, "n_lost", n_lost)
            pipe.execute()

    def set_partitions(self, n: int) -> None:
        """Say how many partitions the topic has: the watermark waits for all of them."""
        self._redis.set(self._base + "partitions", n)

    def read(self, after: int | None, limit: int = 360) -> list[Bucket]:
        """
        Return the closed buckets that follow bucket *after* (unix seconds; None: from the first).

        In time order, about *limit* of them, empty ones included; but where nothing at all was
        received for more than `SILENCE` the gap is left out. The last one is never an empty one: a
        silence is judged only when its length is known, so that the result does not depend on when
        it is asked for.
        """
        partitions = self._partitions()
        if (closed := self._closed(partitions)) is None:
            return []
        starts = self._starts(partitions, after, closed, limit)
        wanted = _sequence(after, starts, limit)
        filled = dict(zip(starts, self._merge(partitions, starts), strict=True))
        return [filled.get(start) or Bucket(start=start) for start in wanted]

    def forget(self, before: int) -> None:
        """Delete the buckets that start before *before*; idempotent."""
        for partition in self._partitions():
            base = self._partition(partition)
            gone = self._redis.zrangebyscore(base + ":buckets", "-inf", f"({before}")
            for start in sorted(int(name) for name in gone):
                names = ("bucket", "samples", "deleted")
                self._redis.delete(*(f"{base}:{name}:{start}" for name in names))
                self._redis.zrem(base + ":buckets", start)

    def health(self) -> Health:
        """Return how the feed does, summed over partitions."""
        partitions = self._partitions()
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in partitions:
                pipe.hgetall(self._partition(partition) + ":progress")
                pipe.hgetall(self._partition(partition) + ":sources")
            rows = pipe.execute()
        return summarise([_ints(row) for row in rows[::2]], [_ints(row) for row in rows[1::2]])

    def _partition(self, partition: int) -> str:
        return f"{self._base}{{p{partition}}}"

    def _partitions(self) -> range:
        return range(int(self._redis.get(self._base + "partitions") or 0))

    def _closed(self, partitions: Iterable[int]) -> int | None:
        """Return the start of the last bucket that is closed, or None."""
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in partitions:
                pipe.hget(self._partition(partition) + ":progress", "watermark_ms")
            marks = pipe.execute()
        if not marks or None in marks:
            return None
        return min(int(mark) for mark in marks) // 1000 // WIDTH * WIDTH - WIDTH

    def _starts(
        self, partitions: Iterable[int], after: int | None, closed: int, limit: int
    ) -> list[int]:
        low = "-inf" if after is None else f"({after}"
        with self._redis.pipeline(transaction=False) as pipe:
            for partition in partitions:
                key = self._partition(partition) + ":buckets"
                pipe.zrangebyscore(key, low, closed, start=0, num=limit)
            rows = [[int(start) for start in row] for row in pipe.execute()]
        # A row that was cut at the limit says nothing of what lies beyond its last bucket.
        horizon = min((row[-1] for row in rows if len(row) == limit), default=closed)
        return sorted({start for row in rows for start in row if start <= horizon})[:limit]

    def _merge(self, partitions: Sequence[int], starts: Sequence[int]) -> list[Bucket]:
        with self._redis.pipeline(transaction=False) as pipe:
            for start in starts:
                for partition in partitions:
                    pipe.hgetall(f"{self._partition(partition)}:bucket:{start}")
                    pipe.hgetall(f"{self._partition(partition)}:samples:{start}")
                    pipe.smembers(f"{self._partition(partition)}:deleted:{start}")
            rows = pipe.execute()
        size = 3 * len(partitions)
        parts = (rows[i * size : (i + 1) * size] for i in range(len(starts)))
        return [
            merge(start, part[::3], part[1::3], part[2::3])
            for start, part in zip(starts, parts, strict=True)
        ]


def _sequence(after: int | None, starts: Sequence[int], limit: int) -> list[int]:
    wanted: list[int] = []
    for start in starts:
        first = start if after is None or start - after > SILENCE else after + WIDTH
        wanted.extend(range(first, start + WIDTH, WIDTH))
        after = start
        if len(wanted) >= limit:
            break
    return wanted


def _ints(row: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in row.items()}


def _instant(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
