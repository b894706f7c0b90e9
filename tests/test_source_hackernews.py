import json
from threading import Event
from typing import Any

import pytest

from stream.sources.hackernews import HackerNews
from stream.sources.live import Disconnected, Throttled
from tests.source_cases import AUTHORS, gone, read, reports
from tests.web_double import Answer, Asked, WebDouble


def item(id: int, **more: Any) -> dict[str, Any]:
    made = {"id": id, "type": "comment", "by": "ada", "time": 1_783_166_400, "parent": 1}
    return made | {"text": f"is it <i>down</i>?<p>number {id}", "kids": [9]} | more


class Site:
    """A small Hacker News: items by id, None where one is not there yet."""

    def __init__(self, items: dict[int, dict[str, Any] | None], newest: int):
        self.items = items
        self.newest = newest
        self.updates: list[int] = []
        self.web = WebDouble()
        for path in ("maxitem", "updates"):
            self.web.pages[f"/v0/{path}.json"] = self.answer
        for id in range(1, 60):
            self.web.pages[f"/v0/item/{id}.json"] = self.answer

    def answer(self, asked: Asked) -> Answer:
        name = asked.path.removeprefix("/v0/").removesuffix(".json")
        if name == "maxitem":
            return Answer(body=str(self.newest).encode())
        if name == "updates":
            return Answer(body=json.dumps({"items": self.updates, "profiles": []}).encode())
        return Answer(body=json.dumps(self.items.get(int(name[5:]))).encode())


def source(site: Site, **options: Any) -> HackerNews:
    return HackerNews(site.web.url, AUTHORS, every=0.01, **options)


def test_stories_and_comments_become_reports_and_the_rest_does_not() -> None:
    items: dict[int, dict[str, Any] | None] = {
        11: item(11),
        12: item(12, type="story", title="Ask HN: X down?", text="", url="https://x.example"),
        13: item(13, dead=True),
        14: {"id": 14, "type": "comment", "deleted": True, "time": 1},
        15: item(15, type="job"),
    }
    site = Site(items, 15)
    with site.web:
        found = read(source(site), lambda so_far: so_far[-1].cursor == "15", cursor="10")

    comment, story = reports(found)
    assert comment.id == "hn:11"
    assert comment.text == "is it down?\nnumber 11"
    assert (comment.reply_to, comment.author) == ("hn:1", AUTHORS.hash("hackernews", "ada"))
    assert comment.url == "https://news.ycombinator.com/item?id=11"
    assert story.text == "Ask HN: X down?"


def test_an_item_that_is_not_there_yet_holds_the_cursor_and_comes_later() -> None:
    site = Site({11: item(11), 12: None, 13: item(13)}, 13)
    rounds = 0

    def enough(found: list[Any]) -> bool:
        nonlocal rounds
        rounds += found[-1].event_at is not None
        if rounds == 1 and found[-1].event_at:
            assert found[-1].cursor == "11"
            site.items[12] = item(12)
        return rounds == 2

    with site.web:
        found = read(source(site), enough, cursor="10")

    assert [one.id for one in reports(found)] == ["hn:11", "hn:13", "hn:12"]
    assert found[-1].cursor == "13"


def test_an_item_that_never_comes_is_given_up_and_counted() -> None:
    site = Site({}, 11)
    with site.web:
        found = read(source(site, patience=0.0), lambda so_far: so_far[-1].invalid, cursor="10")

    assert found[-1].cursor == "11"


def test_it_begins_now_and_tells_what_was_deleted_afterwards() -> None:
    site = Site({20: item(20)}, 19)

    def enough(found: list[Any]) -> object:
        if found[-1].event_at and site.newest == 19:
            site.newest = 20
        elif reports(found) and site.items[20] == item(20):
            site.items[20] = {"id": 20, "deleted": True, "type": "comment"}
            site.updates = [20, 3]
        return gone(found)

    with site.web:
        found = read(source(site), enough)

    assert [one.id for one in reports(found)] == ["hn:20"]
    assert gone(found) == ["hn:20"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Answer(status=429, headers=(("Retry-After", "7"),)), Throttled),
        (Answer(status=503), Throttled),
        (Answer(status=500), Disconnected),
        (Answer(body=b"<html>"), Disconnected),
        (Answer(body=b"123", kind="drop"), Disconnected),
    ],
    ids=["429", "503", "500", "garbage", "half"],
)
def test_failures_are_disconnections_and_the_next_connection_reads_on(
    fault: Answer, error: type[Exception]
) -> None:
    site = Site({11: item(11)}, 11)
    with site.web:
        site.web.faults.append(fault)
        one = source(site)
        with pytest.raises(error) as caught:
            read(one, bool, cursor="10")
        found = read(one, lambda so_far: so_far[-1].cursor == "11", cursor="10")

    assert len(reports(found)) == 1
    assert not isinstance(caught.value, Throttled) or caught.value.seconds in (7.0, 30.0)


def test_a_cursor_that_is_too_old_is_a_gap_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    site = Site({}, 2_030)
    with site.web:
        found = next(source(site).receive("1", Event()))

    assert found.cursor == "29"  # where the newest two thousand begin
    assert "source_gap" in "".join(capsys.readouterr())


def test_an_item_of_another_shape_is_counted_and_named_and_the_next_is_read() -> None:
    broken = item(11)
    del broken["time"]
    untyped = item(13)
    del untyped["type"]
    site = Site({11: broken, 12: item(12), 13: untyped}, 13)
    with site.web:
        found = read(source(site), lambda so_far: so_far[-1].cursor == "13", cursor="10")

    assert [one.id for one in reports(found)] == ["hn:12"]
    assert [one.invalid for one in found if one.invalid] == [
        "item 11: field `time` is missing",
        "item 13: Object missing required field `type`",
    ]
