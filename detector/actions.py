"""
What people did about incidents: acknowledged, muted, called a false alarm, noted; with an audit.

Written by the page, the command line and chat buttons, read by whoever tells or shows. All times
are wall clock. Every change is one transaction with its line in the audit, and needs an operator.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
import redis

from detector.silence import Silence

LONGEST_SILENCE = timedelta(days=30)
LONGEST_TEXT = 500
AUDIT_LENGTH = 100_000
_SPACE = re.compile(r"\s+")


class Role(StrEnum):
    """What a person may do: look, or also act."""

    VIEWER = "viewer"
    OPERATOR = "operator"


class Forbidden(Exception):
    """The person may look but not act; nothing was written."""


class ActionError(ValueError):
    """The action cannot be taken as asked; says what was expected. Nothing was written."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts; *name* as the audit shows it, *via* the page, the command line or a chat."""

    name: str
    role: Role = Role.VIEWER
    via: str = "page"


class What(StrEnum):
    """What was done."""

    ACKNOWLEDGED = "acknowledged"
    RELEASED = "released"
    FALSE_ALARM = "false_alarm"
    REAL = "real"
    NOTE = "note"
    SILENCED = "silenced"
    UNSILENCED = "unsilenced"


class Action(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the audit; *about* is an incident's id or a silence's, *text* is plain text."""

    at: datetime
    by: str
    via: str
    what: What
    about: str
    text: str = ""
    until: datetime | None = None


class Marks(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands for one incident: who has it in hand, whether it is false, what was noted."""

    acknowledged: Action | None = None
    false_alarm: Action | None = None
    notes: tuple[Action, ...] = ()


NO_MARKS = Marks()
T = TypeVar("T")


class Actions:
    """The actions under *prefix*; raises redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, prefix: str = "outcry"):
        self._redis: Any = client
        self._base = f"{prefix}:v1:{{watch}}:"

    # --- what an operator does ---

    def acknowledge(self, incident: str, by: Actor, now: datetime) -> None:
        """Say that *by* has the incident in hand."""
        action = _action(by, now, What.ACKNOWLEDGED, incident)
        self._mark(incident, action, "acknowledged", action)

    def release(self, incident: str, by: Actor, now: datetime) -> None:
        """Take the acknowledgement back."""
        self._mark(incident, _action(by, now, What.RELEASED, incident), "acknowledged", None)

    def call_false(self, incident: str, by: Actor, now: datetime, reason: str = "") -> None:
        """Call the incident a false alarm: it is told of no more, and counts as one."""
        action = _action(by, now, What.FALSE_ALARM, incident, reason)
        self._mark(incident, action, "false_alarm", action)

    def call_real(self, incident: str, by: Actor, now: datetime) -> None:
        """Take it back that the incident is a false alarm."""
        self._mark(incident, _action(by, now, What.REAL, incident), "false_alarm", None)

    def note(self, incident: str, by: Actor, now: datetime, text: str) -> None:
        """Add a note to the incident; raises `ActionError` when it is empty."""
        action = _action(by, now, What.NOTE, incident, text)
        if not action.text:
            raise ActionError("the note is empty; write something")
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpush(f"{self._base}notes:{incident}", msgspec.json.encode(action))
            pipe.ltrim(f"{self._base}notes:{incident}", -100, -1)
            self._record(pipe, action)
            pipe.execute()

    def silence(
        self,
        by: Actor,
        now: datetime,
        until: datetime,
        *,
        incident: str | None = None,
        service: str | None = None,
        industry: str | None = None,
        reason: str = "",
    ) -> Silence:
        """
        Send no alerts about one of the three until *until*, at most 30 days ahead.

        Silences that are over are forgotten. Raises `ActionError` for another time, or for none or
        two of the three.
        """
        if sum(one is not None for one in (incident, service, industry)) != 1:
            raise ActionError("expected one of an incident, a service or an industry to silence")
        if not now < until <= now + LONGEST_SILENCE:
            days = LONGEST_SILENCE.days
            raise ActionError(f"a silence until {until}: expected an end within {days} days")
        about = incident or service or industry or ""
        action = _action(by, now, What.SILENCED, about, reason, until)
        silence = Silence(
            id=str(self._redis.incr(self._base + "silence_ids")),
            by=action.by,
            since=now,
            until=until,
            incident=incident,
            service=service,
            industry=industry,
            reason=action.text,
        )
        over = [one.id for one in self._silences() if one.until <= now]
        with self._redis.pipeline(transaction=True) as pipe:
            if over:
                pipe.hdel(self._base + "silences", *over)
            pipe.hset(self._base + "silences", silence.id, msgspec.json.encode(silence))
            self._record(pipe, action)
            pipe.execute()
        return silence

    def unsilence(self, silence: str, by: Actor, now: datetime) -> None:
        """End a silence before its time; one that is over already stays so."""
        action = _action(by, now, What.UNSILENCED, silence)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(self._base + "silences", silence)
            self._record(pipe, action)
            pipe.execute()

    # --- what everybody reads ---

    def silences(self, now: datetime) -> tuple[Silence, ...]:
        """Return the silences that hold at *now*, the one that ends first in front."""
        holding = (one for one in self._silences() if one.since <= now < one.until)
        return tuple(sorted(holding, key=lambda one: (one.until, one.id)))

    def marks(self, incidents: Iterable[str]) -> dict[str, Marks]:
        """Return the marks of each of *incidents*."""
        ids = list(incidents)
        with self._redis.pipeline(transaction=False) as pipe:
            for incident in ids:
                pipe.hmget(self._base + "marks", *(f"{name} {incident}" for name in _STANDING))
                pipe.lrange(f"{self._base}notes:{incident}", 0, -1)
            rows = pipe.execute()
        pairs = zip(ids, rows[::2], rows[1::2], strict=True)
        return {incident: _marks(standing, notes) for incident, standing, notes in pairs}

    def audit(self, limit: int = 100) -> tuple[Action, ...]:
        """Return what was done last, newest first."""
        rows = self._redis.xrevrange(self._base + "audit", count=limit)
        return tuple(_decode(row[b"action"], Action) for _, row in rows)

    def _silences(self) -> list[Silence]:
        return [_decode(row, Silence) for row in self._redis.hvals(self._base + "silences")]

    def _mark(self, incident: str, action: Action, name: str, kept: Action | None) -> None:
        field = f"{name} {incident}"
        with self._redis.pipeline(transaction=True) as pipe:
            if kept is None:
                pipe.hdel(self._base + "marks", field)
            else:
                pipe.hset(self._base + "marks", field, msgspec.json.encode(kept))
            self._record(pipe, action)
            pipe.execute()

    def _record(self, pipe: Any, action: Action) -> None:
        row = {"action": msgspec.json.encode(action)}
        pipe.xadd(self._base + "audit", row, maxlen=AUDIT_LENGTH, approximate=True)


_STANDING = ("acknowledged", "false_alarm")


def _action(
    by: Actor, now: datetime, what: What, about: str, text: str = "", until: datetime | None = None
) -> Action:
    """Return the line of the audit; raises `Forbidden` unless *by* is an operator."""
    if by.role is not Role.OPERATOR:
        raise Forbidden(f"{what} of {about!r} by {by.name!r}: expected an operator")
    name = _clean(by.name) or "somebody"
    return Action(
        at=now, by=name, via=by.via, what=what, about=about, text=_clean(text), until=until
    )


def _clean(text: str) -> str:
    """Return *text* on one line, without characters that control or reorder, of bounded length."""
    one_line = _SPACE.sub(" ", text[: 4 * LONGEST_TEXT])
    kept = (c for c in one_line if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return "".join(kept).strip()[:LONGEST_TEXT]


def _marks(standing: list[bytes | None], notes: list[bytes]) -> Marks:
    acknowledged, false_alarm = (row and _decode(row, Action) for row in standing)
    return Marks(
        acknowledged=acknowledged or None,
        false_alarm=false_alarm or None,
        notes=tuple(_decode(row, Action) for row in notes),
    )


def _decode(row: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(row, type=kind)
