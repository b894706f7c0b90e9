"""What each form of status page says; content invented, shapes as the real ones."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.official import OfficialState
from models.catalogue import Catalogue
from models.service import Service
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
from stream.official.notice import Notice, UnknownPage, changed, instant
from stream.official.pages import pages, speaks_of

NOON = datetime(2026, 7, 4, 12, tzinfo=UTC)

STATUSPAGE = {
    "page": {"id": "p", "name": "Invented", "url": "https://status.example"},
    "incidents": [
        {
            "id": "i1",
            "name": "Login trouble",
            "status": "investigating",
            "impact": "major",
            "created_at": "2026-07-04T14:00:00.000+02:00",
            "updated_at": "2026-07-04T14:05:00.000+02:00",
            "resolved_at": None,
            "shortlink": "https://stspg.example/i1",
            "components": [{"id": "c", "name": "Login", "status": "major_outage"}],
            "incident_updates": [],
            "unknown": {"field": 1},
        },
        {
            "id": "i0",
            "name": "Over",
            "status": "postmortem",
            "impact": "minor",
            "created_at": "2026-07-03T12:00:00Z",
            "resolved_at": "2026-07-03T13:00:00Z",
        },
    ],
}
AWS = [
    {
        "date": "1783166400",
        "arn": "arn:aws:health:us-east-1::event/LAMBDA/1",
        "region_name": "N. Virginia",
        "status": "2",
        "service": "lambda-us-east-1",
        "service_name": "Lambda",
        "summary": "Increased errors",
        "event_log": [{"timestamp": 1783166460, "message": "looking into it"}],
    }
]
GOOGLE = [
    {
        "id": "g1",
        "begin": "2026-07-04T11:00:00+00:00",
        "created": "2026-07-04T12:10:00+00:00",
        "end": None,
        "external_desc": "**Elevated errors**\nin one region",
        "status_impact": "SERVICE_OUTAGE",
        "severity": "high",
        "uri": "incidents/g1",
        "affected_products": [{"title": "Cloud Run", "id": "x"}],
        "currently_affected_locations": [{"title": "Iowa", "id": "us-central1"}],
        "updates": [{"created": "2026-07-04T12:00:00+00:00", "when": "2026-07-04T11:59:00Z"}],
    }
]
SLACK = {
    "status": "active",
    "active_incidents": [
        {
            "id": 5,
            "date_created": "2026-07-04T05:01:00-07:00",
            "title": "Messages are slow",
            "type": "incident",
            "status": "active",
            "url": "https://slack-status.example/5",
            "services": ["Messaging"],
            "notes": [{"date_created": "2026-07-04T05:00:00-07:00", "body": "we look"}],
        }
    ],
}
INSTATUS = {
    "page": {"name": "Invented", "url": "https://x.instatus.example", "status": "HASISSUES"},
    "activeIncidents": [
        {
            "id": "n1",
            "name": "Builds fail",
            "started": "2026-07-04T12:00:00Z",
            "status": "INVESTIGATING",
            "impact": "MAJOROUTAGE",
            "url": "https://x.instatus.example/n1",
            "updatedAt": "2026-07-04T12:03:00Z",
        }
    ],
    "activeMaintenances": [
        {"id": "m1", "name": "Disks", "start": "2026-07-04T13:00:00Z", "status": "NOTSTARTEDYET"},
        {"id": "m2", "name": "Cables", "start": "2026-07-04T11:00:00Z", "status": "INPROGRESS"},
    ],
}
STATUSIO = {
    "result": {
        "status_overall": {"status": "Degraded", "status_code": 300, "updated": "x"},
        "status": [{"id": "c", "name": "API", "status_code": 300, "containers": []}],
        "incidents": [
            {
                "_id": "s1",
                "name": "Pulls are slow",
                "datetime_open": "2026-07-04T12:02:00.000Z",
                "messages": [
                    {"datetime": "2026-07-04T12:30:00.000Z", "status": 500, "details": "worse"},
                    {"datetime": "2026-07-04T12:00:00.000Z", "status": 300, "details": "we look"},
                ],
            }
        ],
        "maintenance": {"active": [], "upcoming": []},
    }
}
HEROKU = {
    "status": [{"system": "Apps", "status": "red"}, {"system": "Data", "status": "green"}],
    "incidents": [
        {
            "id": 7,
            "title": "Dynos do not start",
            "state": "investigating",
            "resolved": False,
            "created_at": "2026-07-04T12:00:00.000Z",
            "full_url": "https://status.heroku.example/7",
            "systems": [{"name": "Apps", "status": "red", "services": ["Apps"]}],
            "updates": [{"created_at": "2026-07-04T12:01:00.000Z", "contents": "we look"}],
        },
        {
            "id": 6,
            "title": "Over",
            "state": "resolved",
            "resolved": False,
            "created_at": "2026-07-03T12:00:00.000Z",
        },
    ],
    "scheduled": [{"id": 5, "title": "stale", "state": "upcoming"}],
}
APPLE = {
    "services": [
        {"serviceName": "Maps", "redirectUrl": None, "events": []},
        {
            "serviceName": "iCloud Mail",
            "redirectUrl": "https://apple.example",
            "events": [
                {
                    "messageId": 2001,
                    "statusType": "Outage",
                    "eventStatus": "ongoing",
                    "usersAffected": "Some users are affected",
                    "message": "Users may be unable to send mail.",
                    "epochStartDate": 1783166400000,
                    "epochEndDate": None,
                },
                {
                    "messageId": 2000,
                    "statusType": "Issue",
                    "eventStatus": "resolved",
                    "epochStartDate": 1783080000000,
                    "epochEndDate": 1783083600000,
                },
                {
                    "messageId": 2002,
                    "statusType": "Maintenance",
                    "eventStatus": "upcoming",
                    "epochStartDate": 1783252800000,
                },
            ],
        },
    ]
}
RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Azure Status</title>
<link>https://azure.example</link>%s</channel></rss>"""
ITEM = """<item><guid>z1</guid><title>Storage - West Europe</title>
<description>&lt;p&gt;We are investigating.&lt;/p&gt;</description>
<pubDate>Sat, 04 Jul 2026 12:00:00 Z</pubDate><link>https://azure.example/z1</link></item>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Status</title><entry><id>a1</id>
<title>API errors</title><published>2026-07-04T12:00:00Z</published>
<content type="html">&lt;b&gt;Resolved&lt;/b&gt; - all good</content>
<link href="https://status.example/a1"/></entry></feed>"""


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


@pytest.mark.parametrize(
    "text",
    ["2026-07-04T12:00:00Z", "Sat, 04 Jul 2026 12:00:00 Z", "Sat, 04 Jul 2026 14:00:00 +0200",
     1783166400, "1783166400", "2026-07-04T12:00:00"],
)  # fmt: skip
def test_times_of_all_forms(text: object) -> None:
    assert instant(text, "f") == NOON


def notice(id: str, state: OfficialState = OfficialState.OUTAGE) -> Notice:
    return Notice(id=id, title=id, state=state, posted_at=NOON)


def test_what_vanishes_is_over_only_where_a_page_lists_what_goes_on() -> None:
    before = {"a": notice("a"), "b": notice("b")}

    assert changed(before, [notice("a"), notice("b")], NOON, current_only=True) == ()
    (gone,) = changed(before, [notice("a")], NOON, current_only=True)
    assert (gone.id, gone.state, gone.resolved_at) == ("b", OfficialState.OPERATIONAL, NOON)
    assert changed(before, [notice("a")], NOON, current_only=False) == ()


def test_a_page_of_several_services_speaks_of_those_that_it_names() -> None:
    services = [
        Service(id="gmail", name="Gmail", industry="work"),
        Service(id="meet", name="Google Meet", industry="work"),
    ]
    one = Notice(
        id="i", title="Trouble", state=OfficialState.OUTAGE, posted_at=NOON, about=("Gmail",)
    )

    assert speaks_of(one, services) == ("gmail",)
    assert speaks_of(notice("i"), services) == ("gmail", "meet")
    assert speaks_of(notice("i"), services[:1]) == ("gmail",)


def test_the_catalogue_leads_to_pages() -> None:
    catalogue = Catalogue.load()

    assert len(pages(catalogue)) > 60
    told = {one.id for page in pages(catalogue) if not page.guessed for one in page.services}
    assert told > {"railway", "gitlab", "docker-hub", "roblox", "heroku", "apple", "icloud"}
    (guessed,) = pages(catalogue, ["duolingo"])
    assert guessed.guessed
    (page,) = pages(catalogue, ["aws"])
    assert page.address == "https://health.aws.amazon.com/public/currentevents"
    with pytest.raises(ValueError, match="'atlantis' is no id"):
        pages(catalogue, ["atlantis"])
