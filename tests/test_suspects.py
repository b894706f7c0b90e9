"""Campaigns are held back and crowds are not: from posts in Kafka to incidents, with real parts."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from redis import Redis

from detector import crowd
from detector.bucket import Bucket
from detector.counts import Counts
from detector.incident_store import IncidentStore
from detector.judgement import begin, judge
from detector.suspects import Suspect, suspected
from detector.tick import Policy
from models.catalogue import Catalogue
from models.tagger import Tagger
from stream.consumer import Consumer
from stream.dead_letter import DeadLetterLimit, DeadLetters
from stream.ingest import Ingest
from stream.prints import COPY_LENGTH, kin, letters
from stream.producer import Producer
from stream.report import Report, encode

NOON = datetime(2025, 10, 20, 12, tzinfo=UTC)
IDS = ("github", "netflix", "spotify", "whatsapp", "youtube", "zoom")
SHIPPED = Catalogue.load()
SMALL = Catalogue({id: SHIPPED.services[id] for id in IDS})
PLACES = [
    "school",
    "office",
    "street",
    "village",
    "city",
    "kitchen",
    "garden",
    "library",
    "harbour",
]
COMPLAINTS = ("is down", "not working", "keeps crashing", "broken again")


class Log:
    """Posts of one evening, by people of whom most were heard of the day before."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(11)
        self.posts: list[Report] = []

    def add(self, at: datetime, author: str, text: str) -> None:
        self.posts.append(
            Report(
                id=f"r{len(self.posts)}",
                source="test",
                author=hashlib.md5(author.encode()).hexdigest(),
                text=text,
                posted_at=at,
                received_at=at,
            )
        )

    def pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return choices[int(self.rng.integers(len(choices)))]

    def regular(self) -> str:
        return f"regular-{self.rng.integers(300)}"

    def ordinary(self, start: datetime, minutes: int) -> None:
        for half in range(2 * minutes):
            at = start + timedelta(seconds=30 * half + float(self.rng.uniform(0, 29)))
            author = self.regular() if self.rng.random() < 0.8 else f"once-{half}-{start.day}"
            text = f"{self.pick(IDS)} {self.pick(COMPLAINTS)} {self.pick(PLACES)}"
            self.add(at, author, text)

    def burst(self, n: int, author: Callable[[int], str], text: Callable[[int], str]) -> None:
        for i in range(n):
            self.add(NOON + timedelta(seconds=float(self.rng.uniform(0, 400))), author(i), text(i))


@pytest.fixture(scope="module")
def log() -> list[Report]:
    one = Log()
    one.ordinary(NOON - timedelta(days=1), 120)
    one.ordinary(NOON - timedelta(minutes=30), 40)
    one.burst(10_000, lambda i: "only-one", lambda i: f"zoom is down {one.pick(PLACES)} {i}")
    one.burst(10_000, lambda i: f"five-{i % 5}", lambda i: f"spotify is down {one.pick(PLACES)}")
    one.burst(2_000, lambda i: f"bot-{i % 200}", lambda i: "netflix down")
    near = "whatsapp is down in the whole {} and nobody can send a message to anybody tonight"
    words = ["".join(one.pick(list("abcdeilmnorstu")) for _ in range(6)) for _ in range(200)]
    one.burst(1_000, lambda i: f"near-{i % 200}", lambda i: near.format(words[i % 200]))
    one.burst(2_000, lambda i: f"fan-{i}", lambda i: "watching youtube with my sister tonight")
    alike = ("github down?", "is github down", "github down", "github is down")
    one.burst(
        80,
        lambda i: one.regular() if i % 2 else f"outraged-{i}",
        lambda i: one.pick(alike),
    )
    return sorted(one.posts, key=lambda post: post.posted_at)


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return Tagger.load(SHIPPED)


def send(kafka: str, topic: str, posts: list[Report]) -> dict[int, int]:
    raw = KafkaProducer(bootstrap_servers=kafka, linger_ms=20)
    for post in posts:
        raw.send(topic, value=encode(post), key=post.author.encode())
    raw.close()
    with Producer(kafka, topic) as producer:
        producer.heartbeat("test", NOON + timedelta(seconds=440))
    consumer = KafkaConsumer(bootstrap_servers=kafka)
    try:
        ends = consumer.end_offsets([TopicPartition(topic, p) for p in range(4)])
    finally:
        consumer.close()
    return {where.partition: end for where, end in ends.items()}


def run_until(work: Callable[[threading.Event], None], done: Callable[[], bool]) -> None:
    stop, tick = threading.Event(), threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        for _ in range(3_000):
            if done():
                break
            tick.wait(0.02)
    finally:
        stop.set()
        thread.join(30)
    assert done()


def test_campaigns_raise_nothing_and_a_crowd_with_few_words_does(
    kafka, topic, redis: Redis, tagger, log
):
    ends = send(kafka, topic, log)
    counts, store = Counts(redis, "test"), IncidentStore(redis, "test")
    ingest = Ingest(
        Consumer([kafka], topic, f"{topic}-group", counts, max_batch=500),
        counts,
        tagger,
        DeadLetters("none", lambda name: Producer(kafka, name), topic),
        DeadLetterLimit(max_ratio=0.5, max_consecutive=100),
        allowed_lateness=timedelta(seconds=30),
    )
    run_until(ingest.run, lambda: all((counts.next_offset(p) or 0) >= e for p, e in ends.items()))
    fence, memory, last = store.acquire("test", 600_000), None, None
    held: dict[str, Suspect] = {}
    while buckets := counts.read(last, 6):
        memory, judged = judge(memory or begin(SMALL, buckets[0].start), buckets, SMALL, Policy())
        store.save(judged, fence)
        last = judged.last_bucket
        held |= {one.service: one for one in store.suspects() if one.held}

    raised = {one.service: one.joined_at for i in store.recent() for one in i.affected}
    suspects = {one.service: one for one in store.suspects()}
    assert set(raised) == {"github"}
    assert raised["github"] - NOON < timedelta(minutes=4)
    assert {"netflix", "whatsapp", "zoom", "spotify"} <= set(suspects)
    assert "youtube" not in suspects
    assert set(held) == {"netflix", "whatsapp"}
    netflix = held["netflix"]
    assert netflix.alike >= 0.9 * netflix.people > 90
    assert netflix.newcomers >= 0.9 * netflix.people
    assert netflix.usual_newcomers < 0.9
    assert any("same text" in why for why in netflix.why)


def said(
    n: int, kin_of: Callable[[int], str], n_new: int, n_counted: int | None = None
) -> crowd.Crowd:
    cells: dict[str, int] = {}
    for i in range(n):
        cells[kin_of(i)] = cells.get(kin_of(i), 0) + 1
    bucket = Bucket(
        start=0,
        affected={"a": n if n_counted is None else n_counted},
        posts={"a": n},
        newcomers={"a": n_new},
        kin={"a": cells},
    )
    return crowd.heard(crowd.cold(1), bucket, ("a",), np.array([True]), np.array([False]))


def nats(one: crowd.Crowd) -> float:
    return float(crowd.campaign(one, np.array([0]))[0])


@pytest.mark.parametrize(("n_people", "whose"), [(1, "one person"), (5, "5 people")])
def test_few_authors_of_many_posts_are_named_as_the_reason(n_people: int, whose: str):
    texts = [kin(letters(f"netflix down in {place}")) for place in PLACES]
    once = said(n_people, lambda i: texts[i], 0)
    often = replace(once, posts=np.array([400.0]), repeated=np.array([400.0 - n_people]))
    row = np.array([0])

    (suspect,) = suspected((), often, ["a"], row, row, (), NOON)
    (people,) = suspected((), once, ["a"], row, row, (), NOON)

    assert f"few authors: 400 posts by {whose}" in suspect.why
    assert not any("few authors" in why for why in people.why)


def test_few_words_of_a_few_people_are_a_crowd_and_one_text_of_all_is_not():
    texts = [kin(letters(text)) for text in ("netflix down", "is netflix down?", "netflix dead")]

    assert nats(said(6, lambda i: texts[i % 2], 6)) < 0
    assert nats(said(60, lambda i: texts[i % 3], 60)) < 0
    assert nats(said(6, lambda i: texts[0], 6)) > 0


def test_four_long_texts_that_all_copy_are_a_campaign_and_a_few_copies_are_none():
    four = [
        "my kid cannot watch anything on the telly since this morning, thanks a lot",
        "third time this week that the app throws me out while I am about to pay",
        "does anybody else get the error page when they open their inbox at work",
        "nobody in the whole town can call anybody, and no word of it in the news",
    ]
    texts = [kin(letters(text)) for text in four]
    many = [kin(letters(f"netflix down {i} {place}")) for i, place in enumerate(PLACES)]

    assert nats(said(40, lambda i: texts[i % 4], 40)) < 0
    assert nats(said(40, lambda i: texts[i % 4], 40, n_counted=4)) > 0
    assert nats(said(40, lambda i: many[i % len(many)], 40, n_counted=36)) < 0


def test_who_names_another_that_fails_already_does_not_raise_a_service_alone():
    def along(named: str, n: int) -> crowd.Crowd:
        bucket = Bucket(start=0, affected={"a": 6}, beside={"a": {named: n}})
        climbs, fails = np.array([True, True]), np.array([False, True])
        return crowd.heard(crowd.cold(2), bucket, ("a", "b"), climbs, fails)

    spoken, row = np.array([6.0, 0.0]), np.array([0])
    assert not crowd.alone(along("b", 5), spoken, row)[0]
    assert crowd.alone(along("b", 3), spoken, row)[0]
    assert crowd.alone(along("c", 6), spoken, row)[0]


def test_newcomers_say_nothing_where_everybody_is_new():
    texts = [kin(letters(f"netflix down {place}")) for place in PLACES]

    assert nats(said(40, lambda i: texts[i % len(texts)], 40)) < 0


def test_near_copies_share_their_cells_and_other_posts_do_not():
    near = [f"the whole {place} is without it and nobody can call anybody" for place in PLACES]
    other = [
        "my kid cannot watch anything on the telly since this morning, thanks a lot",
        "third time this week that the app throws me out while I am about to pay",
        "does anybody else get the error page when they open their inbox at work",
    ]
    assert all(len(letters(text)) >= COPY_LENGTH for text in near + other)

    alike = crowd.alike(said(len(near), lambda i: kin(letters(near[i])), 0), np.array([0]))
    unlike = crowd.alike(said(len(other), lambda i: kin(letters(other[i])), 0), np.array([0]))

    assert alike[0] >= 0.6 * len(near)
    assert unlike[0] == 1


def test_no_text_has_no_cells():
    assert kin(letters("https://example.org 123 @somebody")) == ""
