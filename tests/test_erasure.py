"""A deleted post leaves the evidence wherever it was kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from detector.batch import Accepted, Beat, Erased, Statement
from detector.bucket import Bucket
from detector.counts import Counts
from detector.erasure import erased, names, without
from detector.evidence import Hint
from detector.incident_store import IncidentStore
from detector.incidents import Affected, Incident, Sample, Severity, Status, Step, Transition
from detector.round import Round
from detector.state import initial
from stream.report import Deletion, decode_deletion, encode

NOON = datetime(2026, 7, 4, 12, tzinfo=UTC)
START = int(NOON.timestamp())
LATENESS = timedelta(seconds=30)


def sample(report_id: str) -> Sample:
    return Sample(
        report_id=report_id, service="aws", text="t", source="s", posted_at=NOON, score=1.0
    )


def incident(name: str, *report_ids: str, status: Status = Status.ONGOING) -> Incident:
    part = Affected(
        service="aws", status=status, severity=Severity.MAJOR, onset_at=NOON, joined_at=NOON
    )
    return Incident(
        id=name,
        status=status,
        severity=Severity.MAJOR,
        affected=(part,),
        onset_at=NOON,
        opened_at=NOON,
        updated_at=NOON,
        samples=tuple(map(sample, report_ids)),
    )


def opened(one: Incident) -> Transition:
    return Transition(at=NOON, step=Step.OPENED, status=one.status, severity=one.severity)


def test_an_id_is_named_by_itself_or_by_its_account() -> None:
    assert names({"bsky:did:plc:a/1"}, "bsky:did:plc:a/1")
    assert names({"bsky:did:plc:a/"}, "bsky:did:plc:a/1")
    assert not names({"bsky:did:plc:a/"}, "bsky:did:plc:ab/1")
    assert not names({"x"}, "y")


@given(st.sets(st.text("ab/", max_size=4)), st.lists(st.text("ab/", max_size=4), max_size=5))
def test_what_is_left_is_what_was_not_named_in_order(deleted: set[str], ids: list[str]) -> None:
    kept = without(tuple(map(sample, ids)), deleted)

    assert [one.report_id for one in kept] == [id for id in ids if not names(deleted, id)]


def test_hints_open_incidents_and_the_bucket_itself_forget_it() -> None:
    state = replace(
        initial(["aws"], START),
        incidents=(incident("one", "r1", "r2"),),
        hints=(Hint(service="aws", samples=(sample("r1"),)),),
    )
    bucket = Bucket(start=START, samples={"aws": (sample("r1"),)}, deleted={"r1"})

    state, bucket = erased(state, bucket)

    assert [one.report_id for one in state.incidents[0].samples] == ["r2"]
    assert state.hints[0].samples == ()
    assert bucket.samples == {}


def says(second: int, report_id: str) -> Accepted:
    return Accepted(
        event_at=NOON + timedelta(seconds=second),
        source="test",
        report_id=report_id,
        author="a",
        is_repost=False,
        statements=(Statement(service="aws", what="affected", sample=sample(report_id)),),
    )


@given(st.text(min_size=1, max_size=200), st.one_of(st.none(), st.just("0" * 32)))
def test_a_deletion_comes_back_as_it_was_sent(id: str, author: str | None) -> None:
    deletion = Deletion(source="test", id=id, at=NOON, author=author)

    assert decode_deletion(encode(deletion)) == deletion


def test_a_deletion_comes_with_its_bucket_and_a_late_one_with_the_first_open_bucket(redis) -> None:
    counts = Counts(redis, "test")
    counts.set_partitions(1)
    counts.begin(0, 0)
    at = [NOON + timedelta(seconds=s) for s in (5, 300, 8, 600)]
    entries = [
        says(0, "r1"),
        Erased(event_at=at[0], source="test", report_id="r1"),
        Beat(event_at=at[1], source="test"),
        Erased(event_at=at[2], source="test", report_id="r2"),
        Beat(event_at=at[3], source="test"),
    ]
    counts.apply(0, start=0, next_offset=5, entries=entries, allowed_lateness=LATENESS)

    deleted = {one.start - START: one.deleted for one in counts.read(None) if one.deleted}

    assert deleted == {0: {"r1"}, 270: {"r2"}}
    counts.forget(START + 1_000)
    assert not redis.keys("*deleted*")


def test_a_resolved_incident_and_the_outbox_forget_it_too(redis) -> None:
    store = IncidentStore(redis, "test")
    fence = store.acquire("leader", 60_000)
    assert fence is not None
    over = incident("over", "p/1", "p/2", status=Status.RESOLVED)
    changes = ((over, opened(over)),)
    store.save(Round(last_bucket=START, state=b"", incidents=(over,), changes=changes), fence)
    assert [s.report_id for s in store.outbox("slack")[0].incident.samples] == ["p/1", "p/2"]

    store.save(Round(last_bucket=START + 10, state=b"", deleted={"p/1", "other"}), fence)

    found = store.get("over")
    assert found is not None
    assert [s.report_id for s in found.samples] == ["p/2"]
    assert [s.report_id for s in store.outbox("slack")[0].incident.samples] == ["p/2"]


def test_evidence_is_kept_for_its_time_and_that_of_open_incidents_for_longer(redis) -> None:
    store = IncidentStore(redis, "test")
    fence = store.acquire("leader", 60_000)
    assert fence is not None
    over, on = incident("over", "r1", status=Status.RESOLVED), incident("on", "r2")
    store.save(Round(last_bucket=START, state=b"", incidents=(over, on)), fence)

    assert store.forget_evidence(NOON) == 0
    assert store.forget_evidence(NOON + timedelta(days=1)) == 1

    assert {one.id: len(one.samples) for one in store.recent()} == {"over": 0, "on": 1}
    ended = replace(on, status=Status.RESOLVED)
    store.save(Round(last_bucket=START + 10, state=b"", incidents=(ended,)), fence)
    assert store.forget_evidence(NOON + timedelta(days=1)) == 1
    assert not redis.hkeys("test:v1:{watch}:evidence")
