"""A webhook of one's own: each step of an incident as JSON, signed."""

import hashlib
import hmac
import time

import msgspec

from models.catalogue import Catalogue
from stream.alerts.channel import Alert
from stream.alerts.message import line_of, link
from stream.alerts.post import post
from stream.alerts.remark import Kind
from stream.api.shapes import incident_out


class Webhook:
    """
    Posts every step to *url*; the receiver leaves out an ``Idempotency-Key`` that it has seen.

    ``Outcry-Signature`` is "sha256=" and the HMAC, keyed with *secret*, of the decimal
    ``Outcry-Timestamp``, a dot and the body. The incident has the shape that the API gives it.
    """

    name = "webhook"
    pause_seconds = 0.0
    edits = False
    remarks = frozenset({Kind.OFFICIAL})

    def __init__(self, url: str, secret: str, catalogue: Catalogue, page_url: str | None = None):
        self._url = url
        self._secret = secret.encode()
        self._catalogue = catalogue
        self._page_url = page_url

    def send(self, alert: Alert, reference: str | None) -> str | None:
        """Post the step as it was."""
        body = msgspec.json.encode(
            {
                "version": 1,
                "id": alert.entry_id,
                "step": alert.remark.kind if alert.remark else alert.transition.step,
                "at": alert.remark.at if alert.remark else alert.transition.at,
                "text": line_of(alert, self._catalogue),
                "url": link(self._page_url, alert.incident.id),
                "incident": incident_out(alert.incident, self._catalogue),
            }
        )
        timestamp = str(int(time.time()))
        headers = {
            "Idempotency-Key": alert.entry_id,
            "Outcry-Timestamp": timestamp,
            "Outcry-Signature": sign(self._secret, timestamp, body),
        }
        post("the webhook", self._url, body, headers)
        return "sent"


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Return the signature of *body* sent at *timestamp*."""
    mac = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={mac.hexdigest()}"
