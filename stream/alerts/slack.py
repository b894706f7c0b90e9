"""
Slack: by bot token one message per incident, edited, with a thread; by webhook a few posts.

Retrying is the drain loop's business: each call here is one attempt, and says by `AlertError`
whether another one makes sense.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from detector.incidents import Incident, Severity, Status, Step
from models.catalogue import Catalogue
from stream.alerts import blocks
from stream.alerts.channel import Alert, AlertError, is_story
from stream.alerts.headline import merged_into
from stream.alerts.message import compose, story
from stream.alerts.plain import plain
from stream.alerts.slack_request import attempt, refusal, silence

API = "https://slack.com/api/"
TIMEOUT_SECONDS = 10
# chat.postMessage takes one a second and channel, chat.update fifty a minute (tier 3).
_PAUSE_SECONDS = 1.2
_SHOWN_LIMIT = 1_000  # roots whose content is remembered, to leave out edits that change nothing

_ROOT_GONE = {"message_not_found", "thread_not_found"}
_ROOT_FIXED = {"edit_window_closed", "cant_update_message"}


class SlackBot:
    """
    Posts one root message per incident, edits it as it changes, and replies in its thread.

    The reference is "channel:ts". Needs the scope ``chat:write`` and the bot in the channel.

    A root or a reply is posted twice when Slack accepts it and the answer, or the note of it in
    Redis, is lost: Slack has no idempotency key for bots. Each root carries metadata with the
    incident and the outbox entry, so that a reader of the channel's history can find the first.
    """

    name = "slack"
    pause_seconds = _PAUSE_SECONDS

    def __init__(
        self,
        token: str,
        channel: str,
        catalogue: Catalogue,
        page_url: str | None = None,
        *,
        base_url: str = API,
        timeout_seconds: int = TIMEOUT_SECONDS,
    ):
        self._client = WebClient(
            token=token,
            base_url=base_url,
            timeout=timeout_seconds,
            retry_handlers=[],
            logger=silence(),
        )
        self._channel = channel
        self._catalogue = catalogue
        self._page_url = page_url
        self._shown: dict[str, str] = {}

    def check(self) -> str:
        """Return "bot in team" for a token that Slack takes, or raise `AlertError`."""
        answer = attempt(self._client.auth_test)
        return f"{answer.get('user')} in {answer.get('team')}"

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Post or edit the root so that it shows the newest snapshot, then reply if it is story."""
        content = self._content(alert.newest)
        if reference is None or not self._edit(reference, content):
            # A root posted late stands for the step as well: a reply that fails after it would
            # lose the reference, and the next attempt would post a second root.
            return self._post(alert, content)
        if is_story(alert.transition) and alert.transition.step is not Step.OPENED:
            self._reply(alert, reference)
        return reference

    def _content(self, incident: Incident) -> dict[str, Any]:
        message = compose(incident, self._catalogue, self._page_url)
        footer = f"Outcry · incident {plain(incident.id, 80)} · edited as it changes"
        rendered = blocks.render(message, footer)
        return {"text": blocks.fallback(message.summary()), "blocks": rendered}

    def _post(self, alert: Alert, content: Mapping[str, Any]) -> str:
        payload = {"incident_id": alert.incident.id, "entry_id": alert.entry_id}
        answer = attempt(
            lambda: self._client.chat_postMessage(
                channel=self._channel,
                metadata={"event_type": "outcry_incident", "event_payload": payload},
                mrkdwn=False,
                unfurl_links=False,
                unfurl_media=False,
                **content,
            )
        )
        if not answer.get("channel") or not answer.get("ts"):
            raise AlertError("slack named no message in its answer", retryable=False)
        reference = f"{answer['channel']}:{answer['ts']}"
        self._remember(reference, content)
        return reference

    def _edit(self, reference: str, content: Mapping[str, Any]) -> bool:
        """Bring the root up to date; False when it is gone, and a new one is needed."""
        if self._shown.get(reference) == _digest(content):
            return True
        channel, _, ts = reference.partition(":")
        try:
            attempt(
                lambda: self._client.chat_update(
                    channel=channel, ts=ts, parse="none", link_names=False, **content
                )
            )
        except AlertError as error:
            if error.reason in _ROOT_GONE:
                return False
            if error.reason not in _ROOT_FIXED:
                raise
        self._remember(reference, content)
        return True

    def _reply(self, alert: Alert, reference: str) -> None:
        channel, _, ts = reference.partition(":")
        line = story(alert.incident, alert.transition, self._catalogue)
        attempt(
            lambda: self._client.chat_postMessage(
                channel=channel,
                thread_ts=ts,
                text=blocks.fallback(line),
                blocks=blocks.render_line(line),
                mrkdwn=False,
                unfurl_links=False,
                unfurl_media=False,
            )
        )

    def _remember(self, reference: str, content: Mapping[str, Any]) -> None:
        if len(self._shown) >= _SHOWN_LIMIT:
            self._shown.clear()
        self._shown[reference] = _digest(content)


class SlackWebhook:
    """
    Posts a new message at the few steps that matter: a webhook can neither edit nor reply.

    Those are the opening, the confirmation or worsening of a critical incident, a cause found, and
    the end. The reference is a digest of the last post, so that a backlog is told once.
    """

    name = "slack"
    pause_seconds = _PAUSE_SECONDS

    def __init__(
        self,
        url: str,
        catalogue: Catalogue,
        page_url: str | None = None,
        *,
        timeout_seconds: int = TIMEOUT_SECONDS,
    ):
        self._client = WebhookClient(
            url, timeout=timeout_seconds, retry_handlers=[], logger=silence()
        )
        self._catalogue = catalogue
        self._page_url = page_url

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Post the newest snapshot where the step is worth a message of its own."""
        if reference is not None and not _is_worth_a_post(alert):
            return reference
        message = compose(alert.newest, self._catalogue, self._page_url)
        footer = f"Outcry · incident {plain(alert.newest.id, 80)} · "
        footer += "sent by webhook: never edited, minor changes are only on the page"
        content = {
            "text": blocks.fallback(message.summary()),
            "blocks": blocks.render(message, footer),
        }
        if reference == _digest(content):
            return reference
        self._post(content)
        return _digest(content)

    def _post(self, content: Mapping[str, Any]) -> None:
        answer = attempt(
            lambda: self._client.send(unfurl_links=False, unfurl_media=False, **content)
        )
        if answer.status_code != 200:
            raise refusal(answer.status_code, answer.body, answer.headers)


def _is_worth_a_post(alert: Alert) -> bool:
    step = alert.transition.step
    if step in (Step.CONFIRMED, Step.SEVERITY_CHANGED):
        critical = alert.transition.severity is Severity.CRITICAL
        return critical and alert.transition.status is Status.ONGOING
    if step is Step.CAUSE_CHANGED:
        return alert.incident.cause is not None
    if step is Step.RESOLVED:
        return merged_into(alert.incident) is None  # the other incident was posted and names it
    return step is Step.OPENED


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
