"""What an alert is, and what a channel owes to the loop that drains the outbox into it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from detector.incidents import Incident, Severity, Step, Transition
from stream.alerts.around import NOTHING_AROUND, Around
from stream.alerts.remark import Kind, Remark

_STORY = {Step.OPENED, Step.CONFIRMED, Step.CAUSE_CHANGED, Step.SECOND_WAVE, Step.RECOVERING}
_STORY |= {Step.RESOLVED}


class AlertError(Exception):
    """
    An alert that was not delivered.

    *retryable* says whether the same request may succeed later, *retry_after* for how many seconds
    the other side asked to be left alone. *reason* never holds a token, an address or a post.
    """

    def __init__(self, reason: str, *, retryable: bool, retry_after: float | None = None):
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """
    One outbox entry to tell, or a *remark* on the incident, which is told in its thread.

    *picture* is a chart as PNG, for a remark that is one.

    *incident* is as it was at *transition* and belongs to the story; *newest* is the latest
    snapshot that waits in the outbox, and what a message that is edited in place should show.
    *is_story* says whether the step is told by itself. *attempted_at* is set when an earlier call
    for this entry began and its end is not known: whoever can look must look before it repeats.
    """

    entry_id: str
    incident: Incident
    transition: Transition
    newest: Incident
    is_story: bool = True
    remark: Remark | None = None
    picture: bytes | None = None
    around: Around = NOTHING_AROUND
    attempted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What a storm is told as: one message for all of *incidents*, the newest snapshot of each."""

    entry_id: str
    incidents: tuple[Incident, ...]
    attempted_at: datetime | None = None


class Channel(Protocol):
    """
    Somewhere that people read alerts. *pause_seconds* is the least time between two alerts.

    *edits* says that it shows changes in place, disturbing nobody: minor ones then come together.
    """

    name: str
    pause_seconds: float
    edits: bool

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """
        Tell *alert*; raise `AlertError` when it was not told.

        *reference* is what the last call for this incident returned, across restarts; the result
        is kept in its place. A channel may find that there is nothing to say and say nothing.
        """
        ...


@runtime_checkable
class Digests(Protocol):
    """A channel that can tell of many incidents in one message."""

    def send_digest(self, digest: Digest, reference: str | None) -> str:
        """Post or edit the one message of a storm; returns what `send` would, raises the same."""
        ...


@runtime_checkable
class Repeats(Protocol):
    """A channel whose other side forgets an open incident that is not told again."""

    repeat_seconds: float


@runtime_checkable
class Remarks(Protocol):
    """A channel that is told of more than steps: of these kinds."""

    remarks: frozenset[Kind]


def is_story(transition: Transition) -> bool:
    """Whether *transition* is told on its own; the others only change what the message shows."""
    if transition.step is Step.SEVERITY_CHANGED:
        return transition.severity is Severity.CRITICAL
    return transition.step in _STORY
