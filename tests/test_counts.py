"""The counts against an independent oracle: whatever the batches, a report counts exactly once."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.batch import AUTHOR_WINDOW, Accepted, Beat, Entry, Invalid, Statement
from detector.bucket import WIDTH, Bucket
from detector.counts import SILENCE, Counts, Fenced
from detector.incidents import Sample

NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)
START = int(NOON.timestamp())
LATENESS = timedelta(seconds=30)


def says(
    second: float,
    author: str = "a1",
    *,
    service: str = "aws",
    what: str = "affected",
    report_id: str | None = None,
    repost: bool = False,
    fingerprint: str = "",
    symptom: str = "",
    region: str = "",
    sample: Sample | None = None,
) -> Accepted:
    return Accepted(
        event_at=NOON + timedelta(seconds=second),
        source="test",
        report_id=report_id or f"{author}-{second}-{service}-{what}",
        author=author,
        is_repost=repost,
        statements=(
            Statement(
                service=service,
                what=what,  # type: ignore[arg-type]
                fingerprint=fingerprint,
                symptom=symptom,
                region=region,
                sample=sample,
            ),
        ),
    )


def beat(second: float) -> Beat:
    return Beat(event_at=NOON + timedelta(seconds=second), source="test")


@pytest.fixture
def counts(redis):
    one = Counts(redis, "test")
    one.set_partitions(1)
    return one


def apply(counts: Counts, entries: list[Entry], *, partition: int = 0, start: int = 0) -> None:
    if start == 0:
        counts.begin(partition, 0)
    counts.apply(
        partition,
        start=start,
        next_offset=start + len(entries),
        entries=entries,
        allowed_lateness=LATENESS,
    )


def affected(buckets: list[Bucket]) -> Counter[tuple[int, str]]:
    return Counter(
        {(bucket.start, service): n for bucket in buckets for service, n in bucket.affected.items()}
    )


class Oracle:
    """The rules of docs/architecture.md in the plainest Python, one partition."""

    def __init__(self) -> None:
        self.greatest = -1.0
        self.ids: dict[str, int] = {}
        self.last: dict[tuple[str, str], float] = {}
        self.affected: Counter[tuple[int, str]] = Counter()
        self.tally: Counter[str] = Counter()

    def feed(self, entry: Entry) -> None:
        if isinstance(entry, Invalid):
            self.tally["invalid"] += 1
            return
        at = entry.event_at.timestamp()
        if isinstance(entry, Accepted):
            self.report(entry, at)
        self.greatest = max(self.greatest, at)

    def report(self, entry: Accepted, at: float) -> None:
        self.tally["reports"] += 1
        bucket = int(at) // WIDTH * WIDTH
        if self.greatest >= 0 and bucket + WIDTH <= self.greatest - LATENESS.total_seconds():
            self.tally["late"] += 1
            return
        first = self.ids.get(entry.report_id)
        if first is not None and first + WIDTH > self.greatest - LATENESS.total_seconds():
            self.tally["duplicate"] += 1
            return
        self.ids[entry.report_id] = bucket
        if entry.is_repost:
            self.tally["repost"] += 1
            return
        for statement in entry.statements:
            key = (entry.author, statement.service)
            if key in self.last and at - self.last[key] < AUTHOR_WINDOW.total_seconds():
                continue
            self.last[key] = at
            self.affected[bucket, statement.service] += 1


# Odd milliseconds, and moments about an hour apart at the edges of buckets.
seconds = st.one_of(
    st.integers(0, 7_300_000).map(lambda ms: ms / 1000),
    st.builds(
        lambda hour, ms: (hour * 3_600_000 + ms) / 1000, st.integers(0, 2), st.integers(0, 60_000)
    ),
)
entries = st.one_of(
    st.builds(
        says,
        seconds,
        st.sampled_from(["a1", "a2", "a3"]),
        service=st.sampled_from(["aws", "zoom"]),
        report_id=st.one_of(st.none(), st.sampled_from(["r1", "r2", "r3"])),
        repost=st.booleans(),
    ),
    st.builds(beat, seconds),
    st.just(Invalid()),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    logs=st.lists(st.lists(entries, max_size=25), min_size=1, max_size=3),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    repeat=st.booleans(),
)
def test_any_batches_and_redeliveries_give_what_the_oracle_counts(redis, logs, cuts, repeat):
    redis.flushdb()
    counts = Counts(redis, "test")
    counts.set_partitions(len(logs))
    expected: Counter[tuple[int, str]] = Counter()
    tally: Counter[str] = Counter()
    for partition, log in enumerate(logs):
        oracle = Oracle()
        # Close everything at the end, so that all of it can be read.
        for entry in (log := [*log, beat(20_000)]):
            oracle.feed(entry)
        start = turn = 0
        while start < len(log):
            piece = log[start : start + cuts[turn % len(cuts)]]
            apply(counts, piece, partition=partition, start=start)
            if repeat:
                apply(counts, piece, partition=partition, start=start)
            start, turn = start + len(piece), turn + 1
        expected += oracle.affected
        tally += oracle.tally

    assert affected(counts.read(None, limit=100_000)) == expected
    health = counts.health()
    assert (health.n_reports, health.n_late) == (tally["reports"], tally["late"])
    assert (health.n_duplicate, health.n_repost) == (tally["duplicate"], tally["repost"])
    assert health.n_invalid == tally["invalid"]


def test_a_batch_that_does_not_start_where_the_counts_stand_is_refused_and_changes_nothing(counts):
    apply(counts, [says(0), says(1, "a2")])

    with pytest.raises(Fenced) as fenced:
        apply(counts, [says(2, "a3"), says(3, "a4")], start=1)

    assert fenced.value.next_offset == 2
    assert counts.next_offset(0) == 2
    assert counts.health().n_reports == 2


def test_a_batch_after_a_gap_is_refused(counts):
    apply(counts, [says(0)])

    with pytest.raises(Fenced):
        apply(counts, [says(2, "a3")], start=5)


def test_a_partition_that_was_not_begun_takes_no_batch(counts):
    with pytest.raises(Fenced) as fenced:
        counts.apply(0, start=5, next_offset=6, entries=[says(0)], allowed_lateness=LATENESS)

    assert fenced.value.next_offset is None


def test_a_partition_begins_once(counts):
    assert counts.begin(0, 7) == 7
    assert counts.begin(0, 0) == 7


def test_an_unread_partition_has_no_next_offset(counts):
    assert counts.next_offset(0) is None


def test_an_author_counts_again_after_an_hour(counts):
    apply(counts, [says(0), says(3_599), says(3_600), beat(9_000)])

    found = affected(counts.read(None, 10_000))

    assert found == {(START, "aws"): 1, (START + 3_600, "aws"): 1}


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_an_author_is_remembered_for_all_that_an_open_bucket_may_still_bring(counts, cut):
    # The bucket of 3,600 is open until the watermark passes 3,610; here it stands at 3,605.
    log = [says(5), beat(3_635), says(3_604), beat(9_000)]

    apply(counts, log[:cut])
    apply(counts, log[cut:], start=cut)

    assert sum(affected(counts.read(None, 10_000)).values()) == 1


def test_what_an_author_says_of_two_services_counts_for_both(counts):
    apply(counts, [says(0), says(0, service="zoom"), says(0, what="recovered"), beat(100)])

    (bucket,) = [one for one in counts.read(None) if one.start == START]

    assert bucket.affected == {"aws": 1, "zoom": 1}
    assert bucket.recovered == {"aws": 1}


def test_long_texts_are_kept_apart_by_fingerprint(counts):
    copies = [says(i, f"a{i}", fingerprint="f1", symptom="login") for i in range(5)]
    apply(counts, [*copies, says(6, "b", fingerprint="f2"), beat(100)])

    bucket = counts.read(None)[0]

    assert bucket.affected == {}
    assert bucket.texts == {"aws": {"f1": 5, "f2": 1}}
    assert bucket.symptoms == {"aws": {"login": 1}}


def test_symptoms_regions_and_samples_come_with_their_bucket(counts):
    samples = [
        Sample(
            report_id=f"r{i}",
            service="aws",
            text="down <b>again</b> \u202e \0",
            source="test",
            posted_at=NOON + timedelta(seconds=9 - i),
            score=0.9,
        )
        for i in range(5)
    ]
    posts = [
        says(i, f"a{i}", symptom="login", region="us-east-1", sample=sample)
        for i, sample in enumerate(samples)
    ]
    apply(counts, [*posts, beat(100)])

    bucket = counts.read(None)[0]

    assert bucket.symptoms == {"aws": {"login": 5}}
    assert bucket.regions == {"aws": {"us-east-1": 5}}
    assert bucket.samples == {"aws": (samples[2], samples[1], samples[0])}


def test_the_slowest_partition_holds_the_watermark(counts):
    counts.set_partitions(2)
    apply(counts, [says(0), beat(500)], partition=0)
    assert counts.read(None) == []
    assert counts.health().watermark_at is None

    apply(counts, [beat(45)], partition=1)

    assert counts.health().watermark_at == NOON + timedelta(seconds=15)
    assert [bucket.start for bucket in counts.read(None)] == [START]


def test_a_post_with_an_older_clock_does_not_move_the_watermark_back(counts):
    apply(counts, [beat(100), beat(10)])

    assert counts.health().watermark_at == NOON + timedelta(seconds=70)


def test_short_silences_are_zero_and_long_ones_are_left_out(counts):
    apply(counts, [says(0), beat(60), says(60 + SILENCE + WIDTH, "a2"), beat(1_000)])

    starts = [bucket.start - START for bucket in counts.read(None)]

    assert starts == [*range(0, 70, WIDTH), 60 + SILENCE + WIDTH]


@pytest.mark.parametrize("limit", [1, 2, 7, 1_000])
def test_reading_in_pieces_gives_the_same_buckets(counts, limit):
    counts.set_partitions(2)
    apply(counts, [says(i * 37, f"a{i}") for i in range(40)] + [beat(9_000)], partition=0)
    apply(counts, [says(i * 61, f"b{i}") for i in range(25)] + [beat(9_000)], partition=1)
    whole = counts.read(None, limit=10_000)

    pieces: list[Bucket] = []
    while piece := counts.read(pieces[-1].start if pieces else None, limit=limit):
        pieces.extend(piece)

    assert pieces == whole


def test_forgotten_buckets_are_gone_and_the_rest_stays(counts, redis):
    apply(counts, [says(0), says(20, "a2"), beat(100)])

    counts.forget(START + 20)
    counts.forget(START + 20)

    assert [bucket.start for bucket in counts.read(None)] == [START + 20]
    assert not redis.exists(f"test:v1:{{p0}}:bucket:{START}")


def test_ids_are_known_only_while_their_bucket_is_open(counts, redis):
    apply(counts, [says(0), says(5, "a2")])
    assert redis.zrange("test:v1:{p0}:ids", 0, -1)

    apply(counts, [beat(100)], start=2)

    assert not redis.zrange("test:v1:{p0}:ids", 0, -1)
    apply(counts, [says(0)], start=3)
    assert counts.health().n_late == 1


def test_an_id_is_known_until_the_last_moment_of_its_bucket(counts):
    # The watermark stands at 29.7, the bucket of 20 is open until 30.
    apply(counts, [says(20), beat(59.7)])

    apply(counts, [says(20)], start=2)

    assert counts.health().n_duplicate == 1


def test_skipped_records_are_counted_as_lost(counts):
    apply(counts, [says(0)])

    counts.skip(0, to=10, n_lost=9)

    assert counts.next_offset(0) == 10
    assert counts.health().n_lost == 9


def test_health_knows_lag_and_each_source(counts):
    counts.begin(0, 0)
    counts.apply(
        0,
        start=0,
        next_offset=2,
        entries=[says(3), beat(20)],
        allowed_lateness=LATENESS,
        end_offset=12,
    )

    health = counts.health()

    assert health.lag == 10
    (source,) = health.sources
    assert source.name == "test"
    assert source.last_post_at == NOON + timedelta(seconds=3)
    assert source.last_heartbeat_at == NOON + timedelta(seconds=20)


def test_health_of_an_empty_redis_is_empty(redis):
    health = Counts(redis, "nobody").health()

    assert (health.n_partitions, health.watermark_at, health.lag) == (0, None, None)
