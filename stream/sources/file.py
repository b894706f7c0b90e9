"""`outcry source file`: sends the posts of a JSON Lines file to Kafka once, as fast as it can."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from stream.authors import Authors
from stream.producer import Producer
from stream.report import InvalidReport, Report
from stream.sources.lines import BadLine, Sent, Tally, lines
from stream.sources.posts import At, parse

# Called with the event time of the last post and the number of posts sent so far.
Progress = Callable[[datetime, int], None]
PROGRESS_EVERY = 500


def send_file(
    path: Path,
    bootstrap: str | Iterable[str],
    topic: str,
    *,
    author_key: bytes,
    at: At = "now",
    source: str = "file",
    progress: Progress | None = None,
    stop: Event | None = None,
    client: Mapping[str, Any] | None = None,
) -> Sent:
    """
    Send every post of *path*, and a last heartbeat at the event time that was reached.

    With *at* "now" a post happens when it is sent; "posted" keeps the file's times (posts older
    than the watermark are then counted as late: replay a file to see its past). Bad lines are
    skipped and counted. Raises `FileError`, `BrokerUnreachable`, `DeliveryError`.
    """
    authors = Authors(author_key)

    def post(line: bytes) -> Report:
        return parse(line, authors=authors, source=source, at=at, now=datetime.now(UTC))

    numbered = lines(path)
    with Producer(bootstrap, topic, client=client) as producer:
        return send_lines(numbered, post, producer, source=source, progress=progress, stop=stop)


def send_lines(
    numbered: Iterable[tuple[int, bytes]],
    parse_line: Callable[[bytes], Report | None],
    producer: Producer,
    *,
    source: str,
    progress: Progress | None = None,
    stop: Event | None = None,
) -> Sent:
    """
    Send what *parse_line* makes of each numbered line, then a heartbeat of *source*.

    None is skipped; `ValueError`, so `InvalidReport` too, makes it a bad line. Returns once all is
    acknowledged.
    """
    tally = Tally()
    latest: datetime | None = None
    stopped = False
    for number, line in numbered:
        if stopped := stop is not None and stop.is_set():
            break
        report = _try(parse_line, number, line, tally)
        if report is None:
            continue
        producer.send(report)
        tally.n_sent += 1
        latest = max(report.posted_at, latest or report.posted_at)
        if progress and tally.n_sent % PROGRESS_EVERY == 0:
            progress(report.posted_at, tally.n_sent)
    if latest is not None:
        producer.heartbeat(source, latest)
        if progress:
            progress(latest, tally.n_sent)
    producer.flush()
    return tally.sent(stopped=stopped)


def _try(
    parse_line: Callable[[bytes], Report | None], number: int, line: bytes, tally: Tally
) -> Report | None:
    try:
        report = parse_line(line)
    except (InvalidReport, ValueError) as error:
        tally.reject(BadLine(number, str(error)))
        return None
    tally.n_skipped += report is None
    return report
