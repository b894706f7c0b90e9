"""What the API says of the feed and its sources: plain JSON values, and their schema."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from detector.feeds import Feed
from detector.health import Health
from stream.api.shapes import Out


class SourceOut(Out, frozen=True, kw_only=True):
    """
    When a source last sent a post, and when it last said that it lives; event time.

    What follows is said by a live source of itself: its connection, what is wrong with it, and
    counts since its process started.
    """

    name: str
    last_post_at: datetime | None = None
    last_heartbeat_at: datetime | None = None
    state: str | None = None
    detail: str | None = None
    updated_at: datetime | None = None
    received: int | None = None
    sent: int | None = None
    duplicates: int | None = None
    invalid: int | None = None
    shed: int | None = None
    connections: int | None = None


class HealthOut(Out, frozen=True, kw_only=True):
    """How the feed does: what came, what was not counted and why; *lag* is in records."""

    watermark_at: datetime | None
    judged_until: datetime | None
    partitions: int
    reports: int
    tagged: int
    invalid: int
    late: int
    duplicates: int
    reposts: int
    lost: int
    lag: int | None
    sources: tuple[SourceOut, ...]


class AliveOut(Out, frozen=True, kw_only=True):
    """The API works and Redis answers."""

    judged_until: datetime | None


def health_out(
    health: Health, judged_until: datetime | None, sources: Sequence[Feed] = ()
) -> HealthOut:
    """Return how the feed does, and what *sources* say of themselves."""
    return HealthOut(
        watermark_at=health.watermark_at,
        judged_until=judged_until,
        partitions=health.n_partitions,
        reports=health.n_reports,
        tagged=health.n_tagged,
        invalid=health.n_invalid,
        late=health.n_late,
        duplicates=health.n_duplicate,
        reposts=health.n_repost,
        lost=health.n_lost,
        lag=health.lag,
        sources=_sources(health, sources),
    )


def _sources(health: Health, sources: Sequence[Feed]) -> tuple[SourceOut, ...]:
    counted = {one.name: one for one in health.sources}
    said = {one.name: one for one in sources}
    return tuple(
        SourceOut(
            name=name,
            last_post_at=counted[name].last_post_at if name in counted else None,
            last_heartbeat_at=counted[name].last_heartbeat_at if name in counted else None,
            **(_said(said[name]) if name in said else {}),
        )
        for name in sorted({*counted, *said})
    )


def _said(feed: Feed) -> dict[str, Any]:
    return {
        "state": feed.state,
        "detail": feed.detail or None,
        "updated_at": feed.updated_at,
        "received": feed.n_received,
        "sent": feed.n_sent,
        "duplicates": feed.n_duplicate,
        "invalid": feed.n_invalid,
        "shed": feed.n_shed,
        "connections": feed.n_connections,
    }
