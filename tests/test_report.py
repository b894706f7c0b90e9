"""The wire format's laws: what is encoded comes back; any bytes are a report or refused."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.report import (
    MAX_RECORD_BYTES,
    Heartbeat,
    InvalidReport,
    Report,
    decode,
    decode_heartbeat,
    encode,
)

NOON = datetime(2025, 10, 20, 12, tzinfo=UTC)

instants = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001  Hypothesis adds the zone itself
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4_000)
services = st.from_regex(r"[a-z0-9][a-z0-9-]{0,63}", fullmatch=True)
reports = st.builds(
    Report,
    id=ids,
    source=st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True),
    author=st.from_regex(r"[0-9a-f]{16,64}", fullmatch=True),
    text=texts,
    posted_at=instants,
    received_at=instants,
    lang=st.none() | st.sampled_from(["en", "pt-BR", "zh-Hant-TW", "JA"]),
    url=st.none() | st.just("https://example.org/1?a=b"),
    reply_to=st.none() | ids,
    repost_of=st.none() | ids,
    country=st.none() | st.sampled_from(["DE", "BR"]),
    service=st.none() | services,
    symptom=st.none() | st.sampled_from(["login", "other"]),
    synthetic=st.booleans(),
)


def report(**fields: object) -> Report:
    whole = {
        "id": "test:1",
        "source": "test",
        "author": "0" * 32,
        "text": "is it down?",
        "posted_at": NOON,
        "received_at": NOON,
    }
    return Report(**(whole | fields))  # type: ignore[arg-type]


def body(**fields: object) -> bytes:
    whole = msgspec.to_builtins(report()) | {"v": 1}
    return json.dumps(whole | fields).encode()


def outcome(data: bytes) -> str:
    try:
        return type(decode(data)).__name__.lower()
    except InvalidReport as error:
        return error.reason


@given(reports)
def test_a_report_comes_back_as_it_was(made: Report) -> None:
    assert decode(encode(made)) == made


@given(reports)
def test_a_valid_report_is_never_too_large(made: Report) -> None:
    assert len(encode(made)) <= MAX_RECORD_BYTES


def test_the_largest_report_fits() -> None:
    made = report(
        id="\x01" * 200,
        text="\x01" * 4_000,
        reply_to="\x01" * 200,
        repost_of="\x01" * 200,
        url="https://" + "a" * 2_000,
    )

    assert decode(encode(made)) == made


@given(st.builds(Heartbeat, source=st.just("test"), at=instants))
def test_a_heartbeat_comes_back_as_it_was(made: Heartbeat) -> None:
    assert decode_heartbeat(encode(made)) == made


@given(st.binary(max_size=500))
@example(b"")
@example(b"null")
@example(b"\xff\xfe")
@example(b'{"v": 99999999999999999999999}')
@example(b'{"v":1,"text":"\\ud800"}')
@example(b"[" * 30_000)
@example(b'{"a":' * 6_000)
def test_any_bytes_are_a_report_or_refused(data: bytes) -> None:
    assert outcome(data) in ("report", "too_large", "malformed", "schema_version")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.sampled_from(Report.__struct_fields__), json_values)
def test_any_value_in_any_field_is_taken_or_refused(field: str, value: object) -> None:
    assert outcome(body(**{field: value})) in ("report", "malformed", "schema_version")


@given(reports, st.data())
def test_a_report_cut_short_is_malformed(made: Report, data: st.DataObject) -> None:
    whole = encode(made)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(InvalidReport) as caught:
        decode(whole[:cut])

    assert caught.value.reason == "malformed"


def test_unknown_fields_are_ignored() -> None:
    assert decode(body(mood="bad")) == report()


def test_another_schema_version_is_told_from_rubbish() -> None:
    with pytest.raises(InvalidReport, match="version 2, this worker reads 1") as caught:
        decode(body(v=2))

    assert caught.value.reason == "schema_version"


def test_a_record_over_the_limit_is_not_parsed() -> None:
    with pytest.raises(InvalidReport) as caught:
        decode(b" " * MAX_RECORD_BYTES + encode(report()))

    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("field", ["id", "source", "author", "text", "posted_at", "received_at"])
def test_a_missing_field_is_named(field: str) -> None:
    fields = msgspec.to_builtins(report()) | {"v": 1}
    del fields[field]

    with pytest.raises(InvalidReport, match=field):
        decode(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", ""),
        ("id", "x" * 201),
        ("source", "Not A Name"),
        ("author", "someone@example.org"),
        ("text", "x" * 4_001),
        ("posted_at", "2025-10-20T12:00:00"),
        ("posted_at", "yesterday"),
        ("lang", "english please"),
        ("url", "javascript:alert(1)"),
        ("url", "https://example.org/ with a space"),
        ("country", "Germany"),
        ("service", "No Such Slug"),
        ("symptom", "sadness"),
        ("synthetic", "yes"),
    ],
)
def test_a_field_out_of_bounds_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidReport, match=rf"\$\.{field}"):
        decode(body(**{field: value}))


def test_another_time_zone_is_the_same_instant() -> None:
    tokyo = timezone(timedelta(hours=9))

    assert decode(body(posted_at=NOON.astimezone(tokyo).isoformat())).posted_at == NOON


def test_what_a_scenario_made_up_says_so_on_the_wire() -> None:
    assert b'"synthetic":true' in encode(report(synthetic=True))
