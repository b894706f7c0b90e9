"""
What people report on the page, on its way to Kafka: a short queue in Redis with a limit a sender.

The page appends, `stream.forward` reads, sends and only then deletes, so that nothing is lost
between the two; an entry's id becomes the report's, so that what is sent twice counts once.
"""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any

import msgspec
import redis

SOURCE = "form"  # how these reports are called wherever sources are shown
PER_SENDER = 5
IN_WINDOW = timedelta(minutes=10)
MAX_WAITING = 10_000
LONGEST_COMMENT = 500

# Appends unless the sender was heard too often, or too much is waiting already; tells which.
_APPEND = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 'full' end
local n = redis.call('INCR', KEYS[2])
if n == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
if n > tonumber(ARGV[2]) then return 'often' end
return redis.call('XADD', KEYS[1], '*', 'body', ARGV[4])
"""


class Refused(Exception):
    """The submission was not taken: the sender was heard too often, or the queue is full."""


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    One filled-in form; *sender* is a keyed hash of an address, *comment* is untrusted.

    *country* has two capital letters, *symptom* is one of the wire format's.
    """

    service: str
    sender: str
    sent_at: datetime
    symptom: str | None = None
    country: str | None = None
    comment: str = ""


class Inbox:
    """The queue under *prefix*; raises redis-py's errors when Redis is away."""

    def __init__(self, client: redis.Redis, prefix: str = "outcry"):
        self._redis: Any = client
        self._base = f"{prefix}:v1:{{inbox}}:"
        self._append = client.register_script(_APPEND)

    def hash(self, address: str) -> str:
        """Return 32 hex digits for *address*, by a key that was made here once and stays here."""
        key = self._base + "key"
        self._redis.set(key, secrets.token_bytes(32), nx=True)
        return hmac.new(self._redis.get(key), address.encode(), hashlib.sha256).hexdigest()[:32]

    def submit(self, submission: Submission) -> str:
        """Append *submission* and return its id, or raise `Refused`."""
        found = self._append(
            keys=[self._base + "waiting", f"{self._base}rate:{submission.sender}"],
            args=[
                MAX_WAITING,
                PER_SENDER,
                IN_WINDOW // timedelta(milliseconds=1),
                msgspec.json.encode(submission),
            ],
        ).decode()
        if found == "full":
            raise Refused("too many reports are waiting; try again in some minutes")
        if found == "often":
            minutes = IN_WINDOW // timedelta(minutes=1)
            raise Refused(f"{PER_SENDER} reports in {minutes} minutes are enough; try again later")
        return str(found)

    def waiting(self, limit: int = 100) -> list[tuple[str, Submission]]:
        """Return the submissions that wait longest, with their ids."""
        rows = self._redis.xrange(self._base + "waiting", count=limit)
        return [
            (entry.decode(), msgspec.json.decode(row[b"body"], type=Submission))
            for entry, row in rows
        ]

    def wait(self, seconds: float) -> bool:
        """Return as soon as something waits, or after *seconds*; tell which."""
        key = self._base + "waiting"
        return bool(self._redis.xread({key: "0"}, count=1, block=max(1, int(seconds * 1000))))

    def done(self, ids: list[str]) -> None:
        """Delete what was sent."""
        if ids:
            self._redis.xdel(self._base + "waiting", *ids)
