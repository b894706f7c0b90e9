"""
Slack by an incoming webhook: a few posts per incident, for it can neither edit nor reply.

Retrying is the courier's business: each call here is one attempt.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from slack_sdk.webhook import WebhookClient

from detector.incidents import Severity, Status, Step
from models.catalogue import Catalogue
from stream.alerts import blocks
from stream.alerts.channel import Alert
from stream.alerts.headline import merged_into
from stream.alerts.message import compose
from stream.alerts.plain import plain
from stream.alerts.slack_request import PAUSE_SECONDS, TIMEOUT_SECONDS, attempt, refusal, silence


class SlackWebhook:
    """
    Posts a new message at the few steps that matter: a webhook can neither edit nor reply.

    Those are the opening, the confirmation or worsening of a critical incident, a cause found, and
    the end. The reference is a digest of the last post, so that a backlog is told once.
    """

    pause_seconds = PAUSE_SECONDS
    edits = False

    def __init__(
        self,
        url: str,
        catalogue: Catalogue,
        page_url: str | None = None,
        *,
        name: str = "slack",
        timeout_seconds: int = TIMEOUT_SECONDS,
    ):
        self.name = name
        self._client = WebhookClient(
            url, timeout=timeout_seconds, retry_handlers=[], logger=silence()
        )
        self._catalogue = catalogue
        self._page_url = page_url

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Post the newest snapshot where the step is worth a message of its own."""
        if reference is not None and not _is_worth_a_post(alert):
            return reference
        message = compose(alert.newest, self._catalogue, self._page_url, alert.around)
        footer = f"Outcry · incident {plain(alert.newest.id, 80)} · "
        footer += "sent by webhook: never edited, minor changes are only on the page"
        content = {
            "text": blocks.fallback(message.summary()),
            "blocks": blocks.render(message, footer),
        }
        if reference == digest(content):
            return reference
        self._post(content)
        return digest(content)

    def _post(self, content: Mapping[str, Any]) -> None:
        answer = attempt(
            lambda: self._client.send(unfurl_links=False, unfurl_media=False, **content)
        )
        if answer.status_code != 200:
            raise refusal(answer.status_code, answer.body, answer.headers)


def _is_worth_a_post(alert: Alert) -> bool:
    step = alert.transition.step
    if alert.remark is not None:
        return False
    if step in (Step.CONFIRMED, Step.SEVERITY_CHANGED):
        critical = alert.transition.severity is Severity.CRITICAL
        return critical and alert.transition.status is Status.ONGOING
    if step is Step.CAUSE_CHANGED:
        return alert.incident.cause is not None
    if step is Step.RESOLVED:
        return merged_into(alert.incident) is None  # the other incident was posted and names it
    return step is Step.OPENED


def digest(content: Mapping[str, Any]) -> str:
    """Return what tells one content from another."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
