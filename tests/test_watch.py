"""The watcher on a real Redis: it leads, hands over, and leaves the same incidents whoever led."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from detector.batch import Accepted, Beat, Statement
from detector.counts import Counts
from detector.incident_store import IncidentStore
from detector.incidents import Status
from detector.tick import Policy
from detector.unknown_store import Mention, UnknownNames
from models.catalogue import Catalogue
from models.service import Service
from stream.watch import Watcher

START = datetime(2025, 10, 20, 0, 0, tzinfo=UTC)
LATENESS = timedelta(seconds=30)
CATALOGUE = Catalogue({"zoom": Service(id="zoom", name="Zoom", industry="work")})
DEADLINE = 60.0


def entries(minutes: int = 200, seed: int = 3) -> list[Accepted | Beat]:
    """Quiet for two hours, forty times as much for half an hour, then quiet; a beat every 30 s."""
    rng = np.random.default_rng(seed)
    found: list[Accepted | Beat] = []
    for half in range(minutes * 2):
        at = START + timedelta(seconds=30 * half)
        rate = 8.0 if 240 <= half < 300 else 0.2
        for i in range(int(rng.poisson(rate))):
            found.append(
                Accepted(
                    event_at=at + timedelta(seconds=i % 30),
                    source="test",
                    report_id=f"{half}-{i}",
                    author=f"{half}-{i}",
                    is_repost=False,
                    statements=(Statement(service="zoom", what="affected"),),
                )
            )
        found.append(Beat(event_at=at + timedelta(seconds=29), source="test"))
    return found


@pytest.fixture
def counts(redis):
    one = Counts(redis, "test")
    one.set_partitions(1)
    return one


def watcher(redis, names: UnknownNames | None = None) -> Watcher:
    store = IncidentStore(redis, "test")
    return Watcher(Counts(redis, "test"), store, CATALOGUE, Policy(), names=names)


@contextmanager
def running(one: Watcher) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def feed(counts: Counts, log: list[Accepted | Beat], start: int = 0) -> None:
    counts.begin(0, 0)
    counts.apply(
        0, start=start, next_offset=start + len(log), entries=log, allowed_lateness=LATENESS
    )


def until_judged(counts: Counts, store: IncidentStore) -> None:
    """Wait until every closed bucket is judged."""
    tick = threading.Event()
    for _ in range(round(DEADLINE / 0.02)):
        progress = store.progress()
        if progress and not counts.read(progress.last_bucket, limit=1):
            return
        tick.wait(0.02)
    raise AssertionError(f"not judged within {DEADLINE} s: {store.progress()}")


def snapshot(store: IncidentStore) -> bytes:
    return msgspec.json.encode(store.recent())


@pytest.fixture
def expected(redis, counts, store) -> bytes:
    """What one watcher makes of the whole log at once."""
    feed(counts, entries())
    with running(watcher(redis)):
        until_judged(counts, store)
    found = snapshot(store)
    redis.flushall()
    counts.set_partitions(1)
    return found


def test_an_outage_becomes_an_incident_an_outbox_and_a_series(redis, counts, store):
    feed(counts, entries())

    with running(watcher(redis)):
        until_judged(counts, store)

    (incident,) = store.recent()
    assert incident.status is Status.RESOLVED
    assert len(store.outbox("slack")) == len(incident.transitions)
    series = store.series(["zoom"], minutes=200)["zoom"]
    assert sum(series.observed) > 200
    assert redis.zcard("test:v1:{p0}:buckets") <= 5


def test_the_leader_says_which_names_outside_the_catalogue_surge(redis, counts, store):
    names = UnknownNames(redis, "test")
    at = START + timedelta(minutes=40)
    names.add(
        Mention(event_at=at, author=f"{i:032x}", key="zorbly", shown="Zorbly") for i in range(30)
    )
    feed(counts, entries(60))

    with running(watcher(redis, names)):
        until_judged(counts, store)

    (surge,) = names.surges(CATALOGUE)
    assert (surge.shown, surge.last_at) == ("Zorbly", at + timedelta(minutes=10))


def test_watchers_that_come_and_go_leave_the_same_incidents_byte_for_byte(
    redis, counts, store, expected
):
    log = entries()
    for i in range(0, len(log), 97):
        feed(counts, log[i : i + 97], start=i)
        with running(watcher(redis)):
            until_judged(counts, store)

    assert snapshot(store) == expected


def test_a_standby_takes_over_from_a_leader_that_vanished(redis, counts, store, expected):
    log = entries()
    feed(counts, log[:400])
    # A leader that was killed: its lease runs out by itself.
    assert store.acquire("killed", 500) == 1

    with running(watcher(redis)):
        feed(counts, log[400:], start=400)
        until_judged(counts, store)

    assert snapshot(store) == expected


def test_two_watchers_at_once_leave_what_one_leaves(redis, counts, store, expected):
    log = entries()

    with running(watcher(redis)), running(watcher(redis)):
        for i in range(0, len(log), 151):
            feed(counts, log[i : i + 151], start=i)
        until_judged(counts, store)

    assert snapshot(store) == expected


def test_the_lease_is_given_up_at_the_end(redis, counts, store):
    feed(counts, entries(20))
    with running(watcher(redis)):
        until_judged(counts, store)

    assert store.acquire("next", 1_000) == 2
