"""The connection to Redis, and the one line that is said when there is none."""

from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 5.0


class RedisUnreachable(Exception):
    """Redis does not answer at start; names the address without its password."""

    def __init__(self, url: str, problem: Exception):
        parts = urlsplit(url)
        where = parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"
        super().__init__(
            f"redis at {where} does not answer ({problem}); check that it runs and that redis.url "
            "names it"
        )


def connect(url: str) -> redis.Redis:
    """
    Connect to the server at *url* and make sure that it answers, or raise `RedisUnreachable`.

    One repetition and no more: the loops wait for a server that is away, each in its own way.
    """
    try:
        client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),
        )
        client.ping()
    except (redis.RedisError, ValueError) as error:
        raise RedisUnreachable(url, error) from error
    return client
