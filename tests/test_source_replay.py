"""A replay's order, heartbeats and pace; and the whole through a real broker."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.authors import Authors
from stream.producer import Producer
from stream.report import Heartbeat, Report
from stream.sources.lines import Tally
from stream.sources.replay import (
    HEARTBEAT,
    LONGEST_SILENCE,
    TAIL,
    Pace,
    ReplayError,
    closing_heartbeats,
    in_event_order,
    is_recording,
    recorded,
    replay,
    send_replay,
    with_heartbeats,
)
from tests.topic_records import heartbeats, records, reports

KEY = b"an author key of tests"
NOON = datetime(2025, 10, 20, 12, tzinfo=UTC)

seconds = st.floats(0, 100_000).map(lambda value: round(value, 3))
offsets = st.lists(seconds, max_size=60)


def report(at: float, number: int = 0) -> Report:
    time = NOON + timedelta(seconds=at)
    return Report(
        id=f"test:{number}:{at}",
        source="test",
        author=f"{number:032x}",
        text="down?",
        posted_at=time,
        received_at=time,
    )


def write(path: Path, *offsets: float) -> Path:
    posts = [
        {"text": f"down {at}?", "created": str(NOON + timedelta(seconds=at))} for at in offsets
    ]
    path.write_text("".join(f"{json.dumps(post)}\n" for post in posts))
    return path


@given(offsets)
def test_posts_within_the_window_come_in_event_order(times: list[float]) -> None:
    made = [report(at, number) for number, at in enumerate(times)]

    ordered = list(in_event_order(made, window=100))

    assert ordered == sorted(made, key=lambda report: report.posted_at)


@given(offsets, st.integers(1, 10))
def test_posts_come_in_order_or_not_at_all(times: list[float], window: int) -> None:
    ordered: list[Report] = []
    try:
        ordered.extend(in_event_order(map(report, times), window))
    except ReplayError:
        return

    assert [made.posted_at for made in ordered] == sorted(made.posted_at for made in ordered)
    assert len(ordered) == len(times)


def test_a_post_that_comes_far_too_late_is_named() -> None:
    made = [report(at) for at in (5, 6, 7, 1)]

    with pytest.raises(
        ReplayError, match=r"'test:0:1' .*more than 2 posts too late; sort the file"
    ):
        list(in_event_order(made, window=2))


@given(offsets)
def test_heartbeats_come_every_ten_seconds_between_posts_in_order(times: list[float]) -> None:
    made = [report(at) for at in sorted(times)]
    mixed = list(with_heartbeats(made, "test"))
    at = [record.posted_at if isinstance(record, Report) else record.at for record in mixed]
    beats = [record.at for record in mixed if isinstance(record, Heartbeat)]

    assert [record for record in mixed if isinstance(record, Report)] == made
    assert at == sorted(at)
    assert all(beat.second % 10 == 0 and beat.microsecond == 0 for beat in beats)
    assert all(
        later - earlier == HEARTBEAT or later - earlier > LONGEST_SILENCE - HEARTBEAT
        for earlier, later in pairwise(beats)
    )


def test_a_heartbeat_precedes_the_posts_of_its_own_instant() -> None:
    mixed = list(with_heartbeats([report(0), report(10)], "test"))

    kinds = [type(record).__name__ for record in mixed]

    assert kinds == ["Heartbeat", "Report", "Heartbeat", "Report"]


def test_silence_has_heartbeats_and_a_gap_in_the_recording_has_none() -> None:
    silence = list(with_heartbeats([report(0), report(6 * 3600)], "test"))
    gap = list(with_heartbeats([report(0), report(6 * 3600 + 1)], "test"))

    assert len(silence) == 2 + 6 * 360 + 1
    assert len(gap) == 2 + 2


def test_the_closing_heartbeats_reach_past_the_tail_without_a_hole() -> None:
    last = NOON + timedelta(seconds=3.5)
    beats = [beat.at for beat in closing_heartbeats(last, "test")]

    assert beats[0] == NOON + timedelta(seconds=10)
    assert beats[-1] > last + TAIL
    assert len(beats) == (beats[-1] - beats[0]) / HEARTBEAT + 1


def test_the_pace_is_event_time_over_speed() -> None:
    pace = Pace(speed=60.0)

    assert pace.wait(NOON, 100.0) == 0
    assert pace.wait(NOON + timedelta(minutes=2), 100.5) == pytest.approx(1.5)
    assert pace.wait(NOON + timedelta(minutes=3), 104.0) == 0  # behind: no waiting
    assert pace.wait(NOON + timedelta(minutes=5), 104.0) == pytest.approx(1.0)  # caught up


def test_a_gap_in_the_recording_is_not_waited_for() -> None:
    pace = Pace(speed=1.0)
    pace.wait(NOON, 0.0)

    assert pace.wait(NOON + timedelta(days=3), 1.0) == 0
    assert pace.wait(NOON + timedelta(days=3, seconds=5), 1.0) == pytest.approx(5.0)


def test_speed_zero_never_waits() -> None:
    pace = Pace(speed=0.0)
    pace.wait(NOON, 0.0)

    assert pace.wait(NOON + timedelta(hours=1), 0.0) == 0


@pytest.mark.parametrize("speed", [-1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ReplayError, match=f"speed {speed}: expected a positive number"):
        Pace(speed)


@pytest.mark.parametrize(
    ("name", "recording"),
    [
        ("posts.jsonl", True),
        ("posts.jsonl.gz", True),
        ("aws-2025-10-20", False),
        ("mine.toml", False),
        ("dir/posts.ndjson", True),
    ],
)
def test_files_are_told_from_scenarios(name: str, recording: bool) -> None:
    assert is_recording(name) is recording


def test_a_recorded_post_is_received_when_it_was_posted(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", 5.25)

    (made,) = recorded(path, Authors(KEY), Tally())

    assert made.posted_at == made.received_at == NOON + timedelta(seconds=5.25)


def test_a_post_from_the_future_is_a_bad_line(tmp_path: Path) -> None:
    tally = Tally()
    path = write(tmp_path / "p.jsonl", 10**9 * 2)

    assert not list(recorded(path, Authors(KEY), tally))
    assert str(tally.bad[0]) == "line 1: posted in the future"


@pytest.mark.kafka
def test_a_recording_goes_through_kafka_whole_and_closed(
    kafka: str, topic: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "p.jsonl", 30.0, 0.0, 12.5)
    with path.open("a") as file:
        file.write("rubbish\n")
    seen: list[tuple[datetime, int]] = []

    sent = send_replay(
        str(path),
        kafka,
        topic,
        author_key=KEY,
        speed=0.0,
        progress=lambda at, n: seen.append((at, n)),
    )

    assert (sent.n_sent, sent.n_bad) == (3, 1)
    assert {made.posted_at for made in reports(kafka, topic)} == {
        NOON + timedelta(seconds=at) for at in (0, 12.5, 30)
    }
    beats = heartbeats(kafka, topic)
    per_partition = [[beat.at for p, beat in beats if p == partition] for partition in range(4)]
    assert per_partition == [per_partition[0]] * 4
    assert per_partition[0][0] == NOON
    assert per_partition[0][-1] >= NOON + timedelta(seconds=30) + TAIL
    assert seen[-1] == (NOON + timedelta(seconds=30), 3)


@pytest.mark.kafka
def test_event_times_never_step_back_within_a_partition(kafka: str, topic: str) -> None:
    made = [report(number * 0.7, number) for number in range(300)]
    with Producer(kafka, topic) as producer:
        replay(made, producer, source="test")

    beats = dict.fromkeys(range(4), NOON - timedelta(days=1))
    for record in records(kafka, topic):
        at = datetime.fromisoformat(
            json.loads(record.value).get("posted_at") or json.loads(record.value)["at"]
        )
        assert at >= beats[record.partition]
        beats[record.partition] = at


@pytest.mark.kafka
def test_the_speed_holds_and_a_stop_leaves_everything_open(
    kafka: str, topic: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "p.jsonl", 0.0, 5.0, 86_000.0, 86_010.0)
    stop = Event()

    def stop_after_the_second(at: datetime, n_sent: int) -> None:
        if n_sent == 2:
            stop.set()

    sent = send_replay(
        str(path),
        kafka,
        topic,
        author_key=KEY,
        speed=100.0,
        stop=stop,
        progress=stop_after_the_second,
    )

    assert sent.stopped
    assert sent.n_sent == 2
    assert max(beat.at for _, beat in heartbeats(kafka, topic)) < NOON + timedelta(days=2)


@pytest.mark.kafka
def test_a_replay_of_nothing_is_an_error(kafka: str, topic: str, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("rubbish\n")

    with pytest.raises(ReplayError, match=r"p.jsonl has no post to replay \(1 bad lines\)"):
        send_replay(str(tmp_path / "p.jsonl"), kafka, topic, author_key=KEY)
