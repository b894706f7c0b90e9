"""
Bluesky: decodes Jetstream v1 frames, and sends recorded ones to Kafka.

What v1 does that its shape does not show:

* `identity` and `account` events come whatever collections were asked for.
* A deletion has neither `record` nor `cid`.
* Event time is `time_us`, by the server's clock. A record's own `createdAt` is set by the client
  and may be any date. From one frame to the next the time may step back by milliseconds.
* `langs` is what the client claims: absent, empty, several, or no language code at all.
* After a reconnect with a cursor the same frames come again; ``did/rkey`` tells a post apart, so
  the id is made of it.
* The binary frames of ``compress=true`` need the server's own zstd dictionary; what is decoded
  here is JSON text.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import msgspec

from stream.authors import Authors
from stream.producer import Producer
from stream.report import Language, Report
from stream.sources.file import Progress, send_lines
from stream.sources.lines import Sent, lines
from stream.sources.posts import MAX_TEXT, At

SOURCE = "bluesky"
POSTS = "app.bsky.feed.post"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidFrame(ValueError):
    """A frame that is not one of Jetstream v1, or a post without a field that is needed."""


class Commit(msgspec.Struct, frozen=True):
    """A change of one record; *record* is absent from deletions."""

    operation: str
    collection: str
    rkey: str
    record: msgspec.Raw = msgspec.Raw()


class Account(msgspec.Struct, frozen=True):
    """What became of an account; *status* says why it is not *active*."""

    active: bool
    status: str = ""


class Frame(msgspec.Struct, frozen=True):
    """One event: commit, identity or account; *time_us* is unix time in microseconds."""

    did: str
    time_us: int
    kind: str
    commit: Commit | None = None
    account: Account | None = None

    @property
    def is_new_post(self) -> bool:
        """Whether somebody posted."""
        return self._changes_post("create")

    @property
    def is_deleted_post(self) -> bool:
        """Whether somebody deleted a post; its id is that of the `Report`."""
        return self._changes_post("delete")

    @property
    def post_id(self) -> str:
        """The id of the post that a commit is about."""
        return f"bsky:{self.did}/{self.commit.rkey if self.commit else ''}"

    def _changes_post(self, operation: str) -> bool:
        commit = self.commit
        return commit is not None and (commit.operation, commit.collection) == (operation, POSTS)


class _Link(msgspec.Struct):
    uri: str


class _Reply(msgspec.Struct):
    parent: _Link


class _Post(msgspec.Struct):
    text: str
    langs: Any = None
    reply: _Reply | None = None


_frame = msgspec.json.Decoder(Frame)
_post = msgspec.json.Decoder(_Post)


def decode(frame: bytes) -> Frame:
    """Decode any bytes into a frame, or raise `InvalidFrame`; unknown fields are ignored."""
    try:
        return _frame.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFrame(f"not a Jetstream frame: {error}") from error


def report(frame: Frame, *, authors: Authors, received_at: datetime) -> Report | None:
    """
    Return the post that *frame* announces, or None when it announces something else.

    Raises `InvalidFrame` for a post without text or with a field out of bounds. A post over 4,000
    characters is cut.
    """
    if not frame.is_new_post or frame.commit is None:
        return None
    try:
        post = _post.decode(frame.commit.record)
        posted_at = EPOCH + timedelta(microseconds=frame.time_us)
        return msgspec.convert(
            {
                "id": frame.post_id,
                "source": SOURCE,
                "author": authors.hash(SOURCE, frame.did),
                "text": post.text[:MAX_TEXT],
                "posted_at": min(posted_at, received_at),
                "received_at": received_at,
                "lang": _language(post.langs),
                "url": f"https://bsky.app/profile/{frame.did}/post/{frame.commit.rkey}",
                "reply_to": _reply_to(post.reply),
            },
            Report,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise InvalidFrame(f"post {frame.post_id[:80]!r}: {error}") from error


def send_frames(
    path: Path,
    bootstrap: str | Iterable[str],
    topic: str,
    *,
    author_key: bytes,
    at: At = "posted",
    progress: Progress | None = None,
    stop: Event | None = None,
    client: Mapping[str, Any] | None = None,
) -> Sent:
    """
    Send the posts of a file of recorded frames, one a line, as `send_file` does posts.

    Frames that are no new posts are counted as skipped. Raises `FileError`, `BrokerUnreachable`,
    `DeliveryError`.
    """
    authors = Authors(author_key)

    def post(line: bytes) -> Report | None:
        now = datetime.now(UTC)
        made = report(decode(line), authors=authors, received_at=now)
        if made is None or at == "posted":
            return made
        return msgspec.structs.replace(made, posted_at=now)

    numbered = lines(path)
    with Producer(bootstrap, topic, client=client) as producer:
        return send_lines(numbered, post, producer, source=SOURCE, progress=progress, stop=stop)


def _language(langs: object) -> str | None:
    """Return the first claimed language that has the form of a code."""
    for lang in langs if isinstance(langs, list) else []:
        try:
            return msgspec.convert(lang, Language)
        except msgspec.ValidationError:
            continue
    return None


def _reply_to(reply: _Reply | None) -> str | None:
    """Return the id of the post that is answered, where it is a post."""
    if reply is None:
        return None
    scheme, _, path = reply.parent.uri.partition("at://")
    did, _, rest = path.partition("/")
    collection, _, rkey = rest.partition("/")
    if scheme or collection != POSTS or not rkey:
        return None
    made = f"bsky:{did}/{rkey}"
    return made if len(made) <= 200 else None
