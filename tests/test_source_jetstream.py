"""Jetstream frames, of the shape of real ones and with invented content."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.authors import Authors
from stream.report import Report
from stream.sources.jetstream import InvalidFrame, decode, report, send_frames
from tests.topic_records import reports

KEY = b"an author key of tests"
AUTHORS = Authors(KEY)
NOW = datetime(2026, 7, 5, tzinfo=UTC)
DID = "did:plc:inventedinventedinvented"
TIME_US = 1_783_175_888_090_631


def frame(change: dict[str, Any] | None = None, /, **fields: Any) -> bytes:
    whole = {
        "did": DID,
        "time_us": TIME_US,
        "kind": "commit",
        "commit": {
            "rev": "3inventedrev2a",
            "operation": "create",
            "collection": "app.bsky.feed.post",
            "rkey": "3inventedkey2a",
            "record": {
                "$type": "app.bsky.feed.post",
                "createdAt": "1999-01-01T00:00:00.000Z",
                "langs": ["en"],
                "text": "is the invented service down?",
            },
            "cid": "bafyinvented",
        }
        | (change or {}),
    }
    return json.dumps(whole | fields).encode()


def post(**fields: Any) -> bytes:
    record = {"$type": "app.bsky.feed.post", "createdAt": "2026-07-04T14:38:06.240Z", "text": ""}
    return frame({"record": record | fields})


def read(data: bytes) -> Report | None:
    return report(decode(data), authors=AUTHORS, received_at=NOW)


def test_a_new_post_becomes_a_report() -> None:
    assert read(frame()) == Report(
        id=f"bsky:{DID}/3inventedkey2a",
        source="bluesky",
        author=AUTHORS.hash("bluesky", DID),
        text="is the invented service down?",
        posted_at=datetime(2026, 7, 4, 14, 38, 8, 90_631, tzinfo=UTC),
        received_at=NOW,
        lang="en",
        url=f"https://bsky.app/profile/{DID}/post/3inventedkey2a",
    )


@pytest.mark.parametrize(
    "data",
    [
        frame({"operation": "delete", "record": None}),
        frame({"operation": "update"}),
        frame({"collection": "app.bsky.feed.like"}),
        frame({"collection": "app.bsky.feed.repost", "record": {"subject": {}}}),
        frame(kind="identity", commit=None, identity={"did": DID, "handle": "a.example"}),
        frame(kind="account", commit=None, account={"active": False, "status": "deleted"}),
    ],
    ids=["delete", "update", "like", "repost", "identity", "account"],
)
def test_what_is_no_new_post_is_none(data: bytes) -> None:
    assert read(data) is None


def test_a_deletion_names_the_post_that_it_deletes() -> None:
    whole = json.loads(frame({"operation": "delete"}))
    del whole["commit"]["record"], whole["commit"]["cid"]
    deletion = decode(json.dumps(whole).encode())

    assert deletion.is_deleted_post
    made = read(frame())
    assert made is not None
    assert deletion.post_id == made.id


@pytest.mark.parametrize(
    ("langs", "lang"),
    [
        (["pt-BR", "en"], "pt-BR"),
        (["", "klingon tongue", "ja"], "ja"),
        ([], None),
        (None, None),
        ("en", None),
        ([5], None),
    ],
)
def test_the_first_language_that_is_one_is_taken(langs: Any, lang: str | None) -> None:
    made = read(post(langs=langs))

    assert made is not None
    assert made.lang == lang


@pytest.mark.parametrize(
    ("uri", "reply_to"),
    [
        (f"at://{DID}/app.bsky.feed.post/3parent2a", f"bsky:{DID}/3parent2a"),
        (f"at://{DID}/app.bsky.feed.generator/3parent2a", None),
        ("https://example.org/", None),
        ("", None),
        (f"at://{DID}/app.bsky.feed.post/{'x' * 300}", None),
    ],
)
def test_a_reply_names_the_post_that_it_answers(uri: str, reply_to: str | None) -> None:
    parent = {"cid": "bafyinvented", "uri": uri}
    made = read(post(reply={"parent": parent, "root": parent}))

    assert made is not None
    assert made.reply_to == reply_to


def test_event_time_is_the_servers_and_never_after_receipt() -> None:
    ahead = frame(time_us=TIME_US + 10**13)
    made = read(ahead)

    assert made is not None
    assert made.posted_at == made.received_at == NOW


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "not a Jetstream frame"),
        (b"\x28\xb5\x2f\xfd", "not a Jetstream frame"),
        (b'{"kind": "commit", "time_us": 1}', "missing required field `did`"),
        (frame()[:-20], "truncated"),
        (frame(time_us="now"), "time_us"),
        (frame({"record": {"langs": ["en"]}}), "missing required field `text`"),
        (frame({"record": None}), "expected.*object"),
        (frame(did="did:web:" + "x" * 300), r"\$\.id"),
        (frame(time_us=10**30), "time_us|out of range|large"),
    ],
)
def test_a_broken_frame_says_what_is_missing(data: bytes, problem: str) -> None:
    with pytest.raises(InvalidFrame, match=f"(?i){problem}"):
        read(data)


@given(st.binary(max_size=300) | st.integers(0, 600).map(lambda cut: frame()[:cut]))
def test_any_bytes_are_a_frame_or_invalid(data: bytes) -> None:
    try:
        made: object = read(data)
    except InvalidFrame as error:
        made = error

    assert made is None or isinstance(made, Report | InvalidFrame)


@pytest.mark.kafka
def test_recorded_frames_go_through_kafka(kafka: str, topic: str, tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    like = frame({"collection": "app.bsky.feed.like"})
    path.write_bytes(b"\n".join([frame(), like, b"{}", post(text="no, it is up")]) + b"\n")

    sent = send_frames(path, kafka, topic, author_key=KEY)

    assert (sent.n_sent, sent.n_skipped, sent.n_bad) == (2, 1, 1)
    made = reports(kafka, topic)
    assert sorted(report.text for report in made) == [
        "is the invented service down?",
        "no, it is up",
    ]
    assert all(NOW - report.posted_at < timedelta(days=1) for report in made)
