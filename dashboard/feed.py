"""
Whether what the page shows is current: a dead feed must never look like "no outage".

Ages of sources are measured against the event clock (the watermark), which in a replay lies in the
past; whether the event clock itself moves is measured against the wall clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dashboard.snapshot import Snapshot, View
from dashboard.words import Mark, moment, plural, span
from detector.counts import SILENCE
from detector.health import SourceHealth
from detector.inbox import SOURCE as FORM

DEAD_AFTER = timedelta(seconds=SILENCE)
LIVE_WITHIN = timedelta(minutes=5)  # an event clock that is nearer to now is that of a live feed
STILL_AFTER = timedelta(seconds=60)
FIRST_LOOK = timedelta(seconds=15)
WATCHER_BEHIND = timedelta(minutes=2)
SYNTHETIC_SOURCE = "scenario"


class Pulse(StrEnum):
    """How far the page can be believed to show the present of its event clock."""

    CURRENT = "current"
    EMPTY = "empty"
    LOOKING = "looking"
    STALLED = "stalled"
    UNJUDGED = "unjudged"
    BLIND = "blind"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """One source; the ages are in event time, None where there never was any."""

    name: str
    mark: Mark
    post_age: timedelta | None
    heartbeat_age: timedelta | None


def pulse(view: View, now: datetime) -> Pulse:
    """Judge *view* at wall-clock time *now*."""
    if view.failing_since is not None:
        return Pulse.BLIND
    if view.snapshot is None or view.snapshot.health.watermark_at is None:
        return Pulse.EMPTY
    is_live = now - view.snapshot.health.watermark_at <= LIVE_WITHIN
    if not is_live and _is_still(view.moved_at, now):
        return Pulse.LOOKING if _is_first_look(view, now) else Pulse.STALLED
    return Pulse.UNJUDGED if _is_unjudged(view, now, is_live) else Pulse.CURRENT


def _is_still(seen_at: datetime | None, now: datetime) -> bool:
    return seen_at is None or now - seen_at > STILL_AFTER


def _is_first_look(view: View, now: datetime) -> bool:
    return view.moved_at is None and view.since is not None and now - view.since < FIRST_LOOK


def _is_unjudged(view: View, now: datetime, is_live: bool) -> bool:
    assert view.snapshot is not None
    assert view.snapshot.health.watermark_at is not None
    judged_until = view.snapshot.judged_until
    if judged_until is None:
        return True
    # A fast replay is hours of event time in a second: there only a standstill tells.
    is_behind = view.snapshot.health.watermark_at - judged_until > WATCHER_BEHIND
    return is_behind and (is_live or _is_still(view.judged_at, now))


def sources(snapshot: Snapshot) -> tuple[SourceState, ...]:
    """Judge each source against the event clock."""
    clock = snapshot.health.watermark_at
    return tuple(_source(source, clock) for source in snapshot.health.sources)


def _source(source: SourceHealth, clock: datetime | None) -> SourceState:
    post, heartbeat = _age(source.last_post_at, clock), _age(source.last_heartbeat_at, clock)
    ages = [age for age in (post, heartbeat) if age is not None]
    is_silent = not ages or min(ages) > DEAD_AFTER
    if source.name == FORM:
        # People report when they have something to report; no form is no sign of a broken feed.
        mark = Mark("●", "Live", "good") if not is_silent else Mark("○", "Quiet", "muted")
    elif is_silent:
        mark = Mark("✕", "Silent", "critical")
    elif post is None or post > DEAD_AFTER:
        mark = Mark("○", "Quiet", "muted")
    else:
        mark = Mark("●", "Live", "good")
    return SourceState(name=source.name, mark=mark, post_age=post, heartbeat_age=heartbeat)


def _age(at: datetime | None, clock: datetime | None) -> timedelta | None:
    if at is None or clock is None:
        return None
    # The watermark waits for late posts, so that the newest post is usually ahead of it.
    return max(timedelta(), clock - at)


def is_synthetic(snapshot: Snapshot) -> bool:
    """Tell whether anything on the page was made up by a scenario."""
    shown = (*snapshot.open, *snapshot.recent)
    posts = (post for one in snapshot.suspects for post in one.samples)
    return (
        any(incident.synthetic for incident in shown)
        or any(post.synthetic for post in posts)
        or any(source.name == SYNTHETIC_SOURCE for source in snapshot.health.sources)
    )


def complaint(view: View, now: datetime) -> str | None:
    """Say in one sentence why the page cannot be taken for the present, or None when it can."""
    match pulse(view, now):
        case Pulse.BLIND:
            assert view.failing_since is not None
            return (
                f"The store does not answer for {span(now - view.failing_since)}. "
                f"{_kept(view.snapshot)} The page goes on by itself when it is back."
            )
        case Pulse.EMPTY:
            return (
                "Nothing has been received yet. Reports appear here as soon as a source sends them."
            )
        case Pulse.STALLED:
            return f"{_still(view, now)} Whatever happened after that is not on this page."
        case Pulse.UNJUDGED:
            return "Reports are counted but not judged: the watcher is behind or not running."
        case _:
            return None


def _kept(snapshot: Snapshot | None) -> str:
    if snapshot is None:
        return "Nothing was read so far."
    return f"Below is what was known at {snapshot.taken_at:%H:%M:%S} UTC."


def _still(view: View, now: datetime) -> str:
    assert view.snapshot is not None
    assert view.snapshot.health.watermark_at is not None
    clock = moment(view.snapshot.health.watermark_at)
    if view.moved_at is None:
        return f"The event clock stands at {clock} and has not moved since this page began to look."
    return f"The event clock has stood at {clock} for {span(now - view.moved_at)}."


def dead(states: Sequence[SourceState]) -> str | None:
    """Name the sources that went silent, or None."""
    names = [state.name for state in states if state.mark.word == "Silent"]
    return f"{plural(len(names), 'source')} silent: {', '.join(names)}" if names else None
