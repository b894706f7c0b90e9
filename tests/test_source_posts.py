"""Lines of a file become reports, or say why not."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.authors import Authors
from stream.report import Report, encode
from stream.sources.lines import MAX_LINE_BYTES, BadLine, FileError, Tally, lines
from stream.sources.posts import At, parse

NOW = datetime(2025, 10, 20, 12, tzinfo=UTC)
AUTHORS = Authors(b"an author key of tests")


def read(fields: object, at: At = "posted") -> Report:
    line = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return parse(line, authors=AUTHORS, source="file", at=at, now=NOW)


@pytest.mark.parametrize(
    "time",
    [
        {"posted_at": "2025-10-20T07:11:00Z"},
        {"created_at": "2025-10-20T09:11:00.000+02:00"},
        {"created": "2025-10-20 07:11:00"},
        {"created_at": "Mon Oct 20 07:11:00 +0000 2025"},
        {"created": 1760944260},
        {"created": 1760944260000},
    ],
    ids=["zulu", "offset", "no zone is UTC", "twitter", "seconds", "milliseconds"],
)
def test_times_are_read_in_the_forms_that_exports_use(time: dict[str, object]) -> None:
    assert read({"text": "down?"} | time).posted_at == datetime(2025, 10, 20, 7, 11, tzinfo=UTC)


def test_a_post_may_be_no_more_than_a_text() -> None:
    post = read({"text": "down?"}, at="now")

    assert (post.text, post.posted_at, post.received_at, post.lang) == ("down?", NOW, NOW, None)


def test_all_known_fields_are_kept() -> None:
    post = read(
        {
            "text": "down?",
            "created_at": "2025-10-20T07:11:00Z",
            "lang": "en",
            "id": 17,
            "user": "somebody",
            "url": "https://example.org/17",
            "service": "aws",
            "symptom": "api",
            "country": "DE",
            "source": "export",
            "likes": 3,
        }
    )

    assert post.id == "17"
    assert post.source == "export"
    assert post.author == AUTHORS.hash("export", "somebody")
    assert (post.lang, post.url, post.service) == ("en", "https://example.org/17", "aws")
    assert (post.symptom, post.country) == ("api", "DE")


def test_no_account_name_is_left_in_a_report() -> None:
    assert b"somebody" not in encode(read({"text": "down?", "user": "somebody"}, at="now"))


def test_a_language_or_a_link_out_of_bounds_is_left_out() -> None:
    post = read({"text": "down?", "lang": "tongues", "url": "not a link"}, at="now")

    assert (post.lang, post.url) == (None, None)


def test_the_same_line_is_the_same_post_and_another_is_not() -> None:
    first, again, other = (read({"text": text}, at="now") for text in ("down?", "down?", "up!"))

    assert first == again
    assert (first.id, first.author) != (other.id, other.author)


def test_a_line_in_the_wire_format_is_taken_as_it_is() -> None:
    made = Report(
        id="x:1",
        source="x",
        author="0" * 32,
        text="down?",
        posted_at=datetime(2025, 10, 20, 7, tzinfo=UTC),
        received_at=NOW,
        synthetic=True,
    )

    assert read(encode(made)) == made


def test_a_time_in_the_future_becomes_now() -> None:
    assert read({"text": "down?", "created": "2031-01-01"}).posted_at == NOW


def test_a_long_text_is_cut_at_the_limit() -> None:
    assert len(read({"text": "d" * 5_000}, at="now").text) == 4_000


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"down?", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"\xff", "not a JSON object"),
        (b'{"lang": "en"}', "field text: expected a string"),
        (b'{"text": 5}', "field text: expected a string"),
        (b'{"text": "down?"}', "no time in any of the fields posted_at, created_at"),
        (b'{"text": "down?", "created": true}', "no time"),
        (b'{"text": "down?", "created": "noonish"}', "time 'noonish': expected ISO 8601"),
        (b'{"text": "down?", "created": 1e300}', "expected ISO 8601 or unix seconds"),
        (b'{"text": "down?", "created": "2025-10-20", "service": "A B"}', "service"),
        (b'{"v": 2, "text": "down?"}', "schema_version"),
    ],
)
def test_a_bad_line_says_what_is_wrong(line: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(line)


@given(st.binary(max_size=200) | st.dictionaries(
    st.sampled_from(["v", "text", "id", "user", "created", "lang", "url", "service", "source"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
).map(lambda fields: json.dumps(fields).encode()))  # fmt: skip
def test_any_line_is_a_report_or_a_value_error(line: bytes) -> None:
    for at in ("now", "posted"):
        try:
            post: object = read(line, at=at)  # type: ignore[arg-type]
        except ValueError as error:
            post = error

        assert isinstance(post, Report | ValueError)


def test_lines_are_numbered_and_blank_ones_skipped(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b"one\n\n  \nfour\nfive")

    assert list(lines(path)) == [(1, b"one\n"), (4, b"four\n"), (5, b"five")]


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))

    assert list(lines(path)) == [(1, b"one\n"), (2, b"two\n")]


def test_a_line_of_any_length_takes_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b"x" * (3 * MAX_LINE_BYTES) + b"\nnext\n")

    (_, long), after = lines(path)

    assert len(long) == MAX_LINE_BYTES + 1
    assert after == (2, b"next\n")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("none.jsonl", None, "cannot read .*none.jsonl: No such file"),
        ("plain.jsonl.gz", b"text", "plain.jsonl.gz is not gzip, though"),
        ("torn.jsonl.gz", gzip.compress(b"one\n" * 50_000)[:120], "breaks off after line"),
        ("bad.gz", b"\x1f\x8brubbish", "bad.gz"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(
    tmp_path: Path, name: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(FileError, match=problem):
        list(lines(tmp_path / name))


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Is a directory"):
        list(lines(tmp_path))


def test_all_bad_lines_are_counted_and_the_first_kept() -> None:
    tally = Tally()
    for number in range(50):
        tally.reject(BadLine(number, "no text"))

    assert tally.sent().n_bad == 50
    assert str(tally.sent().bad[-1]) == "line 19: no text"


def test_an_author_is_the_same_under_one_key_only() -> None:
    other = Authors(b"another key of 16 b")

    assert AUTHORS.hash("x", "somebody") == AUTHORS.hash("x", "somebody")
    assert len({AUTHORS.hash("x", "a"), AUTHORS.hash("y", "a"), other.hash("x", "a")}) == 3


def test_a_short_author_key_is_refused() -> None:
    with pytest.raises(ValueError, match="author key of 5 bytes: at least 16"):
        Authors(b"short")
