"""
One JSON request to somebody's HTTP server, and what its failure means.

Redirects are not followed: the body and its signature are for the address that was configured. No
address leaves this module in an error: it may hold a secret.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from stream.alerts.channel import AlertError
from stream.alerts.slack_request import TIMEOUT_SECONDS, retry_after

_PASSING = {408, 425, 429}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def no_redirects() -> urllib.request.OpenerDirector:
    """Return what opens an address, and follows it nowhere else."""
    return urllib.request.build_opener(_NoRedirect)


def post(
    whom: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> None:
    """Post the JSON *body*, or raise `AlertError` naming *whom*."""
    try:
        kinds = {"Content-Type": "application/json", "User-Agent": "outcry", **(headers or {})}
        request = urllib.request.Request(url, body, kinds, method="POST")  # noqa: S310  the user's
        with no_redirects().open(request, timeout=timeout_seconds) as answer:
            answer.read(10_000)
    except urllib.error.HTTPError as error:
        with error:
            passing = error.code in _PASSING or error.code >= 500
            raise AlertError(
                f"{whom} answered with status {error.code}",
                retryable=passing,
                retry_after=retry_after(dict(error.headers)),
            ) from None
    except (ValueError, http.client.InvalidURL) as error:
        reason = f"no valid address of {whom}: {type(error).__name__}"
        raise AlertError(reason, retryable=False) from None
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        raise AlertError(f"{whom} not reached: {type(cause).__name__}", retryable=True) from None
