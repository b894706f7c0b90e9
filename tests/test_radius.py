"""How far an incident reached, how it went, and where the people are who reported it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.batch import Accepted
from detector.bucket import Bucket, merge
from detector.incident_store import IncidentStore
from detector.incidents import Affected, Incident, Severity, Status
from detector.judgement import begin, judge
from detector.places import countries, is_country
from detector.radius import radius
from detector.reach import mark
from detector.tick import Policy
from models.catalogue import Catalogue, Service
from models.countries import country
from models.tags import Role, Tag
from stream.report import Report
from stream.statements import accept

AT = datetime(2025, 10, 20, 7, tzinfo=UTC)
CATALOGUE = Catalogue(
    {
        id: Service(id=id, name=id.title(), industry=industry)
        for id, industry in (("bank", "finance"), ("shop", "retail"), ("new", "finance"))
    }
)


def affected(service: str, minute: int, status: Status = Status.ONGOING, **kinds: object):
    at = AT + timedelta(minutes=minute)
    return Affected(
        service=service,
        status=status,
        severity=Severity.MINOR,
        onset_at=at,
        joined_at=at + timedelta(minutes=2),
        resolved_at=AT + timedelta(hours=2, minutes=-minute) if status == "resolved" else None,
        peak_per_minute=4.0,
        **kinds,
    )


def incident(*services: Affected) -> Incident:
    return Incident(
        id="i1",
        status=Status.ONGOING,
        severity=Severity.MAJOR,
        affected=services,
        onset_at=AT,
        opened_at=AT,
        updated_at=AT + timedelta(hours=2),
        observed=100,
        expected=12.4,
    )


def test_the_radius_says_who_was_first_who_came_back_and_how_big_it_was() -> None:
    found = radius(
        incident(
            affected("bank", 0, Status.RESOLVED),
            affected("shop", 1, Status.RESOLVED),
            affected("new", 2),
        ),
        CATALOGUE,
    )

    assert (found.first, found.last, found.last_at) == ("bank", "new", AT + timedelta(minutes=2))
    assert [service for service, _ in found.recovered] == ["shop", "bank"]
    rows = [(row.name, row.hit, row.known, row.failing) for row in found.industries]
    assert rows == [("finance", 2, 2, 1), ("retail", 1, 1, 0)]
    assert (found.n_reports, found.peak_per_minute) == (100, 12.0)


def test_countries_and_cloud_regions_are_apart() -> None:
    found = radius(
        incident(affected("bank", 0, regions=(("us-east-1", 6), ("US", 3), ("GB", 1)))), CATALOGUE
    )

    assert [(one.place, one.share) for one in found.countries] == [("US", 0.75), ("GB", 0.25)]
    assert [(one.place, one.share) for one in found.cloud_regions] == [("us-east-1", 1.0)]
    assert (found.placed, found.spoken) == (0.1, 0.0)
    assert is_country("GB")
    assert not is_country("us-east-1")


def test_the_course_says_what_failed_and_whence_reports_came_in_each_span() -> None:
    early = mark(
        AT + timedelta(minutes=5), incident(affected("bank", 0, regions=(("US", 4),))), CATALOGUE
    )
    now = incident(
        affected("bank", 0, Status.RECOVERING, regions=(("US", 4),)),
        affected("shop", 9, regions=(("GB", 5),)),
    )

    first, last = radius(now, CATALOGUE, (early,)).course

    assert (first.at, dict(first.failing)) == (AT + timedelta(minutes=5), {"finance": 1})
    assert (last.at, dict(last.failing)) == (now.updated_at, {"retail": 1})
    assert [one.place for one in first.countries] == ["US"]
    assert [one.place for one in last.countries] == ["GB"]


# --- countries ---


def test_a_language_of_one_country_places_its_reports_and_english_hardly_does() -> None:
    (japan, *_) = countries({}, {"ja": 200})
    (america, *_) = countries({}, {"en": 200})

    assert japan.place == "JP"
    assert japan.low > 0.8
    assert america.place == "US"
    assert america.high - america.low > 0.6


def test_those_who_name_their_country_teach_where_the_others_of_their_language_are() -> None:
    (canada, *_) = countries({"CA": 60}, {"en": 2_000})

    assert canada.place == "CA"
    assert canada.low > 0.8


def test_a_language_tag_with_a_country_is_taken_at_its_word() -> None:
    assert [one.place for one in countries({}, {"pt-PT": 30, "xx": 500})] == ["PT"]


@given(
    st.dictionaries(st.sampled_from(["US", "GB", "JP", "CA", "BR"]), st.integers(1, 10**6)),
    st.dictionaries(
        st.sampled_from(["en", "ja", "pt", "pt-BR", "fr", "xx"]), st.integers(1, 10**6)
    ),
)
def test_shares_are_parts_of_one_within_their_intervals(
    named: dict[str, int], languages: dict[str, int]
) -> None:
    found = countries(named, languages)

    assert sum(one.share for one in found) <= 1.001
    assert all(0 <= one.low <= one.share <= one.high <= 1 for one in found)
    assert set(named) <= {one.place for one in found}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("down in the uk too", "GB"), ("is gov.uk down", None), ("@sky_uk down", None)],
)
def test_a_country_is_a_word_of_its_own(text: str, expected: str | None) -> None:
    assert country(text) == expected


# --- on the way through the detector ---


def accepted(text: str = "x is down", **fields: object) -> Accepted:
    report = Report(
        id="r", source="test", author="a" * 16, text=text, posted_at=AT, received_at=AT, **fields
    )
    return accept(report, (Tag(service="bank", role=Role.AFFECTED),), None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"lang": "ja"}, "~ja"),
        ({"lang": "pt-br"}, "~pt-BR"),
        ({"lang": "zh-Hant-TW"}, "~zh-TW"),
        ({"lang": "en", "country": "CA"}, "CA"),
        ({}, ""),
    ],
)
def test_a_post_that_names_no_place_is_counted_by_its_language(fields, expected) -> None:
    assert accepted(**fields).statements[0].region == expected


def test_languages_are_kept_apart_from_regions() -> None:
    row = {b"bank|affected": b"3", b"bank|region:CA": b"1", b"bank|region:~en": b"2"}

    bucket = merge(0, [row], [])

    assert bucket.regions == {"bank": {"CA": 1}}
    assert bucket.languages == {"bank": {"en": 2}}


def test_an_open_incident_is_marked_every_five_minutes_however_rounds_are_cut(redis) -> None:
    start = int(AT.timestamp())
    rows = [
        Bucket(
            start=start + i * 10,
            affected={"bank": 6 if i >= 720 else i % 5 == 0},
            languages={"bank": {"pt": 5}} if i >= 720 else {},
            n_reports=6,
        )
        for i in range(780)
    ]
    before, _ = judge(begin(CATALOGUE, start), rows[:720], CATALOGUE, Policy())
    _, whole = judge(before, rows[720:], CATALOGUE, Policy())
    memory, first = judge(before, rows[720:751], CATALOGUE, Policy())
    _, second = judge(memory, rows[751:], CATALOGUE, Policy())
    store = IncidentStore(redis, "test")
    fence = store.acquire("leader", 60_000)
    for round_ in (first, second):
        store.save(round_, fence)

    ((id, expected),) = whole.marks.items()

    assert store.marks(id) == tuple(expected)
    assert [one.at.minute for one in expected] == [5, 10]
    assert [dict(one.failing) for one in expected] == [{"finance": 1}] * 2
    assert expected[0].languages["pt"] < expected[1].languages["pt"]
    found = radius(whole.incidents[0], CATALOGUE, expected)
    assert found.countries[0].place == "BR"
    assert [moment.at for moment in found.course[:2]] == [one.at for one in expected]


def test_an_incident_without_marks_has_a_course_of_one_moment(redis) -> None:
    store = IncidentStore(redis, "test")

    assert store.marks("nobody") == ()
    assert len(radius(incident(affected("bank", 0)), CATALOGUE).course) == 1
