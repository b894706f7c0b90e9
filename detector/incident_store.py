"""
Incidents, the detector's state, the series for charts and the outbox of alerts, in Redis.

The watcher writes all of one round in one transaction, fenced by its lease: a leader that lost the
lease cannot write, and a crash leaves either all of a round or nothing. Every key of it shares the
hash tag ``{watch}``. Readers never write; the sending of alerts keeps its place by `Deliveries`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis

from detector import evidence_index, reach, suspects
from detector.bucket import WIDTH
from detector.deliveries import Deliveries
from detector.incidents import Incident, Severity, Status, Transition
from detector.reach import Mark
from detector.round import Progress, Round
from detector.series import KEPT_MINUTES, Series, pack, unpack
from detector.suspects import Suspect

OUTBOX_LENGTH = 10_000
_WORST_FIRST = {Severity.CRITICAL: 0, Severity.MAJOR: 1, Severity.MINOR: 2}


class LeaseLost(Exception):
    """Another watcher leads now; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """One transition to tell people of, with the incident as it was then; ids ascend."""

    id: str
    incident: Incident
    transition: Transition


class IncidentStore:
    """Everything of the watcher under *prefix*; raises redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, prefix: str = "outcry"):
        # redis-py types a reply as the union of what all protocols and decoders give.
        self._redis: Any = client
        self._base = f"{prefix}:v1:{{watch}}:"

    # --- the lease ---

    def acquire(self, token: str, ttl_ms: int) -> int | None:
        """Become leader and return the fence to save with, or None while somebody else leads."""
        if not self._redis.set(self._base + "lease", token, nx=True, px=ttl_ms):
            return None
        return int(self._redis.incr(self._base + "fence"))

    def renew(self, token: str, fence: int, ttl_ms: int) -> bool:
        """Extend the lease if it is still ours; False when it is lost."""
        held = self._redis.get(self._base + "lease")
        if held != token.encode() or not self._fence_is(self._redis, fence):
            return False
        return bool(self._redis.pexpire(self._base + "lease", ttl_ms))

    def release(self, token: str) -> None:
        """Give the lease up, so that a standby takes over at once."""
        if self._redis.get(self._base + "lease") == token.encode():
            self._redis.delete(self._base + "lease")

    # --- the watcher ---

    def progress(self) -> Progress | None:
        """Return where the last leader stopped, or None at the very beginning."""
        row = self._redis.hgetall(self._base + "state")
        if not row:
            return None
        return Progress(
            last_bucket=int(row[b"last_bucket"]),
            state=row[b"state"],
            texts=row[b"texts"],
            minute=row[b"minute"],
        )

    def save(self, round_: Round, fence: int) -> None:
        """Write *round_*, or raise `LeaseLost` and write nothing."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.watch(self._base + "fence")
            if not self._fence_is(pipe, fence):
                raise LeaseLost(f"fence {fence} is no longer the highest")
            # Snapshots of the round were cleaned when it was judged, and overwrite these.
            cleaned = evidence_index.without_deleted(pipe, self._base, round_.deleted)
            pipe.multi()
            for incident in cleaned:
                pipe.hset(self._base + "incidents", incident.id, _json(incident))
            self._write(pipe, round_)
            try:
                pipe.execute()
            except redis.WatchError as error:
                raise LeaseLost(f"fence {fence} was passed by another leader") from error

    def _fence_is(self, client: Any, fence: int) -> bool:
        return int(client.get(self._base + "fence") or 0) == fence

    def _write(self, pipe: Any, round_: Round) -> None:
        row = {
            "last_bucket": round_.last_bucket,
            "state": round_.state,
            "texts": round_.texts,
            "minute": round_.minute,
        }
        pipe.hset(self._base + "state", mapping=row)
        pipe.set(self._base + "suspects", round_.suspects)
        for incident in round_.incidents:
            opened = int(incident.opened_at.timestamp())
            pipe.hset(self._base + "incidents", incident.id, _json(incident))
            pipe.zadd(self._base + "index", {incident.id: opened})
            open_or_not = pipe.srem if incident.status is Status.RESOLVED else pipe.sadd
            open_or_not(self._base + "open", incident.id)
        evidence_index.note(pipe, self._base, round_.incidents)
        for i, (incident, transition) in enumerate(round_.changes):
            # Event time, not Redis's clock: the same log leads to the same outbox.
            entry_id = f"{round_.last_bucket * 1000}-{i + 1}"
            bare = replace(incident, samples=())  # a deletion must not have to look here, too
            body = {"incident": _json(bare), "transition": _json(transition)}
            pipe.xadd(self._base + "outbox", body, id=entry_id, maxlen=OUTBOX_LENGTH)
        for service, points in round_.points.items():
            key = f"{self._base}series:{service}"
            pipe.rpush(key, *(pack(point) for point in points))
            pipe.ltrim(key, -KEPT_MINUTES, -1)
        for id, marks in round_.marks.items():
            key = f"{self._base}reach:{id}"
            pipe.rpush(key, *map(reach.pack, marks))
            pipe.ltrim(key, -reach.KEPT, -1)

    # --- readers ---

    def suspects(self) -> tuple[Suspect, ...]:
        """Return the bursts that are held back now, or that mostly repeat what was said."""
        return suspects.decode(self._redis.get(self._base + "suspects") or b"")

    def open(self) -> tuple[Incident, ...]:
        """Return the incidents that are not resolved, worst first, then newest first."""
        ids = sorted(self._redis.smembers(self._base + "open"))
        found = self._incidents(ids)
        return tuple(
            sorted(found, key=lambda one: (_WORST_FIRST[one.severity], -one.opened_at.timestamp()))
        )

    def recent(self, limit: int = 50) -> tuple[Incident, ...]:
        """Return the incidents opened last, newest first, whatever their status."""
        return self._incidents(self._redis.zrevrange(self._base + "index", 0, limit - 1))

    def get(self, incident_id: str) -> Incident | None:
        """Return one incident, or None."""
        found = self._incidents([incident_id.encode()])
        return found[0] if found else None

    def series(self, services: Sequence[str], minutes: int) -> dict[str, Series]:
        """Return the last *minutes* of event time of each service, up to the last bucket judged."""
        last = int(self._redis.hget(self._base + "state", "last_bucket") or 0)
        since = last // 60 - minutes + 1
        with self._redis.pipeline(transaction=False) as pipe:
            for service in services:
                pipe.lrange(f"{self._base}series:{service}", -minutes, -1)
            rows = pipe.execute()
        return {service: unpack(row, since) for service, row in zip(services, rows, strict=True)}

    def marks(self, incident_id: str) -> tuple[Mark, ...]:
        """Return how far an incident reached, every five minutes, oldest first."""
        rows = self._redis.lrange(f"{self._base}reach:{incident_id}", 0, -1)
        return tuple(map(reach.unpack, rows))

    def judged_until(self) -> datetime | None:
        """Return the end of the last bucket judged, event time."""
        last = self._redis.hget(self._base + "state", "last_bucket")
        return None if last is None else datetime.fromtimestamp(int(last) + WIDTH, UTC)

    def _incidents(self, ids: Sequence[bytes]) -> tuple[Incident, ...]:
        if not ids:
            return ()
        rows = self._redis.hmget(self._base + "incidents", list(ids))
        return tuple(_incident.decode(row) for row in rows if row is not None)

    # --- alerts ---

    def outbox(self, channel: str, limit: int = 100) -> list[OutboxEntry]:
        """
        Return the entries that *channel* has not done yet, oldest first.

        Each has the incident as it was then, but with the evidence that it has now.
        """
        cursor = self._redis.hget(f"{self._base}sent:{channel}", "cursor")
        low = "-" if cursor is None else f"({cursor.decode()}"
        found = self._entries(low, limit)
        ids = sorted({entry.incident.id.encode() for entry in found})
        samples = {one.id: one.samples for one in self._incidents(ids)}
        return [
            replace(
                entry,
                incident=replace(entry.incident, samples=samples.get(entry.incident.id, ())),
            )
            for entry in found
        ]

    def changes(self, after: str, limit: int = 100) -> list[OutboxEntry]:
        """Return the entries behind the outbox entry *after*, without the posts."""
        return self._entries(f"({after}", limit)

    def last_change(self) -> str:
        """Return the id of the newest outbox entry, "0-0" before the first."""
        rows = self._redis.xrevrange(self._base + "outbox", count=1)
        return str(rows[0][0].decode()) if rows else "0-0"

    def _entries(self, low: str, limit: int) -> list[OutboxEntry]:
        rows = self._redis.xrange(self._base + "outbox", low, "+", count=limit)
        return [
            OutboxEntry(
                id=entry_id.decode(),
                incident=_incident.decode(row[b"incident"]),
                transition=_transition.decode(row[b"transition"]),
            )
            for entry_id, row in rows
        ]

    def forget_evidence(self, before: datetime) -> int:
        """Remove the posts kept for incidents that opened before *before*; return how many had."""
        return evidence_index.forget(self._redis, self._base, before.timestamp())

    def deliveries(self, channel: str) -> Deliveries:
        """Return what *channel* has told and still has to tell."""
        return Deliveries(self._redis, self._base, channel)


_incident = msgspec.json.Decoder(Incident)
_transition = msgspec.json.Decoder(Transition)


def _json(value: Incident | Transition) -> bytes:
    return msgspec.json.encode(value)
