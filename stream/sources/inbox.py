"""The bounded queue between a connection and Kafka, with a policy for when it is full."""

import threading
from collections import deque

from stream.sources.live import Received


class Inbox:
    """
    Holds at most *size* messages; for one writer and one reader.

    When it is full the writer waits, so that the server is read no faster than Kafka takes it; or,
    with *shed*, the oldest message goes and is counted: what cannot be asked for again is worth
    more when it is new.
    """

    def __init__(self, size: int, *, shed: bool):
        self._size = size
        self._shed = shed
        self._items: deque[Received] = deque()
        self._changed = threading.Condition()
        self.n_shed = 0

    def put(self, item: Received, stop: threading.Event) -> None:
        """Add *item*; gives up when *stop* is set while there is no room."""
        with self._changed:
            while len(self._items) >= self._size and not self._shed:
                if stop.is_set():
                    return
                self._changed.wait(0.2)
            if len(self._items) >= self._size:
                self.n_shed += len(self._items.popleft().records)
            self._items.append(item)
            if len(self._items) == 1:
                self._changed.notify()

    def take(self, most: int, timeout: float) -> list[Received]:
        """Return up to *most* messages, none when nothing comes within *timeout* seconds."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout)
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._changed.notify()
        return taken

    def __len__(self) -> int:
        return len(self._items)
