"""A form's way from the page to Kafka: limits, the log's time, nothing lost, nothing twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from detector.counts import Counts
from detector.health import Health, SourceHealth
from detector.inbox import PER_SENDER, Inbox, Refused, Submission
from stream.authors import Authors
from stream.forward import Forward, event_time, report
from stream.producer import Producer
from tests.topic_records import reports

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATENESS = timedelta(seconds=30)
AUTHORS = Authors(b"0123456789abcdef")


@pytest.fixture
def inbox(redis: Redis) -> Inbox:
    return Inbox(redis, "forms")


@pytest.fixture
def producer(kafka: str, topic: str) -> Iterator[Producer]:
    with Producer(kafka, topic) as made:
        yield made


def form(inbox: Inbox, address: str = "192.0.2.1", **changes: str) -> Submission:
    fields = {"service": "zoom", "symptom": "login", "country": "DE", "comment": "no way in"}
    return Submission(sender=inbox.hash(address), sent_at=NOW, **(fields | changes))  # type: ignore[arg-type]


def forward(inbox: Inbox, redis: Redis, producer: Producer) -> Forward:
    return Forward(
        inbox,
        Counts(redis, "forms"),
        lambda: producer,
        AUTHORS,
        allowed_lateness=LATENESS,
        clock=lambda: NOW,
    )


def test_a_form_becomes_a_report_and_leaves_the_queue(
    inbox: Inbox, redis: Redis, producer: Producer, kafka: str, topic: str
) -> None:
    entry = inbox.submit(form(inbox))

    assert forward(inbox, redis, producer).step(producer) == 1

    (sent,) = reports(kafka, topic)
    assert (sent.id, sent.source, sent.service) == (f"form:{entry}", "form", "zoom")
    assert (sent.symptom, sent.country, sent.text) == ("login", "DE", "no way in")
    assert sent.posted_at == NOW
    assert inbox.waiting() == []


def test_neither_the_address_nor_its_hash_in_redis_reaches_kafka(inbox: Inbox) -> None:
    told = form(inbox, "192.0.2.7")
    made = report("1-1", told, AUTHORS, NOW)

    assert made is not None
    assert "192.0.2.7" not in repr((told, made))
    assert made.author != told.sender


def test_a_form_that_is_sent_twice_is_the_same_report(
    inbox: Inbox, redis: Redis, producer: Producer, kafka: str, topic: str
) -> None:
    inbox.submit(form(inbox))
    ((entry, waiting),) = inbox.waiting()
    forward(inbox, redis, producer).step(producer)

    # As a loop would make it that died between Kafka's answer and the deletion.
    assert reports(kafka, topic) == [report(entry, waiting, AUTHORS, NOW)]


@pytest.mark.parametrize(
    "wrong",
    [{"service": "No Such"}, {"symptom": "evil"}, {"country": "Germany"}, {"service": ""}],
    ids=str,
)
def test_what_is_no_report_is_dropped_and_holds_nobody_back(
    inbox: Inbox, redis: Redis, producer: Producer, kafka: str, topic: str, wrong: dict[str, str]
) -> None:
    inbox.submit(form(inbox, **wrong))
    inbox.submit(form(inbox))

    assert forward(inbox, redis, producer).step(producer) == 1
    assert len(reports(kafka, topic)) == 1
    assert inbox.waiting() == []


def test_a_sender_is_heard_a_few_times_and_others_go_on(inbox: Inbox) -> None:
    for _ in range(PER_SENDER):
        inbox.submit(form(inbox))

    with pytest.raises(Refused, match="enough"):
        inbox.submit(form(inbox))
    inbox.submit(form(inbox, "192.0.2.2"))

    assert len(inbox.waiting()) == PER_SENDER + 1


def test_waiting_ends_at_once_when_a_form_is_there(inbox: Inbox) -> None:
    assert not inbox.wait(0.01)
    inbox.submit(form(inbox))
    assert inbox.wait(60)


def _health(*newest: datetime | None) -> Health:
    sources = tuple(SourceHealth(name=f"s{i}", last_post_at=at) for i, at in enumerate(newest))
    own = SourceHealth(name="form", last_post_at=NOW)
    return Health(watermark_at=None, n_partitions=1, sources=(own, *sources))


def test_the_time_of_a_form_is_that_of_the_log() -> None:
    replay = NOW - timedelta(days=400)

    assert event_time(NOW, _health(), LATENESS) == NOW
    assert event_time(NOW, _health(NOW - timedelta(seconds=3)), LATENESS) == NOW
    assert event_time(NOW, _health(replay, None), LATENESS) == replay + LATENESS


@given(st.lists(st.timedeltas(timedelta(days=-9), timedelta(days=9)), max_size=4))
def test_the_time_of_a_form_is_never_in_the_future(ages: list[timedelta]) -> None:
    assert event_time(NOW, _health(*(NOW + age for age in ages)), LATENESS) <= NOW
