"""
Every source against a server of its protocol that fails in all the ways that we know of.

No post that the protocol allows to keep may be missing from Kafka, and none may be there twice.
Jetstream: tests/test_source_bluesky.py; the HTTP intake: tests/test_intake.py; the status pages:
tests/test_official.py. The figures are printed: ``pytest -rP tests/test_sources_hostile.py``.
"""

import json
import time
from collections import deque

from detector.feeds import Feeds
from stream.sources.hackernews import HackerNews
from stream.sources.mastodon import Mastodon
from stream.sources.reddit import Login, Reddit
from stream.sources.x import X
from stream.sources.x_budget import Budget
from tests.jetstream_double import Fault
from tests.mastodon_double import MastodonDouble, status
from tests.source_cases import AUTHORS, Trial
from tests.test_source_hackernews import Site, item
from tests.test_source_reddit import TOKEN, listing, thing
from tests.test_source_x import PATH, site, tweet
from tests.web_double import Answer, Asked, WebDouble, until

SOON = (("Retry-After", "0"),)
SILENCE = 0.8  # seconds
FUTURE = 4_102_444_800  # the year 2100, as unix seconds
FAULTS = (
    Answer(kind="stall"),
    Answer(kind="reset"),
    Answer(kind="hang", body=b"["),
    Answer(kind="drop", body=b'{"da'),
    Answer(body=b"<html>a proxy's page</html>"),
    Answer(status=429, headers=SOON),
    Answer(status=503, headers=SOON),
    Answer(status=500),
)


def test_mastodon(redis, kafka: str, topic: str) -> None:
    faults = [
        Fault(kind="reset", after=3),
        Fault(kind="half", after=3),
        Fault(kind="status", status=429, headers=SOON),
        Fault(kind="status", status=503, headers=SOON),
        Fault(kind="stall", after=3),
        Fault(kind="reset", after=0),
        Fault(kind="garbage", after=2),  # goes on by itself, until it is killed
    ]
    double = MastodonDouble(faults=deque(faults))
    wanted: set[str] = set()

    def publish(**more: str) -> None:
        id = len(double.log) + 1
        wanted.add(f"mastodon:127.0.0.1:{double.web.port}/{id}")
        double.log.append(status(id, **more))

    def trouble() -> set[str]:
        # Without a first post there is no cursor, and nothing to fetch from.
        until(lambda: double.n_subscribed)
        publish(created_at="2100-01-01T00:00:00.000Z")
        until(lambda: (feed := trial.feed) and feed.cursor)
        while double.faults or double.n_subscribed < 5:
            publish()
            double.stopping.wait(0.02)
        publish()
        publish()
        until(lambda: (feed := trial.feed) and feed.n_invalid)
        double.__exit__(None, None, None)  # killed
        for _ in range(50):
            publish()
        double.faults.append(Fault(kind="twice"))
        double.__enter__()
        until(lambda: double.n_subscribed >= 6)
        publish()
        return wanted

    with double:
        source = Mastodon(double.web.url, "token", AUTHORS, silence=SILENCE)
        trial = Trial(source, Feeds(redis, "test"), kafka, topic)
        feed = trial.run(trouble)

    assert feed.n_invalid == 3
    assert feed.n_duplicate > 0  # sent twice, or by both the stream and the timeline


def test_hackernews(redis, kafka: str, topic: str) -> None:
    double = Site({10: item(10)}, 10)

    def publish(**more: int) -> None:
        id = double.newest + 1
        double.items[id] = item(id, **more)
        double.newest = id

    def trouble() -> set[str]:
        until(lambda: (feed := trial.feed) and feed.cursor)
        publish(time=FUTURE)
        for fault in FAULTS:
            double.web.faults.append(fault)
            publish()
            until(lambda: not double.web.faults)
        double.web.__exit__(None, None, None)  # killed
        for _ in range(5):
            publish()
        double.web.__enter__()
        publish()
        return {f"hn:{id}" for id in range(11, double.newest + 1)}

    with double.web:
        source = HackerNews(double.web.url, AUTHORS, every=0.05, silence=SILENCE)
        trial = Trial(source, Feeds(redis, "test"), kafka, topic)
        trial.run(trouble)


def test_reddit(redis, kafka: str, topic: str) -> None:
    posts: list[dict[str, object]] = []

    def new(_: Asked) -> Answer:
        return listing(posts[::-1][:100])

    web = WebDouble({"/token": TOKEN, "/r/a/new": new, "/r/a/comments": listing([])})

    def publish(at: float | None = None) -> None:
        posts.append(thing(f"t3_{len(posts)}", at or time.time()))

    def trouble() -> set[str]:
        publish(FUTURE)
        until(lambda: (feed := trial.feed) and feed.cursor)
        for fault in FAULTS:
            web.faults.append(fault)
            publish()
            until(lambda: not web.faults)
        web.__exit__(None, None, None)  # killed
        for _ in range(5):
            publish()
        web.__enter__()
        publish()
        return {f"reddit:t3_{i}" for i in range(len(posts))}

    with web:
        login = Login(
            address=f"{web.url}/token", client_id="i", client_secret="s", user_agent="linux:test:1"
        )
        source = Reddit(web.url, login, AUTHORS, subreddits=("a",), every=0.05, silence=SILENCE)
        trial = Trial(source, Feeds(redis, "test"), kafka, topic)
        feed = trial.run(trouble)

    assert feed.n_duplicate > 0  # each connection reads two minutes again


def test_x_loses_only_what_was_posted_while_it_was_cut_off(redis, kafka: str, topic: str) -> None:
    n = 0

    def stream(kind: str, *, twice: bool = False, tail: bytes = b"") -> Answer:
        """A connection that brings five posts, the last one perhaps cut, and ends as *kind*."""
        nonlocal n
        lines = [tweet(n + i) for i in range(5)] * (2 if twice else 1)
        n += 5
        return Answer(body=b"\r\n".join(lines) + b"\r\n" + tail, kind=kind)

    connections = deque(
        [
            stream("drop", tail=tweet(1_000)[:40]),
            stream("hang"),
            stream("answer", twice=True),
            Answer(kind="reset"),
            Answer(kind="stall"),
            Answer(status=429, headers=SOON),
            Answer(status=503, headers=SOON),
            stream("answer", tail=b'{"data": {}}\r\n<html>\r\n\xff\xfe\r\n'),
        ]
    )
    future = tweet(500, created_at="2100-01-01T00:00:00.000Z")
    web = site()

    def next_(_: Asked) -> Answer:
        return connections.popleft() if connections else Answer(kind="stall")

    web.pages[PATH] = next_

    def trouble() -> set[str]:
        until(lambda: not connections)
        web.__exit__(None, None, None)  # killed
        connections.append(Answer(body=future + b"\r\n"))
        web.__enter__()
        return {f"x:{i}" for i in [*range(n), 500]}

    with web:
        budget = Budget(redis, "test", 1_000)
        source = X(web.url, "token", AUTHORS, rules=("(a)",), budget=budget, silence=SILENCE)
        trial = Trial(source, Feeds(redis, "test"), kafka, topic)
        feed = trial.run(trouble)

    assert (feed.n_duplicate, feed.n_invalid) == (5, 3)
    rules = json.loads(next(one.body for one in web.asked if one.method == "POST"))
    assert rules == {"add": [{"value": "(a)", "tag": "outcry"}]}
