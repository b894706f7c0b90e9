"""A source that is asked again and again, at a steady pace."""

import time
from collections.abc import Callable, Iterator
from threading import Event

from stream.sources.live import Received


def polled(ask: Callable[[], Iterator[Received]], every: float, stop: Event) -> Iterator[Received]:
    """Yield what *ask* yields, then ask again *every* seconds after the last time, until *stop*."""
    due = time.monotonic()
    while not stop.is_set():
        for received in ask():
            yield received
            if stop.is_set():
                return
        due = max(due + every, time.monotonic())
        stop.wait(due - time.monotonic())
