"""Listens for clicks over Slack's Socket Mode: a connection that we open, so no open port."""

import threading
from collections.abc import Collection
from datetime import UTC, datetime

import redis
import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from detector.actions import ActionError, Actions, Forbidden
from stream.alerts.slack_buttons import Unknown, act
from stream.alerts.slack_request import TIMEOUT_SECONDS, silence

RETRY_SECONDS = 10.0

log = structlog.get_logger()


class Buttons:
    """Does what *operators* click, while `run` runs; needs an app token (connections:write)."""

    def __init__(
        self,
        app_token: str,
        operators: Collection[str],
        actions: Actions,
        *,
        base_url: str,
    ):
        self._token = app_token
        self._operators = frozenset(operators)
        self._actions = actions
        self._base_url = base_url

    def run(self, stop: threading.Event) -> None:
        """Listen until *stop* is set; a connection that ends is opened again."""
        while not stop.is_set():
            client = self._client()
            try:
                client.connect()
                log.info("slack_buttons_live")
                stop.wait()
            except (SlackClientError, OSError, ValueError) as error:
                # Not the error itself: it quotes the request.
                log.warning("slack_buttons_away", error=type(error).__name__)
                stop.wait(RETRY_SECONDS)
            finally:
                client.close()

    def _client(self) -> SocketModeClient:
        web = WebClient(base_url=self._base_url, timeout=TIMEOUT_SECONDS, logger=silence())
        client = SocketModeClient(app_token=self._token, web_client=web, logger=silence())
        client.socket_mode_request_listeners.append(self._heard)
        return client

    def _heard(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        # Within three seconds, whatever comes of it: Slack shows a warning otherwise.
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type != "interactive":
            return
        try:
            done = act(request.payload, self._operators, self._actions, datetime.now(UTC))
        except (Unknown, Forbidden, ActionError) as refused:
            log.warning("slack_click_refused", reason=str(refused)[:200])
        except redis.RedisError as error:
            log.error("slack_click_lost", error=type(error).__name__)
        else:
            log.info("slack_click", did=done)
