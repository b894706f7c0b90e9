from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tags import Kind, Role, Symptom, Tag
from stream.prints import fingerprint, letters
from stream.report import Report
from stream.statements import accept

NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)
LONG = "the checkout page of the shop has been spinning for ten minutes now and nobody answers"


def report(**fields) -> Report:
    given_ = {
        "id": "1",
        "source": "test",
        "author": "0" * 32,
        "text": "aws is down",
        "posted_at": NOON,
        "received_at": NOON,
    }
    return Report(**(given_ | fields))


@pytest.mark.parametrize(
    ("role", "kind", "what"),
    [
        (Role.AFFECTED, Kind.DOWN, "affected"),
        (Role.AFFECTED, Kind.RECOVERED, "recovered"),
        (Role.CAUSE, Kind.DOWN, "blamed"),
        (Role.MENTIONED, Kind.DOWN, "mentioned"),
    ],
)
def test_a_tag_becomes_the_statement_of_its_role_and_kind(role, kind, what):
    (statement,) = accept(report(), [Tag(service="aws", role=role, kind=kind)], None).statements

    assert statement.what == what
    assert (statement.sample is not None) == (what == "affected")


def test_a_filled_in_form_needs_no_tags():
    entry = accept(report(service="zoom", symptom="login", text=""), [], None)

    (statement,) = entry.statements
    assert (statement.service, statement.what, statement.symptom) == ("zoom", "affected", "login")


def test_the_region_in_the_text_goes_before_the_country_of_the_report():
    tag = Tag(service="aws", role=Role.AFFECTED, region="us-east-1", symptom=Symptom.API)

    with_region = accept(report(country="DE"), [tag], None).statements[0]
    without = accept(report(country="DE"), [Tag(service="aws", role=Role.AFFECTED)], None)

    assert with_region.region == "us-east-1"
    assert without.statements[0].region == "DE"


@pytest.mark.parametrize(
    ("received", "written", "expected"),
    [(0, None, 0), (-5, None, -5), (0, -7, -7), (10, 10, 0)],
)
def test_event_time_is_never_later_than_what_others_clocks_say(received, written, expected):
    def at(seconds):
        return NOON + timedelta(seconds=seconds)

    entry = accept(report(received_at=at(received)), [], None if written is None else at(written))

    assert entry.event_at == at(expected)


def test_reposts_are_marked():
    assert accept(report(repost_of="0"), [], None).is_repost
    assert not accept(report(reply_to="0"), [], None).is_repost


def test_copies_have_one_fingerprint_whatever_is_added_around():
    copies = [
        LONG,
        LONG.upper(),
        f"@somebody {LONG}!!! https://example.org/a",
        LONG.replace("ten minutes", "10 ten minutes"),
        LONG.replace("page", "pagé"),
    ]

    assert len({fingerprint(letters(text)) for text in copies[:4]}) == 1
    assert fingerprint(letters(LONG)) != fingerprint(letters(LONG + " really"))


@pytest.mark.parametrize(
    "text", ["", "is whatsapp down?", "aws " + "https://example.org/" + "a" * 99]
)
def test_short_texts_have_no_fingerprint(text):
    assert fingerprint(letters(text)) == ""


@given(st.text())
def test_any_text_has_a_fingerprint_or_none(text):
    assert len(fingerprint(letters(text))) in (0, 16)
