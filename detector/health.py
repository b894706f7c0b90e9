"""How the feed does: what was received, what was not counted and why, and which source is alive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """When a source last sent a post, and when it last said that it lives; event time."""

    name: str
    last_post_at: datetime | None = None
    last_heartbeat_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of the feed; *lag* is in records, None while no worker has told the end offsets."""

    watermark_at: datetime | None
    n_partitions: int
    n_reports: int = 0
    n_tagged: int = 0
    n_invalid: int = 0
    n_late: int = 0
    n_duplicate: int = 0
    n_repost: int = 0
    n_lost: int = 0
    lag: int | None = None
    sources: tuple[SourceHealth, ...] = ()


def summarise(
    progress: Sequence[Mapping[str, int]], sources: Sequence[Mapping[str, int]]
) -> Health:
    """Sum the rows that each partition keeps of its progress and of its sources."""

    def total(name: str) -> int:
        return sum(row.get(name, 0) for row in progress)

    marks = [row.get("watermark_ms") for row in progress]
    known = [mark for mark in marks if mark is not None]
    ends = [
        row["end_offset"] - row.get("next_offset", 0) for row in progress if "end_offset" in row
    ]
    return Health(
        watermark_at=_instant(min(known)) if known and len(known) == len(marks) else None,
        n_partitions=len(progress),
        n_reports=total("n_reports"),
        n_tagged=total("n_tagged"),
        n_invalid=total("n_invalid"),
        n_late=total("n_late"),
        n_duplicate=total("n_duplicate"),
        n_repost=total("n_repost"),
        n_lost=total("n_lost"),
        lag=sum(max(0, lag) for lag in ends) if ends else None,
        sources=_sources(sources),
    )


def _sources(rows: Sequence[Mapping[str, int]]) -> tuple[SourceHealth, ...]:
    latest: dict[str, int] = {}
    for row in rows:
        for name, event_ms in row.items():
            latest[name] = max(event_ms, latest.get(name, event_ms))
    names = sorted({name.removeprefix("heartbeat:") for name in latest})
    return tuple(
        SourceHealth(
            name=name,
            last_post_at=_instant(latest.get(name)),
            last_heartbeat_at=_instant(latest.get("heartbeat:" + name)),
        )
        for name in names
    )


def _instant(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
