"""Counting for back-tests is the same counting as in Redis."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from redis import Redis

from detector.batch import Beat
from detector.bucket import WIDTH, Bucket
from detector.counts import Counts
from models.tags import Role, Tag
from stream.report import Report
from stream.sources.scenario import load_scenario
from stream.statements import accept
from stream.tally import tallied

LATENESS = timedelta(seconds=30)


class Words:
    """Tags the services whose ids are words of the text; "because" makes the last one the cause."""

    def tag(self, texts: Sequence[str], /) -> list[list[Tag]]:
        return [list(self._tags(text.lower())) for text in texts]

    def _tags(self, text: str) -> Iterator[Tag]:
        found = [one for one in ("aws", "snapchat", "reddit", "zoom") if one in text]
        for service in found:
            blamed = service == "aws" and len(found) > 1
            yield Tag(service=service, role=Role.CAUSE if blamed else Role.AFFECTED)


@pytest.fixture
def reports() -> list[Report]:
    return list(islice(load_scenario("aws-2025-10-20").reports(), 9_000))


def test_it_counts_as_redis_does(redis: Redis, reports: list[Report]) -> None:
    counts = Counts(redis, "tally")
    counts.set_partitions(1)
    counts.begin(0, 0)
    tags = Words().tag([report.text for report in reports])
    entries = [accept(report, found, None) for report, found in zip(reports, tags, strict=True)]
    end = reports[-1].posted_at + timedelta(minutes=5)
    beat = Beat(event_at=end, source="scenario")
    counts.apply(0, start=0, next_offset=9_001, entries=[*entries, beat], allowed_lateness=LATENESS)

    here = [bucket for bucket in tallied(reports, Words()) if bucket != Bucket(start=bucket.start)]

    there = [b for b in counts.read(None, 100_000) if b != Bucket(start=b.start)]
    assert [b.start for b in here] == [b.start for b in there]
    assert here == there


def test_every_bucket_is_there_to_the_end() -> None:
    at = datetime(2025, 10, 20, 12, tzinfo=UTC)
    one = Report(id="1", source="test", author="a" * 16, text="aws", posted_at=at, received_at=at)

    starts = [bucket.start for bucket in tallied([one], Words(), int(at.timestamp()) + 60)]

    assert starts == list(range(int(at.timestamp()), int(at.timestamp()) + 60, WIDTH))


def test_a_report_that_names_two_services_says_so() -> None:
    at = datetime(2025, 10, 20, 12, tzinfo=UTC)
    one = Report(
        id="1", source="test", author="a" * 16, text="zoom, aws?", posted_at=at, received_at=at
    )

    (bucket,) = tallied([one], Words())

    assert bucket.beside == {"zoom": {"aws": 1}}
