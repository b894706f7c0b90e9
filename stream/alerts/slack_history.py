"""
Finds a message of ours in Slack by its metadata, where the answer to posting it was lost.

Slack has no idempotency key for bots; its history is the only place that knows. Needs the scope
``channels:history`` (``groups:history`` for a private channel), and ``channels:read`` where the
channel is configured by its name and nothing was ever posted to it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from slack_sdk import WebClient

from stream.alerts.channel import AlertError
from stream.alerts.slack_request import attempt

EVENT_TYPE = "outcry_incident"
_CLOCKS_DIFFER = timedelta(minutes=5)
_PAGE = 200
_NO_WAY_TO_LOOK = {"missing_scope", "not_allowed_token_type", "channel_not_found", "no_permission"}
_NO_WAY_TO_LOOK |= {"not_in_channel", "access_denied", "unknown_method"}

log = structlog.get_logger()


class History:
    """What stands in *channel*, an id or a name; a bot that may not look is told of once."""

    def __init__(self, client: WebClient, channel: str):
        self._client = client
        self._name = channel
        self._id = channel if re.fullmatch(r"[CGD][A-Z0-9]{6,}", channel) else None
        self._blind = False

    def learn(self, channel_id: str) -> None:
        """Note the id that Slack named in an answer."""
        self._id = self._id or channel_id

    def root(self, subject: str, since: datetime) -> dict[str, Any] | None:
        """Return the message about *subject* posted after *since*, with its channel, or None."""
        wanted = {"incident_id": subject}
        return self._search(
            self._roots, lambda message: _matches(message.get("metadata"), wanted), since
        )

    def reply(self, channel: str, ts: str, entry_id: str, since: datetime) -> bool:
        """Whether the reply for *entry_id* stands in the thread of *ts*."""
        wanted = {"entry_id": entry_id, "reply": 1}
        return (
            self._search(
                lambda cursor, oldest: self._thread(channel, ts, oldest, cursor),
                lambda message: _matches(message.get("metadata"), wanted),
                since,
            )
            is not None
        )

    def file(self, channel: str, ts: str, name: str, since: datetime) -> bool:
        """Whether a file of this *name* is in the thread of *ts*."""
        return (
            self._search(
                lambda cursor, oldest: self._thread(channel, ts, oldest, cursor),
                lambda message: any(one.get("name") == name for one in message.get("files") or []),
                since,
            )
            is not None
        )

    def _thread(self, channel: str, ts: str, oldest: str, cursor: dict[str, Any]) -> Any:
        return self._client.conversations_replies(
            channel=channel,
            ts=ts,
            oldest=oldest,
            limit=_PAGE,
            include_all_metadata=True,
            **cursor,
        )

    def _roots(self, cursor: dict[str, Any], oldest: str) -> Any:
        return self._client.conversations_history(
            channel=self._channel_id(),
            oldest=oldest,
            limit=_PAGE,
            include_all_metadata=True,
            **cursor,
        )

    def _search(
        self,
        read: Callable[[dict[str, Any], str], Any],
        is_it: Callable[[dict[str, Any]], bool],
        since: datetime,
    ) -> dict[str, Any] | None:
        if self._blind:
            return None
        oldest = f"{(since - _CLOCKS_DIFFER).timestamp():.6f}"
        try:
            for message in _pages(lambda cursor: read(cursor, oldest), "messages"):
                if is_it(message):
                    return {**message, "channel": message.get("channel") or self._id}
        except AlertError as error:
            if error.reason not in _NO_WAY_TO_LOOK:
                raise
            # Telling twice is better than not at all.
            self._blind = True
            log.warning("slack_history_unreadable", reason=error.reason, channel=self._name)
        return None

    def _channel_id(self) -> str:
        if self._id is None:
            name = self._name.lstrip("#")
            for one in _pages(self._list, "channels"):
                if one.get("name") == name:
                    self._id = str(one["id"])
                    break
            else:
                raise AlertError("channel_not_found", retryable=False)
        return self._id

    def _list(self, cursor: dict[str, Any]) -> Any:
        return self._client.conversations_list(
            limit=_PAGE, exclude_archived=True, types="public_channel,private_channel", **cursor
        )


def _pages(read: Callable[[dict[str, Any]], Any], field: str) -> Iterator[dict[str, Any]]:
    cursor: dict[str, Any] = {}
    while True:
        answer = attempt(lambda: read(cursor))  # noqa: B023 - called before the cursor moves on
        yield from answer.get(field) or []
        following = (answer.get("response_metadata") or {}).get("next_cursor")
        if not following:
            return
        cursor = {"cursor": following}


def _matches(metadata: Any, wanted: dict[str, Any]) -> bool:
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT_TYPE:
        return False
    payload = metadata.get("event_payload") or {}
    is_reply = bool(payload.get("reply")) == bool(wanted.get("reply"))
    return is_reply and all(payload.get(name) == value for name, value in wanted.items())
