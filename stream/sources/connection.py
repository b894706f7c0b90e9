"""Keeps one source connected: reads into the inbox, and after each end waits and tries again."""

import threading
import time
from datetime import UTC, datetime

import structlog

from detector.feeds import FeedState
from stream.sources.backoff import Backoff
from stream.sources.inbox import Inbox
from stream.sources.live import Disconnected, LiveSource, Refused, Throttled

log = structlog.get_logger()


class Connection:
    """
    The thread that reads *source* from *cursor* on into *inbox*.

    *state*, *detail*, *n_connections* and *refused* are for others to read.
    """

    def __init__(
        self,
        source: LiveSource,
        inbox: Inbox,
        cursor: str | None,
        stop: threading.Event,
        backoff: Backoff | None = None,
    ):
        self._source = source
        self._inbox = inbox
        self._cursor = cursor
        self._stop = stop
        self._backoff = backoff or Backoff()
        self._thread = threading.Thread(
            target=self._run, name=f"{source.name}-connection", daemon=True
        )
        self.state: FeedState = "connecting"
        self.detail = ""
        self.n_connections = 0
        self.refused: Refused | None = None
        self.crashed: BaseException | None = None
        self.heard_at: datetime | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the thread, whose stop was asked for, or leave it behind after *seconds*."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._wait(self._connect())
        except Refused as refused:
            self.state, self.detail, self.refused = "refused", str(refused), refused
            log.error("source_refused", source=self._source.name, reason=str(refused))
        except Exception as error:
            # A bug, or something that nobody thought of: whoever waits for us must hear of it.
            self.crashed = error

    def _connect(self) -> float:
        """Read one connection to its end; return how long to wait before the next."""
        began: float | None = None
        try:
            for received in self._source.receive(self._cursor, self._stop):
                if began is None:
                    began = time.monotonic()
                    self.n_connections += 1
                    self.state, self.detail = "live", ""
                    log.info("source_live", source=self._source.name, host=self._source.host)
                self.heard_at = datetime.now(UTC)
                self._inbox.put(received, self._stop)
                self._cursor = received.cursor or self._cursor
        except Disconnected as error:
            lived = 0.0 if began is None else time.monotonic() - began
            seconds = self._backoff.next(lived)
            if isinstance(error, Throttled):
                seconds += error.seconds
            self.state, self.detail = "waiting", str(error)
            log.warning(
                "source_disconnected",
                source=self._source.name,
                host=self._source.host,
                reason=str(error),
                lived=round(lived, 1),
                wait=round(seconds, 1),
            )
            self._source.rotate()
            return seconds
        return 0.0

    def _wait(self, seconds: float) -> None:
        if seconds and not self._stop.wait(seconds):
            self.state = "connecting"
