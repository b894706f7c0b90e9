"""The records that wait for their acknowledgement: bounded, and none forgotten that failed."""

import contextlib
from collections import deque
from typing import Any

from kafka.errors import KafkaError


class InFlight:
    """
    Holds at most *most* of kafka-python's futures; for one thread.

    *n_failed* counts the records that were not acknowledged; *first* is why the first one was not.
    """

    def __init__(self, most: int):
        self._most = most
        self._futures: deque[Any] = deque()
        self.n_failed = 0
        self.first: BaseException | None = None

    def add(self, future: Any) -> None:
        """Hold *future* until it is settled."""
        self._futures.append(future)

    def settle(self) -> None:
        """Let go of those at the front that are done."""
        while self._futures and self._futures[0].is_done:
            future = self._futures.popleft()
            if future.failed():
                self.fail(future.exception)

    def is_full(self, seconds: float) -> bool:
        """Settle; when there is no room, wait *seconds* at most for the oldest."""
        self.settle()
        if len(self._futures) < self._most:
            return False
        # Of the wait, or of the record, which is counted when it is settled.
        with contextlib.suppress(KafkaError):
            self._futures[0].get(seconds)
        self.settle()
        return len(self._futures) >= self._most

    def fail(self, error: BaseException) -> None:
        """Count a failure that no future tells of."""
        self.n_failed += 1
        self.first = self.first or error
