"""
Names outside the catalogue, in Redis: counted by the workers, judged by the watcher, read by all.

All keys share the hash tag ``{unknown}``. Memory is bounded: `NAMES` names a span, each with a
HyperLogLog of its authors, and a day of surges.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec
import redis

from detector.unknown import LEAST, SPAN, Named, Past, Surge, judged
from models.catalogue import Catalogue

NAMES = 2_000
_EXPIRE = 24 * 3600  # seconds; a span is judged and deleted long before


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One author, a keyed hash, named *key* beside words of outage, and wrote it as *shown*."""

    event_at: datetime
    author: str
    key: str
    shown: str


class UnknownNames:
    """The names under *prefix*; raises redis-py's errors, and every call may be repeated."""

    def __init__(self, client: redis.Redis, prefix: str = "outcry"):
        # redis-py types a reply as the union of what all protocols and decoders give.
        self._redis: Any = client
        self._base = f"{prefix}:v1:{{unknown}}"
        script = files("detector").joinpath("unknown.lua").read_text(encoding="utf-8")
        self._add = client.register_script(script)

    def add(self, mentions: Iterable[Mention]) -> None:
        """Count *mentions*; those of a span that was judged already change nothing."""
        rows = [
            (int(one.event_at.timestamp()) // SPAN * SPAN, one.author, one.key, one.shown)
            for one in mentions
        ]
        if rows:
            batch = {"names": NAMES, "expire": _EXPIRE, "rows": rows}
            self._add(keys=[self._base], args=[msgspec.msgpack.encode(batch)])

    def judge(self, until: int) -> tuple[Surge, ...]:
        """Judge the spans that end at *until*, unix seconds, or before; return what is new."""
        due = self._redis.zrangebyscore(f"{self._base}:spans", "-inf", until - SPAN)
        new: list[Surge] = []
        for start in sorted(map(int, due)):
            new += self._judge(start)
        return tuple(new)

    def surges(self, catalogue: Catalogue | None = None) -> tuple[Surge, ...]:
        """Return the surges of the last day, but those that *catalogue* has a name for by now."""
        row = self._redis.get(f"{self._base}:surges")
        found = msgspec.json.decode(row, type=tuple[Surge, ...]) if row else ()
        return tuple(one for one in found if not (catalogue and _is_known(one, catalogue)))

    def _judge(self, start: int) -> list[Surge]:
        before = self.surges()
        past, after = judged(self._past(), before, start, self._span(start))
        gone = [f"{self._base}:{what}:{start}" for what in ("names", "shown")]
        names = self._redis.zrange(gone[0], 0, -1)
        gone += [f"{self._base}:authors:{start}:{name.decode()}" for name in names]
        with self._redis.pipeline(transaction=True) as pipe:
            # A leader that lost its lease must not judge a span again.
            pipe.watch(f"{self._base}:judged")
            if int(pipe.get(f"{self._base}:judged") or -1) >= start:
                return []
            pipe.multi()
            pipe.set(f"{self._base}:judged", start)
            pipe.set(f"{self._base}:past", msgspec.json.encode(past))
            pipe.set(f"{self._base}:surges", msgspec.json.encode(after))
            pipe.zrem(f"{self._base}:spans", start)
            pipe.delete(*gone)
            try:
                pipe.execute()
            except redis.WatchError:
                return []
        known = {one.key for one in before}
        return [one for one in after if one.key not in known]

    def _past(self) -> Past:
        row = self._redis.get(f"{self._base}:past")
        return msgspec.json.decode(row, type=Past) if row else Past()

    def _span(self, start: int) -> list[Named]:
        counted = self._redis.zrange(f"{self._base}:names:{start}", 0, -1, withscores=True)
        shown = self._redis.hgetall(f"{self._base}:shown:{start}")
        many = [name for name, n in counted if n >= LEAST]
        with self._redis.pipeline(transaction=False) as pipe:
            for name in many:
                pipe.pfcount(f"{self._base}:authors:{start}:{name.decode()}")
            exact = dict(zip(many, pipe.execute(), strict=True))
        return [
            Named(
                key=name.decode(),
                shown=shown.get(name, name).decode(),
                authors=int(exact.get(name, n)),
            )
            for name, n in counted
        ]


def _is_known(one: Surge, catalogue: Catalogue) -> bool:
    return any(catalogue.find(name) for name in (one.key, one.shown))
