"""
The loops that tell people: one for each channel, so that none waits for another.

What is told is the courier's decision; here is when it is asked, and by which process.
"""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import redis
import structlog

from stream.alerts.backoff import backoff
from stream.courier import Courier

POLL_SECONDS = 0.2

log = structlog.get_logger()


def run(
    couriers: Sequence[Courier],
    stop: threading.Event,
    leads: Callable[[], bool] = lambda: True,
) -> None:
    """
    Let each of *couriers* drain until *stop* is set; a Redis that is away is waited for.

    Nothing is sent while *leads* says False: of several processes with the same channels only one
    may send, or people are told twice. Sets *stop* and raises when anything else goes wrong, so
    that the watcher does not run on with nobody told.
    """
    if not couriers:
        return
    with ThreadPoolExecutor(len(couriers), thread_name_prefix="notify") as pool:
        for served in [pool.submit(_serve, courier, stop, leads) for courier in couriers]:
            served.result()


def _serve(courier: Courier, stop: threading.Event, leads: Callable[[], bool]) -> None:
    n_lost = 0
    try:
        while not stop.is_set():
            if not leads():
                stop.wait(POLL_SECONDS)
                continue
            now = datetime.now(UTC)
            try:
                drained = courier.drain(now)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                delay = backoff(n_lost, None, random.random())
                n_lost += 1
                name = type(error).__name__
                log.warning("alert_store_away", channel=courier.channel.name, error=name)
            else:
                n_lost = 0
                delay = (drained.retry_at - now).total_seconds() if drained.retry_at else 0.0
            stop.wait(max(delay, POLL_SECONDS))
    except BaseException:
        stop.set()
        raise
