"""
Sends recorded or made-up posts again, at their own event times, at a chosen speed.

What is written to Kafka depends on the posts alone, never on the speed: the posts in event-time
order, and among them a heartbeat to every partition at each tenth second of event time.

* A gap of up to six hours between two posts is silence, and the heartbeats go on through it. A
  longer one is a gap in the recording: there are no heartbeats, so that everything downstream
  stands still in it, and it is not waited for.
* After the last post, half an hour of heartbeats follows at once, as if a quiet feed went on.
  Without it the last buckets would not close, and the open incidents would stay open for ever.
"""

import heapq
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from stream.authors import Authors
from stream.official.replayed import Replayed, beside
from stream.producer import Producer
from stream.report import Heartbeat, InvalidReport, Report
from stream.sources.file import Progress
from stream.sources.lines import BadLine, Sent, Tally, lines
from stream.sources.posts import parse
from stream.sources.scenario import load_scenario
from stream.topics import ensure_topics

SOURCE = "replay"
HEARTBEAT = timedelta(seconds=10)
LONGEST_SILENCE = timedelta(hours=6)
# Twenty minutes let every incident recover and resolve; ten more cover lateness and quiet periods.
TAIL = timedelta(minutes=30)
REORDER_POSTS = 10_000
RECORDINGS = (".jsonl", ".ndjson", ".json", ".gz")


class ReplayError(Exception):
    """What was to be replayed cannot be: wrong order, wrong speed, or nothing in it."""


def in_event_order(reports: Iterable[Report], window: int = REORDER_POSTS) -> Iterator[Report]:
    """
    Yield *reports* by `posted_at`, equal times as they came, holding at most *window* of them.

    Raises `ReplayError` for one that comes more than *window* places too late.
    """
    waiting: list[tuple[datetime, int, Report]] = []
    reached = datetime.min.replace(tzinfo=UTC)
    for number, report in enumerate(reports):
        if report.posted_at < reached:
            raise ReplayError(
                f"post {report.id!r} of {report.posted_at.isoformat()} comes more than "
                f"{window} posts too late; sort the file by posted_at"
            )
        heapq.heappush(waiting, (report.posted_at, number, report))
        if len(waiting) > window:
            reached, _, report = heapq.heappop(waiting)
            yield report
    while waiting:
        yield heapq.heappop(waiting)[2]


def with_heartbeats(reports: Iterable[Report], source: str) -> Iterator[Report | Heartbeat]:
    """
    Put heartbeats of *source* among *reports*, which are in event-time order.

    A heartbeat at T comes after every post before T and before every post at T or later.
    """
    due: datetime | None = None
    last: datetime | None = None
    for report in reports:
        at = report.posted_at
        if due is None or (last is not None and at - last > LONGEST_SILENCE):
            due = _floor(at)
        while due <= at:
            yield Heartbeat(source=source, at=due)
            due += HEARTBEAT
        last = at
        yield report


def closing_heartbeats(last: datetime, source: str) -> Iterator[Heartbeat]:
    """Yield the heartbeats of `TAIL` after the last post, of event time *last*."""
    due = _floor(last)
    while due <= last + TAIL:
        due += HEARTBEAT
        yield Heartbeat(source=source, at=due)


class Pace:
    """
    Says how long to wait so that *speed* seconds of event time take one second; 0 is no waiting.

    Whoever is behind catches up: only the start counts, until a gap in the recording starts anew.
    """

    def __init__(self, speed: float):
        if not 0 <= speed < float("inf"):
            raise ReplayError(f"speed {speed}: expected a positive number, or 0 for no waiting")
        self._speed = speed
        self._start: tuple[datetime, float] | None = None
        self._last: datetime | None = None

    def wait(self, at: datetime, now: float) -> float:
        """Return the seconds to wait until event time *at*, *now* being a monotonic clock's."""
        if self._start is None or (self._last and at - self._last > LONGEST_SILENCE):
            self._start = (at, now)
        self._last = at
        if self._speed == 0:
            return 0.0
        event_start, wall_start = self._start
        due = wall_start + (at - event_start).total_seconds() / self._speed
        return max(0.0, due - now)


def replay(
    reports: Iterable[Report],
    producer: Producer,
    *,
    source: str = SOURCE,
    speed: float = 0.0,
    tally: Tally | None = None,
    stop: Event | None = None,
    progress: Progress | None = None,
) -> Sent:
    """
    Send *reports*, in event-time order, with heartbeats; returns once all is acknowledged.

    Setting *stop* ends it within a moment, without the closing heartbeats: what was open stays
    open. *progress* is called with each heartbeat.
    """
    tally = tally or Tally()
    stop = stop or Event()
    pace = Pace(speed)
    last: datetime | None = None
    for record in with_heartbeats(reports, source):
        if stop.is_set() or _sleeps(record, pace, stop):
            break
        if isinstance(record, Report):
            producer.send(record)
            tally.n_sent += 1
            last = record.posted_at
        else:
            producer.heartbeat(source, record.at)
            if progress:
                progress(record.at, tally.n_sent)
    if last and not stop.is_set():
        for heartbeat in closing_heartbeats(last, source):
            producer.heartbeat(source, heartbeat.at)
    producer.flush()
    if last and progress:
        progress(last, tally.n_sent)
    return tally.sent(stopped=stop.is_set())


def send_replay(
    name_or_path: str,
    bootstrap: str | Iterable[str],
    topic: str,
    *,
    author_key: bytes,
    speed: float = 1.0,
    official_topic: str | None = None,
    progress: Progress | None = None,
    stop: Event | None = None,
    client: Mapping[str, Any] | None = None,
) -> Sent:
    """
    Replay a file of posts (.jsonl, .jsonl.gz), or a scenario by its name or its TOML file.

    What companies say in a scenario goes to *official_topic*, too, as from their status pages.

    Raises `FileError`, `ScenarioError`, `ReplayError`, `BrokerUnreachable`, `DeliveryError`.
    """
    Pace(speed)  # so that a wrong speed is said before anything is opened
    tally = Tally()
    scenario = None if is_recording(name_or_path) else load_scenario(name_or_path)
    if scenario is None:
        source = SOURCE
        reports = in_event_order(recorded(Path(name_or_path), Authors(author_key), tally))
    else:
        source, reports = "scenario", scenario.reports()
    with ExitStack() as opened:
        producer = opened.enter_context(Producer(bootstrap, topic, client=client))
        if scenario is not None and scenario.script.official and official_topic is not None:
            ensure_topics(bootstrap, [official_topic], 1, client=client)
            beside_it = opened.enter_context(Producer(bootstrap, official_topic, client=client))
            progress = beside(progress, Replayed(scenario, beside_it))
        sent = replay(
            reports, producer, source=source, speed=speed, tally=tally, stop=stop, progress=progress
        )
    if not sent.n_sent and not sent.stopped:
        raise ReplayError(f"{name_or_path} has no post to replay ({sent.n_bad} bad lines)")
    return sent


def is_recording(name_or_path: str) -> bool:
    """Whether `send_replay` takes *name_or_path* for a file of posts, not for a scenario."""
    path = Path(name_or_path)
    return path.suffix != ".toml" and (path.suffix in RECORDINGS or path.is_file())


def recorded(path: Path, authors: Authors, tally: Tally) -> Iterator[Report]:
    """
    Yield the posts of *path*, each received when it was posted; *tally* gets the bad lines.

    A post from tomorrow or later is a bad line: it would drag the watermark past all others.
    """
    horizon = datetime.now(UTC) + timedelta(days=1)
    for number, line in lines(path):
        try:
            report = parse(line, authors=authors, source=SOURCE, at="posted", now=horizon)
            if report.posted_at == horizon:
                raise ValueError("posted in the future")
        except (InvalidReport, ValueError) as error:
            tally.reject(BadLine(number, str(error)))
            continue
        yield msgspec.structs.replace(report, received_at=report.posted_at)


def _sleeps(record: Report | Heartbeat, pace: Pace, stop: Event) -> bool:
    """Wait until *record* is due; True when *stop* was set meanwhile."""
    at = record.at if isinstance(record, Heartbeat) else record.posted_at
    seconds = pace.wait(at, time.monotonic())
    return seconds > 0 and stop.wait(seconds)


def _floor(at: datetime) -> datetime:
    return at.replace(microsecond=0) - timedelta(seconds=at.second % HEARTBEAT.seconds)
