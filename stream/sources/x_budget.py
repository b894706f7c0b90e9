"""How many posts of X were paid for this month; kept in Redis, so that a restart forgets none."""

from datetime import datetime
from typing import Any

import redis

KEPT_SECONDS = 100 * 24 * 3600


class Budget:
    """At most *most* posts a calendar month (UTC) under *prefix*."""

    def __init__(self, client: redis.Redis, prefix: str, most: int):
        self._redis: Any = client
        self._base = f"{prefix}:v1:{{watch}}:x-posts:"
        self.most = most

    def spend(self, now: datetime, n: int = 1) -> None:
        """Count *n* posts."""
        key = self._base + f"{now:%Y-%m}"
        total = self._redis.incrby(key, n)
        if total == n:
            self._redis.expire(key, KEPT_SECONDS)

    def spent(self, now: datetime) -> int:
        """Return how many were read in the month of *now*."""
        return int(self._redis.get(self._base + f"{now:%Y-%m}") or 0)

    def left(self, now: datetime) -> int:
        """Return how many may still be read in the month of *now*."""
        return max(0, self.most - self.spent(now))


def until_next_month(now: datetime) -> float:
    """Return the seconds until the budget is fresh."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return (first.replace(year=year, month=month) - now).total_seconds()
