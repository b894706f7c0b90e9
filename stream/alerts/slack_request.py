"""
One request to Slack, and what its failure means.

Neither a token nor a webhook's address leaves this module in an error or a log line.
"""

import http.client
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from slack_sdk.errors import SlackApiError, SlackClientError

from stream.alerts.channel import AlertError

TIMEOUT_SECONDS = 10
# chat.postMessage takes one a second and channel, chat.update fifty a minute (tier 3).
PAUSE_SECONDS = 1.2
# Errors that Slack gives with a 200 and that pass by themselves; everything else needs a person.
_PASSING = {"fatal_error", "internal_error", "rate_limited", "ratelimited", "request_timeout"}
_PASSING |= {"service_unavailable", "team_added_to_org"}

T = TypeVar("T")


def attempt(call: Callable[[], T]) -> T:
    """Make one request; every way in which it can fail becomes an `AlertError`."""
    try:
        return call()
    except SlackApiError as error:
        answer = error.response
        body = answer.get("error") or ""
        # The cause is left out on purpose here and below: the SDK's errors quote the request.
        raise refusal(answer.status_code, str(body), answer.headers) from None
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        # The SDK takes every answer for a JSON object in UTF-8; a proxy's page is neither.
        raise AlertError("slack gave no readable answer", retryable=True) from None
    except (SlackClientError, http.client.InvalidURL, ValueError) as error:
        reason = f"no valid token or address of slack: {type(error).__name__}"
        raise AlertError(reason, retryable=False) from None
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        raise AlertError(f"slack not reached: {type(cause).__name__}", retryable=True) from None


def refusal(status: int, body: str, headers: Mapping[str, Any]) -> AlertError:
    """Say what a refused request means; *body* is used only where it is one of Slack's codes."""
    code = body.strip()
    is_code = re.fullmatch(r"[a-z_]{2,60}", code) is not None
    reason = code if is_code else f"slack answered with status {status}"
    passing = status == 429 or status >= 500 or code in _PASSING or (status == 200 and not is_code)
    return AlertError(reason, retryable=passing, retry_after=retry_after(headers))


def retry_after(headers: Mapping[str, Any]) -> float | None:
    """Read Retry-After in seconds; its date form is not used by Slack and reads as None."""
    found = {name.lower(): value for name, value in headers.items()}.get("retry-after")
    text = str(found[0] if isinstance(found, list) else found or "").strip()
    return float(text) if re.fullmatch(r"\d{1,6}", text) else None


def silence() -> logging.Logger:
    """Return a logger that says nothing: the SDK logs addresses and whole requests."""
    logger = logging.Logger("slack_sdk", level=logging.CRITICAL + 1)
    logger.propagate = False
    return logger
