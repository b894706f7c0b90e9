import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import Catalogue
from stream.sources.live import Disconnected, Refused, Throttled
from stream.sources.x import X, lines
from stream.sources.x_budget import Budget, until_next_month
from stream.sources.x_rules import MAX_RULE, rules
from tests.source_cases import AUTHORS, NOW, read, reports
from tests.web_double import Answer, WebDouble

PATH = "/2/tweets/search/stream"


def tweet(id: int, **more: Any) -> bytes:
    data = {"id": str(id), "text": "is it down?", "author_id": "5", "lang": "en"}
    made = data | {"created_at": "2026-07-04T12:00:00.000Z", "edit_history_tweet_ids": []} | more
    return json.dumps({"data": made, "matching_rules": [{"id": "1", "tag": "outcry"}]}).encode()


def x(redis, url: str = "https://x.example", most: int = 100, **options: Any) -> X:
    wanted = {"rules": ("(a) (down)",), "budget": Budget(redis, "test", most)} | options
    return X(url, "token", AUTHORS, **wanted)


def site(body: bytes = b"", there: list[dict[str, str]] | None = None) -> WebDouble:
    web = WebDouble()
    web.pages[PATH] = Answer(body=body)
    web.pages[PATH + "/rules"] = Answer(body=json.dumps({"data": there or []}).encode())
    return web


def test_a_post_becomes_a_report(redis) -> None:
    references = [{"type": "replied_to", "id": "6"}, {"type": "retweeted", "id": "4"}]
    (report,) = reports([x(redis).read(tweet(7, referenced_tweets=references), NOW)])

    assert report.id == "x:7"
    assert report.author == AUTHORS.hash("x", "5")
    assert (report.reply_to, report.repost_of, report.lang) == ("x:6", "x:4", "en")
    assert report.posted_at == datetime(2026, 7, 4, 12, tzinfo=UTC)


def test_garbage_is_counted_a_missing_field_named_and_an_error_ends_the_stream(redis) -> None:
    source = x(redis)

    assert source.read(b"{", NOW).invalid
    assert "author_id" in str(source.read(b'{"data":{"id":"1","text":""}}', NOW).invalid)
    assert source.read(b"", NOW).event_at == NOW
    with pytest.raises(Disconnected, match="operational-disconnect"):
        source.read(b'{"errors":[{"title":"operational-disconnect"}]}', NOW)


def test_the_stream_is_read_line_by_line_and_its_end_is_a_disconnection(redis) -> None:
    found: list[Any] = []
    with site(tweet(1) + b"\r\n\r\n" + tweet(2) + b"\r\n") as web, pytest.raises(Disconnected):
        read(x(redis, web.url), lambda so_far: found.__setitem__(slice(None), so_far))

    assert [one.id for one in reports(found)] == ["x:1", "x:2"]


def test_rules_are_made_ours_and_those_of_others_left_alone(redis) -> None:
    there = [
        {"id": "1", "value": "old", "tag": "outcry"},
        {"id": "2", "value": "theirs", "tag": "other"},
    ]
    with site(b"", there) as web, pytest.raises(Disconnected):
        read(x(redis, web.url), lambda _: False)

    bodies = [json.loads(one.body) for one in web.asked if one.method == "POST"]
    assert bodies == [
        {"delete": {"ids": ["1"]}},
        {"add": [{"value": "(a) (down)", "tag": "outcry"}]},
    ]


def test_reading_stops_when_the_budget_is_used_up_and_a_restart_does_not_help(redis) -> None:
    found: list[Any] = []
    with site(b"\n".join(tweet(i) for i in range(5)) + b"\n") as web:
        for _ in range(2):
            with pytest.raises(Throttled, match="max_posts_per_month") as caught:
                read(x(redis, web.url, 3), lambda so_far: found.append(so_far[-1]))
            assert caught.value.seconds > 0

    assert len(reports(found)) == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [(401, Refused), (403, Refused), (429, Throttled), (503, Throttled), (500, Disconnected)],
)
def test_failures(redis, fault: int, error: type[Exception]) -> None:
    web = site()
    web.faults.append(Answer(status=fault))
    with web, pytest.raises(error, match=str(fault)):
        read(x(redis, web.url), lambda _: False)


def test_rules_of_the_whole_catalogue_keep_to_the_limits() -> None:
    catalogue = Catalogue.load()

    made = rules(catalogue)

    assert 1 < len(made) < 1_000
    assert max(map(len, made)) <= MAX_RULE
    assert all(rule.endswith("-is:retweet") for rule in made)
    (only,) = rules(catalogue, ["snapchat"])
    assert "Snapchat" in only
    with pytest.raises(ValueError, match="'atlantis' is no id"):
        rules(catalogue, ["atlantis"])


@given(st.lists(st.binary(max_size=20)))
def test_lines_do_not_depend_on_how_they_are_cut(chunks: list[bytes]) -> None:
    whole = b"".join(chunks) + b"\n"

    assert list(lines(iter([*chunks, b"\n"]))) == [
        one.rstrip(b"\r") for one in whole.split(b"\n")[:-1]
    ]


def test_the_budget_is_fresh_with_the_next_month() -> None:
    assert until_next_month(datetime(2026, 12, 31, 23, 59, tzinfo=UTC)) == 60.0
    assert until_next_month(datetime(2026, 2, 28, 0, 0, tzinfo=UTC)) == 86_400.0
