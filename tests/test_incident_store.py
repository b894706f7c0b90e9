from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from detector.incident_store import LeaseLost
from detector.incidents import Affected, Cause, Incident, Sample, Severity, Status, Step, Transition
from detector.round import Progress, Round
from detector.series import Point

NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)
LAST = int(NOON.timestamp())


def incident(name: str = "one", status=Status.EMERGING, severity=Severity.MAJOR, minute=0):
    at = NOON + timedelta(minutes=minute)
    return Incident(
        id=name,
        status=status,
        severity=severity,
        affected=(
            Affected(
                service="aws",
                status=status,
                severity=severity,
                onset_at=at,
                joined_at=at,
                symptoms=(("login", 3),),
            ),
        ),
        onset_at=at,
        opened_at=at,
        updated_at=at,
        cause=Cause(provider="aws", probability=0.9, reasons=("27 of 34 dependents report",)),
        samples=(
            Sample(
                report_id="r1",
                service="aws",
                text="<script> \u202e *down* \0",
                source="test",
                posted_at=at,
                score=0.93,
                synthetic=True,
            ),
        ),
    )


def transition(step=Step.OPENED, minute=0):
    return Transition(
        at=NOON + timedelta(minutes=minute),
        step=step,
        status=Status.EMERGING,
        severity=Severity.MAJOR,
        detail="3 services",
    )


@pytest.fixture
def fence(store):
    return store.acquire("leader", 60_000)


def test_an_incident_comes_back_as_it_was_saved(store, fence):
    store.save(Round(last_bucket=LAST, state=b"s", incidents=(incident(),)), fence)

    assert store.get("one") == incident()
    assert store.open() == (incident(),)
    assert store.get("two") is None


def test_the_worst_and_newest_incident_is_first_and_resolved_ones_are_not_open(store, fence):
    all_ = (
        incident("old", severity=Severity.MAJOR, minute=1),
        incident("new", severity=Severity.MAJOR, minute=2),
        incident("bad", severity=Severity.CRITICAL, minute=0),
        incident("over", status=Status.RESOLVED, minute=3),
    )
    store.save(Round(last_bucket=LAST, state=b"s", incidents=all_), fence)

    assert [one.id for one in store.open()] == ["bad", "new", "old"]
    assert [one.id for one in store.recent()] == ["over", "new", "old", "bad"]


def test_an_incident_that_is_resolved_leaves_the_open_ones_and_may_come_back(store, fence):
    for status, expected in [
        (Status.ONGOING, 1),
        (Status.RESOLVED, 0),
        (Status.ONGOING, 1),
    ]:
        one = incident(status=status)
        store.save(Round(last_bucket=LAST, state=b"s", incidents=(one,)), fence)
        assert len(store.open()) == expected


def test_progress_is_what_the_last_round_left(store, fence):
    assert store.progress() is None
    assert store.judged_until() is None

    store.save(Round(last_bucket=LAST, state=b"\0s", texts=b"t", minute=b"m"), fence)

    assert store.progress() == Progress(last_bucket=LAST, state=b"\0s", texts=b"t", minute=b"m")
    assert store.judged_until() == NOON + timedelta(seconds=10)


def test_only_one_watcher_leads(store):
    assert store.acquire("a", 60_000) == 1
    assert store.acquire("b", 60_000) is None

    store.release("b")
    assert store.acquire("b", 60_000) is None

    store.release("a")
    assert store.acquire("b", 60_000) == 2


def test_a_leader_that_lost_its_lease_can_neither_renew_nor_save(store, redis):
    first = store.acquire("a", 60_000)
    redis.delete("test:v1:{watch}:lease")
    second = store.acquire("b", 60_000)

    assert not store.renew("a", first, 60_000)
    assert store.renew("b", second, 60_000)
    with pytest.raises(LeaseLost):
        store.save(Round(last_bucket=LAST, state=b"old", incidents=(incident(),)), first)
    assert store.progress() is None
    assert store.open() == ()


def test_each_channel_reads_the_outbox_in_order_and_on_its_own(store, fence):
    one, two = incident("one"), incident("two")
    changes = (
        (one, transition()),
        (two, transition()),
        (one, transition(Step.CONFIRMED, 1)),
    )
    saved = Round(last_bucket=LAST, state=b"s", changes=changes, incidents=(one, two))
    store.save(saved, fence)
    entries = store.outbox("slack")
    assert [(entry.incident, entry.transition) for entry in entries] == list(changes)

    store.deliveries("slack").done(entries[0].id, "one", "C1:1.2")
    store.deliveries("slack").done(entries[1].id, "two", None)

    assert [entry.transition.step for entry in store.outbox("slack")] == [Step.CONFIRMED]
    assert store.deliveries("slack").reference("one") == "C1:1.2"
    assert store.deliveries("slack").reference("two") is None
    assert len(store.outbox("terminal")) == 3


def test_outbox_ids_ascend_over_rounds(store, fence):
    for i in range(3):
        changes = ((incident(), transition(minute=i)),) * 12
        store.save(Round(last_bucket=LAST + i * 10, state=b"s", changes=changes), fence)

    assert len(store.outbox("slack", limit=100)) == 36


def test_series_hold_the_last_minutes_of_event_time(store, fence):
    minute = LAST // 60
    points = [
        Point(minute=minute - i, observed=i, expected=0.5, statistic=1.5) for i in (90, 30, 5, 0)
    ]
    store.save(Round(last_bucket=LAST, state=b"s", points={"aws": points}), fence)

    found = store.series(["aws", "zoom"], minutes=60)

    assert found["aws"].minute == [minute - 30, minute - 5, minute]
    assert found["aws"].observed == [30.0, 5.0, 0.0]
    assert found["zoom"].minute == []


def test_saving_the_same_round_twice_is_refused_by_its_outbox_ids(store, fence):
    round_ = Round(last_bucket=LAST, state=b"s", changes=((incident(), transition()),))
    store.save(round_, fence)

    with pytest.raises(Exception, match="ID specified in XADD is equal or smaller"):
        store.save(replace(round_, state=b"t"), fence)
