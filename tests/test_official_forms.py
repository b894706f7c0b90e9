"""What each form of status page says, and that whatever else comes is unknown."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.official import OfficialState
from stream.official import (
    apple,
    aws,
    feed,
    google,
    heroku,
    instatus,
    slack,
    statusio,
    statuspage,
)
from stream.official.notice import Notice, UnknownPage
from tests.official_pages import (
    APPLE,
    ATOM,
    AWS,
    GOOGLE,
    HEROKU,
    INSTATUS,
    ITEM,
    NOON,
    RSS,
    SLACK,
    STATUSIO,
    STATUSPAGE,
)


def test_statuspage_incidents_open_and_over() -> None:
    open_, over = statuspage.parse(json.dumps(STATUSPAGE).encode())

    assert open_ == Notice(
        id="i1",
        title="Login trouble",
        state=OfficialState.OUTAGE,
        posted_at=NOON,
        url="https://stspg.example/i1",
        about=("Login",),
    )
    assert (over.state, over.resolved_at) == (
        OfficialState.OPERATIONAL,
        datetime(2026, 7, 3, 13, tzinfo=UTC),
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-8", "utf-8-sig"])
def test_aws_is_read_whatever_its_byte_order(encoding: str) -> None:
    mark = (
        b"\xfe\xff" if encoding == "utf-16-be" else b"\xff\xfe" if encoding.endswith("le") else b""
    )
    (notice,) = aws.parse(mark + json.dumps(AWS).encode(encoding))

    assert notice.posted_at == NOON
    assert notice.state is OfficialState.DEGRADED
    assert notice.regions == ("us-east-1",)


def test_google_spoke_when_it_wrote_not_when_the_trouble_began() -> None:
    (notice,) = google.parse(json.dumps(GOOGLE).encode())

    assert notice.posted_at == NOON
    assert notice.title == "Elevated errors"
    assert notice.state is OfficialState.OUTAGE
    assert notice.url == "https://status.cloud.google.com/incidents/g1"
    assert (notice.about, notice.regions) == (("Cloud Run",), ("us-central1",))


def test_slack_says_what_goes_on() -> None:
    (notice,) = slack.parse(json.dumps(SLACK).encode())

    assert (notice.id, notice.posted_at, notice.state) == ("5", NOON, OfficialState.DEGRADED)


def test_feeds_rss_and_atom() -> None:
    (azure,) = feed.parse((RSS % ITEM).encode())
    (atom,) = feed.parse(ATOM.encode())

    assert feed.parse((RSS % "").encode()) == ()
    assert (azure.id, azure.posted_at, azure.state) == ("z1", NOON, OfficialState.DEGRADED)
    assert (atom.id, atom.posted_at, atom.state) == ("a1", NOON, OfficialState.OPERATIONAL)
    assert atom.url == "https://status.example/a1"


def test_instatus_lists_what_goes_on_and_nothing_when_up() -> None:
    failing, works = instatus.parse(json.dumps(INSTATUS).encode())

    assert (failing.id, failing.posted_at, failing.state) == ("n1", NOON, OfficialState.OUTAGE)
    assert (works.id, works.state) == ("m2", OfficialState.MAINTENANCE)
    assert instatus.parse(b'{"page": {"name": "n", "url": "u", "status": "UP"}}') == ()


def test_statusio_says_how_bad_it_is_in_its_newest_message() -> None:
    (notice,) = statusio.parse(json.dumps(STATUSIO).encode())

    assert (notice.id, notice.posted_at, notice.state) == ("s1", NOON, OfficialState.OUTAGE)


def test_heroku_is_read_by_its_state_not_by_what_it_says_of_resolution() -> None:
    open_, over = heroku.parse(json.dumps(HEROKU).encode())

    assert (open_.id, open_.posted_at, open_.state) == ("7", NOON, OfficialState.OUTAGE)
    assert (over.id, over.state) == ("6", OfficialState.OPERATIONAL)


@pytest.mark.parametrize("form", ["%s", "jsonCallback(%s);"])
def test_apple_is_read_as_json_and_within_a_call(form: str) -> None:
    running, over = apple.parse((form % json.dumps(APPLE)).encode())

    assert (running.posted_at, running.state) == (NOON, OfficialState.OUTAGE)
    assert running.title == "iCloud Mail: Users may be unable to send mail."
    assert over.state is OfficialState.OPERATIONAL
    assert over.resolved_at == datetime(2026, 7, 3, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parse", "page"),
    [
        (instatus.parse, {"page": {"status": "HASISSUES"}}),
        (instatus.parse, {"page": {"status": "NEW WORD"}}),
        (statusio.parse, {"result": {"status_overall": {"status_code": 500}, "incidents": []}}),
        (statusio.parse, {"result": {"status_overall": {"status_code": 7}, "incidents": []}}),
        (heroku.parse, {"status": [{"system": "Apps", "status": "red"}], "incidents": []}),
        (apple.parse, {"services": []}),
    ],
)
def test_a_page_that_is_not_green_and_names_no_incident_is_unknown(parse, page: object) -> None:
    with pytest.raises(UnknownPage):
        parse(json.dumps(page).encode())


def test_a_page_of_incident_io_without_incidents_has_null() -> None:
    assert statuspage.parse(b'{"page": {}, "incidents": null}') == ()


JSON_FORMS = (
    statuspage.parse,
    aws.parse,
    google.parse,
    slack.parse,
    instatus.parse,
    statusio.parse,
    heroku.parse,
    apple.parse,
)
WAF = b"<html><head><title>Access denied</title></head><body>no</body></html>"
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><rss><channel><title>&a;</title></channel></rss>'


@pytest.mark.parametrize("parse", JSON_FORMS)
@pytest.mark.parametrize("body", [b"", b"{", b"null", b'{"a": 1}', WAF, b"\xff\xfe\x00"])
def test_what_is_no_page_is_unknown_not_fine(parse, body: bytes) -> None:
    with pytest.raises(UnknownPage):
        parse(body)


@pytest.mark.parametrize("body", [b"", WAF, BOMB, b"<rss><channel></channel></rss>"])
def test_what_is_no_feed_is_unknown_not_fine(body: bytes) -> None:
    with pytest.raises(UnknownPage):
        feed.parse(body)


@pytest.mark.parametrize(
    ("parse", "page", "field"),
    [
        (statuspage.parse, STATUSPAGE, "created_at"),
        (statuspage.parse, STATUSPAGE, "status"),
        (aws.parse, AWS, "date"),
        (google.parse, GOOGLE, "begin"),
        (slack.parse, SLACK, "title"),
        (instatus.parse, INSTATUS, "started"),
        (statusio.parse, STATUSIO, "datetime_open"),
        (heroku.parse, HEROKU, "created_at"),
        (apple.parse, APPLE, "epochStartDate"),
    ],
)
def test_a_missing_field_is_named(parse, page: object, field: str) -> None:
    broken = json.dumps(page).replace(f'"{field}"', '"renamed"').encode()

    with pytest.raises(UnknownPage, match=f"`{field}`"):
        parse(broken)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_or_unknown(body: bytes) -> None:
    for parse in (*JSON_FORMS, feed.parse):
        try:
            assert isinstance(parse(body), tuple)
        except UnknownPage:
            continue
