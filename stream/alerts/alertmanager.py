"""Prometheus Alertmanager, API v2: https://prometheus.io/docs/alerting/latest/alerts_api/"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from detector.incidents import Status
from models.catalogue import Catalogue
from stream.alerts.channel import Alert
from stream.alerts.message import compose
from stream.alerts.post import post


class Alertmanager:
    """
    Keeps one alert per incident firing; its labels are its identity, so none is told twice.

    Alertmanager forgets an alert that is not sent again, so it is, every minute until the end.
    """

    name = "alertmanager"
    pause_seconds = 0.0
    edits = False
    repeat_seconds = 60.0

    def __init__(self, url: str, catalogue: Catalogue, page_url: str | None = None):
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self._catalogue = catalogue
        self._page_url = page_url

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Send how the incident stands now."""
        post("alertmanager", self._url, msgspec.json.encode([self._alert(alert)]))
        return "sent"

    def _alert(self, alert: Alert) -> dict[str, Any]:
        incident = alert.newest
        message = compose(incident, self._catalogue, self._page_url, alert.around)
        lasting = datetime.now(UTC) + timedelta(seconds=5 * self.repeat_seconds)
        over = incident.status is Status.RESOLVED
        return {
            # Only what never changes: another severity would be another alert.
            "labels": {"alertname": "OutcryOutage", "incident": incident.id},
            "annotations": {
                "summary": message.headline,
                "description": message.summary(),
                "severity": incident.severity,
                "services": ",".join(one.service for one in incident.affected),
            },
            "startsAt": incident.opened_at,
            "endsAt": (incident.resolved_at or incident.updated_at) if over else lasting,
            "generatorURL": message.url or "",
        }
