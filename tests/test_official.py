"""Official posts: who was first, what was missed, and how they get into Redis."""

import json
import random
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from detector.incidents import Affected, Cause, Incident, Severity, Status
from detector.official import OfficialEvent, OfficialState, PageState, official, scoreboard
from detector.official_store import OfficialStore, decode, encode
from models.service import Service
from stream.official import slack, statuspage
from stream.official.pages import Page
from stream.official.visit import Visitor
from stream.official.watch import follow_topic, run
from stream.producer import Producer
from stream.sources.web import client
from tests.official_pages import SLACK, STATUSPAGE
from tests.web_double import Answer, Asked, WebDouble, until

NOON = datetime(2026, 7, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def incident(*services: str, cause: str | None = None, at: datetime = NOON) -> Incident:
    parts = tuple(
        Affected(
            service=name,
            status=Status.RESOLVED,
            severity=Severity.MAJOR,
            onset_at=at - MINUTE,
            joined_at=at,
        )
        for name in services
    )
    return Incident(
        id=f"{services}{at}",
        status=Status.RESOLVED,
        severity=Severity.MAJOR,
        affected=parts,
        onset_at=at - MINUTE,
        opened_at=at,
        updated_at=at + 60 * MINUTE,
        resolved_at=at + 60 * MINUTE,
        cause=Cause(provider=cause, probability=0.9) if cause else None,
    )


def event(service: str = "aws", at: datetime = NOON, **more: object) -> OfficialEvent:
    fields = {"id": "e1", "title": "t", "state": OfficialState.OUTAGE} | more
    return OfficialEvent(service=service, posted_at=at, seen_at=at, **fields)  # type: ignore[arg-type]


def page(service: str, since: datetime | None = NOON - timedelta(days=1)) -> PageState:
    return PageState(service=service, at=NOON, known_since=since)


def test_the_lead_is_positive_when_we_were_first_and_negative_when_late() -> None:
    ours = incident("aws")

    assert official(ours, [event(at=NOON + 20 * MINUTE)], {}).lead == 20 * MINUTE
    assert official(ours, [event(at=NOON - 5 * MINUTE)], {}).lead == -5 * MINUTE


def test_the_page_of_the_cause_speaks_too_and_the_earliest_post_counts() -> None:
    ours = incident("snapchat", cause="aws")
    events = [event(at=NOON + 9 * MINUTE, id="late"), event(at=NOON + 7 * MINUTE, id="first")]

    found = official(ours, events, {})

    assert found.first is not None
    assert (found.first.id, found.state) == ("first", OfficialState.OUTAGE)


def test_nothing_said_is_operational_only_where_the_page_could_be_read() -> None:
    ours = incident("aws")

    assert official(ours, [], {}).state is OfficialState.UNKNOWN
    assert official(ours, [], {"aws": page("aws", None)}).state is OfficialState.UNKNOWN
    assert official(ours, [], {"aws": page("aws")}).state is OfficialState.OPERATIONAL


def test_a_post_of_another_day_or_service_or_a_maintenance_is_not_about_it() -> None:
    ours = incident("aws")
    others = [
        event(at=NOON - timedelta(days=1)),
        event("zoom"),
        event(state=OfficialState.MAINTENANCE),
    ]

    assert official(ours, others, {}).first is None


def test_the_scoreboard_counts_misses_and_false_alarms_too() -> None:
    ours = [
        incident("aws"),
        incident("zoom"),
        incident("slack"),
        replace(incident("aws", at=NOON + timedelta(days=9)), synthetic=True),
    ]
    events = [event(at=NOON + 4 * MINUTE), event("github", id="e2"), event("aws", id="e3")]
    pages = {"zoom": page("zoom"), "slack": page("slack", None)}

    found = scoreboard(ours, events, pages)

    assert (found.n_confirmed, found.n_unconfirmed, found.n_unjudged) == (1, 1, 1)
    assert (found.n_official, found.n_missed) == (3, 1)
    assert found.median_lead == timedelta(0)
    assert scoreboard([], [], {}).median_lead is None


def test_records_come_back_as_they_were_and_others_are_refused() -> None:
    for record in (event(), page("aws")):
        assert decode(encode(record)) == record
    with pytest.raises(ValueError, match="not an official record"):
        decode(b'{"kind":"other"}')


def test_the_store_keeps_the_earliest_times_and_may_be_filled_twice(redis) -> None:
    store = OfficialStore(redis, "test")
    first = event(at=NOON)
    edited = event(at=NOON + MINUTE, state=OfficialState.OPERATIONAL)
    for _ in range(2):
        store.apply(0, 3, [first, edited, page("aws")])

    (found,) = store.events(NOON, NOON + MINUTE)
    assert (found.posted_at, found.seen_at) == (NOON, NOON)
    assert found.state is OfficialState.OPERATIONAL
    assert store.next_offset(0) == 3
    assert store.of(incident("aws")).lead == timedelta(0)
    assert store.pages() == {"aws": page("aws")}
    assert store.scoreboard([incident("aws")], NOON, NOON + MINUTE).n_confirmed == 1
    store.forget(NOON + MINUTE)
    assert store.events(NOON, NOON + MINUTE) == ()


def visitor(url: str, *, current: bool = False) -> Visitor:
    service = Service(id="slack", name="Slack", industry="work")
    parse = slack.parse if current else statuspage.parse
    made = Page(address=f"{url}/p", services=(service,), parse=parse, current_only=current)
    return Visitor(page=made)


def visit(one: Visitor, at: datetime = NOON) -> tuple[list[object], float]:
    with client(seconds=0.5) as web:
        records, seconds = one.visit(web, at, 60.0, random.Random(1))
    return list(records), seconds


def test_an_unchanged_page_is_asked_conditionally_and_says_nothing_new() -> None:
    tag = (("ETag", '"v1"'),)

    def answer(asked: Asked) -> Answer:
        if asked.headers.get("if-none-match") == '"v1"':
            return Answer(status=304)
        return Answer(body=json.dumps(STATUSPAGE).encode(), headers=tag)

    with WebDouble({"/p": answer}) as server:
        one = visitor(server.url)
        first, _ = visit(one)
        second, _ = visit(one)

    assert [type(record) for record in first] == [PageState, OfficialEvent, OfficialEvent]
    assert second == []


@pytest.mark.parametrize(
    "fault",
    [
        Answer(status=503, headers=(("Retry-After", "777"),)),
        Answer(status=429),
        Answer(status=403),
        Answer(status=500),
        Answer(body=b"<html>blocked</html>"),
        Answer(body=b'{"incidents": [', kind="drop"),
        Answer(body=b'{"incidents": [', kind="reset"),
        Answer(body=b'{"incidents": [', kind="hang"),
        Answer(kind="stall"),
        Answer(status=401),
    ],
    ids=["503", "429", "403", "500", "not a page", "half", "reset", "hang", "stall", "401"],
)
def test_a_failure_is_unknown_and_loses_nothing_of_what_follows(fault: Answer) -> None:
    with WebDouble({"/p": Answer(body=json.dumps(STATUSPAGE).encode())}) as server:
        one = visitor(server.url)
        visit(one)
        server.faults.append(fault)
        records, seconds = visit(one, NOON + MINUTE)
        again, _ = visit(one, NOON + 2 * MINUTE)

    (state,) = records
    assert isinstance(state, PageState)
    assert state.known_since is None
    assert state.detail
    assert seconds >= (777 if dict(fault.headers) else 100)
    (known,) = again
    assert isinstance(known, PageState)
    assert known.known_since == NOON + 2 * MINUTE


def test_a_page_whose_form_is_guessed_is_unknown_and_asked_ever_less_often() -> None:
    with WebDouble({"/p": Answer(body=b"<html>all fine!</html>")}) as server:
        one = visitor(server.url)
        one.page = replace(one.page, guessed=True)
        waits = [visit(one, NOON + i * MINUTE)[1] for i in range(12)]
        server.pages["/p"] = Answer(body=json.dumps(STATUSPAGE).encode())
        records, wait = visit(one, NOON + timedelta(days=1))

    assert waits == sorted(waits)
    assert waits[-1] > 5 * 3_600
    assert wait < 120
    assert [type(record) for record in records] == [PageState, OfficialEvent, OfficialEvent]


def test_a_page_whose_clock_is_ahead_speaks_now() -> None:
    page_ = json.dumps(STATUSPAGE).replace("2026-07-04T14:00", "2100-07-04T14:00")
    with WebDouble({"/p": Answer(body=page_.encode())}) as server:
        records, _ = visit(visitor(server.url))

    assert max(one.posted_at for one in records if isinstance(one, OfficialEvent)) == NOON


def test_what_vanishes_from_a_page_that_could_be_read_is_over() -> None:
    calm = {"status": "ok", "active_incidents": []}
    with WebDouble({"/p": Answer(body=json.dumps(SLACK).encode())}) as server:
        one = visitor(server.url, current=True)
        visit(one)
        server.faults.append(Answer(status=500))
        failed, _ = visit(one, NOON + MINUTE)
        server.pages["/p"] = Answer(body=json.dumps(calm).encode())
        records, _ = visit(one, NOON + 2 * MINUTE)

    assert all(isinstance(record, PageState) for record in failed)
    (over,) = [record for record in records if isinstance(record, OfficialEvent)]
    assert (over.state, over.resolved_at) == (OfficialState.OPERATIONAL, NOON + 2 * MINUTE)


def test_pages_reach_redis_through_their_topic(redis, kafka: str, topic: str) -> None:
    store = OfficialStore(redis, "test")
    stop = threading.Event()
    with WebDouble({"/p": Answer(body=json.dumps(STATUSPAGE).encode())}) as server:
        page_ = visitor(server.url).page
        follow = partial(follow_topic, [kafka], topic, store)
        connect = partial(Producer, kafka, topic)
        thread = threading.Thread(
            target=run, args=([page_], connect, 0.2, lambda event_: follow(event_), stop)
        )
        thread.start()
        try:
            until(lambda: store.pages() and len(store.events(NOON - 2880 * MINUTE, NOON)) == 2)
        finally:
            stop.set()
            thread.join()

    assert store.pages()["slack"].known_since is not None
