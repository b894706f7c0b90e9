"""
Counting without Redis: reports of one log to closed buckets, for back-tests.

The same rules as `detector/counts.lua` applies to one partition: event-time buckets, an author once
an hour for a service and a statement, reposts and repeated ids not at all. A log in time order has
no late reports.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import msgspec

from detector.batch import AUTHOR_WINDOW, SAMPLES_PER_SERVICE, Accepted, Statement
from detector.bucket import WIDTH, Bucket, merge
from models.tags import Tag
from stream.report import Report
from stream.statements import accept

_CHUNK = 500
_WINDOW = AUTHOR_WINDOW.total_seconds()

T = TypeVar("T")


class Tags(Protocol):
    """What tags texts: `models.tagger.Tagger`."""

    def tag(self, texts: Sequence[str], /) -> Sequence[Sequence[Tag]]:
        """Return the tags of each text."""


def tallied(reports: Iterable[Report], tagger: Tags, end: int | None = None) -> Iterator[Bucket]:
    """Tag and count *reports*, which are in the order of their event time: see `counted`."""
    return counted(accepted(reports, tagger), end=end)


def accepted(reports: Iterable[Report], tagger: Tags) -> Iterator[Accepted]:
    """Yield what each of *reports* says, as workers would hand it on to be counted."""
    rest = iter(reports)
    while chunk := list(islice(rest, _CHUNK)):
        tags = tagger.tag([report.text for report in chunk])
        yield from (accept(report, found, None) for report, found in zip(chunk, tags, strict=True))


def counted(
    entries: Iterable[Accepted], known: Iterable[str] = (), end: int | None = None
) -> Iterator[Bucket]:
    """
    Yield every bucket from the first entry's to the last one's, or to *end* (unix seconds).

    *entries* are in the order of their event time; buckets without a report are yielded too. The
    authors of *known* were heard of on earlier days.
    """
    counting: _Counting | None = None
    seen: dict[tuple[str, str, str], float] = {}
    first_day = dict.fromkeys(known, -1)
    ids: dict[str, int] = {}
    for entry in entries:
        start = int(entry.event_at.timestamp()) // WIDTH * WIDTH
        counting = counting or _Counting(start)
        while counting.start < start:
            yield counting.closed()
            counting = _Counting(counting.start + WIDTH)
        if ids.get(entry.report_id, -WIDTH) != start:
            ids[entry.report_id] = start
            counting.add(entry, seen, first_day)
    if counting:
        yield counting.closed()
        for start in range(counting.start + WIDTH, end or 0, WIDTH):
            yield Bucket(start=start)


class _Counting:
    """One open bucket, as the row of a partition in Redis would hold it."""

    def __init__(self, start: int):
        self.start = start
        self._row: dict[bytes, int] = {}
        self._samples: dict[bytes, bytes] = {}

    def add(
        self,
        entry: Accepted,
        seen: dict[tuple[str, str, str], float],
        first_day: dict[str, int],
    ) -> None:
        self._count("reports")
        if entry.is_repost:
            return
        at = entry.event_at.timestamp()
        day = int(at // 86_400)
        if entry.statements:
            first_day.setdefault(entry.author, day)
        for statement in entry.statements:
            if statement.kin:
                self._count(f"{statement.service}|posts")
            key = (entry.author, statement.service, statement.what)
            if at - seen.get(key, -_WINDOW) >= _WINDOW:
                seen[key] = at
                if statement.kin:
                    self._people(statement, is_new=first_day[entry.author] >= day)
                self._state(statement)

    def closed(self) -> Bucket:
        row = {name: str(n).encode() for name, n in self._row.items()}
        return merge(self.start, [row], [self._samples])

    def _people(self, statement: Statement, *, is_new: bool) -> None:
        self._count(f"{statement.service}|kin:{statement.kin}")
        if is_new:
            self._count(f"{statement.service}|newcomers")

    def _state(self, statement: Statement) -> None:
        text = statement.fingerprint if statement.what == "affected" else ""
        n = self._count(f"{statement.service}|{f'text:{text}' if text else statement.what}")
        if statement.what != "affected" or (text and n > 1):
            return
        for breakdown in ("symptom", "region"):
            if value := getattr(statement, breakdown):
                self._count(f"{statement.service}|{breakdown}:{value}")
        if statement.sample:
            slots = (f"{statement.service}|{i}".encode() for i in range(SAMPLES_PER_SERVICE))
            free = next((slot for slot in slots if slot not in self._samples), None)
            if free:
                self._samples[free] = msgspec.json.encode(statement.sample)

    def _count(self, name: str) -> int:
        key = name.encode()
        self._row[key] = self._row.get(key, 0) + 1
        return self._row[key]
