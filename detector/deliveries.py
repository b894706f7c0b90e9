"""
What one channel has told, is telling and still has to tell, in Redis.

A call is noted before it is made (`attempt`) and after it returned (`done`). Whoever finds the note
of an attempt without its end knows that the other side may have taken it, and looks before it
repeats.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis


class Postponed(msgspec.Struct, frozen=True, kw_only=True):
    """
    An incident to come back to at *due_at*; *entry_id* is its last outbox entry passed.

    With *event_due_at*, as soon as event time is there, too; *beside* is the incident whose message
    names it meanwhile.
    """

    entry_id: str
    due_at: datetime
    reason: str
    event_due_at: datetime | None = None
    beside: str = ""


class Deliveries:
    """The progress of *channel*; one process at a time may write, the leader."""

    def __init__(self, client: redis.Redis, base: str, channel: str):
        self._redis: Any = client
        self._sent = f"{base}sent:{channel}"
        self._later = f"{base}later:{channel}"
        self._roots = f"{base}roots:{channel}"

    def attempt(self, subject: str, now: datetime) -> datetime | None:
        """
        Note that a call about *subject* begins; return when an earlier one began, if any.

        The subject is an incident, or something else to tell about it. An earlier call is there
        only while its end is not known.
        """
        field = f"attempt:{subject}"
        earlier = self._redis.hget(self._sent, field)
        if earlier is not None:
            return datetime.fromtimestamp(int(earlier) / 1000, UTC)
        self._redis.hset(self._sent, field, int(now.timestamp() * 1000))
        return None

    def done(self, entry_id: str, incident_id: str, reference: str | None) -> None:
        """Move the cursor past *entry_id* and keep the *reference*, in one transaction."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._sent, mapping=self._row(entry_id, incident_id, reference))
            pipe.hdel(self._sent, f"attempt:{incident_id}")
            pipe.hdel(self._later, incident_id)
            pipe.execute()

    def passed(self, entry_id: str | None, incident_id: str) -> None:
        """
        Move the cursor past an entry that nothing was told for.

        The note of an attempt stays: the call may have been taken all the same.
        """
        with self._redis.pipeline(transaction=True) as pipe:
            if entry_id is not None:
                pipe.hset(self._sent, "cursor", entry_id)
            pipe.hdel(self._later, incident_id)
            pipe.execute()

    def postpone(self, incident_id: str, postponed: Postponed) -> None:
        """Move the cursor past an entry that is not told yet, and note when to come back to it."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._sent, "cursor", postponed.entry_id)
            pipe.hset(self._later, incident_id, msgspec.json.encode(postponed))
            pipe.execute()

    def caught_up(self, incident_id: str, reference: str | None) -> None:
        """Note that what was postponed for the incident is told, or not worth telling any more."""
        with self._redis.pipeline(transaction=True) as pipe:
            if reference is not None:
                pipe.hset(self._sent, f"incident:{incident_id}", reference)
            pipe.hdel(self._sent, f"attempt:{incident_id}")
            pipe.hdel(self._later, incident_id)
            pipe.execute()

    def put_off(self, incident_id: str, postponed: Postponed) -> None:
        """Note a later time for what was postponed already."""
        self._redis.hset(self._later, incident_id, msgspec.json.encode(postponed))

    def postponed(self) -> dict[str, Postponed]:
        """Return what waits for a later time, by incident, in the order of the outbox."""
        rows = self._redis.hgetall(self._later)
        found = {key.decode(): _postponed.decode(row) for key, row in rows.items()}
        return dict(sorted(found.items(), key=lambda item: _order(item[1].entry_id)))

    def reference(self, incident_id: str) -> str | None:
        """Return what the channel kept of the message that it sent for the incident, or None."""
        found = self._redis.hget(self._sent, f"incident:{incident_id}")
        return None if found is None else found.decode()

    def references(self, incident_ids: Sequence[str]) -> dict[str, str]:
        """Return what the channel kept of the messages about *incident_ids*, where it has any."""
        if not incident_ids:
            return {}
        fields = [f"incident:{one}" for one in incident_ids]
        rows = zip(incident_ids, self._redis.hmget(self._sent, fields), strict=True)
        return {one: row.decode() for one, row in rows if row is not None}

    def keep(self, incident_id: str, reference: str) -> None:
        """Keep *reference* without moving the cursor."""
        self._redis.hset(self._sent, f"incident:{incident_id}", reference)

    def hand_over(self, child: str, parent: str, reference: str) -> None:
        """Let *parent* have the message of *child* from now on."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._sent, f"incident:{parent}", reference)
            pipe.hdel(self._sent, f"incident:{child}")
            pipe.execute()

    # --- remarks ---

    def remarked(self, incident_id: str, remark_id: str, reference: str | None) -> None:
        """Note that the remark is told; without a *reference*, that it is not worth telling."""
        subject = f"{incident_id} {remark_id}"
        row: dict[str, bytes | str] = {f"remark:{subject}": _PASSED if reference is None else _TOLD}
        if reference is not None:
            row[f"incident:{incident_id}"] = reference
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._sent, mapping=row)
            pipe.hdel(self._sent, f"attempt:{subject}")
            pipe.execute()

    def untold(self, incident_id: str, remark_ids: Sequence[str]) -> list[str]:
        """Return those of *remark_ids* that were not told yet."""
        if not remark_ids:
            return []
        fields = [f"remark:{incident_id} {one}" for one in remark_ids]
        rows = zip(remark_ids, self._redis.hmget(self._sent, fields), strict=True)
        return [one for one, row in rows if row is None]

    def has_told(self, incident_id: str, remark_ids: Sequence[str]) -> bool:
        """Whether any of *remark_ids* was told."""
        fields = [f"remark:{incident_id} {one}" for one in remark_ids]
        return _TOLD in self._redis.hmget(self._sent, fields)

    # --- storms ---

    def note_root(self, incident_id: str, opened_at: datetime) -> None:
        """Count a message of its own for the incident that opened at *opened_at*."""
        self._redis.zadd(self._roots, {incident_id: opened_at.timestamp()})
        self._redis.zremrangebyrank(self._roots, 0, -1_001)

    def n_roots_since(self, since: datetime) -> int:
        """Return how many incidents that opened after *since* have a message of their own."""
        return int(self._redis.zcount(self._roots, f"({since.timestamp()}", "+inf"))

    def storm(self, since: datetime) -> str | None:
        """Return the name of the storm whose last incident opened after *since*, or None."""
        row = self._redis.hget(self._sent, "storm")
        name, _, last = (row or b"").decode().partition(" ")
        return name if row and since.timestamp() < float(last) else None

    def join_storm(self, name: str, incident_id: str, opened_at: datetime) -> None:
        """Let the incident be told in the digest of the storm *name*."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._sent, "storm", f"{name} {opened_at.timestamp()}")
            pipe.zadd(f"{self._roots}:{name}", {incident_id: opened_at.timestamp()})
            pipe.execute()

    def members(self, storm: str) -> list[str]:
        """Return the incidents in the digest of *storm*, in the order of their opening."""
        return [row.decode() for row in self._redis.zrange(f"{self._roots}:{storm}", 0, -1)]

    def _row(self, entry_id: str, incident_id: str, reference: str | None) -> dict[str, str]:
        row = {"cursor": entry_id}
        if reference is not None:
            row[f"incident:{incident_id}"] = reference
        return row


_TOLD, _PASSED = b"1", b"0"
_postponed = msgspec.json.Decoder(Postponed)


def _order(entry_id: str) -> tuple[int, int]:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
