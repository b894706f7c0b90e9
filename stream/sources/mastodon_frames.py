"""The values that Mastodon sends: events of its stream, and the posts in them."""

import msgspec

from stream.report import Instant


class Account(msgspec.Struct, frozen=True):
    """Who posted, and whether he wants to be read by programs."""

    acct: str
    bot: bool = False
    noindex: bool | None = None
    note: str = ""


class Boosted(msgspec.Struct, frozen=True):
    """The post that is passed on."""

    id: str


class Status(msgspec.Struct, frozen=True):
    """One post; *content* is HTML, *language* what the client claims."""

    id: str
    created_at: Instant
    content: str
    visibility: str
    account: Account
    url: str | None = None
    language: str | None = None
    in_reply_to_id: str | None = None
    reblog: Boosted | None = None


class Message(msgspec.Struct, frozen=True):
    """One event of the stream; *payload* is JSON text, or a bare id."""

    event: str
    payload: str | None = None


MESSAGE = msgspec.json.Decoder(Message)
STATUS = msgspec.json.Decoder(Status)
STATUSES = msgspec.json.Decoder(list[Status])
