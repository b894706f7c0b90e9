"""Whether the page believes its feed: a dead one must never look like calm."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboard import feed
from dashboard.snapshot import Snapshot, View, advance
from detector.health import Health, SourceHealth
from tests.page_story import CLOCK

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _view(watermark: datetime, judged: datetime | None, **changes: object) -> View:
    health = Health(watermark_at=watermark, n_partitions=1)
    taken = Snapshot(taken_at=NOW, health=health, judged_until=judged)
    return replace(View(snapshot=taken, since=NOW), **changes)  # type: ignore[arg-type]


LATER = NOW + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("view", "now", "said"),
    [
        (View(), NOW, "empty"),
        (_view(NOW, NOW), NOW, "current"),
        (_view(NOW, None), NOW, "unjudged"),
        (_view(NOW, NOW - timedelta(minutes=3)), NOW, "unjudged"),
        (_view(NOW, NOW, failing_since=NOW), NOW, "blind"),
        (_view(CLOCK, CLOCK), NOW, "looking"),
        (_view(CLOCK, CLOCK), LATER, "stalled"),
        (_view(CLOCK, CLOCK, moved_at=NOW), LATER, "stalled"),
        (_view(CLOCK, CLOCK, moved_at=LATER), LATER, "current"),
        (_view(NOW, NOW), NOW + timedelta(hours=1), "stalled"),
    ],
)
def test_only_a_feed_that_moves_is_current(view: View, now: datetime, said: str) -> None:
    assert feed.pulse(view, now) == said
    assert (feed.complaint(view, now) is None) == (said in ("current", "looking"))


def test_a_view_remembers_when_the_event_clock_last_moved() -> None:
    first = _view(CLOCK, CLOCK).snapshot
    assert first is not None
    same = replace(first, taken_at=LATER)
    moved = replace(same, health=replace(first.health, watermark_at=CLOCK + timedelta(seconds=10)))

    assert advance(advance(View(), first), same).moved_at is None
    assert advance(advance(View(), first), moved).moved_at == LATER


def test_a_source_that_only_beats_is_quiet_and_one_that_does_not_is_silent() -> None:
    long_ago = CLOCK - timedelta(minutes=6)
    told = Health(
        watermark_at=CLOCK,
        n_partitions=1,
        sources=(
            SourceHealth(name="dead", last_post_at=long_ago, last_heartbeat_at=long_ago),
            SourceHealth(name="live", last_post_at=CLOCK + timedelta(seconds=9)),
            SourceHealth(name="quiet", last_post_at=long_ago, last_heartbeat_at=CLOCK),
        ),
    )

    states = feed.sources(Snapshot(taken_at=NOW, health=told))

    assert [state.mark.word for state in states] == ["Silent", "Live", "Quiet"]
    assert feed.dead(states) == "1 source silent: dead"
