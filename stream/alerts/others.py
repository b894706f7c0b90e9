"""Teams, Discord, mail, ntfy and many more through Apprise, the extra `apprise`."""

import logging
from collections.abc import Sequence

from detector.incidents import Severity, Status, Step
from models.catalogue import Catalogue
from stream.alerts.channel import Alert, AlertError
from stream.alerts.message import compose, line_of
from stream.alerts.remark import Kind


class Others:
    """
    Sends the opening whole and a line for each further step of the story.

    Apprise keeps no message to edit and says only whether all took it; what failed for one of
    several addresses is repeated to all.
    """

    name = "apprise"
    pause_seconds = 1.2
    edits = False
    remarks = frozenset({Kind.OFFICIAL, Kind.BESIDE})

    def __init__(self, urls: Sequence[str], catalogue: Catalogue, page_url: str | None = None):
        try:
            from apprise import Apprise
        except ImportError as error:
            raise AlertError(
                "apprise is not installed; install outcry[apprise]", retryable=False
            ) from error
        # It logs the addresses, which hold secrets.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        self._apprise = Apprise()
        for i, url in enumerate(urls, 1):
            if not self._apprise.add(url.strip()):
                raise AlertError(f"apprise does not know address {i}", retryable=False)
        self._catalogue = catalogue
        self._page_url = page_url

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Send a step of the story; say nothing of the others."""
        if reference is not None and not alert.is_story:
            return reference
        message = compose(alert.incident, self._catalogue, self._page_url, alert.around)
        lines = [message.summary().partition("\n")[2]]
        if reference is not None and alert.transition.step is not Step.OPENED:
            lines = [line_of(alert, self._catalogue)]
        if message.url:
            lines.append(message.url)
        body = "\n".join(line for line in lines if line)
        kind = _kind(alert.incident.status, alert.incident.severity)
        if not self._apprise.notify(
            body=body, title=message.headline, notify_type=kind, body_format="text"
        ):
            raise AlertError("apprise could not send to all its addresses", retryable=True)
        return "sent"


def _kind(status: Status, severity: Severity) -> str:
    if status is Status.RESOLVED:
        return "success"
    return "failure" if severity is Severity.CRITICAL else "warning"
