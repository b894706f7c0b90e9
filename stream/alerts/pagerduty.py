"""PagerDuty Events API v2: https://developer.pagerduty.com/docs/events-api-v2-overview"""

from typing import Any

import msgspec

from detector.incidents import Severity, Status
from models.catalogue import Catalogue
from stream.alerts.channel import Alert
from stream.alerts.message import compose
from stream.alerts.plain import plain
from stream.alerts.post import post
from stream.alerts.remark import Kind

_SEVERITIES = {Severity.CRITICAL: "critical", Severity.MAJOR: "error", Severity.MINOR: "warning"}
_SUMMARY, _KEY = 1_024, 255  # characters that PagerDuty takes


class PagerDuty:
    """
    Triggers, acknowledges and resolves one alert per incident.

    The incident's id is the key by which PagerDuty knows a repetition, so that none is told twice.
    """

    name = "pagerduty"
    pause_seconds = 0.5  # 120 events a minute and key
    edits = False
    remarks = frozenset({Kind.ACKNOWLEDGED})

    def __init__(
        self, routing_key: str, catalogue: Catalogue, page_url: str | None = None, *, url: str
    ):
        self._key = routing_key
        self._catalogue = catalogue
        self._page_url = page_url
        self._url = url

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Tell a story's step, that somebody has it in hand, and the end; the rest is noise."""
        over = alert.newest.status is Status.RESOLVED
        if alert.remark is not None:
            if not over:
                self._post(alert, "acknowledge")
            return reference
        if reference is not None and not alert.is_story and not over:
            return reference
        self._post(alert, "resolve" if over else "trigger")
        return "resolved" if over else "triggered"

    def _post(self, alert: Alert, action: str) -> None:
        post("pagerduty", self._url, msgspec.json.encode(self._event(alert, action)))

    def _event(self, alert: Alert, action: str) -> dict[str, Any]:
        incident = alert.newest
        event: dict[str, Any] = {
            "routing_key": self._key,
            "event_action": action,
            "dedup_key": incident.id[:_KEY],
        }
        if action != "trigger":
            return event
        message = compose(incident, self._catalogue, self._page_url, alert.around)
        event["payload"] = {
            "summary": plain(message.headline, _SUMMARY),
            "source": "outcry",
            "severity": _SEVERITIES[incident.severity],
            "timestamp": incident.onset_at,
            "component": incident.affected[0].service if incident.affected else "unknown",
            "custom_details": {fact.label: fact.text for fact in message.facts},
        }
        event["client"] = "Outcry"
        if message.url:
            event["client_url"] = message.url
        return event
