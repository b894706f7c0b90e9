"""
Slack by a bot's token: one message per incident, edited as it changes, with its story in a thread.

Retrying is the courier's business: each call here is one attempt, and says by `AlertError` whether
another one makes sense.
"""

from collections.abc import Mapping
from typing import Any

from slack_sdk import WebClient

from detector.incidents import Step
from models.catalogue import Catalogue
from stream.alerts import blocks
from stream.alerts.channel import Alert, AlertError, Digest
from stream.alerts.charts import describe
from stream.alerts.message import compose, line_of
from stream.alerts.plain import plain
from stream.alerts.remark import Kind, Remark
from stream.alerts.slack_files import name_of, upload
from stream.alerts.slack_history import EVENT_TYPE, History
from stream.alerts.slack_request import PAUSE_SECONDS, TIMEOUT_SECONDS, attempt, silence
from stream.alerts.slack_webhook import digest as digest_of
from stream.alerts.storm import tell

API = "https://slack.com/api/"
_SHOWN_LIMIT = 1_000  # roots whose content is remembered, to leave out edits that change nothing
_ROOT_GONE = {"message_not_found", "thread_not_found"}
_ROOT_FIXED = {"edit_window_closed", "cant_update_message"}


class SlackBot:
    """
    Posts one root message per incident, edits it as it changes, and replies in its thread.

    The reference is "channel:ts". Needs the scope ``chat:write`` and the bot in the channel. Each
    message carries its incident and outbox entry as metadata; where an earlier call may have been
    taken by Slack, its history is read before anything is posted again (`slack_history`). With
    *buttons*, roots have them; somebody must listen for the clicks (`slack_socket`). With *charts*,
    threads show the incident's course as a picture, which needs the scope ``files:write``.
    """

    pause_seconds = PAUSE_SECONDS
    edits = True
    remarks: frozenset[Kind]

    def __init__(
        self,
        token: str,
        channel: str,
        catalogue: Catalogue,
        page_url: str | None = None,
        *,
        name: str = "slack",
        buttons: bool = False,
        charts: bool = False,
        base_url: str = API,
        timeout_seconds: int = TIMEOUT_SECONDS,
    ):
        self.name = name
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
        self._buttons = buttons
        told = {Kind.OFFICIAL, Kind.BESIDE}
        self.remarks = frozenset(told | {Kind.CHART} if charts else told)
        self._history = History(self._client, channel)
        self._shown: dict[str, str] = {}

    def check(self) -> str:
        """Return "bot in team" for a token that Slack takes, or raise `AlertError`."""
        answer = attempt(self._client.auth_test)
        return f"{answer.get('user')} in {answer.get('team')}"

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Post or edit the root so that it shows the newest snapshot, then reply if it is story."""
        content = self._content(alert)
        tells_step = False
        if reference is None and alert.attempted_at is not None:
            found = self._history.root(alert.incident.id, alert.attempted_at)
            if found is not None:
                reference = f"{found['channel']}:{found['ts']}"
                tells_step = found["metadata"]["event_payload"].get("entry_id") == alert.entry_id
        if reference is None or not self._edit(reference, content):
            # A root posted late stands for the step as well: a reply that fails after it would
            # lose the reference, and the next attempt would have to look for it.
            return self._post(alert.incident.id, alert.entry_id, content)
        if alert.remark and alert.picture:
            self._chart(alert, alert.remark, alert.picture, reference)
            return reference
        opens = alert.remark is None and alert.transition.step is Step.OPENED
        if alert.is_story and not opens and not tells_step:
            self._reply(alert, reference)
        return reference

    def send_digest(self, digest: Digest, reference: str | None) -> str:
        """Post or edit the one message of a storm."""
        line, items = tell(digest.incidents, self._catalogue)
        content = {
            "text": blocks.fallback("\n".join([line, *items])),
            "blocks": blocks.render_list(line, items, "Outcry · edited as it changes"),
        }
        if reference is None and digest.attempted_at is not None:
            found = self._history.root(digest.entry_id, digest.attempted_at)
            reference = f"{found['channel']}:{found['ts']}" if found else None
        if reference is not None and self._edit(reference, content):
            return reference
        return self._post(digest.entry_id, digest.entry_id, content)

    def _content(self, alert: Alert) -> dict[str, Any]:
        incident = alert.newest
        message = compose(incident, self._catalogue, self._page_url, alert.around)
        footer = f"Outcry · incident {plain(incident.id, 80)} · edited as it changes"
        rendered = blocks.render(message, footer)
        if self._buttons:
            rendered += blocks.buttons(incident.id)
        return {"text": blocks.fallback(message.summary()), "blocks": rendered}

    def _post(self, subject: str, entry_id: str, content: Mapping[str, Any]) -> str:
        metadata = _metadata({"incident_id": subject, "entry_id": entry_id})
        answer = attempt(
            lambda: self._client.chat_postMessage(
                channel=self._channel,
                metadata=metadata,
                mrkdwn=False,
                unfurl_links=False,
                unfurl_media=False,
                **content,
            )
        )
        if not answer.get("channel") or not answer.get("ts"):
            raise AlertError("slack named no message in its answer", retryable=True)
        self._history.learn(answer["channel"])
        reference = f"{answer['channel']}:{answer['ts']}"
        self._remember(reference, content)
        return reference

    def _edit(self, reference: str, content: Mapping[str, Any]) -> bool:
        """Bring the root up to date; False when it is gone, and a new one is needed."""
        if self._shown.get(reference) == digest_of(content):
            return True
        channel, _, ts = reference.partition(":")
        self._history.learn(channel)
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
        since = alert.attempted_at
        if since and self._history.reply(channel, ts, alert.entry_id, since):
            return
        line = line_of(alert, self._catalogue)
        payload = {"incident_id": alert.incident.id, "entry_id": alert.entry_id, "reply": 1}
        attempt(
            lambda: self._client.chat_postMessage(
                channel=channel,
                thread_ts=ts,
                text=blocks.fallback(line),
                blocks=blocks.render_line(line),
                metadata=_metadata(payload),
                reply_broadcast=_is_loud(alert),
                mrkdwn=False,
                unfurl_links=False,
                unfurl_media=False,
            )
        )

    def _chart(self, alert: Alert, remark: Remark, picture: bytes, reference: str) -> None:
        """Show *picture* in the thread, unless it is there or may not be shown."""
        channel, _, ts = reference.partition(":")
        name, since = name_of(alert.incident.id, remark.id), alert.attempted_at
        if since and self._history.file(channel, ts, name, since):
            return
        said = describe(alert.newest, self._catalogue)
        upload(self._client, channel, ts, picture, name, said)

    def _remember(self, reference: str, content: Mapping[str, Any]) -> None:
        if len(self._shown) >= _SHOWN_LIMIT:
            self._shown.clear()
        self._shown[reference] = digest_of(content)


def _is_loud(alert: Alert) -> bool:
    """Whether the channel has to see it: what was over begins again."""
    if alert.remark is not None:
        return alert.remark.loud
    steps = [one.step for one in alert.incident.transitions[-2:]]
    return steps[-1:] == [Step.SECOND_WAVE] and steps[0] is Step.RESOLVED


def _metadata(payload: dict[str, Any]) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": payload}
