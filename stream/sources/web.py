"""HTTP as the sources need it: one client, and failures in our own words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import msgspec

from stream.sources.live import Disconnected, Refused, Throttled

USER_AGENT = "outcry/0.1 (outage monitor)"
MAX_WAIT = 3_600.0
DEFAULT_WAIT = 30.0
MAX_BODY = 8 << 20


def client(headers: Mapping[str, str] | None = None, *, seconds: float = 15.0) -> httpx2.Client:
    """Return a client with time-outs of *seconds* a step; close it after use."""
    named = {"User-Agent": USER_AGENT, **(headers or {})}
    return httpx2.Client(headers=named, timeout=seconds, follow_redirects=True)


def ask(
    web: httpx2.Client, method: str, url: str, *, key: str | None = None, **options: Any
) -> httpx2.Response:
    """Send one request and return its answer of 2xx or 304; raises as `from_status` returns."""
    try:
        response = web.request(method, url, **options)
    except httpx2.HTTPError as error:
        raise Disconnected(f"{type(error).__name__}: {error}".rstrip(": ")) from error
    if not (response.is_success or response.status_code == 304):
        wait = response.headers.get("Retry-After") or response.headers.get("X-RateLimit-Reset")
        raise from_status(response.status_code, wait, response.text[:500], key=key)
    if len(response.content) > MAX_BODY:
        raise Disconnected(f"an answer of {len(response.content)} bytes, at most {MAX_BODY}")
    return response


def decoded(response: httpx2.Response) -> Any:
    """Return the JSON of *response*, or raise `Disconnected`: a proxy's page is no answer."""
    try:
        return msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Disconnected(f"the answer is not JSON: {error}") from error


def from_status(
    status: int, retry_after: str | None, body: str, *, key: str | None = None
) -> Disconnected | Refused:
    """
    Return the error for an answer with *status*.

    401 and 403 are final where a *key*, the name of a setting, lets us in; 429 and 503 say how long
    to wait.
    """
    said = " ".join(body.split())[:200]
    reason = f"HTTP {status}" + (f": {said}" if said else "")
    if status in (401, 403) and key:
        return Refused(f"{reason}; check {key}")
    if status in (429, 503):
        return Throttled(reason, wait_seconds(retry_after, datetime.now(UTC)))
    return Disconnected(reason)


def wait_seconds(retry_after: str | None, now: datetime) -> float:
    """Return how long a Retry-After header asks to wait, in seconds: a number, or a date."""
    if retry_after is None:
        return DEFAULT_WAIT
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = (_date(retry_after) - now).total_seconds()
        except ValueError:
            return DEFAULT_WAIT
    if seconds > 1e9:  # some send the moment, in unix seconds
        seconds -= now.timestamp()
    return min(max(seconds, 0.0), MAX_WAIT) if seconds == seconds else DEFAULT_WAIT


def _date(text: str) -> datetime:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
