"""What companies said in a scenario, written as if their pages were read while it is replayed."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

from detector.official import OfficialEvent, OfficialState, PageState
from detector.official_store import Record, encode
from stream.producer import Producer
from stream.sources.scenario import Scenario

Progress = Callable[[datetime, int], None]


class Replayed:
    """
    Writes each company's first post as its incident, when event time comes to it.

    The scenario's times are sourced; its wording is made up. Who speaks in it has a page that could
    be read from the beginning.
    """

    def __init__(self, scenario: Scenario, producer: Producer):
        self._producer = producer
        self._due: deque[tuple[datetime, Record]] = deque(_records(scenario))

    def until(self, at: datetime) -> None:
        """Write what was said up to event time *at*."""
        n = 0
        while self._due and self._due[0][0] <= at:
            record = self._due.popleft()[1]
            self._producer.forward(encode(record), key=record.service.encode(), headers=[])
            n += 1
        if n:
            self._producer.flush()


def beside(progress: Progress | None, replayed: Replayed) -> Progress:
    """Return what keeps *replayed* in step with a replay that tells *progress*."""

    def told(at: datetime, n_sent: int) -> None:
        replayed.until(at)
        if progress is not None:
            progress(at, n_sent)

    return told


def _records(scenario: Scenario) -> list[tuple[datetime, Record]]:
    script, begin = scenario.script, scenario.at(scenario.script.start)
    posts = sorted(script.official, key=lambda post: scenario.at(post.at))
    found: list[tuple[datetime, Record]] = []
    seen: set[str] = set()
    for post in posts:
        if post.service in seen:
            continue
        seen.add(post.service)
        page = PageState(service=post.service, at=begin, known_since=begin)
        event = OfficialEvent(
            service=post.service,
            id=script.id,
            title=post.text,
            state=OfficialState.DEGRADED,
            posted_at=scenario.at(post.at),
            seen_at=scenario.at(post.at),
        )
        found += [(begin, page), (event.posted_at, event)]
    return sorted(found, key=lambda one: one[0])
