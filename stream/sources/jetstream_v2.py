"""
Decodes Jetstream v2 frames (`network.bsky.jetstream.subscribeEvents`) into what v1 gives.

Every frame has a type: messages carry an event with a sequence number, which is the cursor; an
error is the server's last word before it closes.
"""

from datetime import timedelta
from typing import NamedTuple

import msgspec

from stream.report import Instant
from stream.sources.jetstream import EPOCH, Account, Commit, Frame, InvalidFrame
from stream.sources.live import Disconnected


class Event(NamedTuple):
    """One event and its sequence number."""

    seq: int
    frame: Frame


class _Envelope(msgspec.Struct):
    type: str = msgspec.field(name="$type")
    payload: msgspec.Raw = msgspec.Raw()
    error: str = ""
    message: str = ""


class _Kind(msgspec.Struct):
    type: str = msgspec.field(name="$type")


class _Head(msgspec.Struct):
    seq: int
    did: str
    time: Instant


class _Commit(msgspec.Struct):
    operation: str
    collection: str
    rkey: str
    record: msgspec.Raw = msgspec.Raw()


_envelope = msgspec.json.Decoder(_Envelope)
_kind = msgspec.json.Decoder(_Kind)
_head = msgspec.json.Decoder(_Head)
_commit = msgspec.json.Decoder(_Commit)
_account = msgspec.json.Decoder(Account)


def decode(data: bytes) -> Event | None:
    """
    Return the event in *data*, None for a notice.

    Raises `InvalidFrame`, and `Disconnected` for an error frame.
    """
    try:
        envelope = _envelope.decode(data)
        if envelope.type == "error":
            raise Disconnected(f"{envelope.error}: {envelope.message}".rstrip(": "))
        kind = _kind.decode(envelope.payload).type.rpartition("#")[2]
        return None if kind == "info" else _event(kind, envelope.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InvalidFrame(f"not a Jetstream v2 frame: {error}") from error


def _event(kind: str, payload: msgspec.Raw) -> Event:
    head = _head.decode(payload)
    commit = account = None
    if kind == "commit":
        found = _commit.decode(payload)
        commit = Commit(found.operation, found.collection, found.rkey, found.record)
    elif kind == "account":
        account = _account.decode(payload)
    time_us = (head.time - EPOCH) // timedelta(microseconds=1)
    return Event(
        head.seq, Frame(did=head.did, time_us=time_us, kind=kind, commit=commit, account=account)
    )
