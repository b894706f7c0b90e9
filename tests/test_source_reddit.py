import json
import time
from threading import Event
from typing import Any

import pytest

from stream.sources.live import Disconnected, Refused, Throttled
from stream.sources.reddit import Login, Reddit
from tests.source_cases import AUTHORS, read, reports
from tests.web_double import Answer, Asked, WebDouble

TOKEN = Answer(body=b'{"access_token": "t", "token_type": "bearer", "expires_in": 3600}')


def thing(name: str, at: float, **more: Any) -> dict[str, Any]:
    data = {"name": name, "id": name[3:], "author": "ada", "created_utc": at, "ups": 1}
    text = {"title": "Is it down?", "selftext": "since noon"} if name[1] == "3" else {"body": "yes"}
    return {"kind": name[:2], "data": data | {"permalink": f"/r/a/{name}/"} | text | more}


def listing(children: list[dict[str, Any]], after: str | None = None, **headers: str) -> Answer:
    body = {"kind": "Listing", "data": {"after": after, "before": None, "children": children}}
    return Answer(body=json.dumps(body).encode(), headers=tuple(headers.items()))


def reddit(web: WebDouble) -> Reddit:
    login = Login(
        address=f"{web.url}/token", client_id="id", client_secret="s", user_agent="linux:test:1"
    )
    return Reddit(web.url, login, AUTHORS, subreddits=("a", "b"), every=0.01)


def ended(found: list[Any]) -> bool:
    return found[-1].cursor is not None


def test_posts_and_comments_become_reports_oldest_first() -> None:
    now = time.time()
    web = WebDouble({"/token": TOKEN})
    web.pages["/r/a+b/new"] = listing([thing("t3_2", now), thing("t3_1", now - 1)])
    web.pages["/r/a+b/comments"] = listing(
        [thing("t1_9", now, parent_id="t3_1"), thing("t1_8", now, author="[deleted]")]
    )
    with web:
        found = read(reddit(web), ended)

    assert [one.id for one in reports(found)] == ["reddit:t1_9", "reddit:t3_1", "reddit:t3_2"]
    comment, post, _ = reports(found)
    assert (comment.text, comment.reply_to) == ("yes", "reddit:t3_1")
    assert post.text == "Is it down?\nsince noon"
    assert post.url == "https://www.reddit.com/r/a/t3_1/"
    assert web.asked[1].headers["authorization"] == "Bearer t"
    assert web.asked[1].headers["user-agent"] == "linux:test:1"


def test_it_goes_back_page_by_page_to_where_it_was() -> None:
    now = time.time()

    def page(asked: Asked) -> Answer:
        number = int(asked.query.partition("after=")[2] or 0)
        things = [thing(f"t3_{number}x{i}", now - number * 200 - i) for i in range(5)]
        return listing(things, after=str(number + 1))

    web = WebDouble({"/token": TOKEN, "/r/a+b/new": page, "/r/a+b/comments": listing([])})
    with web:
        found = read(reddit(web), ended, cursor=str(now - 300))

    # 300 s back and 120 s of overlap: the pages of 0, 200 and 400 s ago, the next is too old.
    assert len(reports(found)) == 15


def test_a_bad_post_is_counted_and_named_and_its_neighbours_live() -> None:
    broken = thing("t3_1", time.time())
    del broken["data"]["author"]
    web = WebDouble({"/token": TOKEN, "/r/a+b/comments": listing([])})
    web.pages["/r/a+b/new"] = listing([broken, thing("t3_2", time.time())])
    with web:
        found = read(reddit(web), ended)

    assert len(reports(found)) == 1
    assert "author" in str([one.invalid for one in found if one.invalid])


@pytest.mark.parametrize(
    ("fault", "error", "expected"),
    [
        (Answer(status=401), Refused, "sources.reddit"),
        (Answer(status=403), Refused, "sources.reddit"),
        (Answer(body=b'{"error": "invalid_grant"}'), Refused, "invalid_grant"),
        (Answer(status=429, headers=(("Retry-After", "3"),)), Throttled, "429"),
        (Answer(status=503), Throttled, "503"),
        (Answer(body=b"{}", kind="drop"), Disconnected, "Error"),
    ],
    ids=["401", "403", "error", "429", "503", "half"],
)
def test_failures(fault: Answer, error: type[Exception], expected: str) -> None:
    web = WebDouble({"/token": TOKEN})
    web.faults.append(fault)
    with web, pytest.raises(error, match=expected):
        read(reddit(web), ended)


def test_a_used_up_limit_is_waited_for() -> None:
    limit = {"X-Ratelimit-Remaining": "1.0", "X-Ratelimit-Reset": "41"}
    web = WebDouble({"/token": TOKEN, "/r/a+b/new": listing([], **limit)})
    with web, pytest.raises(Throttled) as caught:
        read(reddit(web), ended)

    assert caught.value.seconds == 41.0


def test_a_listing_that_ends_before_it_reaches_the_last_time_is_a_gap_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = time.time()

    def page(asked: Asked) -> Answer:
        number = int(asked.query.partition("after=")[2] or 0)
        things = [thing(f"t3_{number}x{i}", now) for i in range(100)]
        return listing(things, after=str(number + 1) if number < 9 else None)

    web = WebDouble({"/token": TOKEN, "/r/a+b/new": page, "/r/a+b/comments": listing([])})
    with web:
        one = reddit(web)
        found = next(
            received for received in one.receive(repr(now - 9_000), Event()) if received.cursor
        )

    assert found.cursor
    assert "source_gap" in "".join(capsys.readouterr())
