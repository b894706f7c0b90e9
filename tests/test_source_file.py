"""Files of posts through a real broker."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from stream.sources.file import send_file
from tests.topic_records import heartbeats, reports

KEY = b"an author key of tests"
pytestmark = pytest.mark.kafka


def write(path: Path, *posts: object) -> Path:
    path.write_text("".join(f"{json.dumps(post)}\n" for post in posts))
    return path


def test_every_good_line_is_sent_and_every_bad_one_named(
    kafka: str, topic: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "p.jsonl", {"text": "down?"}, {"txt": "down?"}, [], {"text": "up!"})

    sent = send_file(path, kafka, topic, author_key=KEY)

    assert (sent.n_sent, sent.n_bad, sent.stopped) == (2, 2, False)
    assert [line.number for line in sent.bad] == [2, 3]
    assert sorted(report.text for report in reports(kafka, topic)) == ["down?", "up!"]


def test_posts_happen_when_they_are_sent(kafka: str, topic: str, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", {"text": "down?", "created": "2020-01-01"})
    before = datetime.now(UTC)

    send_file(path, kafka, topic, author_key=KEY)

    (report,) = reports(kafka, topic)
    assert before <= report.posted_at == report.received_at <= datetime.now(UTC)


def test_or_when_the_file_says_so_and_a_heartbeat_closes_them(
    kafka: str, topic: str, tmp_path: Path
) -> None:
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    times = [noon, noon + timedelta(hours=1), noon - timedelta(hours=1)]
    path = write(tmp_path / "p.jsonl", *({"text": "down?", "created": str(time)} for time in times))

    send_file(path, kafka, topic, author_key=KEY, at="posted", source="archive")

    assert sorted(report.posted_at for report in reports(kafka, topic)) == sorted(times)
    assert [(partition, beat.at) for partition, beat in heartbeats(kafka, topic)] == [
        (partition, times[1]) for partition in range(4)
    ]


def test_a_stop_is_obeyed_and_told(kafka: str, topic: str, tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", *({"text": f"down {n}?"} for n in range(2_000)))
    stop = Event()

    sent = send_file(
        path, kafka, topic, author_key=KEY, stop=stop, progress=lambda at, n: stop.set()
    )

    assert sent.stopped
    assert 0 < sent.n_sent < 2_000
    assert len(reports(kafka, topic)) == sent.n_sent


def test_an_empty_file_sends_nothing(kafka: str, topic: str, tmp_path: Path) -> None:
    sent = send_file(write(tmp_path / "p.jsonl"), kafka, topic, author_key=KEY)

    assert (sent.n_sent, sent.n_bad) == (0, 0)
    assert not heartbeats(kafka, topic)
