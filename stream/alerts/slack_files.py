"""
A picture into a thread of Slack: ask for an address, put the bytes there, say where they belong.

https://docs.slack.dev/messaging/working-with-files; needs the scope ``files:write``.
"""

import http.client
import re
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from slack_sdk import WebClient

from stream.alerts.channel import AlertError
from stream.alerts.post import no_redirects
from stream.alerts.slack_request import TIMEOUT_SECONDS, attempt, retry_after


def name_of(incident_id: str, remark_id: str) -> str:
    """Return the file's name, by which it is known in the thread."""
    kept = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{incident_id} {remark_id}")
    return f"{kept[-80:]}.png"


def upload(client: WebClient, channel: str, ts: str, picture: bytes, name: str, said: str) -> None:
    """Show *picture* in the thread of *ts*; *said* describes it for who cannot see it."""
    place = attempt(
        lambda: client.files_getUploadURLExternal(
            filename=name, length=len(picture), alt_txt=said[:1_000]
        )
    )
    url, file = str(place.get("upload_url") or ""), place.get("file_id")
    if not file or not _is_trusted(url, client.base_url):
        raise AlertError("slack named no place for a picture", retryable=True)
    _put(url, picture)
    attempt(
        lambda: client.files_completeUploadExternal(
            files=[{"id": file, "title": said[:250]}], channel_id=channel, thread_ts=ts
        )
    )


def _is_trusted(url: str, base_url: str) -> bool:
    """Whether the address is encrypted, or as little as the API's own."""
    return urlsplit(url).scheme == "https" or urlsplit(url)[:2] == urlsplit(base_url)[:2]


def _put(url: str, picture: bytes) -> None:
    kind = {"Content-Type": "application/octet-stream", "User-Agent": "outcry"}
    try:
        request = urllib.request.Request(url, picture, kind, method="POST")  # noqa: S310  checked
        with no_redirects().open(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read(10_000)
    except urllib.error.HTTPError as error:
        with error:
            raise AlertError(
                f"slack took no picture: status {error.code}",
                retryable=error.code == 429 or error.code >= 500,
                retry_after=retry_after(dict(error.headers)),
            ) from None
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        reason = f"slack's files not reached: {type(cause).__name__}"
        raise AlertError(reason, retryable=True) from None
