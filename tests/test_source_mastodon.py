"""Mastodon: events of the shape of real ones, with invented content, from a server on loopback."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from stream.sources.live import Disconnected, Refused
from stream.sources.manners import Manners
from stream.sources.mastodon import Mastodon
from tests.mastodon_double import event, status
from tests.source_cases import AUTHORS, NOW, gone, read, reports
from tests.web_double import Answer, Asked, WebDouble

TOKEN = "token-of-the-test"


def mastodon(url: str = "https://m.example", **options: Any) -> Mastodon:
    return Mastodon(url, TOKEN, AUTHORS, **options)


def test_a_status_becomes_a_report() -> None:
    received = mastodon().read(event("update", status(7, in_reply_to_id="6")), NOW)

    (report,) = reports([received])
    assert report.id == "mastodon:m.example/7"
    assert report.author == AUTHORS.hash("mastodon", "ada@m.example")
    assert report.text == "is it down?"
    assert report.reply_to == "mastodon:m.example/6"
    assert (report.lang, report.url) == ("en", "https://m.example/@ada/7")
    assert received.cursor == "7"


@pytest.mark.parametrize(
    "more",
    [
        {"visibility": "unlisted"},
        {"account": {"bot": True}},
        {"account": {"noindex": True}},
        {"account": {"note": "<p>please <a>#<span>nobot</span></a></p>"}},
        {"content": "<p>down! #NoBots</p>"},
        {"account": {"acct": "opted@out.example"}},
    ],
    ids=["unlisted", "bot", "noindex", "note", "post", "list"],
)
def test_who_does_not_want_to_be_read_is_not_read(more: dict[str, Any]) -> None:
    source = mastodon(manners=Manners(["mastodon:Opted@out.example"]))

    assert source.read(event("update", status(7, **more)), NOW).records == ()


def test_a_boost_is_no_new_report() -> None:
    (report,) = reports([mastodon().read(event("update", status(8, reblog={"id": "7"})), NOW)])

    assert report.repost_of == "mastodon:m.example/7"


def test_deletions_and_edits_take_the_post_away() -> None:
    source = mastodon()

    assert gone([source.read(event("delete", "7"), NOW)]) == ["mastodon:m.example/7"]
    assert gone([source.read(event("status.update", status(7)), NOW)]) == ["mastodon:m.example/7"]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", event("update", "{}"), event("delete")]
)
def test_garbage_is_counted_and_says_what_is_missing(data: bytes) -> None:
    assert mastodon().read(data, NOW).invalid


def test_a_missing_field_is_named_and_other_events_are_signs_of_life() -> None:
    broken = status(7)
    del broken["visibility"]

    assert "visibility" in str(mastodon().read(event("update", broken), NOW).invalid)
    assert mastodon().read(event("filters_changed"), NOW).event_at == NOW


@contextmanager
def instance(
    events: list[bytes], refuse: deque[int], web: WebDouble
) -> Iterator[list[dict[str, Any]]]:
    """Serve *events* to whoever subscribes, after refusing with the codes of *refuse*."""
    subscribed: list[dict[str, Any]] = []

    def greet(connection: ServerConnection, request: Request) -> Response | None:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        return connection.respond(refuse.popleft(), "no") if refuse else None

    def talk(connection: ServerConnection) -> None:
        try:
            subscribed.append(json.loads(connection.recv()))
            for one in events:
                connection.send(one.decode(), text=True)
        except ConnectionClosed:
            return

    with serve(talk, "127.0.0.1", 0, process_request=greet, close_timeout=0.2) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        urls = {"configuration": {"urls": {"streaming": f"ws://127.0.0.1:{port}"}}}
        web.pages["/api/v2/instance"] = Answer(body=json.dumps(urls).encode())
        try:
            yield subscribed
        finally:
            server.shutdown()
            thread.join()


def test_what_was_missed_is_fetched_and_then_the_stream_goes_on() -> None:
    def timeline(asked: Asked) -> Answer:
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        newest = int(asked.query.partition("min_id=")[2].partition("&")[0])
        page = [status(i) for i in range(newest + 1, min(newest + 41, 101))]
        return Answer(body=json.dumps(page[::-1]).encode())

    web = WebDouble({"/api/v1/timelines/tag/down": timeline})
    with web, instance([event("update", status(101))], deque(), web) as subscribed:
        source = mastodon(web.url, streams=("hashtag:down",))
        found = read(source, lambda so_far: so_far[-1].cursor == "101", cursor="10")

    assert [int(one.id.rpartition("/")[2]) for one in reports(found)] == list(range(11, 102))
    assert subscribed == [{"type": "subscribe", "stream": "hashtag", "tag": "down"}]
    cursors = [int(one.cursor or 0) for one in found]
    assert cursors == sorted(cursors)


@pytest.mark.parametrize(("code", "error"), [(401, Refused), (403, Refused), (429, Disconnected)])
def test_a_refusal_is_final_and_names_the_setting(code: int, error: type[Exception]) -> None:
    web = WebDouble()
    with web, instance([], deque([code]), web), pytest.raises(error, match=str(code)) as caught:
        read(mastodon(web.url), bool)

    assert error is Disconnected or "sources.mastodon.access_token" in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[1]"])
def test_an_instance_that_does_not_name_its_stream_is_tried_again(body: bytes) -> None:
    with WebDouble({"/api/v2/instance": Answer(body=body)}) as web, pytest.raises(Disconnected):
        read(mastodon(web.url), bool)


def test_a_stream_that_ends_is_a_disconnection() -> None:
    web = WebDouble()
    with web, instance([event("update", status(1))], deque(), web), pytest.raises(Disconnected):
        read(mastodon(web.url), lambda found: False)


def test_a_timeline_that_is_too_long_is_a_gap_that_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def endless(asked: Asked) -> Answer:
        newest = int(asked.query.partition("min_id=")[2].partition("&")[0])
        page = [status(i) for i in range(newest + 1, newest + 41)]
        return Answer(body=json.dumps(page[::-1]).encode())

    web = WebDouble({"/api/v1/timelines/public": endless})
    with web, instance([], deque(), web):
        found = read(mastodon(web.url), lambda so_far: so_far[-1].cursor, cursor="10")

    assert (len(reports(found)), found[-1].cursor) == (1_000, "1010")
    assert "source_gap" in "".join(capsys.readouterr())
